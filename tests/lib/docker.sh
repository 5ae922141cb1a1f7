# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A real Docker engine inside the lab, with its data on the lab's tmpfs, and an image made on the spot from busybox and the
# test programs. Sourced after lab.sh.
. "$NS_SOURCE/tests/lib/image.sh"

docker_start() { # OPTION… of the engine's
	docker_engine "$@"
	docker_image
}

# docker_engine OPTION…: starts it alone, with what it had before.
docker_engine() {
	mkdir -p /run/dk
	# Forwarding and published ports are between namespaces of the lab alone.
	dockerd --data-root /run/dk --exec-root /run/docker -H unix:///run/docker.sock -s overlay2 \
		--pidfile /run/docker.pid --experimental --ip6tables "$@" >>"$LAB/dockerd.log" 2>&1 &
	DOCKERD=$!
	wait_for 30 docker version || die "dockerd does not start"
}

docker_stop() {
	local id
	docker ps -aq --no-trunc >"$LAB/containers"
	xargs -r docker rm -f <"$LAB/containers" >/dev/null 2>&1
	while read -r id; do
		eventually "nothing is left of $id" 10 docker_cgroup_gone "$id"
	done <"$LAB/containers"
	kill -TERM "$DOCKERD"
	wait_for 20 not kill -0 "$DOCKERD" || kill -9 "$DOCKERD"
}

docker_cgroup_gone() {
	[ -z "$(find /sys/fs/cgroup -type d -name "$1" 2>/dev/null)" ]
}

docker_image() {
	image_root "$LAB/image"
	tar -C "$LAB/image" -c . | docker import - nanoseg-test:1 >/dev/null || die "docker import"
}

# docker_run NAME OPTION… -- COMMAND…: a detached container.
docker_run() {
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	docker run -d --name "$name" --init "${options[@]}" nanoseg-test:1 "$@" >"$LAB/docker.out" 2>&1 ||
		die "docker run $name: $(cat "$LAB/docker.out")"
	case $* in
	*serve*) wait_for 10 docker_serves "$name" || die "$name does not serve: $(docker logs "$name" 2>&1 | tail -n 3)" ;;
	esac
}

docker_serves() {
	docker logs "$1" 2>/dev/null | grep -q ready
}

docker_address() { # NAME FAMILY NETWORK
	local member=IPAddress
	[ "$2" = 4 ] || member=GlobalIPv6Address
	docker inspect "$1" | jq -r ".[0].NetworkSettings.Networks[\"$3\"].$member"
}
