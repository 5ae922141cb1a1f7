nanoseg_unit(fdstore nanoseg_enforce)
