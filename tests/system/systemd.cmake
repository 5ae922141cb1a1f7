# The unit in a machine of its own with systemd as the first process.
add_test(NAME system/systemd COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/systemd.sh)
set_tests_properties(system/systemd PROPERTIES TIMEOUT 300 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
# Upgrading and uninstalling, likewise.
add_test(NAME system/uninstall COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/uninstall.sh)
set_tests_properties(system/uninstall PROPERTIES TIMEOUT 300 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
# Both install from the build, which writes the list of what it has.
set_property(TEST system/systemd system/uninstall PROPERTY RESOURCE_LOCK install)
