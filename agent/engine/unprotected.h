/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is not held as its workload's mode asks for: which container, why, and what to do.
 */
#ifndef NANOSEG_ENGINE_UNPROTECTED_H
#define NANOSEG_ENGINE_UNPROTECTED_H

#include <jansson.h>

#include <nanoseg/endpoint.h>

/* Adds {workload, cookie, container, why, remedy, since} to the array, if there is something to tell. */
void ns_unprotected_add(json_t *array, const struct ns_endpoint *endpoint);

#endif
