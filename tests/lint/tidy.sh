#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# clang-tidy with the project's .clang-tidy on every source of the product that the build compiles. The analyzer takes less
# time than it could (its mode "shallow", a third of it); NANOSEG_TIDY=deep lets it follow all the roads that it knows.
. "$(dirname "$0")/lint.sh"

compile_commands=${NANOSEG_BUILD:-$LINT_SOURCE/build}
export mode=${NANOSEG_TIDY:-shallow}

lint() {
	local root=$1
	if [ "$root" = "$LINT_SOURCE" ]; then
		jq -r '.[].file' "$compile_commands/compile_commands.json" | grep -v "^$root/tests/" | sort -u |
			xargs -P 2 -n 1 bash -c 'clang-tidy --quiet -p "$0" --extra-arg=-Wno-unknown-warning-option \
				--extra-arg=-fno-sanitize=all --extra-arg=-Xclang --extra-arg=-analyzer-config \
				--extra-arg=-Xclang --extra-arg="mode=$mode" "$1" 2>/dev/null
				[ $? -lt 2 ] || echo "$1: error: clang-tidy did not end by itself"' "$compile_commands"
	else
		cp "$LINT_SOURCE/.clang-tidy" "$root/"
		(cd "$root" && find . -name '*.c' -print0 | xargs -0 -I{} clang-tidy --quiet {} -- -std=gnu17 2>/dev/null)
	fi | grep -E '(warning|error):' | sed "s|^$root/||" | sort -u
}

lint_main tidy common/planted.c 'int planted(const int *p);\nint planted(const int *p)\n{\n\treturn p ? 1 : *p;\n}\n'
