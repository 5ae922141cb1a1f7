#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What `nanoseg endpoints` and `nanoseg status` call a finding is explained: the words before the colon of each stand in the
# list of nanoseg(1).
. "$(dirname "$0")/lint.sh"

# The code that makes findings, and no other text.
makers() {
	local root=$1
	cat "$root/agent/runtimes/findings.c"
	grep -A 1 'ns_findings_add(' "$root/agent/runtimes/identity.c"
	sed -n '/^static json_t \*findings(/,/^}/p' "$root/agent/engine/views.c"
}

lint() {
	local list words
	list=$(sed -n '/is a finding:/,/^\.El/{/^\.It/p}' "$LINT_SOURCE/agent/cli/man/nanoseg.1")
	makers "$1" 2>/dev/null | grep -oP '"\K[A-Za-z_ -]{4,}(?=: )' | sort -u | while read -r words; do
		grep -qE "^\.It Li (.*, )?$words( ,|$)" <<<"$list" || echo "nanoseg(1) does not explain the finding '$words'"
	done
}

lint_main findings agent/runtimes/findings.c 'static const char *const planted = "planted: it is not explained";\n'
