/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Policy and addresses to plan: golden cases (tests/golden), and the sets against a plain reading of the policy.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <nanoseg/layout.h>

#include "peers.h"

#define TEXT_MAX  1048576
#define LINKS_MAX 16

/* ---- golden cases ---- */

/* One line a fact:
 *	mode learning|auditing|enforcing
 *	workload NAME ADDRESS     host ADDRESS     service NAME ADDRESS     name NAME ADDRESS
 *	link PREFIX               udp PORT
 *	member CGROUP LEVEL       other CGROUP LEVEL       hostnet */
struct surroundings {
	char mode[16];
	struct ns_book *book;
	struct ns_prefix links[LINKS_MAX];
	uint16_t udp[LINKS_MAX];
	struct ns_member_cgroup member, others[LINKS_MAX];
	struct ns_compile_options options;
};

static char *read_file(const char *name, const char *suffix)
{
	char path[512], *text;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s%s", GOLDEN_DIR, name, suffix);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	text = calloc(1, TEXT_MAX + 1);
	assert_non_null(text);
	n = fread(text, 1, TEXT_MAX, f);
	assert_true(n < TEXT_MAX);
	(void)fclose(f);
	return text;
}

static void add_fact(struct surroundings *s, const char *line)
{
	char word[16], one[256] = "", two[256] = "";
	struct ns_error err = NS_ERROR_INIT;
	struct ns_prefix prefix;
	struct ns_addr addr;
	int n = sscanf(line, "%15s %255s %255s", word, one, two), r = 0;

	if (n < 1 || word[0] == '#')
		return;
	if (strcmp(word, "mode") == 0)
		(void)snprintf(s->mode, sizeof(s->mode), "%.15s", one);
	else if (strcmp(word, "udp") == 0)
		s->udp[s->options.n_udp_served++] = (uint16_t)strtoul(one, NULL, 10);
	else if (strcmp(word, "hostnet") == 0)
		s->options.host = true;
	else if (strcmp(word, "member") == 0) {
		s->member = (struct ns_member_cgroup){ strtoull(one, NULL, 10), (unsigned)strtoul(two, NULL, 10) };
		s->options.member = &s->member;
	} else if (strcmp(word, "other") == 0) {
		s->others[s->options.n_others++] =
			(struct ns_member_cgroup){ strtoull(one, NULL, 10), (unsigned)strtoul(two, NULL, 10) };
	} else if (strcmp(word, "link") == 0) {
		r = ns_prefix_parse(one, &prefix, &err);
		s->links[s->options.n_links++] = prefix;
	} else if ((r = ns_addr_parse(n == 3 ? two : one, &addr, &err)) < 0) {
		;
	} else if (strcmp(word, "workload") == 0) {
		r = ns_book_add_workload(s->book, one, &addr, &err);
	} else if (strcmp(word, "service") == 0) {
		r = ns_book_add_service(s->book, one, &addr, &err);
	} else if (strcmp(word, "name") == 0) {
		r = ns_book_add_name(s->book, one, &addr, &err);
	} else if (strcmp(word, "host") == 0) {
		r = ns_book_add_host(s->book, &addr, &err);
	} else {
		r = -EINVAL;
	}
	if (r < 0)
		fail_msg("book line '%s': %s", line, err.text);
}

static void read_surroundings(struct surroundings *s, const char *name)
{
	char *text = read_file(name, ".book"), *save = NULL;

	assert_non_null(text);
	memset(s, 0, sizeof(*s));
	assert_int_equal(ns_book_new(&s->book, NULL), 0);
	s->options.links = s->links;
	s->options.udp_served = s->udp;
	s->options.others = s->others;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		add_fact(s, line);
	free(text);
}

