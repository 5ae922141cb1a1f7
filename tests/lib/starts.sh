# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Closed from birth: many starts of one container whose first instruction sends what its policy forbids (first.h), and the
# count, on the bridge, of what left. Sourced after lab.sh and image.sh. The runtime's script sets STARTS_BRIDGE,
# STARTS_FAR4, STARTS_FAR6 (the forbidden peer's addresses, with prefix) and STARTS_WORKLOAD, and defines
#
#	start_one COOKIE WORD…     starts a container of the workload that runs `first WORD…`, with STARTS_OUT as its /out, and
#	                           returns when it has ended or could not be started; any number at a time
#	churn_one N                ends container N of those that churn, if it is there, and starts it
STARTS_OUT=/run/out
STARTS_LIMIT_MS=${STARTS_LIMIT_MS:-100}
# So many of one series may be later than that.
STARTS_LATE_MAX=0
STARTS_PORT=5432

# The forbidden peer: a namespace on the same bridge that no runtime made, so that it has no lock of its own. Its link is
# none of those that the gate closes: only the container's end keeps packets from it.
starts_far() {
	local pid
	mkdir -p "$STARTS_OUT"
	ip link add far0 type veth peer name far1
	unshare --net sleep infinity &
	pid=$!
	disown
	wait_for 5 not test /proc/self/ns/net -ef "/proc/$pid/ns/net" || die "no namespace for the forbidden peer"
	ip link set far1 netns "$pid"
	ip link set far0 master "$STARTS_BRIDGE" up
	nsenter -t "$pid" -n ip addr add "$STARTS_FAR4" dev far1
	nsenter -t "$pid" -n ip -6 addr add "$STARTS_FAR6" dev far1 nodad
	nsenter -t "$pid" -n ip link set far1 up
}

# starts_first COOKIE MS WORD…: the command of a container; without WORD it only does what is allowed.
starts_first() {
	local cookie=$1 ms=$2 command=(run "$1" "/out/$1" "$2" "$STARTS_NEAR4" "$STARTS_NEAR6" "$STARTS_PORT")
	shift 2
	rm -f "$STARTS_OUT/$cookie" "$STARTS_OUT/$cookie.part"
	start_one "$cookie" "${command[@]}" "$@"
}

# starts_series FROM TO MS: that many starts, two at a time; what crossed the bridge meanwhile is in $LAB/left.
starts_series() {
	local cookie pids=() ms=$3 began=${EPOCHREALTIME/./}
	"$FIRST" count "$STARTS_BRIDGE" "${STARTS_FAR4%/*}" "${STARTS_FAR6%/*}" >"$LAB/left" &
	local counter=$!
	wait_for 5 grep -q ready "$LAB/left" || die "the counter does not start"
	for ((cookie = $1; cookie <= $2; cookie++)); do
		starts_first "$cookie" "$ms" "${STARTS_FAR4%/*}" "${STARTS_FAR6%/*}" &
		pids+=($!)
		[ ${#pids[@]} -lt 2 ] || {
			wait "${pids[0]}"
			pids=("${pids[@]:1}")
		}
	done
	wait "${pids[@]}"
	kill -TERM "$counter"
	wait "$counter" || die "the counter lost frames"
	echo "$(($2 - $1 + 1)) starts in $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
}

# starts_left FROM TO [KIND]: how many of these starts a forbidden packet left from.
starts_left() {
	awk -v from="$1" -v to="$2" -v kind="${3:-}" 'NF == 3 && $1 >= from && $1 <= to && (kind == "" || $2 == kind) && !seen[$1]++ {
		n++ } END { print n + 0 }' "$LAB/left"
}

# starts_heard FROM TO: how many of these the bridge heard of at all, be it ARP.
starts_heard() {
	starts_reports "$1" "$2" | grep -oP '(?<= mac=)\S+' | grep -cFf <(awk 'NF == 2 { print $1 }' "$LAB/left")
}

