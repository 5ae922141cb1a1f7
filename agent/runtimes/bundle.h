/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who a container is, from the file its runtime starts it by: config.json of the OCI bundle, which containerd, CRI-O,
 * Docker and Podman keep below directories of their own while the container runs. No API is asked. It counts only where
 * root alone can write it.
 */
#ifndef NANOSEG_BUNDLE_H
#define NANOSEG_BUNDLE_H

#include "cgroup.h"
#include "docker_json.h"

struct ns_bundles {
	/* DIR/ID/config.json; or, of directories whose name ends with "-containers" (storage of CRI-O and Podman),
	 * DIR/ID/userdata/config.json. */
	const char *dirs[NS_BUNDLE_DIRS_MAX];
	size_t n;
};

/* `who` as the cgroup of one of its processes tells. Fills all of *ret but name (Kubernetes' containers have none of
 * their own), image digest, labels of compose, sandbox_key and pid. A few opens at most, and a file of some ten KiB to
 * be read: ask once for an id, since a bundle does not change while its container runs.
 * -ENOENT: there is none (yet). -EPERM: others could have written it. -EINVAL: rootless, or no id of 64 digits.
 * -EBADMSG: it is no config.json. */
int ns_bundle_find(const struct ns_bundles *bundles, const struct ns_cgroup_identity *who, struct ns_container *ret,
		   struct ns_error *err);

#endif
