/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A rule's statements as text, in the order the kernel runs them; "-> 3" and "3 ==" name the 32-bit register.
 * Values that the kernel holds in host order (interfaces, conntrack state) are printed as numbers, so that the text
 * and its digest are the same on every machine.
 */
#include <inttypes.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "plan_text.h"

#define REGISTERS 16

static void print_named(FILE *out, const char *what, const char *name, uint32_t key)
{
	if (name)
		fprintf(out, "%s %s", what, name);
	else
		fprintf(out, "%s %u", what, key);
}

static const char *meta_name(uint32_t key)
{
	switch (key) {
	case NFT_META_NFPROTO:
		return "nfproto";
	case NFT_META_L4PROTO:
		return "l4proto";
	case NFT_META_PROTOCOL:
		return "protocol";
	case NFT_META_IIF:
		return "iif";
	case NFT_META_OIF:
		return "oif";
	case NFT_META_IIFNAME:
		return "iifname";
	case NFT_META_OIFNAME:
		return "oifname";
	case NFT_META_PKTTYPE:
		return "pkttype";
	case NFT_META_MARK:
		return "mark";
	case NFT_META_CGROUP:
		return "cgroup";
	default:
		return NULL;
	}
}

static bool meta_is_host_order(uint32_t key)
{
	return key == NFT_META_IIF || key == NFT_META_OIF || key == NFT_META_MARK || key == NFT_META_CGROUP;
}

static const char *ct_name(uint32_t key)
{
	switch (key) {
	case NFT_CT_STATE:
		return "state";
	case NFT_CT_DIRECTION:
		return "direction";
	case NFT_CT_STATUS:
		return "status";
	case NFT_CT_MARK:
		return "mark";
	default:
		return NULL;
	}
}

static bool ct_is_host_order(uint32_t key)
{
	return key == NFT_CT_STATE || key == NFT_CT_STATUS || key == NFT_CT_MARK;
}

static void print_socket(FILE *out, const struct ns_stmt *stmt)
{
	static const char *const keys[] = {
		[NFT_SOCKET_TRANSPARENT] = "transparent",
		[NFT_SOCKET_MARK] = "mark",
		[NFT_SOCKET_WILDCARD] = "wildcard",
		[NFT_SOCKET_CGROUPV2] = "cgroupv2",
	};

	print_named(out, "socket", stmt->socket.key < sizeof(keys) / sizeof(keys[0]) ? keys[stmt->socket.key] : NULL,
		    stmt->socket.key);
	if (stmt->socket.key == NFT_SOCKET_CGROUPV2 || stmt->socket.level)
		fprintf(out, " level %u", stmt->socket.level);
	fprintf(out, " -> %u", stmt->socket.reg);
}

static bool socket_is_host_order(uint32_t key)
{
	return key == NFT_SOCKET_MARK || key == NFT_SOCKET_CGROUPV2;
}

static void print_payload(FILE *out, const struct ns_stmt *stmt)
{
	switch (stmt->payload.base) {
	case NFT_PAYLOAD_LL_HEADER:
		fputs("link", out);
		break;
	case NFT_PAYLOAD_NETWORK_HEADER:
		fputs("network", out);
		break;
	case NFT_PAYLOAD_TRANSPORT_HEADER:
		fputs("transport", out);
		break;
	default:
		fprintf(out, "payload %u", stmt->payload.base);
	}
	fputc(' ', out);
	ns_plan_text_number(out, stmt->payload.offset);
	fputc(',', out);
	ns_plan_text_number(out, stmt->payload.length);
	fputs(" -> ", out);
	ns_plan_text_number(out, stmt->payload.reg);
}

static void print_value(FILE *out, bool host_order, const uint8_t *data, uint8_t length)
{
	uint32_t value;
	uint64_t wide;

	fputs("0x", out);
	if (host_order && length == sizeof(value)) {
		memcpy(&value, data, sizeof(value));
		fprintf(out, "%08x", value);
	} else if (host_order && length == sizeof(wide)) {
		memcpy(&wide, data, sizeof(wide));
		fprintf(out, "%016" PRIx64, wide);
	} else {
		ns_plan_text_hex(out, data, length <= NS_STMT_DATA_MAX ? length : NS_STMT_DATA_MAX);
	}
}

