/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The outer lock and the gate as plans: golden texts (tests/golden/outer), names, and what must not depend on the
 * policy.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <nanoseg/outer.h>

#define TEXT_MAX 1048576

static const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };

static struct ns_addr addr(const char *text)
{
	struct ns_addr ret;

	assert_int_equal(ns_addr_parse(text, &ret, NULL), 0);
	return ret;
}

static char *read_file(const char *name)
{
	char path[512], *text = calloc(1, TEXT_MAX + 1);
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/outer/%s", GOLDEN_DIR, name);
	f = fopen(path, "re");
	assert_non_null(text);
	if (f) {
		assert_true(fread(text, 1, TEXT_MAX, f) < TEXT_MAX);
		(void)fclose(f);
	}
	return text;
}

/* With NANOSEG_GOLDEN=write the files become what the compiler says, as in test_compile.c. Releases the plan. */
static void check_golden(const char *name, struct ns_plan *plan)
{
	const char *golden = getenv("NANOSEG_GOLDEN");
	char *wanted = read_file(name), *found, path[512];

	assert_int_equal(ns_plan_print(plan, &found, NULL), 0);
	if (golden && strcmp(golden, "write") == 0) {
		FILE *f;

		(void)snprintf(path, sizeof(path), "%s/outer/%s", GOLDEN_DIR, name);
		f = fopen(path, "we");
		assert_non_null(f);
		assert_true(fputs(found, f) >= 0);
		assert_int_equal(fclose(f), 0);
	} else {
		assert_string_equal(found, wanted);
	}
	free(wanted);
	free(found);
	ns_plan_release(plan);
}

static struct ns_book *book(void)
{
	struct ns_book *ret;
	struct ns_addr one = addr("10.9.0.3"), two = addr("fd09::3"), host = addr("fd09::1");

	assert_int_equal(ns_book_new(&ret, NULL), 0);
	assert_int_equal(ns_book_add_workload(ret, "db", &one, NULL), 0);
	assert_int_equal(ns_book_add_workload(ret, "db", &two, NULL), 0);
	assert_int_equal(ns_book_add_host(ret, &host, NULL), 0);
	return ret;
}

/* Two ports, two MACs, two addresses. `json` NULL: the golden policy. */
static int compile(const char *json, bool auditing, bool egress_hook, size_t n_ports, struct ns_plan *ret,
		   struct ns_error *err)
{
	static const struct ns_port_name ports[] = { { 7, "veth7" }, { 12, "veth12" } };
	struct ns_addr own[] = { addr("10.9.0.2"), addr("fd09::2") };
	struct ns_prefix links[2];
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_outer_options options = { .cookie = 42,
					    .ports = ports,
					    .n_ports = n_ports,
					    .own = own,
					    .n_own = 2,
					    .macs = macs,
					    .n_macs = 2,
					    .links = links,
					    .n_links = 2,
					    .egress_hook = egress_hook,
					    .deny_set_size = 100 };
	char *text = json ? strdup(json) : read_file("policy.json");
	struct ns_book *names = book();
	int r;

	assert_int_equal(ns_prefix_parse("10.9.0.0/24", &links[0], NULL), 0);
	assert_int_equal(ns_prefix_parse("fd09::/64", &links[1], NULL), 0);
	r = ns_policy_parse(text, strlen(text), &policy, err);
	assert_int_equal(r, 0);
	r = ns_compile_outer(&policy, names, auditing, &options, ret, err);
	ns_policy_release(&policy);
	ns_book_free(names);
	free(text);
	return r;
}

static void test_outer_golden(void **state)
{
	static const struct {
		const char *name;
		bool auditing, egress_hook;
	} cases[] = { { "enforcing.plan", false, true }, { "auditing-ingress-hook.plan", true, false } };

	for (size_t i = 0; i < 2; i++) {
		struct ns_plan plan = NS_PLAN_INIT;
		struct ns_error err = NS_ERROR_INIT;

		if (compile(NULL, cases[i].auditing, cases[i].egress_hook, 2, &plan, &err) < 0)
			fail_msg("%s", err.text);
		check_golden(cases[i].name, &plan);
	}
}

static size_t count_rules(const struct ns_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_chains; i++)
		n += plan->chains[i].n_rules;
	return n;
}

