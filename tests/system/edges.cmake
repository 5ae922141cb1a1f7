add_test(NAME system/edges COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/edges.sh)
set_tests_properties(system/edges PROPERTIES TIMEOUT 300 LABELS "lab" ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
