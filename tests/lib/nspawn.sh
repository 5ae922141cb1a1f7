# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Real systemd-nspawn machines inside the lab, on its bridge. Sourced after lab.sh; the functions are those that story.sh
# wants. There is no systemd to ask for a scope: the machines' cgroups all have one name.
. "$NS_SOURCE/tests/lib/image.sh"

NSPAWN_DIR=/run/nspawn-lab
declare -A NSPAWN_N=() NSPAWN_PID=()

nspawn_set_up() {
	mkdir -p $NSPAWN_DIR
	image_root $NSPAWN_DIR/root
	mkdir -p $NSPAWN_DIR/root/usr/lib
	touch $NSPAWN_DIR/root/usr/lib/os-release # that it is a system
	lab_bridge
}

# box_start NAME N WORD…: its address is 10.77.0.(10 N + its place). What it does waits until it has its addresses.
box_start() {
	local name=$1 n=$2 place pid
	shift 2
	case $name in
	api) place=3 ;;
	db) place=4 ;;
	*) place=5 ;;
	esac
	n=$((n * 10 + place))
	[ -e "$NSPAWN_DIR/$name" ] || cp -r $NSPAWN_DIR/root "$NSPAWN_DIR/$name"
	(
		# Its cgroups are below one of the lab's own, which the lab's end takes away.
		for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
			[ -e "$root/cgroup.procs" ] || continue
			mkdir -p "$root/$LAB_CGROUP/$name" && echo "$BASHPID" >"$root/$LAB_CGROUP/$name/cgroup.procs"
		done
		exec systemd-nspawn --quiet --register=no --keep-unit --timezone=off --link-journal=no --console=pipe \
			--directory="$NSPAWN_DIR/$name" -M "$name" --network-veth "$@" </dev/null >"$LAB/nspawn-$name.log" 2>&1
	) &
	pid=$!
	disown
	wait_for 10 nspawn_child "$name" "$pid" "$(basename "$1")" || die "no machine $name: $(tail -n 3 "$LAB/nspawn-$name.log")"
	pid=${NSPAWN_PID[$name]}
	wait_for 5 test -e "/sys/class/net/ve-$name" || die "$name has no link"
	ip link set "ve-$name" master br0 up
	inside "$pid" ip addr add "$(address 4 $n)/24" dev host0
	inside "$pid" ip -6 addr add "$(address 6 $n)/64" dev host0 nodad
	inside "$pid" ip link set host0 up
	inside "$pid" ip link set lo up
	NSPAWN_N[$name]=$n
}

# nspawn_child NAME PID PROGRAM: its first children prepare, and only the last one becomes the machine's.
nspawn_child() {
	local child
	kill -0 "$2" || return 1
	child=$(pgrep -P "$2" -x "$3") && NSPAWN_PID[$1]=$child
}

box_stop() {
	kill -9 "${NSPAWN_PID[$1]}" || return 1
	wait_for 10 not test -e "/sys/class/net/ve-$1"
}

box_pid() {
	echo "${NSPAWN_PID[$1]}"
}

box_address() {
	address "$2" "${NSPAWN_N[$1]}"
}

box_workload() {
	echo "nspawn/$1"
}
