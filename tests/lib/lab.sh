# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The lab: a machine of its own inside this one, in which nanosegd and containers run. Source it first; the script that
# does so is started again inside the lab, and when that ends, however it ends, everything in the lab is gone:
#
#	. "$(dirname "$0")/../lib/lab.sh"
#
# The lab has its own mount, network, process, IPC and host-name namespaces, a fresh /run and a network namespace with
# nothing in it but lo. Its network namespace plays the host. Killing its first process ends every other one with it.
# What runs in it cannot be seen by, or collide with, another lab.
#
# Set by the caller: NANOSEG_BUILD, the build directory (default: build in the source tree). NANOSEG_LAB_KEEP_LOG=FILE
# keeps the daemon's log. NANOSEG_VERBOSE=1 prints each check. NANOSEG_SLOW=N waits N times as long, on slow machines.

set -u -o pipefail

NS_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NS_BUILD=${NANOSEG_BUILD:-$NS_SOURCE/build}
NANOSEGD=${NANOSEGD:-$NS_BUILD/agent/daemon/nanosegd}
NANOSEG=${NANOSEG:-$NS_BUILD/agent/cli/nanoseg}
TRAFFIC=${TRAFFIC:-$NS_BUILD/tests/lib/traffic}
NS_SLOW=${NANOSEG_SLOW:-1}
LAB=/run/lab

die() {
	trap - ERR
	echo "FAILED: $*" >&2
	if [ -n "${NS_IN_LAB:-}" ]; then
		lab_show_logs >&2
	fi
	exit 1
}

# ---- entering and leaving ----

# The engines' cgroups are the one thing outside its namespaces that a lab can leave behind, when it was killed: take away
# those that were not there before. One can go when the last process in it has been reaped, a moment after the lab's end.
# Only those of the engine that the script names: LAB_ENGINE (podman, containerd), or Docker with LAB_DOCKER_SOCKET.
lab_cgroups() {
	local top=docker
	case ${LAB_ENGINE:-} in
	podman) top=libpod_parent ;;
	containerd) top='k8s\.io' ;;
	esac
	find /sys/fs/cgroup -depth -type d -regextype posix-extended \
		-regex "/sys/fs/cgroup(/[^/]+)?/$top(/(conmon|[a-z-]*[0-9a-f]{64}(/.*)?))?" 2>/dev/null
}

lab_sweep_cgroups() {
	local known=$1 left try
	for try in {1..40}; do
		left=$(lab_cgroups | grep -vxF "${known:-none}")
		[ -n "$left" ] || return 0
		xargs -r rmdir <<<"$left" 2>/dev/null
		sleep 0.05
	done
	# Another lab's containers, most likely, which began in the meantime and are that one's to end.
	echo "note: after $try tries there is still" "$left" >&2
}

lab_sweep_own_cgroup() {
	local try
	for try in {1..40}; do
		[ -n "$(find /sys/fs/cgroup -maxdepth 2 -name "$LAB_CGROUP")" ] || return 0
		find /sys/fs/cgroup -depth -type d -regex "/sys/fs/cgroup\(/[^/]+\)?/$LAB_CGROUP\(/.*\)?" -exec rmdir {} + 2>/dev/null
		sleep 0.05
	done
	echo "note: after $try tries there is still the cgroup $LAB_CGROUP" >&2
}

lab_enter() {
	local script status known child
	script=$(readlink -f "$0")
	[ "$(id -u)" = 0 ] || die "must be root: sudo $0"
	known=$(lab_cgroups)
	# For what in the lab needs cgroups of its own; the name is free, since this shell lives outside.
	export LAB_CGROUP=nanoseg-lab-$$
	# Should this shell be killed outright, the parent-death signal ends the lab.
	NS_IN_LAB=1 setpriv --pdeathsig KILL unshare --mount --net --pid --ipc --uts --fork --kill-child \
		--mount-proc --propagation private bash "$script" "$@" </dev/null &
	child=$!
	# shellcheck disable=SC2064
	trap "kill -9 $child 2>/dev/null; lab_sweep_own_cgroup" EXIT
	# Once is enough: timeout(1) tells the process and its group.
	trap 'trap "" INT TERM; exit 130' INT
	trap 'trap "" INT TERM; exit 143' TERM
	wait "$child"
	status=$?
	kill -9 "$child" 2>/dev/null
	trap - EXIT
	[ -z "${LAB_DOCKER_SOCKET:-}${LAB_ENGINE:-}" ] || lab_sweep_cgroups "$known"
	lab_sweep_own_cgroup
	exit "$status"
}

