nanoseg_fuzz(nflog nanoseg_learn)
nanoseg_fuzz(packet nanoseg_learn)
nanoseg_fuzz(diag nanoseg_learn)
