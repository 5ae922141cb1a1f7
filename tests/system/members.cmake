# Several workloads in one namespace, told apart by the cgroups of their sockets.
add_executable(test_members test_members.c members_world.c learn_lab.c)
target_link_libraries(test_members PRIVATE nanoseg_enforce nanoseg_learn PkgConfig::cmocka)
add_test(NAME system/members COMMAND test_members)
set_tests_properties(system/members PROPERTIES TIMEOUT 60)
