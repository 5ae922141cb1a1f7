nanoseg_fuzz(config nanoseg_common)
