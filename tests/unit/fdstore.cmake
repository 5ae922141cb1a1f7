nanoseg_unit(fdstore nanoseg_enforce)
target_sources(test_fdstore PRIVATE ${CMAKE_CURRENT_LIST_DIR}/test_fdstore_manager.c)
