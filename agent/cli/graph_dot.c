/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The graph in Graphviz's DOT language. One node a peer: the internet is one, whatever its addresses, so that a public
 * server stays readable. One arrow between two nodes, labelled with the services it carries; two workloads that saw the
 * same connection from both ends make one arrow. What is kept grows with the picture, not with the edges.
 */
#include "graph_dot.h"

#include <string.h>

#include "cleanup.h"

#define LABELS_MAX 12 /* services on one arrow; the rest is counted */

static const char *fill_of(const char *mode)
{
	static const char *const fills[][2] = {
		{ "learning", "#cfe2f3" }, { "proposed", "#d9d2e9" },  { "approved", "#d0e0e3" },
		{ "auditing", "#ffe599" }, { "enforcing", "#b6d7a8" }, { "suspended", "#ea9999" },
	};

	for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		if (strcmp(fills[i][0], mode) == 0)
			return fills[i][1];
	}
	return "#ffffff";
}

/* DOT's quoted strings know `\"`; a backslash would begin an escape of a label, so it is doubled. Control characters
 * are made visible first. */
static int quote(FILE *out, const char *text, struct ns_error *err)
{
	NS_FREE char *safe = ns_show_escape(text);

	if (!safe)
		return ns_cli_no_memory(err);
	(void)fputc('"', out);
	for (const char *p = safe; *p; p++) {
		if (*p == '"' || *p == '\\')
			(void)fputc('\\', out);
		(void)fputc(*p, out);
	}
	(void)fputc('"', out);
	return NS_CLI_OK;
}

static const char *mode_of(const json_t *modes, const char *workload)
{
	const json_t *row;
	size_t i;

	json_array_foreach (modes, i, row) {
		if (strcmp(ns_document_text(row, "workload"), workload) == 0)
			return ns_document_text(row, "mode");
	}
	return "";
}

static bool add_node(struct ns_picture *picture, const char *id, const char *label, const char *mode, const char *shape)
{
	if (json_object_get(picture->nodes, id))
		return true;
	return json_object_set_new(picture->nodes, id,
				   json_pack("{s:s, s:s, s:s, s:s}", "label", label, "mode", mode, "shape", shape,
					     "fill", fill_of(mode))) == 0;
}

static bool add_workload(struct ns_picture *picture, const char *id, const char *name)
{
	return json_object_get(picture->nodes, id) || add_node(picture, id, name, mode_of(picture->modes, name), "box");
}

/* Adds the peer's node and writes its id. */
static bool add_peer(struct ns_picture *picture, const struct ns_shown_peer *peer, char id[static NS_DOCUMENT_PEER_MAX])
{
	const char *peer_class = peer->peer_class;

	if (strcmp(peer_class, "workload") == 0) {
		(void)snprintf(id, NS_DOCUMENT_PEER_MAX, "workload %s", peer->name);
		return add_workload(picture, id, peer->name);
	}
	if (strcmp(peer_class, "internet") == 0) {
		(void)snprintf(id, NS_DOCUMENT_PEER_MAX, "internet");
		return add_node(picture, id, id, "", "ellipse");
	}
	(void)ns_edge_peer(peer, id);
	return add_node(picture, id, id, "", strcmp(peer_class, "host") == 0 ? "house" : "ellipse");
}

static bool add_arrow(struct ns_picture *picture, const char *from, const char *to, const char *label, bool transit)
{
	char id[2 * NS_DOCUMENT_PEER_MAX + 8];
	json_t *arrow, *labels;

	(void)snprintf(id, sizeof(id), "%s\n%s\n%d", from, to, transit);
	arrow = json_object_get(picture->arrows, id);
	if (!arrow) {
		arrow = json_pack("{s:s, s:s, s:{}, s:b}", "from", from, "to", to, "labels", "transit", transit);
		if (json_object_set_new(picture->arrows, id, arrow) < 0)
			return false;
		picture->size++;
	}
	labels = json_object_get(arrow, "labels");
	if (json_object_get(labels, label))
		return true;
	picture->size++;
	return json_object_set_new(labels, label, json_true()) == 0;
}

static bool add_edge(struct ns_picture *picture, const struct ns_shown_edge *edge)
{
	char own[NS_DOCUMENT_PEER_MAX], peer[NS_DOCUMENT_PEER_MAX], source[NS_DOCUMENT_PEER_MAX];
	char port[NS_SHOW_FIGURE_MAX], label[NS_DOCUMENT_PEER_MAX];
	bool transit = strcmp(edge->direction, "transit") == 0;

	(void)snprintf(own, sizeof(own), "workload %s", edge->workload);
	if (!add_workload(picture, own, edge->workload) || !add_peer(picture, &edge->peer, peer))
		return false;
	(void)ns_edge_port(edge, port);
	(void)snprintf(label, sizeof(label), "%s%s%s%s%s", edge->protocol, *port ? "/" : "",
		       strncmp(port, "type ", 5) == 0 ? port + 5 : port, transit ? " via " : "",
		       transit ? edge->workload : "");
	if (transit)
		return add_peer(picture, &edge->source, source) && add_arrow(picture, source, peer, label, true);
	if (strcmp(edge->direction, "ingress") == 0)
		return add_arrow(picture, peer, own, label, false);
	return add_arrow(picture, own, peer, label, false);
}

