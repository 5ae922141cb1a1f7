/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "hook.h"

int main(int argc, char **argv)
{
	return ns_hook_main(argc, argv, STDIN_FILENO, stdout, stderr);
}
