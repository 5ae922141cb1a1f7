# Who the other side is: services, the host, published ports, addresses that change hands.
foreach(lab peers peers_docker)
  add_test(NAME system/${lab} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${lab}.sh)
  set_tests_properties(system/${lab} PROPERTIES TIMEOUT 300 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
endforeach()
add_test(NAME system/peers_podman COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/peers_podman.sh)
set_tests_properties(system/peers_podman PROPERTIES TIMEOUT 300 LABELS "lab;engine" ENVIRONMENT
                     "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
