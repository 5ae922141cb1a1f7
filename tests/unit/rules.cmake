# Policies, proposals and plans. The golden cases are read from the source tree.
nanoseg_unit(policy nanoseg_rules)
nanoseg_unit(propose nanoseg_rules)
nanoseg_unit(compile nanoseg_rules)
target_compile_definitions(test_compile PRIVATE GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden")
nanoseg_unit(plan nanoseg_rules)
nanoseg_unit(layout nanoseg_rules)
nanoseg_unit(book nanoseg_rules)
