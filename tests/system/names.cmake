# Names that others would like to have.
add_test(NAME system/rootless_names COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/rootless_names.sh)
set_tests_properties(system/rootless_names PROPERTIES TIMEOUT 120 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
