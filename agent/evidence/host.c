/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which machine this is about, and what such a document cannot show.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "cleanup.h"
#include "evidence_private.h"
#include "json.h"

/* The first line of a small file; JSON null when it cannot be read. */
static json_t *line_json(const char *path)
{
	NS_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n;

	if (fd < 0 || (n = read(fd, text, sizeof text - 1)) <= 0)
		return json_null();
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return ns_json_text(text);
}

json_t *ns_evidence_host(void)
{
	struct utsname name = { 0 };

	(void)uname(&name);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "id", line_json("/etc/machine-id"), "boot_id",
			 line_json("/proc/sys/kernel/random/boot_id"), "name", ns_json_text(name.nodename), "kernel",
			 ns_json_text(name.release), "kernel_version", ns_json_text(name.version), "machine",
			 ns_json_text(name.machine));
}

json_t *ns_evidence_limits(void)
{
	static const char *const limits[] = {
		"Self-attested: the agent wrote this document on the host that it describes, and it is not signed.",
		"Root on the host could have falsified the kernel's state, the database or this document; only heads "
		"of the "
		"audit chain and timestamps that are kept off the host limit rewriting.",
		"The audit chain shows that an entry was changed or taken out; it does not show that the whole "
		"database was "
		"replaced by an older copy of itself.",
		"The read-back shows the rules that the kernel held at the moment of the export. It is no test with "
		"packets and "
		"does not replace the independent segmentation test of PCI DSS 11.4.5 and 11.4.6.",
		"Covered are the rules inside each container's network namespace and, where `readback.outer` is there, "
		"those on the host's end of its link. Without it a process with CAP_NET_RAW can send frames that no "
		"rule sees; where `protection` is \"plain\", one with CAP_NET_ADMIN can change the rules inside.",
		"A container on the host's network is covered by an inner lock that knows it by its cgroup, and by no "
		"outer lock; "
		"where it cannot be told from the host it is not covered.",
		"Edges and denies are what the kernel reported outside of the gaps that are listed.",
	};
	json_t *list = json_array();

	for (size_t i = 0; list && i < sizeof limits / sizeof limits[0]; i++) {
		if (json_array_append_new(list, json_string(limits[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
