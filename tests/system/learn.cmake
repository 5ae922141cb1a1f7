add_executable(test_learner test_learner.c learn_lab.c learn_traffic.c)
target_link_libraries(test_learner PRIVATE nanoseg_learn PkgConfig::cmocka)
add_test(NAME system/learner COMMAND test_learner)
set_tests_properties(system/learner PROPERTIES TIMEOUT 180)
