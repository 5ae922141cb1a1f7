#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sudo tests/bench/run.sh [--quick] [--rounds N] [--only REGEX] [--out DIR] [--build DIR]: measures nanoseg beside what one
# would use instead, and writes a page with plots and all values as JSON. At most 15 minutes once all is
# built; --quick 2, whose figures show that everything runs and little more.
#
#   --quick       smaller sizes, 2 rounds
#   --rounds N    5 to 50 (default 5)
#   --only REGEX  only the groups that match: datapath, learning, attach, change, cost
#   --out DIR     where the page goes (default: a new directory, which is said)
#   --build DIR   a Release build that is there already
set -eu -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
here=$source/tests/bench
. "$source/tests/lib/packages.sh"

# A group's budget in seconds, full and quick; half as much again, and it is stopped.
declare -A full=([datapath]=270 [learning]=240 [attach]=90 [change]=60 [cost]=270)
declare -A short=([datapath]=40 [learning]=30 [attach]=20 [change]=25 [cost]=30)

usage() {
	echo "usage: tests/bench/run.sh [--quick] [--rounds N] [--only REGEX] [--out DIR] [--build DIR]${1:+ ($1)}" >&2
	exit 2
}

quick='' rounds='' only='.' out='' build=''
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=1 ;;
	--rounds | --only | --out | --build)
		[ $# -gt 1 ] || usage "$1 takes a value"
		declare "${1#--}=$2"
		shift
		;;
	*) usage "what is '$1'?" ;;
	esac
	shift
done
[ -n "$rounds" ] || rounds=$([ -n "$quick" ] && echo 2 || echo 5)
[[ $rounds =~ ^[0-9]{1,2}$ ]] && [ "$rounds" -ge "$([ -n "$quick" ] && echo 1 || echo 5)" ] && [ "$rounds" -le 50 ] ||
	usage "--rounds takes 5 to 50"
[ "$(id -u)" = 0 ] || usage "it makes network namespaces and needs root"
[ "$(nproc)" -ge 2 ] || usage "it needs two processors: one sends, one answers"

work=$(mktemp -d /var/tmp/nanoseg-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
out=${out:-$(mktemp -d /var/tmp/nanoseg-measured.XXXXXX)}
mkdir -p "$out"
out=$(cd "$out" && pwd)

# Some are services: unpacked, they can be run and nothing else comes of it.
unpack_packages() {
	local package
	for package; do
		(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg -x "$package"_*.deb "$work/unpacked") ||
			echo "the package $package cannot be had; what it does is not measured" >&2
	done
}

# The load of the minute before: what else runs is in every figure.
wait_until_quiet() {
	local try
	for try in {1..12}; do
		awk '{ exit !($1 < 0.5) }' /proc/loadavg && return
		sleep 5
	done
	echo "the machine is busy after $try looks: load $(cut -d ' ' -f 1-3 /proc/loadavg)" >&2
}

version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo unknown; }
unpacked_version() { (dpkg-deb -f "$work/$1"_*.deb Version) 2>/dev/null || echo none; }

environment() { # GROUP… that failed
	local commit
	commit=$(git -c safe.directory="$source" -C "$source" describe --always --dirty 2>/dev/null || echo unknown)
	jq -n --arg kernel "$(uname -r)" --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		--arg cores "$(nproc)" --arg memory "$(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)" \
		--arg virtual "$(systemd-detect-virt 2>/dev/null || true)" --arg nft "$(version nftables)" \
		--arg iptables "$(version iptables)" --arg ipset "$(version ipset)" --arg conntrack "$(version conntrack)" \
		--arg ulogd "$(unpacked_version ulogd2)" --arg opensnitch "$(unpacked_version opensnitch)" \
		--arg commit "$commit" --arg date "$(date -u +%F)" --arg form "${quick:+quick}" --arg rounds "$rounds" \
		--arg load "$load" --arg seconds "$SECONDS" \
		'{kernel: $kernel, processor: $cpu, processors: $cores, memory: $memory, virtualisation: $virtual,
		  nftables: $nft, iptables: $iptables, ipset: $ipset, "conntrack-tools": $conntrack, ulogd2: $ulogd,
		  opensnitch: $opensnitch, nanoseg: $commit, date: $date,
		  form: (if $form == "" then "full" else $form end), rounds: $rounds,
		  "load before it began": $load, seconds: $seconds, failed: $ARGS.positional}' --args "$@"
}

install_packages $PACKAGES_BUILD $PACKAGES_LAB $PACKAGES_BENCH
unpack_packages $PACKAGES_BENCH_UNPACKED
if [ -z "$build" ]; then
	build=$work/build
	echo "== building"
	cmake -G Ninja -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release >"$work/configure.log" 2>&1 || {
		cat "$work/configure.log"
		exit 1
	}
	ninja -C "$build" --quiet
fi
build=$(cd "$build" && pwd)

[ -n "$quick" ] || wait_until_quiet
SECONDS=0
load=$(cut -d ' ' -f 1-3 /proc/loadavg)
export NANOSEG_BUILD=$build BENCH_QUICK=$quick BENCH_ROUNDS=$rounds BENCH_SAMPLES=$work/samples
export ULOGD_ROOT=$work/unpacked OPENSNITCHD=$work/unpacked/usr/bin/opensnitchd
: >"$BENCH_SAMPLES"
failed=()
for group in datapath learning attach change cost; do
	[[ $group =~ $only ]] || continue
	budget=${full[$group]}
	[ -z "$quick" ] || budget=${short[$group]}
	began=$SECONDS
	echo "== $group"
	timeout -k 10 $((budget * 3 / 2)) bash "$here/$group.sh" || failed+=("$group")
	echo "   $((SECONDS - began)) s"
done
[ -s "$BENCH_SAMPLES" ] || {
	echo "nothing was measured: no group matches '$only', or all failed" >&2
	exit 1
}
environment "${failed[@]}" >"$work/environment.json"
"$build/tests/bench/report" "$BENCH_SAMPLES" "$here/goals.json" "$out" "$work/environment.json"
echo "== $out/README.md (${SECONDS} s)"
[ ${#failed[@]} = 0 ] || {
	echo "failed: ${failed[*]}; what they had measured until then is in the page" >&2
	exit 1
}
