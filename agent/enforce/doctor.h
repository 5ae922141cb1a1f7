/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What this kernel can and cannot do, found by trying it in a scratch network namespace.
 */
#ifndef NANOSEG_DOCTOR_H
#define NANOSEG_DOCTOR_H

#include <jansson.h>

#include <nanoseg/error.h>

/* [{"feature","available":bool,"required":bool,"needed_for","fallback","detail"}…]; new reference. Needs CAP_SYS_ADMIN
 * and CAP_NET_ADMIN; -EPERM says so. */
int ns_doctor_run(json_t **ret, struct ns_error *err);

#endif
