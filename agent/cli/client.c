/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cleanup.h"
#include "cli.h"
#include "json.h"

NS_DEFINE_CLEANUP(CURL *, curl_easy_cleanup)
NS_DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all)

#define RECEIVE_BYTES (256 * 1024L) /* at once */

struct body {
	char *text;
	size_t length, allocated;
	bool too_large;
	/* Where a 2xx goes instead. */
	ns_client_sink sink;
	void *ctx;
	struct ns_error *err;
	CURL *curl;
	bool begun;
	int result; /* of the sink */
};

void ns_response_release(struct ns_response *response)
{
	free(response->text);
	json_decref(response->json);
	*response = (struct ns_response){ 0 };
}

char *ns_client_path(const char *path, ...)
{
	NS_FREE char *whole = strdup(path);
	bool first = true;
	va_list pairs;

	va_start(pairs, path);
	for (const char *name; whole && (name = va_arg(pairs, const char *));) {
		const char *value = va_arg(pairs, const char *);
		char *escaped, *longer = NULL;

		if (!value)
			continue;
		escaped = curl_easy_escape(NULL, value, 0);
		if (!escaped || asprintf(&longer, "%s%c%s=%s", whole, first ? '?' : '&', name, escaped) < 0)
			longer = NULL;
		curl_free(escaped);
		free(whole);
		whole = longer;
		first = false;
	}
	va_end(pairs);
	return NS_TAKE(whole);
}

static size_t receive(char *data, size_t size, size_t n, void *user)
{
	struct body *body = user;
	size_t length = size * n;
	long status = 0;

	if (body->sink && curl_easy_getinfo(body->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status >= 200 &&
	    status < 300) {
		body->begun = true;
		body->result = body->sink(body->ctx, data, length, body->err);
		return body->result == NS_CLI_OK ? length : 0;
	}
	if (length > NS_HTTP_ANSWER_MAX - body->length) {
		body->too_large = true;
		return 0;
	}
	if (body->allocated - body->length <= length) {
		size_t allocated = (body->length + length + 1) * 2;
		char *text = realloc(body->text, allocated);

		if (!text)
			return 0;
		body->text = text;
		body->allocated = allocated;
	}
	memcpy(body->text + body->length, data, length);
	body->length += length;
	body->text[body->length] = '\0';
	return length;
}

static int watch_stop(void *user, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	const volatile sig_atomic_t *stop = user;

	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	return *stop != 0;
}

static bool prepare(CURL *curl, const char *socket, const char *path, const char *text, size_t length,
		    struct curl_slist *headers, const volatile sig_atomic_t *stop, struct body *body)
{
	char url[4096];
	bool ok = snprintf(url, sizeof(url), "http://nanosegd%s", path) < (int)sizeof(url);

#define SET(option, value) (ok = ok && curl_easy_setopt(curl, (option), (value)) == CURLE_OK)
	SET(CURLOPT_UNIX_SOCKET_PATH, socket);
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROXY, ""); /* whatever http_proxy says */
	SET(CURLOPT_PROTOCOLS_STR, "http");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, (long)NS_CLIENT_CONNECT_TIMEOUT_S);
	SET(CURLOPT_TIMEOUT, (long)NS_CLIENT_TIMEOUT_S);
	SET(CURLOPT_WRITEFUNCTION, receive);
	SET(CURLOPT_WRITEDATA, body);
	SET(CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	SET(CURLOPT_HTTPHEADER, headers);
	if (text) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
		SET(CURLOPT_POSTFIELDS, text);
	}
	if (stop) {
		/* libcurl only hands the pointer back, to a function that reads it. */
		union {
			const volatile sig_atomic_t *flag;
			void *data;
		} user = { .flag = stop };
		SET(CURLOPT_NOPROGRESS, 0L);
		SET(CURLOPT_XFERINFOFUNCTION, watch_stop);
		SET(CURLOPT_XFERINFODATA, user.data);
	}
#undef SET
	return ok;
}

