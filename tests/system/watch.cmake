add_executable(test_watch test_watch.c)
target_link_libraries(test_watch PRIVATE nanoseg_watch PkgConfig::cmocka)
add_test(NAME system/watch COMMAND test_watch)
set_tests_properties(system/watch PROPERTIES TIMEOUT 180)
