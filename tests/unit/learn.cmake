nanoseg_unit(packet nanoseg_learn)
nanoseg_unit(nflog nanoseg_learn)
