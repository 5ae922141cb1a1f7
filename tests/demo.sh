#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sudo tests/demo.sh: nanoseg at work, in a lab of its own. Installs the Debian packages it needs, builds, and then, in
# less than a minute: four throw-away containers talk to each other, nanoseg learns, a policy is proposed and approved, and an
# attacker inside one of them finds every door shut. What is told is checked; the first thing that is not as told ends the
# demo with an error. Nothing is left behind.
set -eu -o pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
[ $# = 0 ] || {
	sed -n 's/^# \{0,1\}//; 4,8p' "$0"
	exit 2
}
if [ -z "${NS_IN_LAB:-}" ]; then
	[ "$(id -u)" = 0 ] || {
		echo "tests/demo.sh makes network namespaces and needs root: sudo tests/demo.sh" >&2
		exit 2
	}
	. "$source/tests/lib/packages.sh"
	# shellcheck disable=SC2086
	install_packages $PACKAGES_BUILD $PACKAGES_LAB
	NANOSEG_BUILD=$source/build/demo
	echo "building in ${NANOSEG_BUILD#"$PWD"/} …"
	cmake -G Ninja -S "$source" -B "$NANOSEG_BUILD" -DCMAKE_BUILD_TYPE=Release >/dev/null
	ninja -C "$NANOSEG_BUILD" --quiet nanosegd nanoseg traffic
	NANOSEG_COLOUR=$([ -t 1 ] && echo yes || true)
	export NANOSEG_BUILD NANOSEG_COLOUR
fi
set +e # from here on every step is checked where it is told
. "$source/tests/lib/lab.sh"

began=${EPOCHREALTIME/./}

# ---- telling ----

colour() { # CODE TEXT…
	local code=$1
	shift
	if [ -n "${NANOSEG_COLOUR:-}" ]; then printf '\033[%sm%s\033[0m\n' "$code" "$*"; else printf '%s\n' "$*"; fi
}

chapter() {
	echo
	colour '1' "── $*"
}

tell() {
	printf '   %s\n' "$@"
}

# The words as a shell would have to be given them.
quoted() {
	local word
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=-]*) printf '"%s" ' "$word" ;;
		*) printf '%s ' "$word" ;;
		esac
	done
}

# Shows a command and what it prints.
run() {
	echo
	colour '36' "   # nanoseg $(quoted "$@")"
	ns "$@" | sed 's/^/   /' || die "nanoseg $*: $(cat "$LAB/cli.err")"
}

# works|refused WHAT FROM KIND TO-N [PORT]: tries it with real packets, tells, and checks.
works() {
	local what=$1 outcome
	shift
	outcome=$(attempt "$@") || die "$what did not work: $outcome"
	colour '32' "   works     $what"
}

refused() {
	local what=$1 outcome
	shift
	outcome=$(attempt_for 400 "$@") && die "$what was let through"
	[ "$outcome" = timeout ] || [ "$outcome" = blocked ] || die "$what did not run: $outcome"
	colour '31' "   refused   $what"
}

daily_work() {
	local v
	for v in 4 6; do
		TRY_AS=$LAB/bin/webserver works "web      → api       TCP 8080   IPv$v" web tcp$v 3 8080
		TRY_AS=$LAB/bin/apiserver works "api      → database  TCP 5432   IPv$v" api tcp$v 4 5432
		TRY_AS=$LAB/bin/apiserver works "api      → database  UDP 53     IPv$v" api udp$v 4 53
		TRY_AS=$LAB/bin/apiserver works "api      → database  ping       IPv$v" api ping$v 4
	done
}

attack() {
	local v
	for v in 4 6; do
		TRY_AS=$LAB/bin/attacker refused "api      → database  TCP 22     IPv$v   a new port on a known peer" api tcp$v 4 22
		TRY_AS=$LAB/bin/attacker refused "api      → outsider  TCP 5432   IPv$v   a known port on an unknown peer" api tcp$v 5 5432
		TRY_AS=$LAB/bin/attacker refused "api      → outsider  UDP 53     IPv$v   data in name look-ups" api udp$v 5 53
		TRY_AS=$LAB/bin/attacker refused "api      → outsider  ping       IPv$v   data in pings" api ping$v 5
		refused "outsider → api       TCP 8080   IPv$v   somebody comes in" outsider tcp$v 3 8080
	done
}