static void print_cmp(FILE *out, bool host_order, const struct ns_stmt *stmt)
{
	static const char *const ops[] = {
		[NFT_CMP_EQ] = "==",  [NFT_CMP_NEQ] = "!=", [NFT_CMP_LT] = "<",
		[NFT_CMP_LTE] = "<=", [NFT_CMP_GT] = ">",   [NFT_CMP_GTE] = ">=",
	};

	if (stmt->cmp.op < sizeof(ops) / sizeof(ops[0]))
		fprintf(out, "%u %s ", stmt->cmp.reg, ops[stmt->cmp.op]);
	else
		fprintf(out, "%u cmp-%u ", stmt->cmp.reg, stmt->cmp.op);
	print_value(out, host_order, stmt->cmp.data, stmt->cmp.length);
}

static void print_dynset(FILE *out, const struct ns_stmt *stmt)
{
	if (stmt->dynset.op == NFT_DYNSET_OP_ADD)
		fputs("add @", out);
	else if (stmt->dynset.op == NFT_DYNSET_OP_UPDATE)
		fputs("update @", out);
	else if (stmt->dynset.op == NFT_DYNSET_OP_DELETE)
		fputs("delete @", out);
	else
		fprintf(out, "dynset-%u @", stmt->dynset.op);
	ns_plan_text_escaped(out, stmt->dynset.set);
	fprintf(out, " %u", stmt->dynset.reg);
	if (stmt->dynset.counter)
		fputs(" counter", out);
	if (stmt->dynset.timeout_ms)
		fprintf(out, " timeout %llums", (unsigned long long)stmt->dynset.timeout_ms);
}

static void print_verdict(FILE *out, const struct ns_stmt *stmt)
{
	switch (stmt->verdict.code) {
	case NF_ACCEPT:
		fputs("accept", out);
		break;
	case NF_DROP:
		fputs("drop", out);
		break;
	case NFT_JUMP:
		fputs("jump", out);
		break;
	case NFT_GOTO:
		fputs("goto", out);
		break;
	case NFT_RETURN:
		fputs("return", out);
		break;
	case NFT_CONTINUE:
		fputs("continue", out);
		break;
	default:
		fprintf(out, "verdict %d", stmt->verdict.code);
	}
	if (stmt->verdict.chain[0]) {
		fputc(' ', out);
		ns_plan_text_escaped(out, stmt->verdict.chain);
	}
}

static void print_reject(FILE *out, const struct ns_stmt *stmt)
{
	if (stmt->reject.type == NFT_REJECT_TCP_RST)
		fputs("reject tcp-reset", out);
	else if (stmt->reject.type == NFT_REJECT_ICMPX_UNREACH)
		fputs("reject icmpx", out);
	else if (stmt->reject.type == NFT_REJECT_ICMP_UNREACH)
		fputs("reject icmp", out);
	else
		fprintf(out, "reject type-%u", stmt->reject.type);
	fprintf(out, " %u", stmt->reject.code);
}

static void print_limit(FILE *out, const struct ns_stmt *stmt)
{
	fprintf(out, "limit %s%llu/%llus burst %u", stmt->limit.invert ? "over " : "",
		(unsigned long long)stmt->limit.rate, (unsigned long long)stmt->limit.unit_s, stmt->limit.burst);
}

static void print_log(FILE *out, const struct ns_stmt *stmt)
{
	fprintf(out, "log group %u snaplen %u prefix \"", stmt->log.group, stmt->log.snaplen);
	ns_plan_text_escaped(out, stmt->log.prefix);
	fputc('"', out);
}

