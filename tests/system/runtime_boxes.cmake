# Containers without an engine's API: LXC, systemd-nspawn, pods of containerd; and what happens to interfaces.
foreach(lab runtime_lxc runtime_nspawn runtime_cri runtime_cri_pod interfaces)
  add_test(NAME system/${lab} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${lab}.sh)
  set_tests_properties(system/${lab} PROPERTIES TIMEOUT 240 LABELS lab ENVIRONMENT "NANOSEG_BUILD=${PROJECT_BINARY_DIR}")
endforeach()
foreach(lab runtime_lxc runtime_nspawn runtime_cri interfaces)
  set_property(TEST system/${lab} PROPERTY LABELS lab engine)
endforeach()
