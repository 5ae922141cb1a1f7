/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The daemon's life: from a configuration to the end of the event loop.
 */
#ifndef NANOSEG_DAEMON_H
#define NANOSEG_DAEMON_H

#include "config.h"

/* Exit statuses beside 0 and 1, as nanosegd(8) lists them. */
#define NS_EXIT_USAGE  2
#define NS_EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h: systemd does not restart on it */
#define NS_EXIT_STORE  65 /* EX_DATAERR: the database is damaged; restarting does not help */

/* Returns when SIGTERM or SIGINT came (0), or when it could not start or go on. Rules stay in the kernel either way.
 * config_path is what SIGHUP reads again; NULL: the default. -EBADMSG: the database is damaged. */
int ns_daemon_run(const char *config_path, const struct ns_config *config, struct ns_error *err);

/* Takes every table of ours out of the kernel, in all namespaces: for uninstalling. Fails while a daemon runs. */
int ns_daemon_remove_rules(const struct ns_config *config, struct ns_error *err);

#endif
