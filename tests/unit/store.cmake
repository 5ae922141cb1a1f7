nanoseg_unit(store_ledger nanoseg_common)
nanoseg_unit(store_facts nanoseg_common)
nanoseg_unit(store_files nanoseg_common)

# Our own allocations go through the test, so that each can fail once.
nanoseg_unit(store_faults nanoseg_common)
target_sources(test_store_faults PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/fault.c)
target_link_options(test_store_faults PRIVATE
  -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup)
set_tests_properties(unit/store_faults PROPERTIES TIMEOUT 300)

# The engine's functions that the export calls are the test's own.
nanoseg_unit(evidence nanoseg_evidence)