# What the kernel has counted on the rules that let the API open connections to the database.
passed_to_database() {
	in_ns api nft -j list table inet nanoseg |
		jq '[.nftables[].set? | select(.name // "" | test("^egress[46]$")) | .elem[]?.elem.counter.packets] | add // 0'
}

# ---- the story ----

mkdir -p "$LAB/bin"
for name in webserver apiserver database attacker; do
	cp "$TRAFFIC" "$LAB/bin/$name"
done

chapter "1  Four containers and nanosegd"
tell "A web server, an API, a database and an outsider, each in a network namespace of its own, all on one" \
	"bridge, all able to reach each other in IPv4 and IPv6. This is how containers start out everywhere."
LAB_LOG_LEVEL=info write_config
start_daemon
ns_container web 2
ns_container api 3
ns_container db 4
ns_container outsider 5
SERVE_AS=$LAB/bin/webserver serve web tcp:80
SERVE_AS=$LAB/bin/apiserver serve api tcp:8080
SERVE_AS=$LAB/bin/database serve db tcp:5432 tcp:22 udp:53
serve outsider tcp:5432 udp:53
for name in web api db outsider; do
	wait_for 10 inner_is "netns/$name" learning || die "netns/$name is not learning"
done
run endpoints

chapter "2  They do their daily work, and the kernel takes notes"
daily_work
tell "Nothing is blocked yet. The first packet of every new flow put one element into a set inside the kernel;" \
	"nanosegd reads them and gives them names:"
run graph netns/api

chapter "3  nanoseg proposes an allow list"
run policy propose netns/api
run policy show netns/api
digest=$(digest_of netns/api) || die "no digest"

chapter "4  A person reads it and approves exactly this digest"
run policy approve netns/api --digest "$digest" --reason "read rule by rule; it is what the API is for"
run mode netns/api enforcing

chapter "5  The daily work goes on"
daily_work

chapter "6  An attacker gets into the API container and tries what it never did"
attack

chapter "7  What was refused is on record: who, what, when, which program"
has_deny netns/api '.port == 22' || die "the deny is not in the record"
run denies netns/api

chapter "8  nanosegd is killed; the rules are the kernel's"
before=$(passed_to_database)
kill_daemon
refused "api      → database  TCP 22     IPv4   with no agent running" api tcp4 4 22
refused "api      → database  TCP 22     IPv6   with no agent running" api tcp6 4 22
works "api      → database  TCP 5432   IPv4" api tcp4 4 5432
works "api      → database  TCP 5432   IPv6" api tcp6 4 5432
start_daemon
wait_for 10 inner_is netns/api enforcing || die "the restarted daemon does not enforce"
wait_for 10 test "$(passed_to_database)" -ge "$before" || die "the counters began anew"
tell "Started again, it has adopted its tables, and the counters went on: $before packets opened connections to the" \
	"database before, $(passed_to_database) by now."

chapter "9  The evidence"
nsj evidence export netns/api >"$LAB/evidence.json" || die "no evidence: $(cat "$LAB/cli.err")"
readback=$(jq -c '.workloads[0].readback[0] | {equal, plan: .plan_digest, kernel: .kernel_digest}' "$LAB/evidence.json")
[ "$(jq -r .equal <<<"$readback")" = true ] || die "the kernel is not as approved: $readback"
[ "$(jq -r '.workloads[0].digest' "$LAB/evidence.json")" = "$digest" ] || die "another digest is in force"
tell "approved    $digest" \
	"by          $(jq -r '.workloads[0].approvals[-1] | "\(.actor.user) (uid \(.actor.uid)) at \(.time): \(.reason)"' "$LAB/evidence.json")" \
	"planned     $(jq -r .plan <<<"$readback")" \
	"in kernel   $(jq -r .kernel <<<"$readback")   the same" \
	"audit log   $(jq -r '"\(.audit.entries) entries, hash chain verified: \(.audit.verified)"' "$LAB/evidence.json")"

echo
colour '1' "── Done: $(((${EPOCHREALTIME/./} - began) / 1000000)) s. The lab, its containers and its rules are gone."
exit 0
