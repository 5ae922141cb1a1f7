# Several workloads in one namespace, told apart by the cgroups of their sockets.
foreach(name members members_cut)
  add_executable(test_${name} test_${name}.c members_world.c members_pairs.c learn_lab.c)
  target_link_libraries(test_${name} PRIVATE nanoseg_enforce nanoseg_learn PkgConfig::cmocka)
  add_test(NAME system/${name} COMMAND test_${name})
  set_tests_properties(system/${name} PROPERTIES TIMEOUT 60)
endforeach()
