#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sudo tests/run.sh [--quick] [--only REGEX] [--keep]: installs what is missing, builds with warnings as errors, and passes
# all tests: Release with gcc, then everything again under the address and undefined-behaviour sanitizers with clang.
#
#   --quick        Release only, without clang-tidy
#   --only REGEX   the tests whose name matches
#   --keep         build in build/release and build/asan and leave them there (faster the next time)
set -eu -o pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
. "$source/tests/lib/packages.sh"
quick='' only='.' keep=''
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=1 ;;
	--keep) keep=1 ;;
	--only)
		only=${2:?--only takes a regular expression}
		shift
		;;
	*)
		echo "usage: tests/run.sh [--quick] [--only REGEX] [--keep]" >&2
		exit 2
		;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || {
	echo "tests/run.sh makes network namespaces and needs root: sudo tests/run.sh" >&2
	exit 2
}

began=$SECONDS
work=$(mktemp -d /var/tmp/nanoseg-tests.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
builds=$work
[ -z "$keep" ] || builds=$source/build
# Git refuses to read a tree of somebody else's; nothing here needs it to.
install_packages $PACKAGES_BUILD $PACKAGES_LAB $PACKAGES_DOCKER $PACKAGES_RUNTIMES $PACKAGES_LINT

say() {
	printf '\n== %s (%d s)\n' "$*" $((SECONDS - began))
}

# build TYPE COMPILER
build() {
	local directory=$builds/${1,,}
	say "building $1 with $2"
	cmake -G Ninja -S "$source" -B "$directory" -DCMAKE_BUILD_TYPE="$1" -DCMAKE_C_COMPILER="$2" -DNANOSEG_WERROR=ON \
		>"$work/configure.log" 2>&1 || {
		cat "$work/configure.log"
		return 1
	}
	ninja -C "$directory" --quiet
}

# tests TYPE CTEST-OPTION…: what fails beside others is run once more by itself, since a machine that is busy with one test
# may be too slow for another; that is told at the end, and a second failure is one.
tests() {
	local directory=$builds/${1,,} log=$work/${1,,}.log
	shift
	say "testing $directory"
	ctest --test-dir "$directory" --output-on-failure --no-tests=error -j "${NANOSEG_JOBS:-$(($(nproc) + 1))}" -R "$only" "$@" 2>&1 |
		tee "$log" || again "$directory" "$log"
	if grep -qiE '\((skipped|disabled)\)|\*\*\*(skipped|not run)|not run' "$log"; then
		echo "a test was skipped" >&2
		return 1
	fi
	tail -n 4 "$log" >>"$work/closing"
}

again() { # DIRECTORY LOG
	say "once more, by itself: what failed in $1"
	grep -E '^[[:space:]]+[0-9]+ - .*\((Failed|Timeout|SEGFAULT|Subprocess)' "$2" | sed 's/^[[:space:]]*/failed beside others, and run once more: /' \
		>>"$work/closing"
	ctest --test-dir "$1" --output-on-failure --no-tests=error --rerun-failed -j 1 2>&1 | tee -a "$2"
}

build Release gcc
if [ -n "$quick" ]; then
	tests Release -LE slow
else
	tests Release
	build Asan clang
	# What a start may take is no question to a sanitizer, and the engines' long stories have been told.
	tests Asan -LE 'lint|timed|engine'
fi
say "all passed"
cat "$work/closing"
