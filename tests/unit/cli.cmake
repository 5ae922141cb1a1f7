# The configuration file and the command.
nanoseg_unit(config nanoseg_common)
nanoseg_unit(nearest nanoseg_common)
