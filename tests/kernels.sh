#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sudo tests/kernels.sh 6.1 [SCRIPT]: boots Debian's own kernel of that version in an emulated machine and runs the main
# line there: learn, approve, enforce, kill -9, adopt (tests/system/kernel_mainline.sh).
#
# The kernel package is fetched and unpacked, not installed. The guest's root file system is this machine's, read-only;
# what the guest writes is in its memory. It needs no KVM.
#
# NANOSEG_BUILD: use that build; otherwise it is built here first. NANOSEG_KERNEL_DIR: keep the unpacked kernels there.
set -eu -o pipefail

version=${1:?usage: tests/kernels.sh VERSION [SCRIPT], for example tests/kernels.sh 6.1}
source=$(cd "$(dirname "$0")/.." && pwd)
script=$(readlink -f "${2:-$source/tests/system/kernel_mainline.sh}")
work=$(mktemp -d /var/tmp/nanoseg-kernels.XXXXXX)
kernels=${NANOSEG_KERNEL_DIR:-$work/kernels}
seconds=${NANOSEG_KERNEL_SECONDS:-600}
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
	echo "kernels: $*"
}

. "$source/tests/lib/packages.sh"

build() {
	if [ -n "${NANOSEG_BUILD:-}" ]; then
		build=$(readlink -f "$NANOSEG_BUILD")
		return
	fi
	build=$work/build
	say "building"
	cmake -G Ninja -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release >"$work/build.log" 2>&1 &&
		ninja -C "$build" nanoseg nanosegd traffic >>"$work/build.log" 2>&1 || {
		tail -n 40 "$work/build.log"
		exit 1
	}
}

# The newest image package of this version that apt knows.
package() {
	apt-cache depends --important linux-image-amd64 "linux-image-$version-amd64" 2>/dev/null |
		sed -n "s/^ *Depends: \(linux-image-${version}[.0-9+deb-]*-amd64\)$/\1/p" | sort -V | tail -n 1
}

fetch() {
	local name
	name=$(package)
	[ -n "$name" ] || {
		say "apt knows no linux-image of version $version"
		exit 1
	}
	tree=$kernels/$name
	if [ ! -e "$tree/done" ]; then
		say "fetching $name"
		mkdir -p "$tree"
		(cd "$tree" && apt-get download -q -o APT::Sandbox::User=root "$name" >/dev/null && dpkg-deb -x ./*.deb . && rm -f ./*.deb)
		release=$(ls "$tree/lib/modules")
		depmod -b "$tree" "$release"
		touch "$tree/done"
	fi
	release=$(ls "$tree/lib/modules")
}

# Just enough to mount the shares: busybox and the modules of virtio and 9p, in the order they need each other.
initramfs() {
	local root=$work/initramfs module path n=0
	mkdir -p "$root"/{bin,modules,proc,dev,root}
	cp "$(command -v busybox)" "$root/bin/busybox"
	for module in virtio_pci 9pnet_virtio 9p; do
		modprobe -d "$tree" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/modules"
	while read -r path; do
		n=$((n + 1))
		case $path in
		*.xz) xz -dc "$path" >"$(printf '%s/modules/%02d.ko' "$root" $n)" ;;
		*) cp "$path" "$(printf '%s/modules/%02d.ko' "$root" $n)" ;;
		esac
	done <"$work/modules"
	cat >"$root/init" <<-'EOI'
		#!/bin/busybox sh
		/bin/busybox mount -t proc proc /proc
		/bin/busybox mount -t devtmpfs dev /dev
		for module in /modules/*.ko; do /bin/busybox insmod $module; done
		options=trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro
		/bin/busybox mount -t 9p -o $options root /root || exec /bin/busybox reboot -f
		/bin/busybox mount --move /dev /root/dev
		/bin/busybox umount /proc
		for directory in run tmp mnt; do /bin/busybox mount -t tmpfs tmpfs /root/$directory; done
		for share in source build modules share; do
			/bin/busybox mkdir /root/mnt/$share
			/bin/busybox mount -t 9p -o $options $share /root/mnt/$share
		done
		exec /bin/busybox switch_root /root /bin/sh /mnt/share/guest
	EOI
	chmod 755 "$root/init"
	(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initramfs.gz"
}

# What the guest's first process does.
guest() {
	local path=/mnt/share/script
	mkdir -p "$work/share"
	case $script in
	"$source"/*) path=/mnt/source/${script#"$source"/} ;;
	*) cp "$script" "$work/share/script" ;;
	esac
	cat >"$work/share/guest" <<-EOG
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		printf '#!/bin/sh\nexec modprobe -d /mnt/modules "\$@"\n' >/run/modprobe
		chmod 755 /run/modprobe
		echo /run/modprobe >/proc/sys/kernel/modprobe
		ip link set lo up
		echo "guest: Linux \$(uname -r), \$(cut -d. -f1 /proc/uptime) s after the start"
		cd /
		NANOSEG_SLOW=5 NANOSEG_VERBOSE=1 NANOSEG_BUILD=/mnt/build bash $path
		echo "guest: status \$?"
		sync
		echo b >/proc/sysrq-trigger
	EOG
}

boot() {
	share() {
		echo "-fsdev local,id=$1,path=$2,security_model=none,readonly=on,multidevs=remap" \
			"-device virtio-9p-pci,fsdev=$1,mount_tag=$1"
	}
	say "booting $release"
	# shellcheck disable=SC2046
	timeout -k 5 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1536 -nographic -no-reboot \
		-nodefaults -serial stdio -kernel "$tree"/boot/vmlinuz-* -initrd "$work/initramfs.gz" \
		-append "console=ttyS0 quiet panic=-1 loglevel=3" \
		$(share root /) $(share source "$source") $(share build "$build") $(share modules "$tree") \
		$(share share "$work/share") </dev/null 2>&1 | tr -d '\r' | tee "$work/console" || true
	grep -qx 'guest: status 0' "$work/console" || {
		say "FAILED on Linux $release"
		exit 1
	}
	say "passed on Linux $release"
}

[ "$(id -u)" = 0 ] || {
	say "must be root"
	exit 1
}
install_packages $PACKAGES_BUILD $PACKAGES_LAB $PACKAGES_KERNELS
build
fetch
initramfs
guest
boot
