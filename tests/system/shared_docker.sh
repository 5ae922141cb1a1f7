#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Containers of Docker that share a network namespace: one that joined another's (--network container:X), and some on the
# host's own network. Each is learned and judged by itself, told apart by its cgroup; who has no rules of its own gets none
# by joining; the host's own traffic from the same namespace never changes.
LAB_DOCKER_SOCKET=/run/docker.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/docker.sh"
. "$NS_SOURCE/tests/lib/runtimes.sh"
. "$NS_SOURCE/tests/lib/members.sh"

# to KIND NAME [PORT]: the arguments of an attempt towards a container on net.
each() { # CHECK FROM PROTO TO [PORT]: in both families
	local check=$1 from=$2 proto=$3 to=$4 v
	shift 4
	for v in 4 6; do
		"$check" "$from" "$proto$v" "$(rt_address "$to" $v net)" "$@"
	done
}

# What each does in its work.
work() {
	each mb_pass web udp db 53
	each mb_pass side tcp db 5432
	each mb_pass client tcp web 8080
	each mb_pass client tcp web 9090 # side serves that, in the same namespace
	each mb_pass hosted tcp db 5432
	each mb_pass client tcp host 7070
	each mb_pass client udp host 7171
	mb_pass hosted tcp4 127.0.0.1 9999
	mb_pass hosted tcp6 ::1 9999
}

refused() {
	each mb_refuse web tcp db 5432
	each mb_refuse web tcp db 22
	each mb_refuse side udp db 53
	each mb_refuse side tcp db 22
	each mb_refuse outsider tcp web 8080
	each mb_refuse outsider tcp web 9090
	each mb_refuse hosted tcp db 22
	each mb_refuse hosted udp db 53
	each mb_refuse outsider tcp host 7070
	mb_refuse hosted tcp4 127.0.0.1 9998
	mb_refuse hosted tcp6 ::1 9998
	all_refused
}

# The host's own, from the namespace that the container shares: everything, as ever.
host_works() {
	local v address
	for v in 4 6; do
		address=$(rt_address db $v net)
		for try in "tcp$v $address 5432" "tcp$v $address 22" "udp$v $address 53" "tcp$v $(rt_address web $v net) 8080"; do
			# shellcheck disable=SC2086
			check "the host: $try" "$TRAFFIC" try $try 1000
		done
	done
	check "the host: loopback, IPv4" "$TRAFFIC" try tcp4 127.0.0.1 9998 1000
	check "the host: loopback, IPv6" "$TRAFFIC" try tcp6 ::1 9998 1000
}

