/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The daemon's documents: printed as they came for programs, and read leniently for people, so that a member that is
 * missing is a "-" in a table and nothing worse.
 */
#ifndef NANOSEG_CLI_DOCUMENT_H
#define NANOSEG_CLI_DOCUMENT_H

#include <jansson.h>

#include "cli.h"
#include "client.h"
#include "show.h"
#include "table.h"

#define NS_DOCUMENT_PEER_MAX 640 /* class, name and address in words */

/* Byte for byte, with a newline behind it; indented on a terminal. Returns an exit code. */
int ns_document_print(const struct ns_cli *cli, const struct ns_response *response, struct ns_error *err);
/* Asks for a document and prints it byte for byte while it comes, with a newline behind it. One that breaks off has
 * been printed as far as it came, and is an error. */
int ns_document_pass(const struct ns_cli *cli, char *path, struct ns_error *err);
/* The same for a document made here; `json` is stolen. */
int ns_document_print_json(const struct ns_cli *cli, json_t *json, struct ns_error *err);

/* Members; "" and 0 when absent or of another type. Borrowed. */
const char *ns_document_text(const json_t *object, const char *name);
uint64_t ns_document_number(const json_t *object, const char *name);

/* Of an edge "compose/shop/db 10.0.0.3" or "internet 192.0.2.7", of a rule "compose/shop/db" or "cidr 10.0.0.0/8". */
const char *ns_document_peer(const json_t *peer, char buf[static NS_DOCUMENT_PEER_MAX]);
/* Array elements (texts and numbers) joined by `separator`. Malloced; NULL without memory. */
char *ns_document_join(const json_t *array, const char *separator);
/* "5min ago" of an RFC 3339 time; "" for "". */
const char *ns_document_age_of(const char *time, int64_t now, char buf[static NS_SHOW_FIGURE_MAX + 8]);
/* "5min ago" of an RFC 3339 time; "" for null. */
const char *ns_document_age(const json_t *object, const char *name, int64_t now,
			    char buf[static NS_SHOW_FIGURE_MAX + 8]);

/* One line of foreign text, escaped, behind `label`. */
int ns_document_line(FILE *out, const char *label, const char *text, struct ns_error *err);
/* "warning: …" for each of the document's warnings. */
int ns_document_warnings(FILE *out, const json_t *document, struct ns_error *err);

/* "3 connections cut, 2 sockets closed", of an answer that tells it: always where it is enforced, else when it is so.
 */
void ns_document_cut(FILE *out, const json_t *answer);

/* Asks (body NULL: GET of `path`, which is freed; body is stolen), then prints the document when --json wants it, or
 * calls `people`. */
typedef int (*ns_document_people)(struct ns_cli *cli, const json_t *document, struct ns_error *err);
int ns_document_get(struct ns_cli *cli, char *path, ns_document_people people, struct ns_error *err);
int ns_document_post(struct ns_cli *cli, const char *path, json_t *body, ns_document_people people,
		     struct ns_error *err);

/* The report of ns_doctor_run as people read it. NS_CLI_REFUSED when something required is missing. */
int ns_doctor_print(const struct ns_cli *cli, const json_t *report, struct ns_error *err);

#endif
