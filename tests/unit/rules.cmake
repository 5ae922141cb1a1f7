# Policies, proposals and plans.
nanoseg_unit(plan nanoseg_rules)
nanoseg_unit(layout nanoseg_rules)
nanoseg_unit(book nanoseg_rules)