/* What went wrong below HTTP, and what would be right. */
static int unreachable(CURL *curl, CURLcode code, const char *socket, const struct body *body, struct ns_error *err)
{
	long number = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
	if (body->begun)
		(void)ns_error_set(err, -EPROTO,
				   "the answer of nanosegd at %s broke off: %s; see: journalctl -u nanosegd", socket,
				   curl_easy_strerror(code));
	else if (body->too_large)
		(void)ns_error_set(err, -EFBIG, "%s: the answer is larger than %u MiB", socket,
				   NS_HTTP_ANSWER_MAX / 1024 / 1024);
	else if (code == CURLE_COULDNT_CONNECT && (number == EACCES || number == EPERM))
		(void)ns_error_set(err, -EACCES,
				   "cannot reach nanosegd at %s: permission denied; use sudo, or be in "
				   "group nanoseg",
				   socket);
	else if (code == CURLE_COULDNT_CONNECT && number == ENOENT)
		(void)ns_error_set(err, -ENOENT,
				   "cannot reach nanosegd at %s: no such socket; start it (systemctl start "
				   "nanosegd) or name its socket with --socket",
				   socket);
	else if (code == CURLE_COULDNT_CONNECT)
		(void)ns_error_set(err, -ECONNREFUSED,
				   "cannot reach nanosegd at %s: %s; start it: systemctl start nanosegd", socket,
				   number ? strerror((int)number) : "connection refused");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		(void)ns_error_set(err, -ETIMEDOUT, "nanosegd at %s does not answer; see: journalctl -u nanosegd",
				   socket);
	else
		(void)ns_error_set(err, -EPROTO, "no answer from nanosegd at %s: %s", socket, curl_easy_strerror(code));
	return NS_CLI_UNREACHABLE;
}

/* 2xx: the document. Otherwise the daemon's own words. */
static int understand(long status, const char *socket, struct body *body, struct ns_response *ret, struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	NS_JSON json_t *json = NULL;
	const char *text;

	if (ns_json_decode(body->text ? body->text : "", body->length, NS_HTTP_ANSWER_MAX, NS_JSON_DEPTH_MAX, &json,
			   &why) < 0) {
		(void)ns_error_set(err, -EPROTO,
				   "what answers at %s is no nanosegd: HTTP status %ld and a body that is not "
				   "JSON (%s)",
				   socket, status, why.text);
		return NS_CLI_UNREACHABLE;
	}
	if (status >= 200 && status < 300) {
		*ret = (struct ns_response){ .text = NS_TAKE(body->text),
					     .length = body->length,
					     .json = NS_TAKE(json) };
		return NS_CLI_OK;
	}
	text = json_string_value(json_object_get(json, "error"));
	if (!text) {
		(void)ns_error_set(err, -EPROTO,
				   "what answers at %s is no nanosegd: HTTP status %ld without an error text", socket,
				   status);
		return NS_CLI_UNREACHABLE;
	}
	return ns_cli_refused(err, "%s", text);
}

static int ask(const char *socket, const char *path, const char *body, size_t length, const volatile sig_atomic_t *stop,
	       struct body *answer, struct ns_response *ret, struct ns_error *err)
{
	NS_CLEANUP(curl_easy_cleanupp) CURL *curl = curl_easy_init();
	NS_CLEANUP(curl_slist_free_allp) struct curl_slist *headers = NULL;
	CURLcode code;
	long status = 0;
	int r;

	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (!curl || !headers || !curl_slist_append(headers, "Expect:") ||
	    !prepare(curl, socket, path, body, length, headers, stop, answer))
		return ns_cli_no_memory(err);
	answer->curl = curl;
	code = curl_easy_perform(curl);
	if (answer->result != NS_CLI_OK) {
		r = answer->result;
	} else if (code == CURLE_ABORTED_BY_CALLBACK && stop && *stop) {
		r = NS_CLI_OK;
	} else if (code != CURLE_OK) {
		r = unreachable(curl, code, socket, answer, err);
	} else {
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		r = answer->begun ? NS_CLI_OK : understand(status, socket, answer, ret, err);
	}
	free(answer->text);
	return r;
}

int ns_client_ask(const char *socket, const char *path, const char *body, size_t length,
		  const volatile sig_atomic_t *stop, struct ns_response *ret, struct ns_error *err)
{
	struct body answer = { 0 };

	return ask(socket, path, body, length, stop, &answer, ret, err);
}

int ns_client_stream(const char *socket, char *path, ns_client_sink sink, void *ctx, struct ns_error *err)
{
	struct body answer = { .sink = sink, .ctx = ctx, .err = err };
	struct ns_response none = { 0 };
	NS_FREE char *owned = path;
	int r = owned ? ask(socket, owned, NULL, 0, NULL, &answer, &none, err) : ns_cli_no_memory(err);

	/* An empty 2xx is no JSON, so there is nothing. */
	ns_response_release(&none);
	return r;
}

int ns_client_get(const char *socket, char *path, struct ns_response *ret, struct ns_error *err)
{
	NS_FREE char *owned = path;

	if (!owned)
		return ns_cli_no_memory(err);
	return ns_client_ask(socket, owned, NULL, 0, NULL, ret, err);
}

int ns_client_post(const char *socket, const char *path, json_t *body, struct ns_response *ret, struct ns_error *err)
{
	NS_JSON json_t *owned = body;
	NS_FREE char *text = owned ? json_dumps(owned, JSON_COMPACT) : NULL;

	if (!text)
		return ns_cli_no_memory(err);
	return ns_client_ask(socket, path, text, strlen(text), NULL, ret, err);
}
