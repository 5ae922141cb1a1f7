nanoseg_fuzz(hook_state nanoseg_hooks)
nanoseg_fuzz(cni_config nanoseg_hooks)
