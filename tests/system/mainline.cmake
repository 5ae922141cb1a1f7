# The daemon and the command in labs of their own. `kernel_mainline` is the short form that tests/kernels.sh runs on other
# kernels; here it holds the script itself to account.
set(labs mainline identity moved start kill9 cut_again cut_at_start gate_bound burst restart address bad_input bad_docker leak docker kernel_mainline)
foreach(lab ${labs})
  add_test(NAME system/${lab} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${lab}.sh)
  set_tests_properties(system/${lab} PROPERTIES TIMEOUT 300 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
endforeach()
# They measure time, memory or speed.
set_tests_properties(system/burst system/leak system/docker PROPERTIES RUN_SERIAL ON)
set_tests_properties(system/docker PROPERTIES LABELS "lab;engine")
if(CMAKE_BUILD_TYPE STREQUAL "Asan")
  # The sanitizer keeps freed memory for a while; its own leak check is the judge there.
  set_tests_properties(system/leak PROPERTIES
    ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR};LEAK_KB=131072")
endif()