# starts_reports FROM TO: the containers' own reports.
starts_reports() {
	local cookie files=()
	for ((cookie = $1; cookie <= $2; cookie++)); do
		[ ! -e "$STARTS_OUT/$cookie" ] || files+=("$STARTS_OUT/$cookie")
	done
	[ ${#files[@]} = 0 ] || cat "${files[@]}"
}

# starts_values FROM TO MEMBER: of each report, sorted.
starts_values() {
	starts_reports "$1" "$2" | grep -oP "(?<= $3=)-?\d+" | sort -n
}

# starts_times WHAT FROM TO: the time from the first instruction to the allowed connection; prints its middle and its
# maximum, and keeps the latter, in microseconds, -1 when one did not get there, in STARTS_MAX.
starts_times() {
	local v values
	STARTS_MAX=0
	for v in 4 6; do
		values=$(starts_values "$2" "$3" "allowed$v")
		check "$1: every container reports" equal "$(wc -l <<<"$values")" $(($3 - $2 + 1))
		check "$1: IPv$v reached by all" at_least "$(head -n 1 <<<"$values")" 0
		echo "$1: allowed over IPv$v after $(sed -n "$((($3 - $2) / 2 + 1))p" <<<"$values") us (middle)," \
			"$(tail -n 1 <<<"$values") us (longest), first attempt in" \
			"$(starts_values "$2" "$3" "by$v" | grep -cx 1) of $(($3 - $2 + 1))"
		[ "$(tail -n 1 <<<"$values")" -le "$STARTS_MAX" ] || STARTS_MAX=$(tail -n 1 <<<"$values")
	done
}

# starts_late FROM TO: the reports of those that were, to be laid beside the daemon's log, by the clock.
starts_late() {
	local line us
	starts_reports "$1" "$2" | while read -r line; do
		for us in $(grep -oP '(?<= allowed[46]=)-?\d+' <<<"$line"); do
			[ "$us" -lt 0 ] || [ "$us" -gt $((STARTS_LIMIT_MS * NS_SLOW * 1000)) ] || continue
			us=$(grep -oP '(?<= at=)\d+' <<<"$line")
			echo "late: began $(date -u -d "@${us::-6}" +%T).${us: -6}, $line"
			break
		done
	done
}

# Without a lock: what is forbidden later leaves in every way from every start, or the test could not fail.
starts_open() { # FROM TO
	local way
	starts_series "$1" "$2" 5000
	for way in udp4 udp6 tcp4 tcp6 raw4 raw6; do
		check "with no lock, $way leaves" equal "$(starts_left "$1" "$2" $way)" $(($2 - $1 + 1))
	done
	check "with no lock, each is heard" equal "$(starts_heard "$1" "$2")" $(($2 - $1 + 1))
	starts_times "open" "$1" "$2"
}

# Enforced: nothing leaves, though each container tried in every way, and what is allowed works at once.
starts_closed() { # WHAT FROM TO
	local way
	starts_series "$2" "$3" 5000
	check "$1: nothing forbidden left" equal "$(starts_left "$2" "$3")" 0
	starts_late "$2" "$3" | tee "$LAB/late"
	starts_times "$1" "$2" "$3"
	for way in raw4 raw6; do
		check "$1: $way was tried from each" at_least "$(starts_values "$2" "$3" $way | head -n 1)" 1
	done
	check "$1: allowed within $STARTS_LIMIT_MS ms, but for $STARTS_LATE_MAX" at_least "$STARTS_LATE_MAX" "$(wc -l <"$LAB/late")"
}

# The daemon is dead: the gate stands, for what is allowed too.
starts_dead() { # FROM TO
	starts_series "$1" "$2" 1000
	check "with the daemon dead nothing forbidden leaves" equal "$(starts_left "$1" "$2")" 0
	check "with the daemon dead nothing leaves at all" equal "$(starts_heard "$1" "$2")" 0
	check "with the daemon dead nothing is reached" equal "$(starts_values "$1" "$2" 'allowed[46]' | sort -u)" -1
	check "with the daemon dead they ran" equal "$(starts_reports "$1" "$2" | wc -l)" $(($2 - $1 + 1))
}

# Two that are started while the daemon is dead, and still run when it is back: what is allowed works from then on, and in
# between nothing forbidden leaves either.
starts_outlasting() { # FROM
	starts_series "$1" $(($1 + 1)) 20000 &
	local series=$!
	wait_for 20 test -e "$STARTS_OUT/$1.part" -a -e "$STARTS_OUT/$(($1 + 1)).part" || die "they do not run"
	check "they wait" not test -e "$STARTS_OUT/$1" -o -e "$STARTS_OUT/$(($1 + 1))"
	start_daemon
	wait "$series" || die "the counter lost frames"
	check "the daemon comes back: nothing forbidden left" equal "$(starts_left "$1" $(($1 + 1)))" 0
	starts_times "they outlasted its absence" "$1" $(($1 + 1))
}

# ---- the story ----

# From a learning run that does what is allowed to a policy in force. Nobody of the workload runs when it is.
starts_approve() {
	local v to
	starts_first 0 5000
	for v in 4 6; do
		to=STARTS_NEAR$v
		eventually "the allowed connection is learned, IPv$v" 15 has_edge "$STARTS_WORKLOAD" \
			".direction == \"egress\" and .protocol == \"tcp\" and .port == $STARTS_PORT and .peer.address == \"${!to}\""
	done
	approve "$STARTS_WORKLOAD"
	check "$STARTS_WORKLOAD enforcing" ns mode "$STARTS_WORKLOAD" enforcing
}

# STARTS_ROUNDS starts, as many more while others churn, then with the daemon killed between two starts, and started again.
STARTS_ROUNDS=${STARTS_ROUNDS:-50}

starts_story() { # FROM: 200 cookies from there on
	local n=$1 churned
	step "started $STARTS_ROUNDS times"
	starts_closed "quiet" "$n" $((n + STARTS_ROUNDS - 1))
	step "started $STARTS_ROUNDS times, while $CHURN_COUNT others come and go"
	churn_begin
	wait_for 60 starts_churned "$CHURN_COUNT" || die "the others do not churn: $(tail -n 3 "$LAB/churn.log")"
	churned=$(churn_count)
	starts_closed "churn" $((n + 50)) $((n + 49 + STARTS_ROUNDS))
	check "the others were started again meanwhile" at_least $(($(churn_count) - churned)) \
		$((CHURN_COUNT * STARTS_ROUNDS / 50))
	churn_end
}

starts_story_killed() { # FROM: 12 cookies from there on
	local n=$1
	step "the daemon is killed between two starts"
	starts_closed "before" "$n" $((n + 1))
	kill_daemon
	starts_dead $((n + 2)) $((n + 5))
	starts_outlasting $((n + 6))
	starts_closed "after" $((n + 8)) $((n + 11))
}

# The daemon is dead, and the runtime asks it: no container starts.
starts_refused() { # FROM: 4 cookies from there on
	starts_series "$1" $(($1 + 3)) 1500
	check "with the daemon dead nothing forbidden leaves" equal "$(starts_left "$1" $(($1 + 3)))" 0
	check "with the daemon dead nothing starts" equal "$(starts_reports "$1" $(($1 + 3)))" ""
}

starts_churned() {
	at_least "$(churn_count)" "$1"
}

# ---- the others ----

CHURN_COUNT=${CHURN_COUNT:-20}

# Each of them is ended and started again and again, one after the other.
churn_begin() {
	rm -f "$LAB/churn.end"
	echo 0 >"$LAB/churn.n"
	(
		n=0
		while [ ! -e "$LAB/churn.end" ]; do
			churn_one $((n % CHURN_COUNT + 1)) || {
				echo "churn: container $((n % CHURN_COUNT + 1)) failed" >"$LAB/churn.failed"
				exit 1
			}
			n=$((n + 1))
			echo $n >"$LAB/churn.n"
		done
	) >"$LAB/churn.log" 2>&1 &
	CHURN=$!
}

churn_count() {
	cat "$LAB/churn.n"
}

churn_end() {
	: >"$LAB/churn.end"
	wait "$CHURN" || die "the others do not churn: $(tail -n 3 "$LAB/churn.log")"
	echo "the $CHURN_COUNT others were started $(churn_count) times"
}
