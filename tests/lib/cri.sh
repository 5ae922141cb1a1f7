# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A real containerd inside the lab, asked as a kubelet asks it, with the CNI bridge plugin and, chained after it, whatever
# CRI_CHAIN says (a JSON object of a plugin, none: ""). A call is one gRPC message each way over HTTP/2: protoc puts it
# into words, curl carries it. Sourced after lab.sh.
. "$NS_SOURCE/tests/lib/image.sh"

CRI_DIR=/run/cri
# /run/containerd, where bundles are looked for, makes it one as on any machine.
CRI_STATE=${CRI_STATE:-$CRI_DIR/state}
CRI_SOCKET=$CRI_DIR/containerd.sock
CRI_BRIDGE=cni0
CRI_NAMESPACE=${CRI_NAMESPACE:-starts}

cri_start() { # SUBNET4 SUBNET6
	mkdir -p $CRI_DIR/bin $CRI_DIR/net.d
	ln -s /usr/lib/cni/* $CRI_DIR/bin
	cri_network "$@"
	# The scores would need CAP_SYS_RESOURCE, which not every root has.
	cat >$CRI_DIR/config.toml <<-EOC
		version = 2
		root = "$CRI_DIR/root"
		state = "$CRI_STATE"
		disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
		[grpc]
		address = "$CRI_SOCKET"
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "localhost/nanoseg-test:1"
		disable_tcp_service = true
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "$CRI_DIR/bin"
		conf_dir = "$CRI_DIR/net.d"
	EOC
	cri_serve
	# Without a command of its own a container pauses: that makes it the pods' first one, too.
	image_archive "$LAB/image.tar" localhost/nanoseg-test:1 first pause
	ctr -a $CRI_SOCKET -n k8s.io images import "$LAB/image.tar" >/dev/null || die "ctr images import"
	rm "$LAB/image.tar"
}

# cri_serve: containerd itself; pods that are there already stay as they are.
cri_serve() {
	containerd --config $CRI_DIR/config.toml >>"$LAB/containerd.log" 2>&1 &
	CONTAINERD=$!
	wait_for 20 cri Version '' || die "containerd does not start: $(tail -n 3 "$LAB/containerd.log")"
}

# cri_network SUBNET4 SUBNET6: written in place: containerd watches the directory, but overlooks files that are moved in.
cri_network() {
	jq -n --arg four "$1" --arg six "$2" --arg bridge $CRI_BRIDGE --argjson chain "[${CRI_CHAIN:-}]" '{
		cniVersion: "1.0.0", name: "starts", plugins: ([{type: "bridge", bridge: $bridge, isGateway: true, ipam: {
			type: "host-local", ranges: [[{subnet: $four}], [{subnet: $six}]], dataDir: "/run/cri/ipam",
			routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}}] + $chain)}' >$CRI_DIR/starts.conflist
	cat $CRI_DIR/starts.conflist >$CRI_DIR/net.d/10-starts.conflist
}

cri_stop() {
	local pod
	for pod in $(cri ListPodSandbox '' | grep -oP '(?<=id: ")[^"]*'); do
		cri_remove "$pod"
	done
	kill -TERM "$CONTAINERD"
	wait_for 10 not kill -0 "$CONTAINERD" || kill -9 "$CONTAINERD"
}

# cri METHOD TEXT: one call; the request and the answer in protobuf's text form. 1, and the runtime's words on stderr,
# when it is refused. cri_do: the same without the answer.
cri() {
	CRI_ANSWER=1 cri_do "$@"
}

cri_do() {
	local method=$1 dir status size
	dir=$LAB/cri.$BASHPID
	mkdir "$dir"
	cri_proto --encode="runtime.v1.${method}Request" <<<"$2" >"$dir/message" || die "cri $method: $2"
	size=$(printf '%08x' "$(stat -c %s "$dir/message")")
	# gRPC's frame: not compressed, and how long the message is.
	printf '%b' "\\x00\\x${size:0:2}\\x${size:2:2}\\x${size:4:2}\\x${size:6:2}" | cat - "$dir/message" >"$dir/request"
	curl -sS --http2-prior-knowledge --max-time 30 --unix-socket $CRI_SOCKET -H 'Content-Type: application/grpc' \
		-H 'TE: trailers' --data-binary "@$dir/request" -D "$dir/headers" -o "$dir/answer" \
		"http://localhost/runtime.v1.RuntimeService/$method" 2>"$dir/error"
	status=$(grep -oiP '^grpc-status: \K\d+' "$dir/headers" 2>/dev/null)
	if [ "$status" = 0 ] && [ -n "${CRI_ANSWER:-}" ]; then
		tail -c +6 "$dir/answer" | cri_proto --decode="runtime.v1.${method}Response"
	elif [ "$status" != 0 ]; then
		cat "$dir/error" >&2
		grep -ioP '^grpc-message: \K.*' "$dir/headers" >&2
	fi
	rm -r "$dir"
	[ "$status" = 0 ]
}

cri_proto() {
	protoc -I "$NS_SOURCE/tests/lib" "$@" "$NS_SOURCE/tests/lib/cri.proto"
}

# The id in an answer.
cri_id() {
	grep -oPm 1 '(?<=_id: ")[^"]*'
}

# cri_pod NAME UID: the configuration of a pod in CRI_NAMESPACE. Pods that follow each other may have one name.
cri_pod() {
	echo "metadata { name: \"$1\" uid: \"$2\" namespace: \"$CRI_NAMESPACE\" } linux { cgroup_parent: \"/k8s.io\" }"
}

# cri_run NAME UID: a pod of that name; prints its id.
cri_run() {
	cri RunPodSandbox "config { $(cri_pod "$@") }" | cri_id
}

# cri_exec POD NAME UID WORD…: a container of the pod, CRI_CONTAINER (main), started; prints its id. /out is STARTS_OUT, if
# that is set.
cri_exec() {
	local pod=$1 name=$2 uid=$3 word command='' mounts='' id
	shift 3
	for word; do
		command+=" command: \"$word\""
	done
	[ -z "${STARTS_OUT:-}" ] || mounts="mounts { container_path: \"/out\" host_path: \"$STARTS_OUT\" }"
	id=$(cri CreateContainer "pod_sandbox_id: \"$pod\" sandbox_config { $(cri_pod "$name" "$uid") } config { metadata { name: \"${CRI_CONTAINER:-main}\" }
		image { image: \"localhost/nanoseg-test:1\" } $command $mounts
		linux { security_context { capabilities { add_capabilities: \"NET_RAW\" } } } }" | cri_id) || return 1
	cri_do StartContainer "container_id: \"$id\"" && echo "$id"
}

# cri_pid CONTAINER: its first process; containerd need not run.
cri_pid() {
	cat "$CRI_STATE/io.containerd.runtime.v2.task/k8s.io/$1/init.pid"
}

cri_remove() { # POD
	cri_do StopPodSandbox "pod_sandbox_id: \"$1\"" && cri_do RemovePodSandbox "pod_sandbox_id: \"$1\""
}

cri_address() { # POD FAMILY
	cri PodSandboxStatus "pod_sandbox_id: \"$1\"" | grep -oP '(?<=ip: ")[^"]*' |
		if [ "$2" = 4 ]; then grep -v :; else grep :; fi
}
