# Closed from birth, under each runtime. They measure time. By itself each starts a container 50 times and 50 times more.
foreach(runtime docker podman cri)
  add_test(NAME system/starts_${runtime} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/starts_${runtime}.sh)
  set_tests_properties(system/starts_${runtime} PROPERTIES TIMEOUT 300 LABELS "lab;timed" RUN_SERIAL ON
    ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR};STARTS_ROUNDS=20")
endforeach()
