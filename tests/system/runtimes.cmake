# Real engines: names, policies through a container's life, and restarts of the engines themselves.
foreach(lab runtime_docker runtime_podman runtime_restarts runtime_reset runtime_rootless runtime_podman_pod)
  add_test(NAME system/${lab} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${lab}.sh)
  set_tests_properties(system/${lab} PROPERTIES TIMEOUT 180 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
endforeach()
