# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Containers of a real engine, seen from the host: who they are, where they are now, what passes between them. RT is the
# engine's command: docker, or pm (podman.sh). Sourced after lab.sh and the engine's file.

RT=${RT:-docker}
RT_FAMILIES='4 6'
declare -A RT_PID RT_ADDRESS

# rt_look NAME…: reads anew where they are; after each start.
rt_look() {
	local name key value pid
	for name; do
		while read -r key value; do
			RT_ADDRESS[$name/$key]=$value
		done < <($RT inspect "$name" | jq -r '.[0].NetworkSettings | (.Networks // {} | to_entries[] |
			"4/\(.key) \(.value.IPAddress)", "6/\(.key) \(.value.GlobalIPv6Address)")')
		pid=$($RT inspect "$name" | jq -er '.[0].State.Pid') || die "no container $name"
		RT_PID[$name]=$pid
	done
}

rt_address() { # NAME FAMILY NETWORK
	echo "${RT_ADDRESS[$1/$2/$3]:?$1 has no IPv$2 address on $3}"
}

# rt_in NAME COMMAND…: in its network namespace.
rt_in() {
	local name=$1
	shift
	nsenter --target "${RT_PID[$name]}" --net -- "$@"
}

# rt_try MS FROM KIND TO NETWORK [PORT]: one attempt; prints the outcome, 0 when it passed.
rt_try() {
	local ms=$(($1 * NS_SLOW)) from=$2 kind=$3 to=$4 network=$5
	shift 5
	rt_in "$from" "$TRAFFIC" try "$kind" "$(rt_address "$to" "${kind: -1}" "$network")" "$@" "$ms"
}

# rt_pass FROM PROTO TO NETWORK [PORT]: in each of RT_FAMILIES; rt_refuse the same, many at a time: all_refused judges.
rt_pass() {
	local from=$1 proto=$2 outcome v
	shift 2
	for v in $RT_FAMILIES; do
		outcome=$(rt_try 1000 "$from" "$proto$v" "$@") || die "$from $proto$v $* did not pass: $outcome"
		passed "$from $proto$v $* passes"
	done
}

rt_refuse() {
	local from=$1 proto=$2 v
	shift 2
	for v in $RT_FAMILIES; do
		rt_refuse_one "$from" "$proto$v" "$@" &
		NS_REFUSALS+=($!)
		NS_CHECKS=$((NS_CHECKS + 1))
	done
}

rt_refuse_one() {
	local outcome
	outcome=$(rt_try 500 "$@") && die "$* passed, and must be refused"
	case $outcome in
	# The last one: by the cut that follows a new policy.
	timeout | reset | blocked | prohibited | *abort*) passed "$* is refused ($outcome)" ;;
	*) die "$* did not run: $outcome" ;;
	esac
}

# rt_reaches FROM PROTO TO NETWORK [PORT]: a condition.
rt_reaches() {
	local from=$1 proto=$2 v
	shift 2
	for v in $RT_FAMILIES; do
		rt_try 500 "$from" "$proto$v" "$@" || return 1
	done
}

rt_source_is() { # SOURCE STATE
	{ nsj status || true; } | jq -e --arg source "$1" --arg state "$2" '.sources[] | select(.source == $source and .state == $state)'
}

rt_heard() { # SOURCE
	wait_for 30 rt_source_is "$1" ok || die "$1 is not heard: $(nsj status | jq -c .sources)"
	passed "$1 is heard"
}

# rt_endpoints WORKLOAD JQ-CONDITION: how many endpoints of it are like that.
rt_endpoints() {
	nsj endpoints | jq --arg w "$1" "[.[] | select(.workload == \$w and ($2))] | length"
}

rt_endpoints_are() { # WORKLOAD JQ-CONDITION NUMBER
	[ "$(rt_endpoints "$1" "$2")" = "$3" ]
}

rt_locked() { # WORKLOAD: each of its instances by both locks, and open
	nsj endpoints | jq -e --arg w "$1" 'map(select(.workload == $w)) |
		length > 0 and all(.inner == "enforcing" and .outer == "enforcing" and .gate == "open")'
}

# rt_names NAME ADDRESS: some set in the container's table lets it pass; those of what was refused do not count.
rt_names() {
	rt_in "$1" nft -j list table inet nanoseg | jq -e --arg a "$2" '[.nftables[].set | select(. and
		(.name | startswith("deny") | not)) | .elem // [] | .. | strings] | index($a)'
}

# rt_forgotten ADDRESS NAME…: it is in no set of the containers.
rt_forgotten() {
	local address=$1 name
	shift
	for name; do
		not rt_names "$name" "$address" || return 1
	done
}

# The devices that an outer lock has chains on. The gate must not stand: old nft programs cannot list its wildcards.
rt_outer_devices() {
	nft list chains netdev | awk '/^table/ { table = $3 } /device/ && table ~ /^nanoseg-/ { gsub(/"/, "", $0);
		for (i = 1; i < NF; i++) if ($i == "device") print $(i + 1) }' | sort -u
}

# The host's end of the container's interface that has the address.
rt_host_device() { # NAME ADDRESS
	local index
	index=$(rt_in "$1" ip -j addr | jq --arg a "$2" '.[] | select(any(.addr_info[]; .local == $a)) | .link_index')
	ip -j link | jq -r --argjson i "$index" '.[] | select(.ifindex == $i) | .ifname'
}

rt_has_outer() { # DEVICE
	grep -qx "$1" <(rt_outer_devices)
}

# rt_learned WORKLOAD PEER PORT: its edges to the peer, in each family.
rt_learned() {
	local v
	for v in $RT_FAMILIES; do
		eventually "$1 to $2, learned, IPv$v" 10 has_edge "$1" ".direction == \"egress\" and .peer.name == \"$2\" and
			.port == $3 and (.peer.address | contains(\":\")) == ($v == 6)"
	done
}

# Nothing of containers that are gone: no lock on the host's side, nothing that the gate still minds.
rt_nothing_outer() {
	not grep -qF nanoseg- <(nft list tables netdev)
}

rt_gate_forgot() {
	{ nsj status || true; } | jq -e '.gate | (.closed + .unmanaged) | length == 0'
}
