# Names that others would like to have, and names that come late.
foreach(lab rootless_names late_name)
  add_test(NAME system/${lab} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${lab}.sh)
  set_tests_properties(system/${lab} PROPERTIES TIMEOUT 120 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
endforeach()
