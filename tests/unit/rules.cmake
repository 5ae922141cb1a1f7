# Policies, proposals and plans.
nanoseg_unit(plan nanoseg_rules)
nanoseg_unit(layout nanoseg_rules)
nanoseg_unit(book nanoseg_rules)
nanoseg_unit(compile nanoseg_rules)
target_compile_definitions(test_compile PRIVATE GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden")
