#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A real Docker engine: three services on a user-defined dual-stack network with embedded DNS, one published port. Learn,
# approve, enforce; what was learned works, names and published port included; the rest is refused; a container that is
# recreated with a new address fits its policy.
LAB_DOCKER_SOCKET=/run/docker.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/docker.sh"

service() { # NAME COMMAND…: a compose service of project shop
	local name=$1
	shift
	docker_run "shop-$name-1" --network shop --network-alias "$name" --label com.docker.compose.project=shop \
		--label com.docker.compose.service="$name" "${SERVICE_OPTIONS[@]}" -- "$@"
}
SERVICE_OPTIONS=()

try() { # CONTAINER KIND TO-CONTAINER [PORT]
	local from=$1 kind=$2 to=$3
	shift 3
	docker exec "$from" traffic try "$kind" "$(docker_address "$to" "${kind: -1}" shop)" "$@"
}
passes() {
	local outcome
	outcome=$(try "$@") || die "$* did not pass: $outcome"
	passed "$* passes"
}
refused() {
	local outcome
	outcome=$(try "$@" 500) && die "$* passed, and must be refused"
	case $outcome in
	timeout | reset | blocked | prohibited) passed "$* is refused ($outcome)" ;;
	*) die "$* did not run: $outcome" ;;
	esac
}
resolves() { # CONTAINER NAME: by the engine's own name server
	check "$1 resolves $2" test "$(docker exec "$1" nslookup "$2" 127.0.0.11 2>/dev/null | grep -cE '^Address.*(172\.31|fd99)')" -ge 1
}
published() { # from the host, through the published port
	"$TRAFFIC" try tcp4 "$1" 8000 "${2:-1000}" >/dev/null
}
learned_things() {
	local v
	resolves shop-api-1 db
	resolves shop-web-1 api
	for v in 4 6; do
		passes shop-api-1 tcp$v shop-db-1 5432
		passes shop-api-1 udp$v shop-db-1 5353
		passes shop-web-1 tcp$v shop-api-1 8080
	done
	check "the published port, by its address" published 127.0.0.1
	check "the published port, from another machine, IPv4" client_published 4
	check "the published port, from another machine, IPv6" client_published 6
}
# A machine beside this one, behind a veth of its own.
client_machine() {
	ip netns add client
	ip link add vclient type veth peer name eth0 netns client
	ip addr add 192.0.2.1/24 dev vclient
	ip link set vclient up
	ip -6 addr add 2001:db8:1::1/64 dev vclient nodad
	ip -n client addr add 192.0.2.2/24 dev eth0
	ip -n client -6 addr add 2001:db8:1::2/64 dev eth0 nodad
	ip -n client link set lo up
	ip -n client link set eth0 up
	ip -n client route add default via 192.0.2.1
	ip -n client -6 route add default via 2001:db8:1::1
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
}
client_published() { # FAMILY
	local to=192.0.2.1
	[ "$1" = 4 ] || to=2001:db8:1::1
	in_ns client "$TRAFFIC" try "tcp$1" "$to" 8000 >/dev/null
}
refused_things() {
	local v
	for v in 4 6; do
		refused shop-api-1 tcp$v shop-db-1 22        # a new port on a known peer
		refused shop-api-1 tcp$v outsider 5432       # a known port on an unknown peer
		refused shop-api-1 udp$v outsider 5353
		refused outsider tcp$v shop-api-1 8080       # an outsider comes in
		refused outsider tcp$v shop-db-1 5432
		refused shop-web-1 tcp$v shop-db-1 5432      # past the api
		refused shop-api-1 ping$v shop-db-1          # ICMP never seen
		refused outsider ping$v shop-api-1
	done
}

docker_start
docker network create --ipv6 --subnet 172.31.0.0/16 --subnet fd99:5::/64 shop >/dev/null || die "docker network create"
client_machine
start_daemon
docker_ok() { [ "$(nsj status | jq -r '.sources[] | select(.source == "docker") | .state')" = ok ]; }
eventually "the engine is heard" 15 docker_ok

step "three services and an outsider"
service db traffic serve tcp:5432 tcp:22 udp:5353
service api traffic serve tcp:8080
SERVICE_OPTIONS=(-p 8000:80)
service web traffic serve tcp:80
SERVICE_OPTIONS=()
docker_run outsider --network shop -- traffic serve tcp:5432 tcp:80 udp:5353
for name in db api web; do
	eventually "$name is a compose service" 15 has_endpoint "compose/shop/$name"
	wait_inner "compose/shop/$name" learning
done
eventually "the outsider has its name" 15 has_endpoint docker/outsider
id=$(docker inspect shop-api-1 | jq -r '.[0].Id')
check "identity from the engine" jq -e --arg id "$id" 'map(select(.workload == "compose/shop/api")) | length == 1 and
	(.[0] | .runtime == "docker" and .container_id == $id and (.name | test("shop-api-1")) and (.image | test("nanoseg-test:1"))
	 and (.image_digest | startswith("sha256:")) and (.interfaces | length == 1) and (.addresses | length >= 2))' <(nsj endpoints) >/dev/null

step "learning"
learned_things
for name in db api web; do
	eventually "$name has edges" 10 has_edge "compose/shop/$name" '.direction == "ingress" and .protocol == "tcp"'
done
eventually "api to db by name" 5 has_edge compose/shop/api '.direction == "egress" and .peer.name == "compose/shop/db" and .port == 5432'

step "approving and enforcing"
for name in db api web; do
	approve "compose/shop/$name"
	enforce "compose/shop/$name"
done
learned_things
refused_things
for v in 4 6; do
	eventually "in the log: new port, IPv$v" 5 has_deny compose/shop/api ".direction == \"egress\" and .port == 22 and .peer.address == \"$(docker_address shop-db-1 $v shop)\""
	eventually "in the log: outsider, IPv$v" 5 has_deny compose/shop/db ".direction == \"ingress\" and .port == 5432 and .peer.address == \"$(docker_address outsider $v shop)\""
done
check "the engine's own table is there" grep -q 'table ip nat' <(nsenter -t "$(docker inspect shop-api-1 | jq '.[0].State.Pid')" -n nft list tables)

step "db is recreated with another address"
digest=$(digest_of compose/shop/db)
api_digest=$(digest_of compose/shop/api)
old4=$(docker_address shop-db-1 4 shop)
docker rm -f shop-db-1 >/dev/null
docker_run placeholder --network shop --ip "$old4" -- sleep 1000
service db traffic serve tcp:5432 tcp:22 udp:5353
check "it has another address" test "$(docker_address shop-db-1 4 shop)" != "$old4"
wait_inner compose/shop/db enforcing
api_reaches_db() { try shop-api-1 tcp4 shop-db-1 5432 && try shop-api-1 tcp6 shop-db-1 5432; }
eventually "the api reaches it" 10 api_reaches_db
learned_things
refused_things
check "no new approval: db" equal "$(digest_of compose/shop/db)" "$digest"
check "no new approval: api" equal "$(digest_of compose/shop/api)" "$api_digest"

step "the api is recreated"
docker rm -f shop-api-1 >/dev/null
docker_run placeholder2 --network shop -- sleep 1000
service api traffic serve tcp:8080
wait_inner compose/shop/api enforcing
eventually "it reaches db" 10 api_reaches_db
learned_things
refused_things
stop_daemon
learned_things
refused_things
docker_stop
finished
