# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Containers that share a network namespace: attempts are made in the container's own cgroup, since that is what tells them
# apart. Sourced after lab.sh and runtimes.sh (RT names the engine).

# mb_in NAME COMMAND…: as the container's own process would, in its cgroup and its network namespace.
mb_in() {
	local pid=${RT_PID[$1]} cgroup
	shift
	cgroup=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	# The container's cgroup namespace does not hide where it is from here.
	bash -c 'echo $$ >"$1/cgroup.procs" || exit 3; shift; exec "$@"' mb_in "$(mb_hierarchy)$cgroup" \
		nsenter --target "$pid" --net -- "$@"
}

mb_hierarchy() {
	awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts
}

mb_try() { # MILLISECONDS NAME KIND ADDRESS [PORT]
	local ms=$(($1 * NS_SLOW)) name=$2
	shift 2
	mb_in "$name" "$TRAFFIC" try "$@" "$ms"
}

mb_pass() { # NAME KIND ADDRESS [PORT]
	local outcome
	outcome=$(mb_try 1000 "$@") || die "$* did not pass: $outcome"
	passed "$* passes"
}

# Many at a time; all_refused judges.
mb_refuse() {
	mb_refuse_one "$@" &
	NS_REFUSALS+=($!)
	NS_CHECKS=$((NS_CHECKS + 1))
}

mb_refuse_one() {
	local outcome
	outcome=$(mb_try 500 "$@") && die "$* passed, and must be refused"
	case $outcome in
	timeout | reset | blocked | prohibited) passed "$* is refused ($outcome)" ;;
	*) die "$* did not run: $outcome" ;;
	esac
}

# mb_is WORKLOAD JQ-CONDITION: an endpoint of it is like that.
mb_is() {
	nsj endpoints | jq -e --arg w "$1" ".[] | select(.workload == \$w and ($2))"
}
