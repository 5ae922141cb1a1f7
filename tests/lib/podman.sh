# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A real Podman inside the lab, as root with netavark and runc, with its data on the lab's tmpfs, and its API on
# /run/podman.sock for the daemon. Sourced after lab.sh.
. "$NS_SOURCE/tests/lib/image.sh"

PODMAN_NETWORKS=/run/pmnet

# The hooks in PODMAN_HOOKS, a directory, run at each start; none there, none run.
pm() {
	${PM_EXEC:-} podman --runtime runc --root /run/pmroot --runroot /run/pm --tmpdir /run/pmtmp --cgroup-manager cgroupfs \
		--network-config-dir "$PODMAN_NETWORKS" --events-backend file --hooks-dir "$PODMAN_HOOKS" "$@"
}

podman_start() {
	PODMAN_HOOKS=$LAB/hooks.none
	mkdir -p "$PODMAN_HOOKS" "$PODMAN_NETWORKS"
	image_archive "$LAB/image.tar" nanoseg-test:1 first pause
	pm load -i "$LAB/image.tar" >"$LAB/podman.log" 2>&1 || die "podman load: $(cat "$LAB/podman.log")"
	rm "$LAB/image.tar"
	podman_service
}

# Its API. PODMAN is the process itself.
podman_service() {
	PM_EXEC='exec' pm system service -t 0 unix:///run/podman.sock >>"$LAB/podman.log" 2>&1 &
	PODMAN=$!
	wait_for 10 curl -sf --unix-socket /run/podman.sock http://d/_ping || die "podman does not serve"
}

podman_stop() {
	pm rm -af -t 0 >/dev/null
	kill -TERM "$PODMAN"
	wait_for 10 not kill -0 "$PODMAN" || kill -9 "$PODMAN"
}

# podman_network NAME SUBNET4 SUBNET6: prints the name of its bridge, which is there when a container is.
podman_network() {
	pm network create --ipv6 --subnet "$2" --subnet "$3" "$1" >/dev/null || die "podman network create"
	pm network inspect "$1" | jq -r '.[0].network_interface'
}

podman_address() { # NAME FAMILY NETWORK
	local member=IPAddress
	[ "$2" = 4 ] || member=GlobalIPv6Address
	pm inspect "$1" | jq -r ".[0].NetworkSettings.Networks[\"$3\"].$member"
}

# podman_hook PROGRAM ARGUMENT…: makes it the createRuntime hook of every container from now on; without, none is.
podman_hook() {
	if [ $# = 0 ]; then
		PODMAN_HOOKS=$LAB/hooks.none
		return
	fi
	PODMAN_HOOKS=$LAB/hooks.d
	mkdir -p "$PODMAN_HOOKS"
	jq -n '{version: "1.0.0", hook: {path: $ARGS.positional[0], args: $ARGS.positional}, when: {always: true},
		stages: ["createRuntime"]}' --args -- "$@" >"$PODMAN_HOOKS/nanoseg.json"
}
