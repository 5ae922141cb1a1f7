/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Decoding config.json of an OCI bundle. Pure.
 *
 * Of the annotations only those count for who it is that the runtime sets after, and so over, the pod's author:
 * io.kubernetes.cri.* of containerd, io.kubernetes.pod.* and io.kubernetes.container.name of CRI-O, which are kubelet's
 * labels there. io.kubernetes.cri-o.* come before the author's and could be hers. nanoseg.workload is the author's
 * choice, as a label is.
 */
#ifndef NANOSEG_BUNDLE_JSON_H
#define NANOSEG_BUNDLE_JSON_H

#include "docker_json.h"

/* Whose annotations they are. */
enum ns_bundle_kind {
	NS_BUNDLE_PLAIN = 0, /* Docker, nerdctl, ctr: anybody who starts a container may set each of them */
	NS_BUNDLE_CRI,       /* containerd's namespace k8s.io */
	NS_BUNDLE_CRIO,
	NS_BUNDLE_PODMAN,
	NS_BUNDLE_STORAGE, /* CRI-O or Podman: io.container.manager tells, which a pod's author could set in CRI-O */
};

/* `id` is the container's. ret->runtime is filled as far as the document tells: containerd, crio, podman or "". */
int ns_bundle_parse(const char *text, size_t length, enum ns_bundle_kind kind, const char *id, struct ns_container *ret,
		    struct ns_error *err);

#endif