/* What the golden file shows: the whole plan, or with `elements_only` what the policy put into the sets. */
static char *compile_case(const char *name, bool elements_only)
{
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan plan = NS_PLAN_INIT;
	struct surroundings s;
	char *json, *text, *kept, *at, *save = NULL;
	int r;

	read_surroundings(&s, name);
	if (strcmp(s.mode, "learning") == 0) {
		r = ns_compile_learn(&s.options, &plan, &err);
	} else {
		json = read_file(name, ".policy.json");
		assert_non_null(json);
		r = ns_policy_parse(json, strlen(json), &policy, &err);
		if (r == 0)
			r = ns_compile_enforce(&policy, s.book, strcmp(s.mode, "auditing") == 0, &s.options, &plan,
					       &err);
		free(json);
	}
	if (r < 0)
		fail_msg("%s: %s", name, err.text);
	assert_int_equal(ns_plan_print(&plan, &text, NULL), 0);
	ns_policy_release(&policy);
	ns_plan_release(&plan);
	ns_book_free(s.book);
	if (!elements_only)
		return text;
	at = kept = calloc(1, strlen(text) + 1);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "element ", 8) == 0 && !strstr(line, "_protocols {"))
			at += sprintf(at, "%s\n", line);
	free(text);
	return kept;
}

static bool has_line(const char *text, const char *line, size_t length)
{
	for (const char *at = text; *at; at = strchrnul(at, '\n') + (*strchrnul(at, '\n') != '\0'))
		if (strncmp(at, line, length) == 0 && (at[length] == '\n' || !at[length]))
			return true;
	return false;
}

static void print_missing(const char *sign, const char *from, const char *in)
{
	for (const char *at = from; *at;) {
		size_t length = strcspn(at, "\n");

		if (!has_line(in, at, length))
			print_error("%s%.*s\n", sign, (int)length, at);
		at += length + (at[length] != '\0');
	}
}

static void write_file(const char *name, const char *suffix, const char *text)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s%s", GOLDEN_DIR, name, suffix);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* With NANOSEG_GOLDEN=write the files become what the compiler says: for a person to read the difference. */
static void check_case(const char *name)
{
	const char *golden = getenv("NANOSEG_GOLDEN");
	char *wanted = read_file(name, ".plan"), *found;
	bool elements_only = !wanted;

	if (elements_only)
		wanted = read_file(name, ".elements");
	found = compile_case(name, elements_only);
	if (golden && strcmp(golden, "write") == 0) {
		write_file(name, elements_only ? ".elements" : ".plan", found);
	} else if (!wanted || strcmp(wanted, found) != 0) {
		print_missing("-", wanted ? wanted : "", found);
		print_missing("+", found, wanted ? wanted : "");
		fail_msg("golden case %s: not as written (or its lines are in another order)", name);
	}
	free(wanted);
	free(found);
}

static void test_golden(void **state)
{
	struct dirent **entries;
	int n = scandir(GOLDEN_DIR, &entries, NULL, alphasort), cases = 0;

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char *dot = strstr(entries[i]->d_name, ".book");

		if (dot && !dot[5]) {
			*dot = '\0';
			check_case(entries[i]->d_name);
			cases++;
		}
		free(entries[i]);
	}
	free(entries);
	assert_int_equal(cases, 22); /* a case that is not found is not passed */
}

/* ---- members ---- */

static void test_member_tables(void **state)
{
	static const char *const foreign[] = {
		"nanoseg",     "nanoseg-",   "nanoseg-0",  "nanoseg-x",
		"nanoseg-12x", "nanoseg-+5", "nanoseg-05", "nanoseg- 5",
		"nanoseg--5",  "Nanoseg-5",  "",           "nanoseg-18446744073709551616"
	};
	char name[NS_NFT_NAME_MAX];
	uint64_t cgroup = 7;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_int_equal(ns_member_table_cgroup(foreign[i], &cgroup), -EINVAL);
	assert_true(cgroup == 7);
	ns_member_table_name(UINT64_MAX, name);
	assert_string_equal(name, "nanoseg-18446744073709551615");
	assert_int_equal(ns_member_table_cgroup(name, &cgroup), 0);
	assert_true(cgroup == UINT64_MAX);
}

