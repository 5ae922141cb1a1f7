#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a user starts without root is found through /proc, although its namespaces are in a user namespace and no file
# leads to them: it is named below user/UID/ by its monitor's command line, and learned. Whatever the user calls his
# cgroups, he takes no name of anybody else's.
LAB_GATE=$'veth*\ngate_standing = never'
. "$(dirname "$0")/../lib/lab.sh"

USER_ID=54321
ID=$(printf 'ab%.0s' {1..32})
FORGED=$(printf 'cd%.0s' {1..32})
TOP=$(grep -m 1 -oP '^\S+ \K\S+(?= cgroup2 )' /proc/mounts) || die "no cgroup2 here"
OWN=user.slice/user-$USER_ID.slice/user@$USER_ID.service

# A user's container in a cgroup of that name below his own: a monitor, whose program is called conmon, and a process in a
# user and a network namespace. Prints both.
container() { # CGROUP ARGUMENT…
	local cgroup=$TOP/$OWN/$1 monitor child
	shift
	mkdir -p "$cgroup"
	setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups "$LAB/conmon" "$@" >/dev/null 2>&1 &
	monitor=$!
	wait_for 5 in_namespace "$monitor" || die "no namespace of a user's"
	child=$(pgrep -P "$monitor")
	echo "$child" >"$cgroup/cgroup.procs"
	echo "$monitor $child"
}
in_namespace() {
	local child
	child=$(pgrep -P "$1") && [ "$(readlink "/proc/$child/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}
finding() { # WORKLOAD
	nsj endpoints | jq -e --arg w "$1" '.[] | select(.workload == $w) | .findings | any(startswith("rootless: "))' >/dev/null
}
nobody() {
	[ "$(nsj endpoints | jq length)" = 0 ]
}
explained() { # WORDS
	ns endpoints --explain | grep -qF "$1"
}
chmod 755 "$LAB"
cat >"$LAB/conmon" <<'END'
#!/bin/bash
unshare --user --map-root-user --net sleep 300 &
wait
END
chmod 755 "$LAB/conmon"
write_config
start_daemon

step "who they are"
read -r MONITOR CHILD < <(container "user.slice/libpod-$ID.scope/container" -c "$ID" -n mine)
read -r FORGER FAKE < <(container "docker-$FORGED.scope" -c "$FORGED" -n db)
eventually "named by its monitor, below its user" 10 has_endpoint "user/$USER_ID/podman/mine"
eventually "a name of Docker's stays below its user" 10 has_endpoint "user/$USER_ID/docker/${FORGED:0:12}"
check "there are no others" equal 2 "$(nsj endpoints | jq length)"
check "said to be rootless" finding "user/$USER_ID/podman/mine"
check "and why it is called so" explained "the command line of its conmon"

step "it is learned"
check "by its inner lock" wait_inner "user/$USER_ID/podman/mine" learning

step "its end leaves nothing"
kill -9 "$CHILD" "$FAKE" "$MONITOR" "$FORGER"
eventually "nobody is left" 10 nobody
stop_daemon
for dir in "user.slice/libpod-$ID.scope/container" "docker-$FORGED.scope"; do
	(cd "$TOP" && rmdir -p "$OWN/$dir" 2>/dev/null)
done
check "nor are its cgroups" not test -e "$TOP/user.slice/user-$USER_ID.slice"
finished
