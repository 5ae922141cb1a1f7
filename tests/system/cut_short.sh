#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An agent that is killed while rules follow an address, between the kernel's commit and the record of it: what the next one
# finds is not what was recorded, and nobody else has changed it. No evidence may say that somebody has.
. "$(dirname "$0")/../lib/lab.sh"

CLIENTS=20

# kill_when NAME ADDRESS: the moment that the rules of a container name it.
kill_when() {
	local line
	while read -r line; do
		[[ $line != *"$2 "* ]] || break
	done < <(exec ip netns exec "$1" stdbuf -oL nft monitor 2>/dev/null)
	kill -9 "$DAEMON"
	kill "$!"
}
blamed() {
	grep -q 'changed by another process\|while no agent ran' "$LAB/daemon.log" ||
		nsj endpoints | jq -e 'any(.drift != null)' || nsj status | jq -e '.drift != []'
}
move() { # FAMILY FROM TO
	local length=24
	[ "$1" = 4 ] || length=64
	ip -n db "-$1" addr del "$(address "$1" "$2")/$length" dev eth0
	ip -n db "-$1" addr add "$(address "$1" "$3")/$length" dev eth0
}
answers() { attempt c1 "tcp$1" "$2" 5432; }

ns_container db 2
serve db tcp:5432
for n in $(seq $CLIENTS); do
	ns_container "c$n" $((100 + n))
done
start_daemon
for n in $(seq $CLIENTS); do
	wait_inner "netns/c$n" learning
	expect_pass "c$n" tcp4 2 5432
	expect_pass "c$n" tcp6 2 5432
done
for n in $(seq $CLIENTS); do
	approve "netns/c$n"
	enforce "netns/c$n"
done

at=([4]=2 [6]=2)
for v in 4 6; do
	step "killed in the middle, IPv$v"
	hit=''
	for round in 1 2 3 4 5 6 7 8 9 10; do
		next=$((v * 10 + round * 2))
		: >"$LAB/daemon.log"
		kill_when c1 "$(address $v $next)" &
		killer=$!
		wait_for 5 pgrep -f 'nft monitor' || die "nobody watches"
		sleep 0.1
		move $v "${at[v]}" $next
		wait $killer
		wait "$DAEMON" 2>/dev/null
		check "killed" not grep -q 'middle of a change' "$LAB/daemon.log"
		# What they hold is neither what was recorded nor what is wanted now.
		move $v $next $((next + 1))
		at[v]=$((next + 1))
		start_daemon
		eventually "the new address is allowed, IPv$v" 10 answers $v "${at[v]}"
		for n in 1 $CLIENTS; do
			expect_refused "c$n" "tcp$v" "${at[v]}" 22
		done
		check "everything is as planned" ns verify
		check "nobody is blamed" not blamed
		! grep -q 'middle of a change' "$LAB/daemon.log" || hit=1
		[ -z "$hit" ] || break
	done
	[ -n "$hit" ] || die "not once in $round rounds was it killed in the middle"
done

step "who really changes something is blamed all the same"
kill_daemon
in_ns c1 nft flush chain inet nanoseg output
start_daemon
eventually "it is told" 10 blamed
check "and whose rules those were" grep -q 'netns/c1 .*while no agent ran' "$LAB/daemon.log"
check "everything is as planned" ns verify
stop_daemon
finished