static int compile_both(const struct ns_compile_options *options)
{
	struct ns_policy policy = { .verdict = NS_VERDICT_DROP };
	struct ns_book *book = NULL;
	struct ns_plan plan = NS_PLAN_INIT;
	int learn, enforce;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	learn = ns_compile_learn(options, &plan, NULL);
	ns_plan_release(&plan);
	enforce = ns_compile_enforce(&policy, book, false, options, &plan, NULL);
	ns_plan_release(&plan);
	ns_book_free(book);
	assert_int_equal(learn, enforce);
	return learn;
}

static void test_members_that_cannot_be(void **state)
{
	struct ns_member_cgroup member = { 7, 2 }, root = { 1, 0 }, none = { 0, 2 },
				deep = { 7, NS_CGROUP_LEVELS_MAX + 1 }, others[NS_MEMBERS_MAX + 1];

	for (unsigned i = 0; i <= NS_MEMBERS_MAX; i++)
		others[i] = (struct ns_member_cgroup){ 100 + i, 1 + i % NS_CGROUP_LEVELS_MAX };
	assert_int_equal(compile_both(&(struct ns_compile_options){ .member = &member }), 0);
	assert_int_equal(compile_both(&(struct ns_compile_options){ .member = &member, .host = true }), 0);
	assert_int_equal(compile_both(&(struct ns_compile_options){ .member = &root }), -EINVAL);
	assert_int_equal(compile_both(&(struct ns_compile_options){ .member = &none }), -EINVAL);
	assert_int_equal(compile_both(&(struct ns_compile_options){ .member = &deep }), -EINVAL);
	assert_int_equal(compile_both(&(struct ns_compile_options){ .host = true }), -EINVAL);
	assert_int_equal(
		compile_both(&(struct ns_compile_options){ .member = &member, .others = others, .n_others = 1 }),
		-EINVAL);
	assert_int_equal(compile_both(&(struct ns_compile_options){ .others = &root, .n_others = 1 }), -EINVAL);
	/* As many as there may be, on every level, is within what a plan holds. */
	assert_int_equal(compile_both(&(struct ns_compile_options){ .others = others, .n_others = NS_MEMBERS_MAX }), 0);
	assert_int_equal(compile_both(&(struct ns_compile_options){ .others = others, .n_others = NS_MEMBERS_MAX + 1 }),
			 -E2BIG);
}

/* The last rule of the chain, and of those it leads to, has no condition and a verdict. */
static void assert_ends(const struct ns_plan *plan, const char *name)
{
	const struct ns_plan_chain *chain = ns_plan_find_chain(plan, name);
	const struct ns_plan_rule *last;
	const struct ns_stmt *verdict;

	assert_non_null(chain);
	last = &chain->rules[chain->n_rules - 1];
	verdict = &last->stmts[last->n_stmts - 1];
	assert_int_equal(verdict->kind, NS_STMT_VERDICT);
	for (unsigned i = 0; i + 1 < last->n_stmts; i++)
		assert_int_equal(last->stmts[i].kind, NS_STMT_OBJREF); /* nothing that could end the rule */
	if (verdict->verdict.code == NFT_GOTO)
		assert_ends(plan, verdict->verdict.chain);
	else
		assert_true(verdict->verdict.code == NF_ACCEPT || verdict->verdict.code == NF_DROP);
}

/* The base chains accept, so whatever is a member's must meet its end before. */
static void test_a_members_packet_ends_in_its_chain(void **state)
{
	struct ns_member_cgroup member = { 7, 2 };
	struct ns_policy policy = { .verdict = NS_VERDICT_REJECT };
	struct ns_book *book = NULL;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	for (unsigned i = 0; i < 6; i++) {
		struct ns_compile_options options = { .member = &member, .host = i & 1 };
		struct ns_plan plan = NS_PLAN_INIT;

		if (i / 2 == 0)
			assert_int_equal(ns_compile_learn(&options, &plan, NULL), 0);
		else
			assert_int_equal(ns_compile_enforce(&policy, book, i / 2 == 1, &options, &plan, NULL), 0);
		assert_ends(&plan, "member_in");
		assert_ends(&plan, "member_out");
		assert_null(ns_plan_find_chain(&plan, "forward"));
		assert_null(ns_plan_find_chain(&plan, "link_in"));
		for (size_t j = 0; j < plan.n_chains; j++)
			if (plan.chains[j].base)
				assert_int_equal(plan.chains[j].n_rules, 1);
		ns_plan_release(&plan);
	}
	ns_book_free(book);
}

