# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the lint scripts share. Each has a function `lint DIRECTORY` that prints its findings, one a line, and is tried on
# two trees: the project's, where it must find nothing, and one with the fault planted, where it must find it; so a lint
# that has gone blind fails too.

set -u -o pipefail
LINT_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# sources DIRECTORY [FOLDER…]: our C files below it, relative.
sources() {
	local root=$1
	shift
	(cd "$root" && find "${@:-.}" -name '*.[ch]' -not -path './build*' -not -path '*/.*/*' 2>/dev/null | sed 's|^\./||' | sort)
}

# without_comments FILE: line for line the same, comments blanked.
without_comments() {
	"${CC:-cc}" -fpreprocessed -dD -E -w -x c "$1" 2>/dev/null
}

# lint_main NAME PLANTED-FILE PLANTED-TEXT
lint_main() {
	local name=$1 file=$2 text=$3 planted findings
	planted=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$planted'" EXIT
	mkdir -p "$planted/$(dirname "$file")"
	printf '%b' "$text" >"$planted/$file"
	findings=$(lint "$planted")
	if [ -z "$findings" ]; then
		echo "$name: the planted fault in $file was not found"
		exit 1
	fi
	findings=$(lint "$LINT_SOURCE")
	if [ -n "$findings" ]; then
		echo "$findings"
		echo "$name: $(wc -l <<<"$findings") findings"
		exit 1
	fi
	echo "$name: clean"
}
