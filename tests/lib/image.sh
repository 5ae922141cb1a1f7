# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Container images without a registry, made on the spot from busybox and the test programs. Sourced after lab.sh.
FIRST=${FIRST:-$NS_BUILD/tests/lib/first}

# image_root DIRECTORY: the file system of a container.
image_root() {
	local root=$1 applet
	mkdir -p "$root"/{bin,etc,tmp,proc,sys,dev,out}
	cp "$(command -v busybox)" "$root/bin/sh-busybox"
	cp "$TRAFFIC" "$root/bin/traffic" || die "no traffic program"
	cp "$FIRST" "$root/bin/first" || die "no first program"
	for applet in sh sleep nslookup cat ls; do
		ln -s sh-busybox "$root/bin/$applet"
	done
}

# image_archive FILE NAME:TAG COMMAND…: the same as what `docker save` writes, with a command to run by default.
image_archive() {
	local file=$1 name=$2 dir=$LAB/archive id layer
	shift 2
	[ -e "$LAB/image/bin" ] || image_root "$LAB/image"
	mkdir -p "$dir"
	tar -C "$LAB/image" -cf "$dir/layer.tar" .
	layer=$(sha256sum "$dir/layer.tar" | cut -d ' ' -f 1)
	jq -nc --arg layer "sha256:$layer" '{architecture: "amd64", os: "linux", created: "2020-01-01T00:00:00Z",
		config: {Cmd: $ARGS.positional, Env: ["PATH=/bin"]}, rootfs: {type: "layers", diff_ids: [$layer]}}' \
		--args "$@" >"$dir/config"
	id=$(sha256sum "$dir/config" | cut -d ' ' -f 1)
	mv "$dir/config" "$dir/$id.json"
	jq -nc --arg name "$name" --arg config "$id.json" \
		'[{Config: $config, RepoTags: [$name], Layers: ["layer.tar"]}]' >"$dir/manifest.json"
	tar -C "$dir" -cf "$file" manifest.json "$id.json" layer.tar || die "image archive"
	rm -r "$dir"
}
