# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# An ordinary user inside the lab, with a Podman of his own: no root, no engine's API; slirp4netns carries what his
# containers send. He sees a root file system of his own, an overlay of this one's, with a /dev of its own, and the unified
# hierarchy of cgroups, in which a part below user.slice is his, as it is on any machine with systemd. Sourced after lab.sh.
. "$NS_SOURCE/tests/lib/image.sh"

ROOTLESS_UID=1234
ROOTLESS_HOME=/run/home
ROOTLESS_SLICE=$LAB_CGROUP/user.slice/user-$ROOTLESS_UID.slice/user@$ROOTLESS_UID.service

rootless_start() {
	rootless_root /run/user.root
	rootless_cgroup
	mkdir -p $ROOTLESS_HOME /run/user/$ROOTLESS_UID
	chmod 755 /run "$LAB"
	image_archive $ROOTLESS_HOME/image.tar localhost/nanoseg-test:1 first pause
	chown -R $ROOTLESS_UID:$ROOTLESS_UID $ROOTLESS_HOME /run/user/$ROOTLESS_UID
	unshare --mount --propagation private bash -c "cd /run/user.root/root && mkdir -p old && pivot_root . old && umount -l /old &&
		cd / && exec sleep infinity" &
	ROOTLESS_VIEW=$!
	disown
	wait_for 10 rootless_sees || die "no root file system for the user"
	rl load -i $ROOTLESS_HOME/image.tar >"$LAB/rootless.log" 2>&1 || die "podman load: $(tail -n 3 "$LAB/rootless.log")"
	rm $ROOTLESS_HOME/image.tar
}

rootless_sees() {
	[ -e "/proc/$ROOTLESS_VIEW/root/the-user" ]
}

# rl WORD…: his podman.
rl() {
	(
		echo "$BASHPID" >"$(rootless_unified)/$ROOTLESS_SLICE/app.slice/cgroup.procs"
		exec env -i PATH="$PATH" HOME=$ROOTLESS_HOME XDG_RUNTIME_DIR=/run/user/$ROOTLESS_UID \
			nsenter --target "$ROOTLESS_VIEW" --mount -- setpriv --reuid $ROOTLESS_UID --regid $ROOTLESS_UID --clear-groups \
			podman --log-level error --runtime runc --cgroup-manager cgroupfs --storage-driver vfs --events-backend file "$@"
	)
}

rootless_stop() {
	rl rm -af -t 0 >/dev/null
	kill -9 "$ROOTLESS_VIEW"
}

rootless_root() { # DIRECTORY
	local dev root=$1/root name major minor directory
	mkdir -p "$1"
	mount -t tmpfs tmpfs "$1"
	mkdir "$1"/{upper,work,root}
	mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root" || die "no overlay of the root file system"
	dev=$root/dev
	mount -t tmpfs -o mode=755 tmpfs "$dev"
	mkdir "$dev"/{net,shm,pts,mqueue}
	chmod 1777 "$dev/shm"
	while read -r name major minor; do
		mknod -m 666 "$dev/$name" c "$major" "$minor" || die "no device $name"
	done <<-EOD
		null 1 3
		zero 1 5
		full 1 7
		random 1 8
		urandom 1 9
		tty 5 0
		net/tun 10 200
	EOD
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$dev/pts"
	ln -s pts/ptmx "$dev/ptmx"
	ln -s /proc/self/fd "$dev/fd"
	for directory in proc sys run; do
		mount --rbind /$directory "$root/$directory"
	done
	mount --bind "$(rootless_unified)" "$root/sys/fs/cgroup"
	echo "tester:x:$ROOTLESS_UID:$ROOTLESS_UID::$ROOTLESS_HOME:/bin/sh" >>"$root/etc/passwd"
	echo "tester:x:$ROOTLESS_UID:" >>"$root/etc/group"
	echo "tester:200000:65536" | tee "$root/etc/subuid" >"$root/etc/subgid"
	: >"$root/the-user"
}

rootless_unified() {
	if [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then
		echo /sys/fs/cgroup/unified
	else
		echo /sys/fs/cgroup
	fi
}

# His part of the hierarchy, delegated to him.
rootless_cgroup() {
	local top
	top=$(rootless_unified)/$ROOTLESS_SLICE
	mkdir -p "$top/app.slice" || die "no cgroup for the user"
	chown -R $ROOTLESS_UID:$ROOTLESS_UID "$top"
}
