# Attacks on the inner lock from inside a container; every attack is shown to work without it first.
add_test(NAME system/bypass COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/bypass.sh)
set_tests_properties(system/bypass PROPERTIES TIMEOUT 120 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
