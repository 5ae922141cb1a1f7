/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SHA-256 (FIPS 180-4) through libcrypto, as "sha256:" and 64 lower-case hexadecimal digits.
 */
#ifndef NANOSEG_DIGEST_H
#define NANOSEG_DIGEST_H

#include <stddef.h>

#include <jansson.h>

#include <nanoseg/error.h>

#define NS_DIGEST_SIZE 72

int ns_digest_bytes(const void *data, size_t length, char ret[static NS_DIGEST_SIZE], struct ns_error *err);

/* Of what comes piece by piece. _end gives the digest, once. */
struct ns_digest;
int ns_digest_begin(struct ns_digest **ret, struct ns_error *err);
int ns_digest_add(struct ns_digest *digest, const void *data, size_t length, struct ns_error *err);
int ns_digest_end(struct ns_digest *digest, char ret[static NS_DIGEST_SIZE], struct ns_error *err);
struct ns_digest *ns_digest_free(struct ns_digest *digest); /* accepts NULL; returns NULL */

/* Of the canonical JSON: members sorted, compact, no floating-point numbers (-EINVAL when there is one). */
int ns_digest_json(const json_t *json, char ret[static NS_DIGEST_SIZE], struct ns_error *err);
/* The canonical text itself; malloced; NULL without memory or with a floating-point number in it. */
char *ns_json_canonical(const json_t *json);

#endif
