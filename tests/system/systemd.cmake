# The unit in a machine of its own with systemd as the first process.
add_test(NAME system/systemd COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/systemd.sh)
set_tests_properties(system/systemd PROPERTIES TIMEOUT 300 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
