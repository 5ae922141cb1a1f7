# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Real LXC containers inside the lab, on its bridge. Sourced after lab.sh; the functions are those that story.sh wants.
. "$NS_SOURCE/tests/lib/image.sh"

LXC_DIR=/run/lxc-lab
declare -A LXC_N=()

# LXC makes its cgroups below the one of the first process, which is the lab's: they end up where the lab's end finds them.
lxc_set_up() {
	local root file
	for root in /sys/fs/cgroup/* /sys/fs/cgroup; do
		[ -e "$root/cgroup.procs" ] || continue
		mkdir -p "$root/$LAB_CGROUP"
		for file in cpuset.cpus cpuset.mems; do # a cpuset (v1) begins empty
			[ ! -e "$root/tasks" ] || [ ! -e "$root/$file" ] || cat "$root/$file" >"$root/$LAB_CGROUP/$file"
		done
		echo 0 >"$root/$LAB_CGROUP/cgroup.procs" || die "no cgroup below $root"
	done
	mkdir -p $LXC_DIR
	image_root $LXC_DIR/root
	lab_bridge
}

# box_start NAME N WORD…: its address is 10.77.0.(10 N + its place).
box_start() {
	local name=$1 n=$2 place
	shift 2
	case $name in
	api) place=3 ;;
	db) place=4 ;;
	*) place=5 ;;
	esac
	n=$((n * 10 + place))
	mkdir -p "$LXC_DIR/$name"
	cat >"$LXC_DIR/$name/config" <<-EOC
		lxc.uts.name = $name
		lxc.rootfs.path = dir:$LXC_DIR/root
		lxc.apparmor.profile = unconfined
		lxc.mount.auto = proc:mixed sys:ro
		lxc.net.0.type = veth
		lxc.net.0.link = br0
		lxc.net.0.flags = up
		lxc.net.0.name = eth0
		lxc.net.0.ipv4.address = $(address 4 $n)/24
		lxc.net.0.ipv6.address = $(address 6 $n)/64
	EOC
	lxc-start -P $LXC_DIR -n "$name" -o "$LAB/lxc.log" -l INFO -- "$@" || {
		tail -n 5 "$LAB/lxc.log" >&2
		return 1
	}
	LXC_N[$name]=$n
}

box_stop() {
	lxc-stop -P $LXC_DIR -n "$1" -k || return 1
	wait_for 10 lxc-wait -P $LXC_DIR -n "$1" -s STOPPED -t 0
}

box_pid() {
	lxc-info -P $LXC_DIR -n "$1" -p -H
}

box_address() {
	address "$2" "${LXC_N[$1]}"
}

box_workload() {
	echo "lxc/$1"
}
