# Attacks from inside a container: on the inner lock (bypass), below it with NET_RAW (outer) and on its own ground with
# NET_ADMIN (netadmin), and open connections that tightening must cut (cuts). Every attack is shown to work without the
# locks first.
foreach(lab bypass outer netadmin cuts)
  add_test(NAME system/${lab} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${lab}.sh)
  set_tests_properties(system/${lab} PROPERTIES TIMEOUT 180 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
endforeach()
# It measures time.
set_tests_properties(system/cuts PROPERTIES RUN_SERIAL ON)