lab_set_up() {
	cd / || exit 1
	mount -t tmpfs tmpfs /run -o mode=755
	mkdir -p /run/lock /run/netns /run/cg "$LAB" /run/user
	# A sysfs of the lab's own network namespace, with the machine's cgroups back in place.
	mount --rbind /sys/fs/cgroup /run/cg
	mount -t sysfs sysfs /sys
	mount --rbind /run/cg /sys/fs/cgroup
	umount -l /run/cg
	rmdir /run/cg
	hostname nanoseg-lab
	ip link set lo up
	# Otherwise the addresses of a fresh link cannot be used for a second.
	echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
	mkdir -p "$LAB/state" "$LAB/asan"
	chmod 700 "$LAB/state"
	# Sanitizer reports go to files, where lab_no_sanitizer_reports finds them.
	export ASAN_OPTIONS="log_path=$LAB/asan/report:detect_leaks=1:abort_on_error=0:exitcode=99"
	export UBSAN_OPTIONS="log_path=$LAB/asan/report:print_stacktrace=1"
	export LSAN_OPTIONS="exitcode=98"
	# The lab's first process dies by no ordinary signal and reaps for everybody; it ends when the script ends.
	trap 'lab_leave' EXIT
}

lab_leave() {
	local status=$?
	trap - EXIT
	if [ -n "${NANOSEG_LAB_KEEP_LOG:-}" ] && [ -e "$LAB/daemon.log" ]; then
		cp "$LAB/daemon.log" "$NANOSEG_LAB_KEEP_LOG"
	fi
	if [ "$status" = 0 ] && ! lab_no_sanitizer_reports; then
		status=1
	fi
	exit "$status"
}

lab_show_logs() {
	local file
	[ ! -e "$LAB/dockerd.log" ] || grep level=error "$LAB/dockerd.log" >"$LAB/dockerd.err"
	for file in "$LAB"/dockerd.err "$LAB"/daemon.log "$LAB"/cli.err; do
		[ -s "$file" ] || continue
		echo "--- the end of $(basename "$file"):"
		tail -n "${LAB_LOG_LINES:-40}" "$file" | cut -c 1-300
	done
	lab_no_sanitizer_reports
}

lab_no_sanitizer_reports() {
	local report found=0
	for report in "$LAB"/asan/report*; do
		[ -s "$report" ] || continue
		found=1
		echo "--- a sanitizer's report:" >&2
		head -n 60 "$report" >&2
	done
	return $found
}

# ---- waiting and checking ----

# wait_for SECONDS CONDITION…: polls; 1 when it never came true.
wait_for() {
	local end=$((${EPOCHREALTIME/./} + $1 * NS_SLOW * 1000000))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.05
	done
}

NS_CHECKS=0
# check WHAT CONDITION…: the condition must hold. What it prints is dropped, its errors are not.
check() {
	local what=$1
	shift
	"$@" >/dev/null || die "$what   ($(cut -c 1-200 <<<"$*" | head -n 2))"
	passed "$what"
}

# eventually WHAT SECONDS CONDITION…
eventually() {
	local what=$1 seconds=$2
	shift 2
	wait_for "$seconds" "$@" || die "$what, within $seconds s   ($(cut -c 1-200 <<<"$*" | head -n 2))"
	passed "$what"
}

passed() {
	NS_CHECKS=$((NS_CHECKS + 1))
	[ -z "${NANOSEG_VERBOSE:-}" ] || echo "ok  $*"
}

step() {
	echo "== $*"
}

not() {
	! "$@"
}

equal() {
	[ "$1" = "$2" ] || {
		echo "wanted (-), got (+):" >&2
		diff -U 1 <(echo "$2") <(echo "$1") | tail -n +4 | head -n 40 >&2
		return 1
	}
}

at_least() {
	[ "$1" -ge "$2" ] || {
		echo "wanted at least $2, got '$1'" >&2
		return 1
	}
}

finished() {
	echo "passed: $NS_CHECKS checks"
	exit 0
}

# ---- the network: a bridge of the lab's host, and containers made of plain namespaces ----

LAB_NET4=10.77.0
LAB_NET6=fd77:

lab_bridge() {
	ip link add br0 type bridge
	ip addr add "$LAB_NET4.1/24" dev br0
	ip -6 addr add "$LAB_NET6:1/64" dev br0 nodad
	ip link set br0 up
}