/* ---- the sets against a plain reading of the policy ---- */

static uint32_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Small worlds, so that rules meet: 16 addresses of each family, 8 ports, few protocols. */
static struct ns_addr random_addr(int family)
{
	struct ns_addr addr = { .family = (uint8_t)family };

	addr.bytes[0] = family == AF_INET ? 10 : 0xfd;
	addr.bytes[ns_addr_length(&addr) - 1] = (uint8_t)pick(16);
	return addr;
}

static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE };

static void random_peer(struct ns_peer *peer)
{
	struct ns_addr addr = random_addr(pick(2) ? AF_INET : AF_INET6);
	unsigned whole = (unsigned)ns_addr_length(&addr) * 8;

	switch (pick(8)) {
	case 0:
		peer->peer_class = NS_PEER_ANY;
		break;
	case 1:
		peer->peer_class = NS_PEER_WORKLOAD;
		peer->name = strdup(pick(2) ? "a" : "b");
		break;
	default:
		peer->peer_class = NS_PEER_CIDR;
		peer->prefix = ns_prefix_of(&addr, (uint8_t)(whole - pick(5)));
	}
}

static void random_spans(struct ns_rule *rule, unsigned max)
{
	unsigned lo = pick(4);

	rule->spans = calloc(3, sizeof(*rule->spans));
	do {
		unsigned hi = lo + pick(2);

		rule->spans[rule->n_spans++] = (struct ns_span){ (uint16_t)lo, (uint16_t)(hi > max ? max : hi) };
		lo = hi + 2 + pick(3);
	} while (rule->n_spans < 3 && lo <= max && pick(2));
}

static void random_rule(struct ns_rule *rule, unsigned index)
{
	(void)snprintf(rule->id, sizeof(rule->id), "r%u", index);
	rule->direction = (enum ns_direction)(1 + pick(3));
	random_peer(&rule->peer);
	if (rule->direction == NS_TRANSIT)
		random_peer(&rule->source);
	rule->any_protocol = pick(8) == 0;
	rule->protocol = rule->any_protocol ? 0 : protocols[pick(5)];
	if (!rule->any_protocol && rule->protocol != IPPROTO_GRE)
		random_spans(rule, 8);
}

static bool book_has(const char *name, const struct ns_addr *addr)
{
	/* What random_book() put there. */
	unsigned last = addr->bytes[ns_addr_length(addr) - 1];

	return name[0] == 'a' ? last == 3 || last == 4 : last == 9;
}

static struct ns_book *random_book(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct ns_book *book;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct ns_addr addr = { .family = (uint8_t)families[i], .bytes = { i ? 0xfd : 10 } };
		uint8_t *last = &addr.bytes[ns_addr_length(&addr) - 1];

		*last = 3;
		assert_int_equal(ns_book_add_workload(book, "a", &addr, NULL), 0);
		*last = 4;
		assert_int_equal(ns_book_add_workload(book, "a", &addr, NULL), 0);
		*last = 9;
		assert_int_equal(ns_book_add_workload(book, "b", &addr, NULL), 0);
	}
	return book;
}

static bool peer_has(const struct ns_peer *peer, const struct ns_addr *addr)
{
	if (peer->peer_class == NS_PEER_ANY)
		return true;
	if (peer->peer_class == NS_PEER_WORKLOAD)
		return book_has(peer->name, addr);
	return ns_prefix_contains(&peer->prefix, addr);
}

