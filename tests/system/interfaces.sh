#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Interfaces and addresses as they come and go under a policy in force: a second network, an address added and removed,
# addresses that a router's advertisement makes and temporary ones, links renamed while they are used, and a macvlan,
# which only the inner lock holds.
#
# No process in the containers has NET_ADMIN, as with an engine: what root with it adds later is nobody's (netadmin.sh).
# Old nft programs cannot list chains on wildcards.
LAB_GATE=$'v*\ngate_standing = never'
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"
ADVERTISE=${ADVERTISE:-$NS_BUILD/tests/lib/advertise}

# plain NAME: a process in the container that may not change its network, and runs the attempts made in it: one that
# comes in from outside would have every right for a moment.
plain() {
	mkfifo "$LAB/plain.$1"
	ip netns exec "$1" "$LAB/plain" bash -c 'while read -r line; do bash -c "$line" & done' <>"$LAB/plain.$1" &
	disown
}

# attempt_for of lab.sh and to (FROM KIND ADDRESS [PORT]) by that process.
attempt_for() { # MILLISECONDS FROM KIND TO-N [PORT|TYPE]
	local ms=$1 from=$2 kind=$3 n=$4
	shift 4
	TO_MS=$ms to "$from" "$kind" "$(address "${kind: -1}" "$n")" "$@"
}

to() {
	local from=$1 report outcome
	shift
	report=$(mktemp "$LAB/report.XXXXXX")
	echo "$TRAFFIC try $* $((${TO_MS:-1000} * NS_SLOW)) >$report.part; echo \$? >>$report.part; mv $report.part $report" \
		>"$LAB/plain.$from"
	wait_for 10 test -s "$report" || die "no attempt is made in $from"
	outcome=$(head -n 1 "$report")
	echo "$outcome"
	set -- "$(tail -n 1 "$report")"
	rm "$report"
	return "$1"
}

# to_passes, and to_refused, many at a time: all_refused judges.
to_passes() {
	local outcome
	outcome=$(to "$@") || die "$* did not pass: $outcome"
	passed "$* passes"
}

to_refused() {
	(
		if outcome=$(TO_MS=500 to "$@"); then
			die "$* passed, and must be refused"
		fi
		[[ " timeout reset blocked prohibited " = *" $outcome "* ]] || die "$* did not run: $outcome"
	) &
	NS_REFUSALS+=($!)
	NS_CHECKS=$((NS_CHECKS + 1))
}

# Sets of a table, without those that packets put into; of what must not be there any more.
names_address() { # NAME ADDRESS
	in_ns "$1" timeout 20 nft -j list table inet nanoseg |
		jq -e --arg a "$2" '[.nftables[].set? // empty | select(.name | test("^(deny|learn)_") | not) | .elem // empty |
			tostring] | any(contains("\"" + $a + "\""))'
}

outer_names_address() { # ADDRESS
	timeout 20 nft list tables netdev | awk '/ nanoseg-/ { print $3 }' | while read -r table; do
		timeout 20 nft -j list table netdev "$table"
	done | grep -qF "\"$1\""
}

locked_by() { # DEVICE: some outer lock has a chain on it
	timeout 20 nft list chains netdev | awk -v device="device \"$1\"" '/^table/ { table = $3 }
		table ~ /^nanoseg-/ && index($0, device) { found = 1 } END { exit !found }'
}

address_of() { # NAME JQ-CONDITION of one address of eth0
	ip -n "$1" -j -6 addr show dev eth0 | jq -er "[.[0].addr_info[]? | select(($2) and .tentative != true)][0].local // empty"
}

holds_address() { # WORKLOAD ADDRESS
	endpoint_of "$1" | jq -e --arg a "$2" '.addresses | index($a)'
}

# A witness in the database's namespace of what arrives from an address.
witness() { # ADDRESS
	in_ns db nft -f - <<-EOC
		table inet witness {
			chain arrives {
				type filter hook prerouting priority -400; policy accept;
				ip6 saddr $1 tcp dport 5432 counter
			}
		}
	EOC
}

