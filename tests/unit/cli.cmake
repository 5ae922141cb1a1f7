# The configuration file and the command.
find_package(Threads REQUIRED)
nanoseg_unit(config nanoseg_common)
nanoseg_unit(nearest nanoseg_common)
nanoseg_unit(cli_parse nanoseg_cli)
nanoseg_unit(cli_show nanoseg_cli)
nanoseg_unit(cli_graph nanoseg_cli)
foreach(test cli_verbs cli_tables cli_files cli_locks)
  nanoseg_unit(${test} nanoseg_cli Threads::Threads)
  target_sources(test_${test} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/cli_daemon.c)
endforeach()
nanoseg_unit(cli_texts nanoseg_cli)
target_compile_definitions(test_cli_texts PRIVATE NANOSEG_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
add_test(NAME unit/man COMMAND mandoc -Tlint -W warning
  ${PROJECT_SOURCE_DIR}/agent/cli/man/nanoseg.1
  ${PROJECT_SOURCE_DIR}/agent/cli/man/nanosegd.8
  ${PROJECT_SOURCE_DIR}/agent/cli/man/nanoseg-hook.8
  ${PROJECT_SOURCE_DIR}/agent/cli/man/nanoseg-cni.8
  ${PROJECT_SOURCE_DIR}/agent/cli/man/nanoseg.conf.5)
set_tests_properties(unit/man PROPERTIES LABELS lint)
