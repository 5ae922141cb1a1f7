# The OCI hook and the CNI plugin, against a daemon that says what the test wants.
foreach(test hook cni)
  nanoseg_unit(${test} nanoseg_hooks nanoseg_cli Threads::Threads)
  target_sources(test_${test} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/cli_daemon.c)
endforeach()
