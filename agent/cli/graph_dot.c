/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The graph in Graphviz's DOT language. One node a peer: the internet is one, whatever its addresses, so that a public
 * server stays readable. One arrow between two nodes, labelled with the services it carries; two workloads that saw the
 * same connection from both ends make one arrow.
 */
#include <string.h>

#include "cleanup.h"
#include "edges.h"

#define LABELS_MAX 12 /* services on one arrow; the rest is counted */

/* Sets as JSON objects: they remember the order in which their members came. */
struct picture {
	json_t *nodes;  /* id -> {"label", "mode", "shape", "fill"} */
	json_t *arrows; /* "from\nto" -> {"from", "to", "labels": {label: true}, "transit": bool} */
};

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

static bool add_node(struct picture *picture, const char *id, const char *label, const char *mode, const char *shape)
{
	if (json_object_get(picture->nodes, id))
		return true;
	return json_object_set_new(picture->nodes, id,
				   json_pack("{s:s, s:s, s:s, s:s}", "label", label, "mode", mode, "shape", shape,
					     "fill", fill_of(mode))) == 0;
}

static bool add_workload(struct picture *picture, const json_t *modes, const char *name)
{
	NS_FREE char *id = NULL;

	if (asprintf(&id, "workload %s", name) < 0) {
		id = NULL;
		return false;
	}
	return add_node(picture, id, name, mode_of(modes, name), "box");
}

/* Adds the peer's node and writes its id. */
static bool add_peer(struct picture *picture, const json_t *modes, const json_t *peer,
		     char id[static NS_DOCUMENT_PEER_MAX])
{
	const char *peer_class = ns_document_text(peer, "class"), *name = ns_document_text(peer, "name");

	if (strcmp(peer_class, "workload") == 0) {
		(void)snprintf(id, NS_DOCUMENT_PEER_MAX, "workload %s", name);
		return add_workload(picture, modes, name);
	}
	if (strcmp(peer_class, "internet") == 0) {
		(void)snprintf(id, NS_DOCUMENT_PEER_MAX, "internet");
		return add_node(picture, id, id, "", "ellipse");
	}
	(void)ns_document_peer(peer, id);
	return add_node(picture, id, id, "", strcmp(peer_class, "host") == 0 ? "house" : "ellipse");
}

static bool add_arrow(struct picture *picture, const char *from, const char *to, const char *label, bool transit)
{
	NS_FREE char *id = NULL;
	json_t *arrow;

	if (asprintf(&id, "%s\n%s\n%d", from, to, transit) < 0) {
		id = NULL;
		return false;
	}
	arrow = json_object_get(picture->arrows, id);
	if (!arrow) {
		arrow = json_pack("{s:s, s:s, s:{}, s:b}", "from", from, "to", to, "labels", "transit", transit);
		if (json_object_set_new(picture->arrows, id, arrow) < 0)
			return false;
	}
	return json_object_set_new(json_object_get(arrow, "labels"), label, json_true()) == 0;
}

static bool add_edge(struct picture *picture, const json_t *modes, const json_t *edge)
{
	const char *workload = ns_document_text(edge, "workload"), *direction = ns_document_text(edge, "direction");
	char own[NS_DOCUMENT_PEER_MAX], peer[NS_DOCUMENT_PEER_MAX], source[NS_DOCUMENT_PEER_MAX];
	char port[NS_SHOW_FIGURE_MAX];
	NS_FREE char *label = NULL;
	bool transit = strcmp(direction, "transit") == 0;

	(void)snprintf(own, sizeof(own), "workload %s", workload);
	if (!add_workload(picture, modes, workload) || !add_peer(picture, modes, json_object_get(edge, "peer"), peer))
		return false;
	(void)ns_edge_port(edge, port);
	if (asprintf(&label, "%s%s%s%s%s", ns_document_text(edge, "protocol"), *port ? "/" : "",
		     strncmp(port, "type ", 5) == 0 ? port + 5 : port, transit ? " via " : "",
		     transit ? workload : "") < 0) {
		label = NULL;
		return false;
	}
	if (transit) {
		const json_t *from = json_object_get(edge, "source");

		return add_peer(picture, modes, from, source) && add_arrow(picture, source, peer, label, true);
	}
	if (strcmp(direction, "ingress") == 0)
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

static int write_picture(FILE *out, const struct picture *picture, struct ns_error *err)
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

int ns_graph_dot(FILE *out, const json_t *graph, const json_t *modes, struct ns_error *err)
{
	NS_JSON json_t *nodes = json_object();
	NS_JSON json_t *arrows = json_object();
	struct picture picture = { nodes, arrows };
	const json_t *value;
	bool ok = nodes && arrows;
	size_t i;

	json_array_foreach (json_object_get(graph, "workloads"), i, value) {
		ok = ok && (!json_is_string(value) || add_workload(&picture, modes, json_string_value(value)));
	}
	json_array_foreach (json_object_get(graph, "edges"), i, value) {
		ok = ok && add_edge(&picture, modes, value);
	}
	return ok ? write_picture(out, &picture, err) : ns_cli_no_memory(err);
}
