nanoseg_fuzz(policy nanoseg_rules)