static bool rule_allows(const struct ns_rule *rule, const struct ns_tuple *tuple)
{
	bool in_spans = rule->n_spans == 0;

	if (rule->direction != tuple->direction || !peer_has(&rule->peer, &tuple->peer))
		return false;
	if (rule->direction == NS_TRANSIT && !peer_has(&rule->source, &tuple->source))
		return false;
	for (size_t i = 0; i < rule->n_spans; i++)
		in_spans |= tuple->port >= rule->spans[i].lo && tuple->port <= rule->spans[i].hi;
	return rule->any_protocol || (rule->protocol == tuple->protocol && in_spans);
}

/* As nf_tables finds it: each field of the key within each field of the element. */
static const struct ns_plan_element *look_up(const struct ns_plan *plan, enum ns_purpose purpose,
					     const struct ns_tuple *tuple)
{
	const char *name = ns_layout_set_name(purpose, tuple->direction, tuple->peer.family);
	const struct ns_plan_set *set = ns_plan_find_set(plan, name);
	const struct ns_plan_element *found = NULL;
	uint8_t key[NS_KEY_MAX];

	(void)ns_layout_key(ns_layout_role(name), tuple, key);
	for (size_t i = 0; set && i < set->n_elements; i++) {
		const struct ns_plan_element *e = &set->elements[i];
		bool inside = true;
		size_t at = 0;

		for (unsigned f = 0; f < set->n_fields; at += ns_field_padded_length(set->fields[f++])) {
			size_t length = ns_field_length(set->fields[f]);

			inside &= memcmp(key + at, e->key + at, length) >= 0 &&
				  memcmp(key + at, e->key_end + at, length) <= 0;
		}
		if (!inside)
			continue;
		assert_null(found); /* two elements of one set with the same tuple: the kernel would refuse them */
		found = e;
	}
	return found;
}

static void check_tuple(const struct ns_policy *policy, const struct ns_plan *plan, const struct ns_tuple *tuple)
{
	const struct ns_plan_element *exact = look_up(plan, NS_PURPOSE_ALLOW, tuple);
	const struct ns_plan_element *range = look_up(plan, NS_PURPOSE_ALLOW_RANGE, tuple);
	size_t first = 0;

	while (first < policy->n_rules && !rule_allows(&policy->rules[first], tuple))
		first++;
	assert_int_equal(exact || range, first < policy->n_rules);
	/* The element names a rule that allows it; of the two the first such rule is one. */
	if (first < policy->n_rules)
		assert_true((exact && strcmp(exact->tag, policy->rules[first].id) == 0) ||
			    (range && strcmp(range->tag, policy->rules[first].id) == 0));
}

