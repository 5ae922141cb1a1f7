# The outer lock, the gate, and what a plan permits. Golden files are read from the source tree.
nanoseg_unit(compile_outer nanoseg_rules)
target_compile_definitions(test_compile_outer PRIVATE GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden")
nanoseg_unit(permits nanoseg_rules)