arrived() {
	in_ns db nft -j list table inet witness | jq '[.nftables[].rule?.expr[]?.counter?.packets // empty] | add'
}

second_link() { # NAME PORT N: on the other bridge
	ip link add "$2" type veth peer name eth1 netns "$1"
	ip link set "$2" master br1 up
	ip -n "$1" addr add "10.88.0.$3/24" dev eth1
	ip -n "$1" -6 addr add "fd88::$3/64" dev eth1 nodad
	ip -n "$1" link set eth1 up
}

cat >"$LAB/plain" <<-EOC
	#!/bin/sh
	exec setpriv --bounding-set -all,+net_bind_service,+net_raw --inh-caps -all "\$@"
EOC
printf '#!/bin/sh\nexec %s %s "$@"\n' "$LAB/plain" "$TRAFFIC" >"$LAB/serve"
chmod 755 "$LAB/plain" "$LAB/serve"
SERVE_AS=$LAB/serve
shop_start
# On the same wire by way of a macvlan, whose device is none of those that the gate closes.
ip link add up0 type veth peer name up1
ip link set up0 master br0 up
ip link set up1 up
ip netns add macvlan
ip link add link up1 name eth0 netns macvlan type macvlan mode bridge
ip -n macvlan link set lo up
ip -n macvlan addr add "$(address 4 6)/24" dev eth0
ip -n macvlan -6 addr add "$(address 6 6)/64" dev eth0 nodad
ip -n macvlan link set eth0 up
serve macvlan tcp:8080
for name in web api db outsider macvlan; do
	plain $name
done
start_daemon
shop_watched
eventually "macvlan is watched" 15 has_endpoint netns/macvlan
wait_inner netns/macvlan learning
shop_works
for v in 4 6; do
	expect_pass macvlan tcp$v 4 5432
done
eventually "learned" 10 has_edge netns/macvlan '.peer.name == "netns/db" and .port == 5432'
for name in api db macvlan; do
	approve netns/$name
	enforce netns/$name
done
shop_works

step "a macvlan"
found() { endpoint_of netns/macvlan | jq -e '.findings | any(test("eth0 \\(macvlan\\).*only the inner lock"))'; }
eventually "it is told that it has no host end" 10 found
check "and no outer lock is claimed" not test "$(endpoint_of netns/macvlan | jq -r .outer)" = enforcing
for v in 4 6; do
	expect_pass macvlan tcp$v 4 5432
	refuse macvlan tcp$v 4 22
	refuse macvlan tcp$v 5 5432
	refuse outsider tcp$v 6 8080
done
all_refused

step "a second network"
ip link add br1 type bridge
ip link set br1 up
second_link db v14 4
second_link outsider v15 5
second_link api v13 3
for a in 10.88.0.4 fd88::4; do
	v=4
	[[ $a != *:* ]] || v=6
	eventually "the database is reached there, IPv$v" 10 to api tcp$v $a 5432
	to_passes api udp$v $a 53
	to_refused api tcp$v $a 22
	to_refused api tcp$v "${a%4}5" 5432
	to_refused outsider tcp$v "${a%4}3" 8080
	to_refused outsider tcp$v $a 5432
done
all_refused
shop_works

step "an address is added"
ip -n api addr add 10.77.0.33/24 dev eth0
ip -n api -6 addr add fd77::33/64 dev eth0 nodad
for a in 10.77.0.33 fd77::33; do
	v=4
	[[ $a != *:* ]] || v=6
	eventually "it is reached there, IPv$v" 5 to web tcp$v $a 8080
	to_refused outsider tcp$v $a 8080
	to_refused web tcp$v $a 8081
done
all_refused
# From the new address: its own lock lets it out, and the peer's lets it in.
ip -n api route add 10.77.0.4/32 dev eth0 src 10.77.0.33
ip -n api -6 route add fd77::4/128 dev eth0 src fd77::33
witness fd77::33
for v in 4 6; do
	eventually "it speaks from there, IPv$v" 5 attempt api tcp$v 4 5432
	refuse api tcp$v 4 22
done
all_refused
check "from there indeed" at_least "$(arrived)" 1
in_ns db nft delete table inet witness