# ns_container NAME N: network namespace NAME with 10.77.0.N and fd77::N on the bridge. Its workload is netns/NAME.
ns_container() {
	local name=$1 n=$2
	[ -e /sys/class/net/br0 ] || lab_bridge
	ip netns add "$name"
	ip link add "v$n" type veth peer name eth0 netns "$name"
	ip link set "v$n" master br0 up
	ip -n "$name" link set lo up
	ip -n "$name" addr add "$LAB_NET4.$n/24" dev eth0
	ip -n "$name" -6 addr add "$LAB_NET6:$n/64" dev eth0 nodad
	ip -n "$name" link set eth0 up
	ip -n "$name" route add default via "$LAB_NET4.1"
	ip -n "$name" -6 route add default via "$LAB_NET6:1"
}

ns_remove() {
	ip netns pids "$1" | xargs -r kill -9
	ip netns del "$1"
}

in_ns() {
	ip netns exec "$@"
}

address() { # FAMILY-DIGIT N
	if [ "$1" = 4 ]; then echo "$LAB_NET4.$2"; else echo "$LAB_NET6:$2"; fi
}

# serve NAME PROTO:PORT…: an echo server in the container; returns when it serves.
serve() {
	local name=$1 log
	shift
	log=$(mktemp "$LAB/serve.XXXXXX")
	ip netns exec "$name" "${SERVE_AS:-$TRAFFIC}" serve "$@" >"$log" 2>&1 &
	disown
	wait_for 5 grep -q ready "$log" || die "server in $name: $(cat "$log")"
}

# attempt FROM KIND TO-N [PORT|TYPE]: one attempt with real packets; prints the outcome, 0 when it passed. The kind's
# last digit chooses the address.
attempt() {
	attempt_for 1000 "$@"
}

attempt_for() { # MILLISECONDS FROM KIND TO-N [PORT|TYPE]
	local ms=$(($1 * NS_SLOW)) from=$2 kind=$3 n=$4
	shift 4
	ip netns exec "$from" "${TRY_AS:-$TRAFFIC}" try "$kind" "$(address "${kind: -1}" "$n")" "$@" "$ms"
}

# expect_pass FROM KIND TO-N [PORT]; expect_refused the same: nothing comes back, not within half a second either.
expect_pass() {
	local outcome
	outcome=$(attempt "$@") || die "$* did not pass: $outcome"
	passed "$* passes"
}

expect_refused() {
	local outcome
	if outcome=$(attempt_for 500 "$@"); then
		die "$* passed, and must be refused"
	fi
	case $outcome in
	timeout | reset | blocked | prohibited) ;;
	*) die "$* did not run: $outcome" ;;
	esac
	passed "$* is refused ($outcome)"
}

# refuse FROM KIND TO-N [PORT]: expect_refused, many at a time; all_refused waits for them and judges.
NS_REFUSALS=()
refuse() {
	(expect_refused "$@") &
	NS_REFUSALS+=($!)
	NS_CHECKS=$((NS_CHECKS + 1))
}

all_refused() {
	local pid bad=0
	for pid in "${NS_REFUSALS[@]}"; do
		wait "$pid" || bad=1
	done
	NS_REFUSALS=()
	[ $bad = 0 ] || exit 1
}

# expect_outcome WORDS FROM KIND TO-N [PORT]: refused in one of these ways.
expect_outcome() {
	local words=$1 outcome
	shift
	outcome=$(attempt_for 700 "$@") && die "$* passed, and must be refused"
	[[ " $words " = *" $outcome "* ]] || die "$*: $outcome, wanted one of: $words"
	passed "$* ends as $outcome"
}

# ---- the daemon ----

write_config() {
	cat >"$LAB/nanoseg.conf" <<-EOC
		[daemon]
		state_dir = $LAB/state
		runtime_dir = $LAB/run
		socket = $LAB/run/nanosegd.sock
		log_level = ${LAB_LOG_LEVEL:-debug}
		[watch]
		netns_dirs = ${LAB_NETNS_DIRS:-/run/netns}
		docker_socket = ${LAB_DOCKER_SOCKET:-none}
		podman_socket = ${LAB_PODMAN_SOCKET:-none}
		scan_interval = 1s
		[learn]
		default_mode = learning
		min_window = 1s
		set_size = 65535
		[enforce]
		verdict = ${LAB_VERDICT:-drop}
		gate = ${LAB_GATE:-v* veth* ve-*}
	EOC
}

ns() {
	"$NANOSEG" --socket "$LAB/run/nanosegd.sock" "$@" 2>"$LAB/cli.err"
}

# nsj VERB…: its JSON, checked to be one document.
nsj() {
	ns --json "$@"
}

