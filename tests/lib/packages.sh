# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# The Debian packages that each script needs, and how they come: only what is missing, nothing recommended, and no
# service of theirs is started.

PACKAGES_BUILD="gcc libc6-dev cmake ninja-build pkg-config libmnl-dev libnftnl-dev libnetfilter-conntrack-dev
	libnl-3-dev libnl-route-3-dev libjansson-dev libcurl4-openssl-dev libsqlite3-dev libmicrohttpd-dev libsystemd-dev
	libssl-dev libinih-dev libcmocka-dev"
PACKAGES_LAB="iproute2 util-linux nftables conntrack jq socat procps kmod curl sqlite3"
PACKAGES_DOCKER="docker.io docker-compose iptables busybox-static"
PACKAGES_RUNTIMES="podman catatonit netavark aardvark-dns uidmap slirp4netns containernetworking-plugins protobuf-compiler
	systemd-container dbus lxc"
PACKAGES_LINT="clang-format clang-tidy clang shellcheck mandoc libclang-rt-14-dev"
# For the benchmark, and what those two need that are unpacked for it and not installed, since they would be services.
PACKAGES_BENCH="iptables ipset sqlite3 libnetfilter-queue1 libnetfilter-acct1 libnetfilter-log1 libnfnetlink0"
PACKAGES_BENCH_UNPACKED="opensnitch ulogd2"
PACKAGES_KERNELS="qemu-system-x86 kmod busybox-static cpio xz-utils"

install_packages() {
	local package missing=() policy=/usr/sbin/policy-rc.d saved='' status
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing ${missing[*]}"
	if [ -e "$policy" ]; then
		saved=$(mktemp)
		cp -p "$policy" "$saved"
	fi
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	status=0
	apt_install "${missing[@]}" || { apt-get -q update && apt_install "${missing[@]}"; } || status=$?
	if [ -n "$saved" ]; then
		cp -p "$saved" "$policy"
		rm -f "$saved"
	else
		rm -f "$policy"
	fi
	return $status
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >/dev/null
}
