nanoseg_unit(addr nanoseg_common)
nanoseg_unit(basics nanoseg_common)
nanoseg_unit(json nanoseg_common)
nanoseg_unit(figures nanoseg_engine)
