/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>

#define DECISION (NS_CLI_DIGEST | NS_CLI_REASON)

static const struct ns_cli_verb verbs[] = {
	{ "status", "", 0, 0, 0, "viewer", "is everything watched and protected, and if not, what to do",
	  ns_verb_status },
	{ "endpoints", "[--explain]", 0, 0, NS_CLI_EXPLAIN, "viewer",
	  "the running containers and what is enforced on each; or why each has its name", ns_verb_endpoints },
	{ "graph", "[WORKLOAD] [--format table|json|dot]", 0, 1, NS_CLI_FORMAT, "viewer", "who talks to whom",
	  ns_verb_graph },
	{ "learn start", "WORKLOAD", 1, 1, 0, "operator", "begin a new learning window", ns_verb_learn },
	{ "learn stop", "WORKLOAD", 1, 1, 0, "operator", "end the learning window", ns_verb_learn },
	{ "policy list", "", 0, 0, 0, "viewer", "the policies of all workloads", ns_verb_policy_list },
	{ "policy show", "WORKLOAD [--revision N]", 1, 1, NS_CLI_REVISION, "viewer",
	  "the rules, and the digest to approve", ns_verb_policy_show },
	{ "policy propose", "WORKLOAD", 1, 1, 0, "operator", "make a proposal of what was learned",
	  ns_verb_policy_propose },
	{ "policy diff", "WORKLOAD [--from N] [--to N]", 1, 1, NS_CLI_FROM | NS_CLI_TO, "viewer",
	  "what a revision changes", ns_verb_policy_diff },
	{ "policy edit", "WORKLOAD [--file FILE]", 1, 1, NS_CLI_FILE, "operator", "change the newest revision by hand",
	  ns_verb_policy_edit },
	{ "policy approve", "WORKLOAD --digest DIGEST --reason TEXT", 1, 1, DECISION, "approver",
	  "approve the proposed revision", ns_verb_policy_decide },
	{ "policy reject", "WORKLOAD --digest DIGEST --reason TEXT", 1, 1, DECISION, "approver",
	  "turn the proposed revision down", ns_verb_policy_decide },
	{ "policy history", "WORKLOAD", 1, 1, 0, "viewer", "all revisions, who decided what, and who set which mode",
	  ns_verb_policy_history },
	{ "mode", "WORKLOAD learning|auditing|enforcing [--reason TEXT]", 2, 2, NS_CLI_REASON,
	  "operator; approver for enforcing", "what the kernel does with the policy", ns_verb_mode },
	{ "denies", "[WORKLOAD] [--follow]", 0, 1, NS_CLI_FOLLOW, "viewer", "what was refused", ns_verb_denies },
	{ "verify", "[WORKLOAD]", 0, 1, 0, "viewer", "does the kernel hold what is planned, read again now",
	  ns_verb_verify },
	{ "evidence export", "[WORKLOAD] [--output FILE]", 0, 1, NS_CLI_OUTPUT, "viewer",
	  "the proof: policies, approvals, and what the kernel holds", ns_verb_evidence_export },
	{ "doctor", "", 0, 0, 0, "", "what this kernel can do, found by trying; needs root, not the daemon",
	  ns_verb_doctor },
	{ "version", "", 0, 0, 0, "", "of this command", ns_verb_version },
	{ "help", "[COMMAND]", 0, 2, 0, "", "this list, or one command of it", ns_verb_help },
};

const struct ns_cli_verb *ns_cli_verbs(size_t *ret_n)
{
	*ret_n = sizeof(verbs) / sizeof(verbs[0]);
	return verbs;
}

__attribute__((format(printf, 2, 0))) static void set(struct ns_error *err, const char *format, va_list args)
{
	char text[NS_ERROR_TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), format, args);
	(void)ns_error_set(err, -EINVAL, "%s", text);
}

int ns_cli_usage(struct ns_error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(err, format, args);
	va_end(args);
	return NS_CLI_USAGE;
}

int ns_cli_refused(struct ns_error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(err, format, args);
	va_end(args);
	return NS_CLI_REFUSED;
}

int ns_cli_no_memory(struct ns_error *err)
{
	(void)ns_error_set(err, -ENOMEM, "no memory");
	return NS_CLI_REFUSED;
}
