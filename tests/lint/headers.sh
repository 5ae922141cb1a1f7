#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each header compiles alone, first in its file.
. "$(dirname "$0")/lint.sh"

flags=$(pkg-config --cflags libmnl libnftnl libnl-3.0 libnl-route-3.0 jansson libcurl sqlite3 libmicrohttpd libsystemd \
	libcrypto inih)

lint() {
	local root=$1 header
	sources "$root" include common rules agent | grep '\.h$' | while read -r header; do
		# shellcheck disable=SC2086
		(cd "$root" && echo "#include \"$header\"" |
			"${CC:-cc}" -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter -fsyntax-only -x c \
				-I. -Iinclude -Icommon -Irules -Iagent/runtimes -Iagent/watch -Iagent/learn -Iagent/enforce -Iagent/engine \
				-Iagent/evidence -Iagent/control -I"$(dirname "$header")" $flags - 2>&1 |
			grep -m 3 -E 'error|warning')
	done
}

lint_main headers include/nanoseg/planted.h 'struct planted { uint8_t byte; };\n'