static int write_arrow(FILE *out, const json_t *arrow, struct ns_error *err)
{
	json_t *labels = json_object_get(arrow, "labels"), *value;
	const char *label;
	size_t n = 0;
	int r;

	(void)fputc('\t', out);
	r = quote(out, ns_document_text(arrow, "from"), err);
	(void)fputs(" -> ", out);
	if (r == NS_CLI_OK)
		r = quote(out, ns_document_text(arrow, "to"), err);
	(void)fputs(" [label=", out);
	/* Pieces are quoted one by one and joined by DOT's own "+": the line break is ours, the text is foreign. */
	json_object_foreach (labels, label, value) {
		(void)value;
		if (r != NS_CLI_OK || n == LABELS_MAX)
			break;
		if (n++)
			(void)fputs(" + \"\\n\" + ", out);
		r = quote(out, label, err);
	}
	if (json_object_size(labels) > n)
		(void)fprintf(out, " + \"\\n… %zu more\"", json_object_size(labels) - n);
	(void)fprintf(out, "%s];\n", json_is_true(json_object_get(arrow, "transit")) ? ", style=dashed" : "");
	return r;
}

static int write_node(FILE *out, const char *id, const json_t *node, struct ns_error *err)
{
	const char *mode = ns_document_text(node, "mode");
	int r;

	(void)fputc('\t', out);
	r = quote(out, id, err);
	(void)fputs(" [label=", out);
	if (r == NS_CLI_OK)
		r = quote(out, ns_document_text(node, "label"), err);
	if (*mode)
		(void)fputs(" + \"\\n\" + ", out);
	if (r == NS_CLI_OK && *mode)
		r = quote(out, mode, err);
	(void)fprintf(out, ", shape=%s, fillcolor=\"%s\"];\n", ns_document_text(node, "shape"),
		      ns_document_text(node, "fill"));
	return r;
}

int ns_picture_start(struct ns_picture *picture, const json_t *modes, struct ns_error *err)
{
	*picture = (struct ns_picture){ .nodes = json_object(), .arrows = json_object(), .modes = modes };
	return picture->nodes && picture->arrows ? NS_CLI_OK : ns_cli_no_memory(err);
}

void ns_picture_release(struct ns_picture *picture)
{
	json_decref(picture->nodes);
	json_decref(picture->arrows);
	*picture = (struct ns_picture){ 0 };
}

int ns_picture_add(void *ctx, const struct ns_shown_edge *edge, struct ns_error *err)
{
	struct ns_picture *picture = ctx;

	if (!add_edge(picture, edge))
		return ns_cli_no_memory(err);
	if (picture->size + json_object_size(picture->nodes) > NS_PICTURE_MAX)
		return ns_cli_refused(err, "a picture of more than %d parts; name a workload, or use --format json",
				      NS_PICTURE_MAX);
	return NS_CLI_OK;
}

int ns_picture_add_workloads(struct ns_picture *picture, const json_t *names, struct ns_error *err)
{
	const json_t *value;
	bool ok = true;
	size_t i;

	json_array_foreach (names, i, value) {
		char id[NS_DOCUMENT_PEER_MAX];

		if (!json_is_string(value))
			continue;
		(void)snprintf(id, sizeof(id), "workload %s", json_string_value(value));
		ok = ok && add_workload(picture, id, json_string_value(value));
	}
	return ok ? NS_CLI_OK : ns_cli_no_memory(err);
}

int ns_picture_write(FILE *out, const struct ns_picture *picture, struct ns_error *err)
{
	const char *id;
	json_t *node, *arrow;
	int r = NS_CLI_OK;

	(void)fputs("digraph nanoseg {\n\trankdir=LR;\n\tnode [style=filled, fontname=\"sans-serif\"];\n"
		    "\tedge [fontname=\"sans-serif\", fontsize=10];\n",
		    out);
	json_object_foreach (picture->nodes, id, node) {
		if (r == NS_CLI_OK)
			r = write_node(out, id, node, err);
	}
	json_object_foreach (picture->arrows, id, arrow) {
		if (r == NS_CLI_OK)
			r = write_arrow(out, arrow, err);
	}
	(void)fputs("}\n", out);
	return r;
}
