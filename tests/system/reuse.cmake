# Once, in the Release build: it is about races, and long. By itself it hands over a thousand times.
add_executable(reuse reuse.c reuse_traffic.c make_netns.c)
target_compile_options(reuse PRIVATE -fno-sanitize=all)
target_link_options(reuse PRIVATE -fno-sanitize=all)
add_test(NAME system/reuse COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/reuse.sh)
set_tests_properties(system/reuse PROPERTIES TIMEOUT 300 LABELS "lab;timed"
  ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR};REUSE_ROUNDS=100")
