# Cuts of open connections, in namespaces of its own; it measures time.
add_executable(test_cut test_cut.c cut_world.c cut_flows.c learn_lab.c)
target_link_libraries(test_cut PRIVATE nanoseg_enforce PkgConfig::cmocka)
add_test(NAME system/cut COMMAND test_cut)
set_tests_properties(system/cut PROPERTIES TIMEOUT 120 RUN_SERIAL ON)
