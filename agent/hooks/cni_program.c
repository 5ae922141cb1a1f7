/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <unistd.h>

#include "cni.h"

int main(int argc, char **argv)
{
	const struct ns_cni_environment environment = {
		.command = getenv("CNI_COMMAND"),
		.container_id = getenv("CNI_CONTAINERID"),
		.netns = getenv("CNI_NETNS"),
		.ifname = getenv("CNI_IFNAME"),
		.args = getenv("CNI_ARGS"),
	};

	return ns_cni_main(argc, argv, &environment, STDIN_FILENO, stdout, stderr);
}