static void check_world(const struct ns_policy *policy, const struct ns_plan *plan)
{
	for (int i = 0; i < 300; i++) {
		int family = pick(2) ? AF_INET : AF_INET6;
		struct ns_tuple tuple = { .direction = (enum ns_direction)(1 + pick(3)),
					  .protocol = protocols[pick(5)] };

		if (tuple.protocol == (family == AF_INET ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
			continue; /* on no wire */
		tuple.peer = random_addr(family);
		if (tuple.direction == NS_TRANSIT)
			tuple.source = random_addr(family);
		if (tuple.protocol != IPPROTO_GRE)
			tuple.port = (uint16_t)pick(10);
		check_tuple(policy, plan, &tuple);
	}
}

static void test_sets_mean_the_policy(void **state)
{
	struct ns_book *book = random_book();

	for (unsigned round = 0; round < 200; round++) {
		struct ns_policy policy = { .workload = strdup("w"), .revision = 1, .verdict = NS_VERDICT_DROP };
		struct ns_error err = NS_ERROR_INIT;
		struct ns_plan plan = NS_PLAN_INIT;

		policy.n_rules = pick(24);
		policy.rules = calloc(policy.n_rules + 1, sizeof(*policy.rules));
		for (unsigned i = 0; i < policy.n_rules; i++)
			random_rule(&policy.rules[i], i);
		if (ns_compile_enforce(&policy, book, false, NULL, &plan, &err) < 0)
			fail_msg("%s", err.text);
		check_world(&policy, &plan);
		ns_plan_release(&plan);
		ns_policy_release(&policy);
	}
	ns_book_free(book);
}

/* ---- parts ---- */

static void test_internet_is_what_scope_calls_global(void **state)
{
	size_t n;
	const struct ns_addr_range *ranges = ns_internet_ranges(&n);

	for (size_t i = 0; i < n; i++) {
		struct ns_addr before = ranges[i].lo, after = ranges[i].hi;

		assert_true(ns_addr_compare(&ranges[i].lo, &ranges[i].hi) < 0);
		assert_int_equal(ns_addr_scope(&ranges[i].lo), NS_ADDR_GLOBAL);
		assert_int_equal(ns_addr_scope(&ranges[i].hi), NS_ADDR_GLOBAL);
		if (ns_addr_decrement(&before))
			assert_int_not_equal(ns_addr_scope(&before), NS_ADDR_GLOBAL);
		if (ns_addr_increment(&after))
			assert_int_not_equal(ns_addr_scope(&after), NS_ADDR_GLOBAL);
	}
	/* And nothing is left out or let in between: every /16, and random addresses. */
	for (unsigned i = 0; i < 400000; i++) {
		bool v4 = i % 2, inside = false;
		struct ns_addr addr = { .family = v4 ? AF_INET : AF_INET6 };

		addr.bytes[0] = (uint8_t)(i / 2 >> 8);
		addr.bytes[1] = (uint8_t)(i / 2);
		for (unsigned j = 2; i >= 2 * 65536 && j < ns_addr_length(&addr); j++)
			addr.bytes[j] = (uint8_t)pick(256);
		for (size_t j = 0; j < n; j++)
			inside |= ranges[j].lo.family == addr.family && ns_addr_compare(&addr, &ranges[j].lo) >= 0 &&
				  ns_addr_compare(&addr, &ranges[j].hi) <= 0;
		assert_int_equal(inside, ns_addr_scope(&addr) == NS_ADDR_GLOBAL);
	}
}

static void test_too_many_elements(void **state)
{
	static const char text[] =
		"{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":1,\"verdict\":\"drop\",\"rules\":["
		"{\"id\":\"all\",\"direction\":\"transit\",\"peer\":{\"class\":\"workload\",\"name\":\"a\"},"
		"\"source\":{\"class\":\"workload\",\"name\":\"a\"},\"protocol\":\"tcp\",\"ports\":[1,3,5,7,9]}]}";
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_book *book;

	assert_int_equal(ns_policy_parse(text, strlen(text), &policy, &err), 0);
	assert_int_equal(ns_book_new(&book, NULL), 0);
	for (unsigned i = 0; i < 500; i++) {
		struct ns_addr addr = { AF_INET, { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };

		assert_int_equal(ns_book_add_workload(book, "a", &addr, NULL), 0);
	}
	assert_int_equal(ns_compile_enforce(&policy, book, false, NULL, &plan, &err), -E2BIG);
	assert_string_equal(err.text, "policy of w: rule all: more than 1000000 elements are needed");
	assert_null(plan.sets); /* untouched */
	ns_policy_release(&policy);
	ns_book_free(book);
}

static void test_a_policy_without_verdict_compiles_to_nothing(void **state)
{
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan plan = NS_PLAN_INIT;

	assert_int_equal(ns_compile_enforce(&policy, NULL, false, NULL, &plan, &err), -EINVAL);
	assert_int_equal(plan.n_chains, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_member_tables),
		cmocka_unit_test(test_members_that_cannot_be),
		cmocka_unit_test(test_a_members_packet_ends_in_its_chain),
		cmocka_unit_test(test_sets_mean_the_policy),
		cmocka_unit_test(test_internet_is_what_scope_calls_global),
		cmocka_unit_test(test_too_many_elements),
		cmocka_unit_test(test_a_policy_without_verdict_compiles_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
