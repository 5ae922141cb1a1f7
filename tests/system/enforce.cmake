# nf_tables for real: each program makes a network namespace of its own and leaves nothing behind.
foreach(name roundtrip lock doctor)
  add_executable(test_${name} ${CMAKE_CURRENT_SOURCE_DIR}/test_${name}.c ${CMAKE_CURRENT_SOURCE_DIR}/enforce_lab.c)
  target_link_libraries(test_${name} PRIVATE nanoseg_enforce PkgConfig::cmocka)
  add_test(NAME system/${name} COMMAND test_${name})
  set_tests_properties(system/${name} PROPERTIES TIMEOUT 120)
endforeach()