# Every rule of the host that is not ours.
host_rules() {
	nft -j list ruleset | jq -S '[.nftables[] | select([.. | .table?, (.table? | .name?) | strings |
		startswith("nanoseg")] | any | not) | del(.. | .handle?, .packets?, .bytes?)] |
		map(select((.table.name // "") | startswith("nanoseg") | not))'
}

docker_start
docker network create --ipv6 --subnet 172.31.0.0/24 --subnet fd99:5::/64 net >/dev/null || die "network create"
write_config
# Old nft programs cannot list the standing gate's wildcards.
echo "gate_standing = never" >>"$LAB/nanoseg.conf"
start_daemon
eventually "the engine is heard" 15 rt_source_is docker ok
"$TRAFFIC" serve tcp:9999 tcp:9998 >"$LAB/host.serve" 2>&1 &
HOST_SERVER=$!

step "who they are"
docker_run db --network net -- traffic serve tcp:5432 tcp:22 udp:53
docker_run client --network net -- sleep 1000
docker_run outsider --network net -- sleep 1000
docker_run web --network net -- traffic serve tcp:8080
docker_run side --network container:web -- traffic serve tcp:9090
docker_run hosted --network host -- traffic serve tcp:7070 udp:7171
rt_look db client outsider web side hosted
RT_ADDRESS[host/4/net]=172.31.0.1 RT_ADDRESS[host/6/net]=fd99:5::1
eventually "who made the namespace" 10 mb_is docker/web '.member == null and (.provisional | not)'
eventually "who joined it" 10 mb_is docker/side '.member.of == "docker/web" and .inner == "learning"'
eventually "who is on the host's network" 10 mb_is docker/hosted '.member.of == "host" and .inner == "learning"'
check "each in its own cgroup" equal "$(nsj endpoints | jq '[.[].member | select(.) | .cgroup] | unique | length')" 2
host_rules >"$LAB/host.before"

step "each is learned by itself"
work
host_works
for v in '. == false' '. == true'; do
	six="(.peer.address | contains(\":\") | $v)"
	eventually "side to db" 10 has_edge docker/side ".direction == \"egress\" and .peer.name == \"docker/db\" and .port == 5432 and $six"
	eventually "web to db" 10 has_edge docker/web ".direction == \"egress\" and .peer.name == \"docker/db\" and .port == 53 and $six"
	eventually "web is called" 10 has_edge docker/web ".direction == \"ingress\" and .peer.name == \"docker/client\" and .port == 8080 and $six"
	eventually "side is called" 10 has_edge docker/side ".direction == \"ingress\" and .peer.name == \"docker/client\" and .port == 9090 and $six"
	eventually "hosted to db" 10 has_edge docker/hosted ".direction == \"egress\" and .peer.name == \"docker/db\" and .port == 5432 and $six"
	eventually "hosted to the host" 10 has_edge docker/hosted ".direction == \"egress\" and .peer.class == \"host\" and .port == 9999 and $six"
	eventually "hosted is called" 10 has_edge docker/hosted ".direction == \"ingress\" and .port == 7070 and $six"
done
no_edge() { not has_edge "$@" 2>/dev/null; }
check "nothing of side is web's" no_edge docker/web '.port == 5432 or .port == 9090'
check "nothing of web is side's" no_edge docker/side '.port == 53 or .port == 8080'
check "nothing of the host is hosted's" no_edge docker/hosted '.port == 22 or .port == 9998 or .port == 53'

step "each is judged by itself"
for workload in docker/web docker/side docker/hosted; do
	approve $workload
done
for workload in docker/web docker/side docker/hosted; do
	enforce $workload
done
check "one outer lock for who shares the link" equal "$(endpoint_of docker/web | jq -r .outer)" enforcing
refused
work
host_works
check "the kernel holds what was approved" ns verify
# As a name server on each node does.
nft 'table inet unfollowed {
	chain in { type filter hook prerouting priority raw; udp dport 7171 notrack; }
	chain out { type filter hook output priority raw; udp sport 7171 notrack; }
}' || die "notrack"
each mb_pass client udp host 7171
each mb_refuse outsider udp host 7171
all_refused
nft delete table inet unfollowed
check "told by nobody's process: the namespace's own rules" rt_in side "$TRAFFIC" try udp4 "$(rt_address db 4 net)" 53 1000
check "and those refuse what the member may" not rt_in side "$TRAFFIC" try tcp4 "$(rt_address db 4 net)" 5432 300

step "who joins without rules of its own opens nothing"
docker_run late --network container:web -- sleep 1000
rt_look late
eventually "it shares web's rules" 10 mb_is docker/late '.inner | contains("docker/web")'
each mb_refuse late tcp db 5432
all_refused
each mb_pass late udp db 53
check "to learn it, the namespace is put into learning" ns mode docker/web learning
check "it has its own table when the command returns" mb_is docker/late '.member.table and .inner == "learning"'
each mb_pass late tcp db 5432
eventually "what it does is its own" 10 has_edge docker/late '.direction == "egress" and .port == 5432'
check "and not the namespace's" no_edge docker/web '.port == 5432'
enforce docker/web
eventually "without a policy it is judged by web's rules again" 10 mb_is docker/late '.inner | contains("docker/web")'
each mb_refuse late tcp db 5432
all_refused

step "the daemon is killed: all stays"
kill_daemon
refused
work
host_works
start_daemon
eventually "each has its table again" 10 mb_is docker/side '.inner == "enforcing" and .member.table'
check "the kernel holds what was approved" ns verify
work
refused

step "another life of the same containers"
docker restart -t 0 side hosted >/dev/null || die "docker restart"
rt_look side hosted
for name in side hosted; do
	eventually "$name is enforced again" 15 mb_is "docker/$name" '.inner == "enforcing" and .member.table'
	wait_for 10 docker_serves $name
done
refused
work
host_works

check "and nobody is told to have tampered" equal "$(nsj endpoints | jq '[.[] | select((.drift.count // 0) > 0)] | length')" 0

step "nothing is left"
docker rm -f side late hosted >/dev/null
no_table() { # PATTERN COMMAND…: that lists tables
	local pattern=$1
	shift
	"$@" nft list tables inet >"$LAB/tables" && ! grep -q "$pattern" "$LAB/tables"
}
eventually "of the one on the host's network" 10 no_table nanoseg env
eventually "of those in the namespace" 10 no_table nanoseg- rt_in web
host_works
host_rules >"$LAB/host.after"
check "no rule of the host's own was touched" cmp "$LAB/host.before" "$LAB/host.after"
kill $HOST_SERVER
stop_daemon
docker restart -t 0 web >/dev/null || die "docker restart"
rt_look web
check "rules are taken out" "$NANOSEGD" --config "$LAB/nanoseg.conf" --remove-rules
check "and none are put in while that is done" no_table nanoseg rt_in web
docker_stop
finished
