# Real engines: names, policies through a container's life, and restarts of the engines themselves. Long stories, whose
# parts others tell under the sanitizers: once, as they are.
foreach(lab runtime_docker runtime_podman runtime_restarts runtime_reset runtime_rootless)
  add_test(NAME system/${lab} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${lab}.sh)
  set_tests_properties(system/${lab} PROPERTIES TIMEOUT 300 LABELS "lab;engine" ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
endforeach()
add_test(NAME system/runtime_podman_pod COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/runtime_podman_pod.sh)
set_tests_properties(system/runtime_podman_pod PROPERTIES TIMEOUT 300 LABELS lab ENVIRONMENT
                     "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
