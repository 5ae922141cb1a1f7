# The configuration file and the command.
find_package(Threads REQUIRED)
nanoseg_unit(config nanoseg_common)
nanoseg_unit(nearest nanoseg_common)
nanoseg_unit(cli_parse nanoseg_cli)
nanoseg_unit(cli_show nanoseg_cli)
nanoseg_unit(cli_verbs nanoseg_cli Threads::Threads)
