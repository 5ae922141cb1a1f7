/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "json.h"

struct ns_daemon_line {
	CURL *curl;
	struct curl_slist *headers;
	char *socket;
};

struct answer {
	char *text;
	size_t length;
	bool too_large;
};

static size_t receive(char *data, size_t size, size_t n, void *ctx)
{
	struct answer *answer = ctx;
	size_t more = size * n;
	char *larger;

	if (more > NS_HTTP_BODY_MAX - answer->length) {
		answer->too_large = true;
		return 0;
	}
	larger = realloc(answer->text, answer->length + more + 1);
	if (!larger)
		return 0;
	answer->text = larger;
	memcpy(answer->text + answer->length, data, more);
	answer->length += more;
	return more;
}

int ns_daemon_line_new(const char *socket, struct ns_daemon_line **ret, struct ns_error *err)
{
	struct ns_daemon_line *line = calloc(1, sizeof *line);

	if (line) {
		line->curl = curl_easy_init();
		line->headers = curl_slist_append(NULL, "Content-Type: application/json");
		line->socket = strdup(socket);
	}
	if (!line || !line->curl || !line->headers || !line->socket || !curl_slist_append(line->headers, "Expect:")) {
		(void)ns_daemon_line_free(line);
		return ns_error_set(err, -ENOMEM, "no memory");
	}
	*ret = line;
	return 0;
}

struct ns_daemon_line *ns_daemon_line_free(struct ns_daemon_line *line)
{
	if (line) {
		curl_easy_cleanup(line->curl);
		curl_slist_free_all(line->headers);
		free(line->socket);
		free(line);
	}
	return NULL;
}

char *ns_daemon_line_escape(struct ns_daemon_line *line, const char *text)
{
	char *escaped = curl_easy_escape(line->curl, text, 0), *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}

static bool prepare(struct ns_daemon_line *line, const char *path, const char *body, int64_t timeout_us,
		    struct answer *answer)
{
	CURL *curl = line->curl;
	char url[4096];
	bool ok = snprintf(url, sizeof url, "http://nanosegd%s", path) < (int)sizeof url;

#define SET(option, value) (ok = ok && curl_easy_setopt(curl, (option), (value)) == CURLE_OK)
	SET(CURLOPT_UNIX_SOCKET_PATH, line->socket);
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROXY, ""); /* whatever http_proxy says */
	SET(CURLOPT_PROTOCOLS_STR, "http");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)(timeout_us / 1000 > 0 ? timeout_us / 1000 : 1)); /* 0 would be for ever */
	SET(CURLOPT_WRITEFUNCTION, receive);
	SET(CURLOPT_WRITEDATA, answer);
	SET(CURLOPT_HTTPHEADER, line->headers);
	if (body) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		SET(CURLOPT_POSTFIELDS, body);
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
#undef SET
	return ok;
}

static int unreachable(const struct ns_daemon_line *line, CURLcode code, const struct answer *answer,
		       struct ns_error *err)
{
	long number = 0;

	(void)curl_easy_getinfo(line->curl, CURLINFO_OS_ERRNO, &number);
	if (answer->too_large)
		return ns_error_set(err, -EPROTO, "the answer from %s is larger than %u bytes", line->socket,
				    NS_HTTP_BODY_MAX);
	if (code == CURLE_COULDNT_CONNECT && (number == EACCES || number == EPERM))
		return ns_error_set(err, -EACCES, "nanosegd at %s: permission denied; this takes root", line->socket);
	if (code == CURLE_COULDNT_CONNECT)
		return ns_error_set(err, -EAGAIN, "nanosegd is not to be reached at %s: %s", line->socket,
				    number ? strerror((int)number) : "connection refused");
	if (code == CURLE_OPERATION_TIMEDOUT)
		return ns_error_set(err, -EAGAIN, "nanosegd at %s does not answer", line->socket);
	if (code == CURLE_OUT_OF_MEMORY || code == CURLE_WRITE_ERROR)
		return ns_error_set(err, -ENOMEM, "no memory");
	/* A daemon that ends closes its connections; its successor will answer. */
	if (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	    code == CURLE_PARTIAL_FILE)
		return ns_error_set(err, -EAGAIN, "nanosegd at %s closed the connection", line->socket);
	return ns_error_set(err, -EPROTO, "what answers at %s is no nanosegd: %s", line->socket,
			    curl_easy_strerror(code));
}

/* 2xx: the document. Else the daemon's own words. */
static int understand(const struct ns_daemon_line *line, long status, const struct answer *answer, json_t **ret,
		      struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	NS_JSON json_t *json = NULL;
	const char *text;

	if (ns_json_decode(answer->text ? answer->text : "", answer->length, NS_HTTP_BODY_MAX, NS_JSON_DEPTH_MAX, &json,
			   &why) < 0)
		return ns_error_set(err, -EPROTO,
				    "what answers at %s is no nanosegd: HTTP status %ld, and its body is not JSON "
				    "(%.256s)",
				    line->socket, status, why.text);
	if (status >= 200 && status < 300) {
		*ret = NS_TAKE(json);
		return 0;
	}
	text = json_string_value(json_object_get(json, "error"));
	if (!text)
		return ns_error_set(err, -EPROTO,
				    "what answers at %s is no nanosegd: HTTP status %ld without an error text",
				    line->socket, status);
	if (status == 401 || status == 403)
		return ns_error_set(err, -EACCES, "nanosegd: %s", text);
	if (status < 500 && status != 404 && status != 409)
		return ns_error_set(err, -EINVAL, "nanosegd: %s", text);
	return ns_error_set(err, -EAGAIN, "nanosegd: %s", text);
}

int ns_daemon_line_ask(struct ns_daemon_line *line, const char *path, const char *body, int64_t timeout_us,
		       json_t **ret, struct ns_error *err)
{
	struct answer answer = { 0 };
	CURLcode code;
	long status = 0;
	int r;

	if (!prepare(line, path, body, timeout_us, &answer))
		return ns_error_set(err, -ENOMEM, "no memory");
	code = curl_easy_perform(line->curl);
	if (code != CURLE_OK) {
		r = unreachable(line, code, &answer, err);
	} else {
		(void)curl_easy_getinfo(line->curl, CURLINFO_RESPONSE_CODE, &status);
		r = understand(line, status, &answer, ret, err);
	}
	free(answer.text);
	return r;
}
