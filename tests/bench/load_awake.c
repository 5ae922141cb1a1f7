/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Keeps a processor from going to sleep: with nothing else to do it spins, in the class that gives way to everything
 * else at once (sched(7), SCHED_IDLE). On a virtual machine a processor that sleeps leaves to the host, and what wakes
 * it waits for the host; whoever makes it work more then seems the faster one.
 */
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "load.h"

int load_awake(const struct load_options *options)
{
	const struct sched_param none = { 0 };

	(void)options;
	if (sched_setscheduler(0, SCHED_IDLE, &none) < 0)
		load_fail("SCHED_IDLE: %m");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		load_fail("PR_SET_PDEATHSIG: %m");
	for (;;)
		;
}
