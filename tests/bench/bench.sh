# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# What the groups of the benchmark share. Source it after tests/lib/lab.sh. Read from the environment: BENCH_ROUNDS,
# BENCH_QUICK (1, or empty), BENCH_SAMPLES (the file that samples are appended to; not below the lab's /run), NANOSEG_BUILD.

BENCH_QUICK=${BENCH_QUICK:-}
BENCH_ROUNDS=${BENCH_ROUNDS:-$([ -n "$BENCH_QUICK" ] && echo 2 || echo 5)}
BENCH_SAMPLES=${BENCH_SAMPLES:-}
LOAD=${LOAD:-$NS_BUILD/tests/bench/load}
[ -n "$BENCH_SAMPLES" ] || die "BENCH_SAMPLES names no file"
: >>"$BENCH_SAMPLES" || die "cannot write to $BENCH_SAMPLES"

# json_string TEXT: as a JSON string. Without a process: samples are written between measurements.
json_string() {
	local text=${1//\\/\\\\}
	text=${text//\"/\\\"}
	printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# sample GROUP WHAT UNIT BETTER CASE SIZE FAMILY ROUND VALUE [NOTE]: one measured value. BETTER: higher or lower. SIZE,
# FAMILY (4 or 6) and VALUE may be null; a value that is null has a note that says why.
sample() {
	local number='^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$' name line
	[ $# = 9 ] || [ $# = 10 ] || die "sample: 9 or 10 arguments: $*"
	for name in "$6" "$7" "$9"; do
		[ "$name" = null ] || [[ $name =~ $number ]] || die "sample: neither a number nor null: '$name' in: $*"
	done
	[[ $8 =~ ^[0-9]+$ ]] || die "sample: no round: $*"
	[ "$4" = higher ] || [ "$4" = lower ] || die "sample: neither higher nor lower: $*"
	[ "$9" != null ] || [ -n "${10:-}" ] || die "sample: no value, and no reason: $*"
	line="{\"group\":$(json_string "$1"),\"what\":$(json_string "$2"),\"unit\":$(json_string "$3"),\"better\":\"$4\""
	line+=",\"case\":$(json_string "$5"),\"size\":$6,\"family\":$7,\"round\":$8,\"value\":$9"
	[ -z "${10:-}" ] || line+=",\"note\":$(json_string "${10}")"
	echo "$line}" >>"$BENCH_SAMPLES" || die "cannot write to $BENCH_SAMPLES"
	[ -z "${NANOSEG_VERBOSE:-}" ] || echo "   $line}" >&2
}

# rotated ROUND ITEM…: the items, one a line, beginning with another one in each round.
rotated() {
	local round=$1 n=$(($# - 1)) i
	shift
	[ "$n" -gt 0 ] || return 0
	local items=("$@")
	# A step of about a third of them, so that a few rounds begin in different parts.
	local start=$((round * (n / 3 + 1) % n))
	for ((i = 0; i < n; i++)); do
		echo "${items[(start + i) % n]}"
	done
}

# Milliseconds since 1970; seconds since this script began.
bench_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
bench_elapsed() { echo $SECONDS; }

# bench_cpu PID: user and system time of the process so far, in milliseconds.
bench_cpu() {
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/$1/stat"
}

# bench_config LINE…: the daemon's configuration, without the gate that old nft(8) cannot list, and these lines of [enforce].
bench_config() {
	LAB_LOG_LEVEL=${LAB_LOG_LEVEL:-warning} write_config
	printf '%s\n' 'gate_standing = never' "$@" >>"$LAB/nanoseg.conf"
}