step "an address is removed"
ip -n api addr del 10.77.0.33/24 dev eth0
ip -n api -6 addr del fd77::33/64 dev eth0
ip -n api route del 10.77.0.4/32 2>/dev/null
ip -n api -6 route del fd77::4/128 2>/dev/null
for a in 10.77.0.33 fd77::33; do
	eventually "$a is nobody's at the peer" 5 not names_address db $a
	eventually "$a is nobody's outside" 5 not outer_names_address $a
done
ip -n outsider addr add 10.77.0.33/24 dev eth0
ip -n outsider -6 addr add fd77::33/64 dev eth0 nodad
ip -n outsider route add 10.77.0.4/32 dev eth0 src 10.77.0.33
ip -n outsider -6 route add fd77::4/128 dev eth0 src fd77::33
for v in 4 6; do
	refuse outsider tcp$v 4 5432
done
all_refused
shop_works

step "addresses out of an advertisement"
for name in web api db outsider; do
	in_ns $name sysctl -qw net.ipv6.conf.eth0.accept_ra=2 net.ipv6.conf.eth0.autoconf=1 net.ipv6.conf.eth0.accept_dad=0
done
in_ns api sysctl -qw net.ipv6.conf.eth0.use_tempaddr=2
"$ADVERTISE" br0 fd78:: 600 1200
STABLE='(.local | startswith("fd78:")) and .temporary != true'
TEMPORARY='(.local | startswith("fd78:")) and .temporary == true'
for name in web api db outsider; do
	eventually "$name has made one" 5 address_of $name "$STABLE"
done
eventually "the api a temporary one too" 5 address_of api "$TEMPORARY"
temporary=$(address_of api "$TEMPORARY")
witness "$temporary"
# What goes to that prefix leaves from the temporary address.
db=$(address_of db "$STABLE")
eventually "the database is reached there" 10 to api tcp6 "$db" 5432
check "from the temporary address" at_least "$(arrived)" 1
in_ns db nft delete table inet witness
eventually "the api is reached there" 5 to web tcp6 "$(address_of api "$STABLE")" 8080
eventually "and at the temporary one" 5 to web tcp6 "$temporary" 8080
to_refused api tcp6 "$db" 22
to_refused api tcp6 "$(address_of outsider "$STABLE")" 5432
to_refused outsider tcp6 "$db" 5432
to_refused outsider tcp6 "$(address_of api "$STABLE")" 8080
to_refused outsider tcp6 "$temporary" 8080
all_refused

step "another temporary address after the first"
ip -n api -6 addr del "$temporary/64" dev eth0
"$ADVERTISE" br0 fd78:: 600 1200
eventually "there is another one" 5 address_of api "$TEMPORARY"
check "which is new" not test "$(address_of api "$TEMPORARY")" = "$temporary"
witness "$(address_of api "$TEMPORARY")"
eventually "the database is reached still" 5 to api tcp6 "$db" 5432
check "from the new one" at_least "$(arrived)" 1
in_ns db nft delete table inet witness
eventually "the old one is nobody's at the peer" 5 not names_address db "$temporary"
eventually "nor outside" 5 not outer_names_address "$temporary"

step "links are renamed while they are used"
# Two connections all along.
for v in 4 6; do
	ip netns exec api "$LAB/serve" load tcp$v "$(address $v 4)" 5432 2 20 >"$LAB/load$v" 2>&1 &
	loads[v]=$!
done
ip -n api link set eth0 name lan0
ip link set v3 name v33
renamed() { endpoint_of netns/api | jq -e '.interfaces | index("lan0") and (index("eth0") | not)'; }
eventually "the container's end" 5 renamed
eventually "the host's end is locked" 5 locked_by v33
check "the lock is in place" inner_is netns/api enforcing
shop_works
shop_refuses
for v in 4 6; do
	kill -TERM "${loads[v]}"
	wait "${loads[v]}"
	check "IPv$v: nothing was lost: $(cat "$LAB/load$v")" grep -q 'broken 0' "$LAB/load$v"
done
check "as planned" ns verify
stop_daemon
finished
