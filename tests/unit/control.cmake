# The API and the life cycle, with the real store and HTTP server and an engine that only remembers what it was asked.
function(nanoseg_control_unit name)
  nanoseg_unit(${name} nanoseg_control)
  target_sources(test_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/test_api_engine.c ${ARGN})
endfunction()
# The API tests decide themselves who is asking.
function(nanoseg_api_unit name)
  nanoseg_control_unit(${name} ${CMAKE_CURRENT_SOURCE_DIR}/test_api_fixture.c)
  target_link_options(test_${name} PRIVATE -Wl,--wrap=ns_caller_identify)
endfunction()
foreach(test lifecycle lifecycle_modes)
  nanoseg_control_unit(${test} ${CMAKE_CURRENT_SOURCE_DIR}/test_lifecycle_fixture.c)
endforeach()
nanoseg_unit(api_peer nanoseg_control)
foreach(test api api_refusals api_socket api_locks)
  nanoseg_api_unit(${test})
  target_sources(test_${test} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/test_api_steps.c)
endforeach()
nanoseg_api_unit(api_hostile)
# Waits for timeouts to pass.
set_tests_properties(unit/api_hostile PROPERTIES TIMEOUT 180)
# Every allocation and every file call fails once.
nanoseg_control_unit(api_faults ${CMAKE_CURRENT_SOURCE_DIR}/fault.c)
target_link_options(test_api_faults PRIVATE
  -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup)
set_tests_properties(unit/api_faults PROPERTIES TIMEOUT 300)
