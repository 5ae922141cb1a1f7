# libnetfilter_conntrack writes the messages that are read here: another hand than the reader's.
pkg_check_modules(libnetfilter_conntrack REQUIRED IMPORTED_TARGET libnetfilter_conntrack)
nanoseg_unit(cut_flow nanoseg_enforce PkgConfig::libnetfilter_conntrack)
nanoseg_unit(cut_owner nanoseg_enforce)
