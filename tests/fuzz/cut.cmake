nanoseg_fuzz(cut nanoseg_enforce)
