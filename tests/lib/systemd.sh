# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A machine with systemd as its first process, inside the lab: systemd-nspawn over an overlay of this one's root, with
# nanoseg installed in it as `cmake --install` does it, its unit included. Sourced after lab.sh.
#
#	machine_run "$@"
#
# starts the calling script once more, inside the machine, and ends with its status; in the machine it returns, and
# everything that lab.sh offers works there: its network namespace is the host of the containers. The machine ends with
# the lab. What it writes goes to the lab's memory. systemd is never started in any other way: in bare namespaces it
# would take the cgroups of the whole computer for its own.

MACHINE_DIR=/run/machine

# ---- in the lab ----

machine_run() {
	local status
	if [ -n "${NS_IN_MACHINE:-}" ]; then
		machine_set_up
		return
	fi
	machine_install
	machine_boot
	NS_IN_MACHINE=1 nsenter --target "$MACHINE_INIT" --all -- bash "$(readlink -f "$0")" "$@"
	status=$?
	machine_stop
	exit "$status"
}

machine_install() {
	local root=$MACHINE_DIR/root
	mkdir -p $MACHINE_DIR/{upper,work,root}
	mount -t overlay overlay -o "lowerdir=/,upperdir=$MACHINE_DIR/upper,workdir=$MACHINE_DIR/work" $root ||
		die "no overlay of the root file system"
	rm -f $root/etc/machine-id
	systemd-machine-id-setup --root=$root >/dev/null 2>&1 || die "systemd-machine-id-setup"
	printf '[Unit]\nRequires=sysinit.target dbus.service\nAfter=sysinit.target dbus.service\n' \
		>$root/etc/systemd/system/lab.target
	# None of this computer's own programs: what is enabled on it stays out.
	DESTDIR=$root cmake --install "$NS_BUILD" --prefix /usr >"$LAB/install.log" 2>&1 ||
		die "cmake --install: $(tail -n 5 "$LAB/install.log")"
	mkdir -p $root/etc/systemd/system/nanosegd.service.d
	printf '[Service]\nEnvironment="ASAN_OPTIONS=%s" "UBSAN_OPTIONS=%s"\n' "$ASAN_OPTIONS" "$UBSAN_OPTIONS" \
		>$root/etc/systemd/system/nanosegd.service.d/lab.conf
}

machine_boot() {
	local nspawn
	(
		# Its cgroups are below one of the lab's own, which the lab's end takes away.
		for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
			[ -e "$root/cgroup.procs" ] || continue
			mkdir -p "$root/$LAB_CGROUP" && echo "$BASHPID" >"$root/$LAB_CGROUP/cgroup.procs"
		done
		exec systemd-nspawn --quiet --register=no --keep-unit --private-network --machine=nanoseg-machine \
			--link-journal=no --timezone=off --directory=$MACHINE_DIR/root --bind="$LAB" \
			--bind-ro="$NS_SOURCE" --bind-ro="$NS_BUILD" --console=pipe --boot \
			systemd.unit=lab.target </dev/null >"$LAB/nspawn.log" 2>&1
	) &
	nspawn=$!
	wait_for 30 machine_is_up "$nspawn"
	kill -0 "${MACHINE_INIT:-$nspawn}" 2>/dev/null || die "no machine: $(tail -n 5 "$LAB/nspawn.log")"
	machine_is_up "$nspawn" || die "systemd does not come up: $(in_machine systemctl list-jobs 2>&1 | head -n 20)"
}

machine_is_up() { # NSPAWN: its first children prepare, and only the last one becomes systemd
	MACHINE_INIT=$(pgrep -P "$1" -x systemd) && in_machine systemctl is-active --quiet lab.target
}

in_machine() {
	nsenter --target "$MACHINE_INIT" --all -- "$@"
}

machine_stop() {
	kill -s RTMIN+4 "$MACHINE_INIT" 2>/dev/null # power off
	wait_for 10 not kill -0 "$MACHINE_INIT" || kill -9 "$MACHINE_INIT"
	wait
}

# ---- in the machine ----

machine_set_up() {
	cd / || exit 1
	mkdir -p /run/netns "$LAB/machine"
	ip link set lo up
	# Otherwise the addresses of a fresh link cannot be used for a second.
	echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
	NANOSEG=/usr/bin/nanoseg
	systemd-sysusers nanoseg.conf || die "systemd-sysusers"
	systemctl daemon-reload || die "daemon-reload"
}

# The command as an operator of the machine uses it.
ns() {
	"$NANOSEG" "$@" 2>"$LAB/cli.err"
}

unit_show() {
	systemctl show --property "$1" --value nanosegd.service
}

unit_pid() {
	unit_show MainPID
}

# Runs, says READY, answers.
unit_up() {
	[ "$(unit_show ActiveState)" = active ] && ns endpoints >/dev/null
}

# unit_drop_in NAME TEXT: more of [Service], from the next start on.
unit_drop_in() {
	printf '[Service]\n%s\n' "$2" >"/etc/systemd/system/nanosegd.service.d/$1.conf"
	systemctl daemon-reload || die "daemon-reload"
}

unit_log() {
	journalctl --quiet --no-pager --output=cat --unit=nanosegd.service "$@"
}

if [ -n "${NS_IN_MACHINE:-}" ]; then
	lab_show_logs() {
		echo "--- the end of the journal of nanosegd:"
		unit_log --lines="${LAB_LOG_LINES:-40}" | cut -c 1-300
		systemctl status --no-pager --lines=0 nanosegd.service | head -n 12
		[ ! -s "$LAB/cli.err" ] || cat "$LAB/cli.err"
	}
fi
