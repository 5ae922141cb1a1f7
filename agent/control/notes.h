/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What of the endpoints belongs into the status: which outer locks hold, who may go around an inner one, and what
 * others did to our rules.
 */
#ifndef NANOSEG_NOTES_H
#define NANOSEG_NOTES_H

#include <jansson.h>

/* A finding is "WORD: what it means", or says it all by itself (then `means` is null). From what ns_engine_endpoints
 * gives: {outer: {word: n}, findings: [{workload, cookie, container, finding, means}], drift: [{workload, cookie,
 * container, count, …}]}. New reference; NULL without memory. */
json_t *ns_notes(const json_t *endpoints);

#endif
