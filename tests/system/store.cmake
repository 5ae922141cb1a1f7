add_executable(system_store_kill ${CMAKE_CURRENT_SOURCE_DIR}/store_kill.c)
target_link_libraries(system_store_kill PRIVATE nanoseg_common)
add_test(NAME system/store_kill COMMAND system_store_kill)
set_tests_properties(system/store_kill PROPERTIES TIMEOUT 90)