/* As many rules of one kind as one likes, of addresses that are known or not, make one table. */
static void test_the_number_of_rules_is_constant(void **state)
{
#define POLICY(rules)                                                                                                  \
	"{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":1,\"verdict\":\"drop\",\"rules\":[" rules "]}"
#define RULE(id, name, port)                                                                                           \
	"{\"id\":\"" id "\",\"direction\":\"egress\",\"peer\":{\"class\":\"workload\",\"name\":\"" name                \
	"\"},\"protocol\":\"tcp\",\"ports\":[" port "]}"
	static const char one[] = POLICY(RULE("a", "nobody", "1")),
			  many[] = POLICY(
				  RULE("a", "db", "1,3,5") "," RULE("b", "nobody", "80") "," RULE("c", "db", "9"));
	struct ns_plan all = NS_PLAN_INIT, none = NS_PLAN_INIT, few = NS_PLAN_INIT, more = NS_PLAN_INIT;

	assert_int_equal(compile(NULL, false, true, 2, &all, NULL), 0);
	assert_int_equal(compile(POLICY(""), false, true, 2, &none, NULL), 0);
	assert_int_equal(compile(one, false, true, 2, &few, NULL), 0);
	assert_int_equal(compile(many, false, true, 2, &more, NULL), 0);
	assert_int_equal(count_rules(&few), count_rules(&more));
	assert_int_equal(few.n_sets, more.n_sets);
	assert_true(count_rules(&none) < count_rules(&few));
	assert_true(count_rules(&few) < count_rules(&all));
	ns_plan_release(&all);
	ns_plan_release(&none);
	ns_plan_release(&few);
	ns_plan_release(&more);
}

/* Every chain that a verdict names is there, and every chain that is no base chain is reached. */
static void test_chains_are_joined(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;

	assert_int_equal(compile(NULL, false, true, 1, &plan, NULL), 0);
	for (size_t i = 0; i < plan.n_chains; i++) {
		bool reached = plan.chains[i].base;

		for (size_t j = 0; j < plan.n_chains; j++) {
			for (size_t k = 0; k < plan.chains[j].n_rules; k++) {
				const struct ns_plan_rule *rule = &plan.chains[j].rules[k];
				const struct ns_stmt *last = &rule->stmts[rule->n_stmts - 1];

				assert_int_equal(last->kind, NS_STMT_VERDICT);
				if (last->verdict.chain[0])
					assert_non_null(ns_plan_find_chain(&plan, last->verdict.chain));
				reached |= strcmp(last->verdict.chain, plan.chains[i].name) == 0;
			}
		}
		if (!reached)
			fail_msg("nothing leads to chain %s", plan.chains[i].name);
	}
	ns_plan_release(&plan);
}

/* Nothing is accepted but by a rule that has looked something up or compared something. */
static void test_nothing_is_accepted_unseen(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;

	assert_int_equal(compile(NULL, false, true, 2, &plan, NULL), 0);
	for (size_t i = 0; i < plan.n_chains; i++) {
		if (plan.chains[i].base)
			assert_int_equal(plan.chains[i].policy, NF_DROP);
		for (size_t k = 0; k < plan.chains[i].n_rules; k++) {
			const struct ns_plan_rule *rule = &plan.chains[i].rules[k];
			bool accepts = rule->stmts[rule->n_stmts - 1].verdict.code == NF_ACCEPT;

			if (accepts)
				assert_true(rule->n_stmts > 1);
		}
	}
	ns_plan_release(&plan);
}

/* The kernel can be made to look for a packet's protocol and transport header in the wrong place, so nothing asks it:
 * all is read from the packet's network header on. */
static void test_nothing_is_asked_of_the_kernels_reading(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;

	assert_int_equal(compile(NULL, false, true, 2, &plan, NULL), 0);
	for (size_t i = 0; i < plan.n_chains; i++) {
		for (size_t k = 0; k < plan.chains[i].n_rules; k++) {
			const struct ns_plan_rule *rule = &plan.chains[i].rules[k];

			for (size_t n = 0; n < rule->n_stmts; n++) {
				const struct ns_stmt *stmt = &rule->stmts[n];

				assert_int_not_equal(stmt->kind, NS_STMT_META);
				if (stmt->kind == NS_STMT_PAYLOAD && stmt->payload.base != NFT_PAYLOAD_LL_HEADER)
					assert_int_equal(stmt->payload.base, NFT_PAYLOAD_NETWORK_HEADER);
			}
		}
	}
	ns_plan_release(&plan);
}

static void test_outer_errors(void **state)
{
	struct ns_policy policy = { .workload = strdup("w"), .revision = 1 };
	struct ns_port_name port = { .index = 1 };
	struct ns_outer_options options = { .cookie = 1, .ports = &port };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_book *names = book();

	assert_int_equal(ns_compile_outer(&policy, names, false, &options, &plan, &err), -EINVAL);
	assert_string_equal(err.text, "policy of w: no verdict");
	policy.verdict = NS_VERDICT_DROP;
	assert_int_equal(ns_compile_outer(&policy, names, false, &options, &plan, &err), -EINVAL);
	assert_string_equal(err.text, "an outer lock without a port");
	options.n_ports = 1;
	assert_int_equal(ns_compile_outer(&policy, names, false, &options, &plan, &err), -EINVAL);
	(void)snprintf(port.name, sizeof(port.name), "veth1");
	options.own = &(struct ns_addr){ 0 };
	options.n_own = 1;
	assert_int_equal(ns_compile_outer(&policy, names, false, &options, &plan, &err), -EINVAL);
	assert_null(plan.chains); /* untouched on failure */
	ns_policy_release(&policy);
	ns_book_free(names);
}

