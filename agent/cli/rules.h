/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rules of a policy for people: as a table, and as one line each for differences.
 */
#ifndef NANOSEG_CLI_RULES_H
#define NANOSEG_CLI_RULES_H

#include "document.h"

int ns_rules_table(const struct ns_cli *cli, const json_t *rules, struct ns_error *err);
/* "- r3  egress to compose/shop/db  tcp 5432": one line behind `sign`. Returns an exit code. */
int ns_rules_line(FILE *out, const char *sign, const json_t *rule, struct ns_error *err);
/* What propose, edit and learn stop answer: what was made, and what comes next. Returns an exit code. */
int ns_rules_proposal(struct ns_cli *cli, const json_t *answer, struct ns_error *err);

#endif
