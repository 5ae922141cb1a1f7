# The outer lock's plan among real frames: namespaces of the programs' own.
foreach(name outer_frames outer_stack)
  add_executable(test_${name} ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c ${CMAKE_CURRENT_LIST_DIR}/outer_lab.c
                              ${CMAKE_CURRENT_LIST_DIR}/enforce_lab.c)
  target_link_libraries(test_${name} PRIVATE nanoseg_enforce nanoseg_rules PkgConfig::cmocka)
  add_test(NAME system/${name} COMMAND test_${name})
  set_tests_properties(system/${name} PROPERTIES TIMEOUT 120)
endforeach()
target_sources(test_outer_frames PRIVATE ${CMAKE_CURRENT_LIST_DIR}/outer_frame.c ${CMAKE_CURRENT_LIST_DIR}/outer_cases.c)