/* What a container gives itself on its loopback does not become its own on the link. */
static void test_addresses_of_no_link(void **state)
{
	struct ns_policy policy = { .workload = strdup("w"), .revision = 1, .verdict = NS_VERDICT_DROP };
	struct ns_addr own[] = { addr("127.0.0.1"), addr("::1"),     addr("0.0.0.0"),        addr("::"),
				 addr("224.0.0.1"), addr("ff02::1"), addr("255.255.255.255") };
	struct ns_port_name port = { 1, "veth1" };
	struct ns_outer_options options = { .cookie = 1,
					    .ports = &port,
					    .n_ports = 1,
					    .own = own,
					    .n_own = sizeof(own) / sizeof(own[0]),
					    .macs = macs,
					    .n_macs = 2,
					    .egress_hook = true };
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_book *names = book();

	assert_int_equal(ns_compile_outer(&policy, names, false, &options, &plan, NULL), 0);
	assert_int_equal(ns_plan_find_set(&plan, "macs")->n_elements, 2);
	assert_int_equal(ns_plan_find_set(&plan, "own4")->n_elements, 0);
	assert_int_equal(ns_plan_find_set(&plan, "own6")->n_elements, 0);
	assert_int_equal(ns_plan_find_set(&plan, "addresses4")->n_elements, 0);
	assert_int_equal(ns_plan_find_set(&plan, "addresses6")->n_elements, 0);
	ns_plan_release(&plan);
	ns_policy_release(&policy);
	ns_book_free(names);
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const uint64_t cookies[] = { 0, 1, 4096, UINT64_MAX };
	static const char *const others[] = { "nanoseg",
					      "nanoseg-",
					      "nanoseg--1",
					      "nanoseg-01",
					      "nanoseg- 1",
					      "nanoseg-1x",
					      "nanoseg-18446744073709551616",
					      "nano-1",
					      "",
					      "nanoseg-+1",
					      "nanoseg-0x1" };
	char name[NS_NFT_NAME_MAX];
	uint64_t cookie = 7;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(ns_outer_table_cookie(others[i], &cookie), -EINVAL);
	assert_int_equal(cookie, 7);
	for (size_t i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++) {
		ns_outer_table_name(cookies[i], name);
		assert_int_equal(ns_outer_table_cookie(name, &cookie), 0);
		assert_int_equal(cookie, cookies[i]);
	}
}

/* ---- the gate ---- */

static void test_gate_golden(void **state)
{
	static const char *const patterns[] = { "veth*", "ve-*" };
	static const struct ns_port_name ports[] = { { 7, "veth7" }, { 12, "fifteen-bytes-x" } };
	struct ns_gate_options standing = {
		.standing = true, .patterns = patterns, .n_patterns = 2, .open = ports, .n_open = 2, .egress_hook = true
	};
	struct ns_gate_options closing = { .closed = ports, .n_closed = 2 };
	struct ns_plan plan = NS_PLAN_INIT;

	assert_int_equal(ns_compile_gate(&standing, &plan, NULL), 0);
	check_golden("gate-standing.plan", &plan);
	assert_int_equal(ns_compile_gate(&closing, &plan, NULL), 0);
	check_golden("gate-closing.plan", &plan);
	closing.n_closed = 0;
	assert_int_equal(ns_compile_gate(&closing, &plan, NULL), 0);
	assert_int_equal(plan.n_chains, 0);
	assert_int_equal(plan.family, NFPROTO_NETDEV);
	assert_string_equal(plan.table, NS_GATE_TABLE);
	ns_plan_release(&plan);
}

static void test_gate_errors(void **state)
{
	static const char *const bad[] = { "", "*", "veth", "ve*th*", "*veth", "longer-than-a-name*", "a b*", "a/b*" };
	const char *twice[] = { "veth*", "veth*" };
	struct ns_gate_options options = { .standing = true, .n_patterns = 1 };
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_error err = NS_ERROR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		options.patterns = &bad[i];
		assert_int_equal(ns_compile_gate(&options, &plan, &err), -EINVAL);
	}
	options.patterns = twice;
	options.n_patterns = 2;
	assert_int_equal(ns_compile_gate(&options, &plan, &err), -EEXIST);
	options.n_patterns = NS_GATE_PATTERNS_MAX + 1;
	assert_int_equal(ns_compile_gate(&options, &plan, &err), -E2BIG);
	options = (struct ns_gate_options){ .n_closed = NS_GATE_CLOSED_MAX + 1 };
	assert_int_equal(ns_compile_gate(&options, &plan, &err), -E2BIG);
	assert_null(plan.chains);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outer_golden),
		cmocka_unit_test(test_the_number_of_rules_is_constant),
		cmocka_unit_test(test_chains_are_joined),
		cmocka_unit_test(test_nothing_is_accepted_unseen),
		cmocka_unit_test(test_nothing_is_asked_of_the_kernels_reading),
		cmocka_unit_test(test_outer_errors),
		cmocka_unit_test(test_addresses_of_no_link),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_gate_golden),
		cmocka_unit_test(test_gate_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