# Starts nanosegd and waits until it says READY=1, as systemd would.
start_daemon() {
	[ -e "$LAB/nanoseg.conf" ] || write_config
	local ready=$LAB/ready.$RANDOM
	# It keeps no descriptors that come along, and says so by closing them: the daemon waits for that.
	perl -MSocket -e 'socket(S, PF_UNIX, SOCK_DGRAM, 0) && bind(S, pack_sockaddr_un($ARGV[0])) or die; $| = 1;
		print "$text\n" while defined recv(S, $text, 65536, 0)' "$ready" >"$ready.got" &
	local listener=$!
	wait_for 5 test -S "$ready" || die "nobody listens for the daemon's words"
	# With the priority that its unit gives it.
	NOTIFY_SOCKET=$ready nice -n -10 "$NANOSEGD" --config "$LAB/nanoseg.conf" >>"$LAB/daemon.log" 2>&1 &
	DAEMON=$!
	wait_for "${1:-30}" daemon_ready_or_gone "$ready.got" || die "nanosegd says nothing"
	kill "$listener" 2>/dev/null
	wait "$listener" 2>/dev/null
	kill -0 "$DAEMON" 2>/dev/null || die "nanosegd does not start"
	check "the daemon answers" ns endpoints
}

daemon_ready_or_gone() {
	grep -q READY=1 "$1" || ! kill -0 "$DAEMON"
}

# stop_daemon: SIGTERM, which must end it with status 0.
stop_daemon() {
	kill -TERM "$DAEMON"
	wait_for 20 not kill -0 "$DAEMON" || die "nanosegd does not end on SIGTERM"
	wait "$DAEMON"
	check "nanosegd ends cleanly" equal "$?" 0
	lab_no_sanitizer_reports || die "sanitizer report"
}

# kill_daemon: no warning.
kill_daemon() {
	kill -9 "$DAEMON"
	wait "$DAEMON" 2>/dev/null
}

# ---- what the daemon says ----

# endpoint_of WORKLOAD: its first endpoint's object.
endpoint_of() {
	nsj endpoints | jq -e --arg w "$1" 'map(select(.workload == $w)) | .[0] // empty'
}

has_endpoint() {
	[ -n "$(endpoint_of "$1")" ]
}

mode_of() {
	endpoint_of "$1" | jq -r .mode
}

inner_of() {
	endpoint_of "$1" | jq -r .inner
}

wait_inner() { # WORKLOAD STATE
	eventually "$1 is $2" 20 inner_is "$1" "$2"
}

inner_is() {
	[ "$(inner_of "$1")" = "$2" ]
}

# edges WORKLOAD JQ-CONDITION: number of edges of the workload for which it holds.
edges() {
	nsj graph "$1" | jq --arg w "$1" "[.edges[] | select(.workload == \$w and ($2))] | length"
}

has_edge() {
	at_least "$(edges "$1" "$2")" 1
}

# denies WORKLOAD JQ-CONDITION
denies() {
	nsj denies | jq --arg w "$1" "[.[] | select(.workload == \$w and ($2))] | length"
}

has_deny() {
	[ "$(denies "$1" "$2")" -ge 1 ]
}

digest_of() {
	nsj policy show "$1" | jq -er .digest
}

# approve WORKLOAD: proposes, and approves the digest that was printed.
approve() {
	local digest
	digest=$(nsj policy propose "$1" | jq -er .digest) || die "no proposal for $1: $(cat "$LAB/cli.err")"
	check "$1 approved" ns policy approve "$1" --digest "$digest" --reason "test"
}

enforce() {
	check "$1 enforcing" ns mode "$1" enforcing
	check "the kernel of $1 follows" inner_is "$1" enforcing
}

# kernel_table NAME: the table as nft sees it, without handles, figures, and what packets have put into dynamic sets; empty
# when there is none. The table's own flags are left out: this nft prints noise for those that it does not know.
kernel_table() {
	ip netns exec "$1" nft -j list table inet nanoseg 2>/dev/null | jq -S '
		del(.. | .handle?, .packets?, .bytes?, .expires?) |
		.nftables |= map(if .set and ((.set.flags // []) | index("dynamic")) then del(.set.elem) else . end) |
		.nftables |= map(if .set.elem then .set.elem |= sort else . end) |
		.nftables |= map(select(.metainfo or .table | not)) | .nftables'
}

if [ -z "${NS_IN_LAB:-}" ]; then
	lab_enter "$@"
fi
# A script that goes on inside a machine of the lab (systemd.sh) finds everything in place.
[ -n "${NS_IN_MACHINE:-}" ] || lab_set_up
