#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# 200,000 edges in the store: graph, proposal and evidence are whole, in bounded memory on both sides, and while somebody
# reads the graph slowly others are answered.
. "$(dirname "$0")/../lib/lab.sh"

edges=${EDGES:-200000}
# Memory that was given back counts while the sanitizer keeps it.
export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=8

peak() { awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$1/status"; }
peak_of() { # COMMAND…: MiB of its peak
	"$NS_BUILD/tests/bench/cost_meter" run -o "$LAB/out" "$NANOSEG" --socket "$LAB/run/nanosegd.sock" "$@" 2>"$LAB/cli.err" |
		awk '{ print int($3 / 1024) }'
}
rows() { wc -l <"$LAB/out"; }
small() { # WHAT MiB: less than the edges would take, which are 60 MiB as text
	check "$1: $2 MiB more than at rest" at_least $((${3:-40} * (NS_SLOW > 1 ? 3 : 1))) "$2"
}

"$NS_BUILD/tests/bench/cost_edges" "$LAB/state" "$edges" 2 || die "no store"
start_daemon 120
rest=$(peak "$DAEMON")
rest_of_command=$(peak_of endpoints)

step "the graph"
small "the command" $(($(peak_of graph) - rest_of_command))
check "each edge is a row" equal "$(rows)" $((edges + 1))
small "the command, for programs" $(($(peak_of graph --json) - rest_of_command))
check "one document with each edge once" jq -e --argjson n "$edges" '
	(.edges | length) == $n and (.edges | unique_by(.workload, .direction, .port, .peer) | length) == $n and
	.workloads == ["app/0", "app/1"] and .gaps == [] and .warnings == []' "$LAB/out"
check "of one workload its own" peak_of graph app/1
check "half of them" equal "$(rows)" $((edges / 2 + 1))

small "the daemon" $(($(peak "$DAEMON") - rest))

step "others are answered while somebody reads it slowly"
curl -s --limit-rate 1M --unix-socket "$LAB/run/nanosegd.sock" http://nanoseg/v1/graph -o "$LAB/slow" &
slow=$!
sleep 0.3
from=${EPOCHREALTIME/./}
for _ in {1..20}; do ns endpoints >/dev/null || die "no answer"; done
check "20 answers within a second each" at_least $((20000000 * NS_SLOW)) $((${EPOCHREALTIME/./} - from))
check "the slow reader is not done" kill -0 "$slow"
kill "$slow"

step "a proposal, and the evidence"
small "the command" $(($(peak_of policy propose app/0 --json) - rest_of_command))
check "all edges are in it" jq -e '.rules > 0 and .unchanged == false' "$LAB/out"
check "it stands for each" equal "$(nsj policy show app/0 | jq '[.rules[].evidence.connections_seen] | add')" $((edges / 2))
small "the command" $(($(peak_of evidence export --output "$LAB/evidence.json") - rest_of_command))
check "whole" jq -e --argjson n $((edges / 2)) '.complete and .audit.log_complete and
	[.workloads[].edges] == [$n, $n]' "$LAB/evidence.json"
check "as its digest says" grep -q "$(sha256sum <"$LAB/evidence.json" | cut -c 1-64)" "$LAB/out"
# The policy has some 10,000 rules: a document of megabytes, whatever the number of edges.
small "the daemon in all this" $(($(peak "$DAEMON") - rest)) 160

step "killed in the middle of it"
"$NANOSEG" --socket "$LAB/run/nanosegd.sock" graph --json >"$LAB/half" 2>"$LAB/half.err" &
reader=$!
wait_for 10 test -s "$LAB/half" || die "nothing comes"
kill_daemon
check "half a document is an error" not wait "$reader"
check "and said so" grep -q "broke off" "$LAB/half.err"
start_daemon 120
check "the edges are there" peak_of graph
check "all of them" equal "$(rows)" $((edges + 1))
stop_daemon
finished
