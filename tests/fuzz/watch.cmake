nanoseg_fuzz(docker nanoseg_watch)
nanoseg_fuzz(bundle nanoseg_watch)
nanoseg_fuzz(nspawn nanoseg_watch)
nanoseg_fuzz(rtnl nanoseg_watch)
