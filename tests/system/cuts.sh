#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tightening cuts: connections that the policy forbids, open when it comes into force, end within 100 ms of the command,
# in and out, TCP and UDP, IPv4 and IPv6; and a hundred that it allows, busy all the while, miss nothing. Then the same with
# a narrower revision of a policy that is in force.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"
. "$NS_SOURCE/tests/lib/siege.sh"
CUT_US=$((100000 * NS_SLOW))

declare -A LOADS=()
# load NAME FROM KIND TO-N PORT COUNT MS: begins; its figures come to $LAB/load.NAME.
load() {
	local name=$1 from=$2 kind=$3
	siege_exec "$from" "$TRAFFIC" load "$kind" "$(address "${kind: -1}" "$4")" "$5" "$6" "$7" >"$LAB/load.$name" 2>&1 &
	LOADS[$name]=$!
	wait_for 5 grep -q ready "$LAB/load.$name" || die "no load: $name: $(cat "$LAB/load.$name")"
}

# Ends it; its status is 0 when it has lost nothing.
load_end() { # NAME
	kill -TERM "${LOADS[$1]}" 2>/dev/null
	wait "${LOADS[$1]}"
}

lives() { # NAME
	kill -0 "${LOADS[$1]}" 2>/dev/null
}

figure() { # NAME WORD
	grep -oE "$2 [0-9]+" "$LAB/load.$1" | cut -d ' ' -f 2
}

now_us() { echo "${EPOCHREALTIME/[.,]/}"; }

# When the last packet came that the condition ($1 victim, $2 source, $3 destination, $4 protocol, $5 port) is about.
last_packet() { # FILE AWK-CONDITION
	awk "($2) && \$7 > last { last = \$7 } END { printf \"%.0f\", last }" "$1"
}

# ended WHAT LAST END: the last sign of life was at most so long after the command's end.
ended() {
	check "$1: there was life before" at_least "$2" "$(($3 - 5000000))"
	check "$1: ended in time, $((($2 - $3) / 1000)) ms after" at_least "$CUT_US" "$(($2 - $3))"
	[ $(($2 - $3)) -le "$WORST" ] || WORST=$(($2 - $3))
}

allowed_start() {
	load db-tcp4 api tcp4 4 5432 30 20
	load db-tcp6 api tcp6 4 5432 30 20
	load db-udp4 api udp4 4 53 10 20
	load db-udp6 api udp6 4 53 10 20
	load web-tcp4 web tcp4 3 8080 10 20
	load web-tcp6 web tcp6 3 8080 10 20
}
ALLOWED="db-tcp4 db-tcp6 db-udp4 db-udp6 web-tcp4 web-tcp6"

allowed_end() { # MINIMUM-OF-RECORDS
	local name sum=0
	for name in $ALLOWED; do
		load_end "$name" || die "$name lost something: $(cat "$LAB/load.$name")"
		sum=$((sum + $(figure "$name" received)))
	done
	check "they were busy" at_least "$sum" "$1"
	echo "100 allowed connections: $sum records, none lost"
}

# What the answer to a command says was cut.
cut_figure() { # FILE NAME
	jq -e --arg n "$2" '[.. | objects | select(has("connections") and has("sockets") and has("kept"))][0][$n]' "$1"
}

step "learning and approving"
shop_start
serve api udp:6000
start_daemon
shop_watched
shop_works
approve netns/api

step "open connections, forbidden and allowed"
FORBIDDEN=""
for v in 4 6; do
	load "out-tcp$v" api tcp$v 5 5432 1 5
	load "out-udp$v" api udp$v 5 53 1 5
	load "port-tcp$v" api tcp$v 4 22 1 5
	load "in-tcp$v" outsider tcp$v 3 8080 1 5
	load "in-udp$v" outsider udp$v 3 6000 1 5
	FORBIDDEN+=" out-tcp$v out-udp$v port-tcp$v in-tcp$v in-udp$v"
done
allowed_start
siege_tally outsider api db
sleep 1
for name in $FORBIDDEN; do
	check "$name lives" lives "$name"
done

step "enforcing"
began=$(now_us)
nsj mode netns/api enforcing >"$LAB/mode" || die "mode: $(cat "$LAB/cli.err")"
end=$(now_us)
echo "the command took $(((end - began) / 1000)) ms and answered $(jq -c . "$LAB/mode")"
sleep "$NS_SLOW"
siege_tallied "$LAB/tally"
WORST=-10000000
for name in $FORBIDDEN; do
	case $name in
	in-*) ;; # its own side only learns of it when nothing comes back any more
	*) check "$name: its sockets are gone" not lives "$name" ;;
	esac
	load_end "$name" && die "$name lives: $(cat "$LAB/load.$name")"
	ended "$name" "$(figure "$name" last)" "$end"
done
for v in 4 6; do
	own=$(address $v 3) other=$(address $v 5) db=$(address $v 4)
	# shellcheck disable=SC2016
	for at in 'outsider/$2 == "'"$own"'"/packets out' 'api/$2 == "'"$other"'"/packets in' \
		'db/$2 == "'"$own"'" && $5 == 22/packets to a port'; do
		what=${at##*/}
		ended "$what, IPv$v" "$(last_packet "$LAB/tally" "\$1 == \"${at%%/*}\" && $(cut -d / -f 2 <<<"$at")")" "$end"
	done
done
echo "the last sign of life of 10 forbidden connections: $((WORST / 1000)) ms after the command's end"
check "told: connections" at_least "$(cut_figure "$LAB/mode" connections)" 10
# All but the server's UDP socket, which is not connected: it serves others.
check "told: sockets" equal "$(cut_figure "$LAB/mode" sockets)" 8
check "told: those that were kept" at_least "$(cut_figure "$LAB/mode" kept)" 100
allowed_end 3000
shop_works
shop_refuses

step "a narrower revision"
allowed_start
siege_tally db
sleep 1
nsj policy show netns/api | jq '{schema, workload, revision, verdict, rules: [.rules[] | select(.port != 53 and .ports != "53" and
	((.ports // []) | tostring | test("\\b53\\b") | not)) | del(.evidence)]}' >"$LAB/narrow.json"
check "it is narrower" at_least "$(($(nsj policy show netns/api | jq '.rules | length') - $(jq '.rules | length' "$LAB/narrow.json")))" 1
check "edited" ns policy edit netns/api --file "$LAB/narrow.json"
digest=$(digest_of netns/api)
nsj policy approve netns/api --digest "$digest" --reason "no datagrams" >"$LAB/approved" || die "approve: $(cat "$LAB/cli.err")"
end=$(now_us)
echo "approving answered $(jq -c . "$LAB/approved" | cut -c 1-300)"
sleep "$NS_SLOW"
siege_tallied "$LAB/tally"
for v in 4 6; do
	load_end "db-udp$v" && die "db-udp$v lives"
	ended "datagrams, IPv$v" "$(figure "db-udp$v" last)" "$end"
	# shellcheck disable=SC2016
	ended "packets, IPv$v" "$(last_packet "$LAB/tally" '$2 == "'"$(address $v 3)"'" && $4 == 17 && $5 == 53')" "$end"
done
ALLOWED="db-tcp4 db-tcp6 web-tcp4 web-tcp6"
allowed_end 2000
stop_daemon
finished