/* The statements that move values between registers: they also say which registers are in host order. */
static bool print_data_stmt(FILE *out, const struct ns_stmt *stmt, bool host_order[static REGISTERS])
{
	switch (stmt->kind) {
	case NS_STMT_META:
		print_named(out, "meta", meta_name(stmt->meta.key), stmt->meta.key);
		fprintf(out, " -> %u", stmt->meta.reg);
		host_order[stmt->meta.reg % REGISTERS] = meta_is_host_order(stmt->meta.key);
		return true;
	case NS_STMT_FIB:
		fprintf(out, "fib type flags %u -> %u", stmt->fib.flags, stmt->fib.reg);
		host_order[stmt->fib.reg % REGISTERS] = true;
		return true;
	case NS_STMT_SOCKET:
		print_socket(out, stmt);
		host_order[stmt->socket.reg % REGISTERS] = socket_is_host_order(stmt->socket.key);
		return true;
	case NS_STMT_CT:
		print_named(out, "ct", ct_name(stmt->ct.key), stmt->ct.key);
		if (stmt->ct.dir != NS_CT_DIR_NONE)
			fprintf(out, " dir %u", stmt->ct.dir);
		fprintf(out, " -> %u", stmt->ct.reg);
		host_order[stmt->ct.reg % REGISTERS] = ct_is_host_order(stmt->ct.key);
		return true;
	case NS_STMT_PAYLOAD:
		print_payload(out, stmt);
		host_order[stmt->payload.reg % REGISTERS] = false;
		return true;
	case NS_STMT_IMMEDIATE:
		print_value(out, false, stmt->immediate.data, stmt->immediate.length);
		fprintf(out, " -> %u", stmt->immediate.reg);
		host_order[stmt->immediate.reg % REGISTERS] = false;
		return true;
	case NS_STMT_BITWISE: {
		bool host = host_order[stmt->bitwise.sreg % REGISTERS];

		fprintf(out, "%u & ", stmt->bitwise.sreg);
		print_value(out, host, stmt->bitwise.mask, stmt->bitwise.length);
		fputs(" ^ ", out);
		print_value(out, host, stmt->bitwise.xor, stmt->bitwise.length);
		fprintf(out, " -> %u", stmt->bitwise.dreg);
		host_order[stmt->bitwise.dreg % REGISTERS] = host;
		return true;
	}
	default:
		return false;
	}
}

static void print_stmt(FILE *out, const struct ns_stmt *stmt, bool host_order[static REGISTERS])
{
	if (print_data_stmt(out, stmt, host_order))
		return;
	switch (stmt->kind) {
	case NS_STMT_CMP:
		print_cmp(out, host_order[stmt->cmp.reg % REGISTERS], stmt);
		break;
	case NS_STMT_LOOKUP:
		fprintf(out, "%u %sin @", stmt->lookup.reg, stmt->lookup.invert ? "not " : "");
		ns_plan_text_escaped(out, stmt->lookup.set);
		break;
	case NS_STMT_DYNSET:
		print_dynset(out, stmt);
		break;
	case NS_STMT_COUNTER:
		fputs("counter", out);
		break;
	case NS_STMT_OBJREF:
		fputs("counter ", out);
		ns_plan_text_escaped(out, stmt->objref.name);
		break;
	case NS_STMT_LIMIT:
		print_limit(out, stmt);
		break;
	case NS_STMT_LOG:
		print_log(out, stmt);
		break;
	case NS_STMT_REJECT:
		print_reject(out, stmt);
		break;
	case NS_STMT_VERDICT:
		print_verdict(out, stmt);
		break;
	default:
		fputs("invalid", out);
	}
}

void ns_plan_text_stmts(FILE *out, const struct ns_plan_rule *rule)
{
	bool host_order[REGISTERS] = { false };

	for (unsigned i = 0; i < rule->n_stmts && i < NS_RULE_STMTS_MAX; i++) {
		if (i)
			fputs(" | ", out);
		print_stmt(out, &rule->stmts[i], host_order);
	}
}
