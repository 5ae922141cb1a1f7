/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "cleanup.h"
#include "digest.h"

#define SHA256_BYTES 32

static int no_digest(struct ns_error *err)
{
	return ns_error_set(err, -EIO, "libcrypto has no SHA-256");
}

static int format(const unsigned char *md, unsigned n, char ret[static NS_DIGEST_SIZE], struct ns_error *err)
{
	if (n != SHA256_BYTES)
		return no_digest(err);
	(void)snprintf(ret, NS_DIGEST_SIZE, "sha256:");
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 7 + 2 * i, 3, "%02x", md[i]);
	return 0;
}

int ns_digest_bytes(const void *data, size_t length, char ret[static NS_DIGEST_SIZE], struct ns_error *err)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(data, length, md, &n, EVP_sha256(), NULL) != 1)
		return no_digest(err);
	return format(md, n, ret, err);
}

/* What libcrypto knows as its own. */
struct ns_digest {
	EVP_MD_CTX *context;
};

int ns_digest_begin(struct ns_digest **ret, struct ns_error *err)
{
	struct ns_digest *digest = calloc(1, sizeof *digest);

	if (!digest)
		return ns_error_set(err, -ENOMEM, "out of memory for a digest");
	digest->context = EVP_MD_CTX_new();
	if (!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
		ns_digest_free(digest);
		return no_digest(err);
	}
	*ret = digest;
	return 0;
}

int ns_digest_add(struct ns_digest *digest, const void *data, size_t length, struct ns_error *err)
{
	return EVP_DigestUpdate(digest->context, data, length) == 1 ? 0 : no_digest(err);
}

int ns_digest_end(struct ns_digest *digest, char ret[static NS_DIGEST_SIZE], struct ns_error *err)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_DigestFinal_ex(digest->context, md, &n) != 1)
		return no_digest(err);
	return format(md, n, ret, err);
}

struct ns_digest *ns_digest_free(struct ns_digest *digest)
{
	if (digest)
		EVP_MD_CTX_free(digest->context);
	free(digest);
	return NULL;
}

/* Floating point has no canonical text that all readers agree on, and nothing of ours needs it. */
static bool has_real(const json_t *json)
{
	json_t *child;
	size_t i;

	if (json_is_real(json))
		return true;
	json_array_foreach (json, i, child)
		if (has_real(child))
			return true;
	if (json_is_object(json)) {
		json_t *object = ns_unconst(json);

		for (void *iter = json_object_iter(object); iter; iter = json_object_iter_next(object, iter)) {
			if (has_real(json_object_iter_value(iter)))
				return true;
		}
	}
	return false;
}

#define CANONICAL (JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY)

char *ns_json_canonical(const json_t *json)
{
	size_t length;
	char *text;

	if (has_real(json))
		return NULL;
	/* Not json_dumps(): when its buffer cannot grow in the middle of a member's name, jansson 2.14 leaves the name
	 * out and goes on. Into a buffer that is large enough from the start there is nothing to fail. */
	length = json_dumpb(json, NULL, 0, CANONICAL);
	text = length ? malloc(length + 1) : NULL;
	if (!text || json_dumpb(json, text, length, CANONICAL) != length) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}

int ns_digest_json(const json_t *json, char ret[static NS_DIGEST_SIZE], struct ns_error *err)
{
	NS_FREE char *text = ns_json_canonical(json);

	if (!text)
		return ns_error_set(err, has_real(json) ? -EINVAL : -ENOMEM,
				    has_real(json) ? "a floating-point number has no canonical form"
						   : "out of memory for a digest");
	return ns_digest_bytes(text, strlen(text), ret, err);
}
