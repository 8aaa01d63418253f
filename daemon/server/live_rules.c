// SPDX-License-Identifier: GPL-2.0-or-later
/* Which rules are in force: those of the files, those added by command, and their ttl. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "server/internal.h"

/* The end of a rule's ttl: as it was if this very rule has been in force before. */
static void settle_expiry(struct server *server, struct policy_rule *rule)
{
	const struct smc_policy_rule_slot *owner;

	if (!rule->ttl || rule->expires)
		return;
	owner = slots_owner(&server->slots, rule->name);
	if (owner && owner->expires && owner->digest == policy_rule_digest(rule))
		rule->expires = owner->expires;
	else
		rule->expires = clock_ns(CLOCK_REALTIME) + rule->ttl * NSEC_PER_SEC;
}

static void add_live(struct server *server, struct policy *live, struct policy_rule *rule)
{
	settle_expiry(server, rule);
	if (!rule->expires || rule->expires > clock_ns(CLOCK_REALTIME))
		live->rules[live->n_rules++] = rule;
}

/*
 * The rules of @files and @added that count, as borrowed pointers: an added
 * rule hides a file's rule of its name, an ended ttl hides nothing.
 */
int server_merge_rules(struct server *server, const struct policy *files,
		       const struct policy *added, struct policy *live)
{
	size_t f = 0, a = 0;

	policy_init(live);
	live->default_action = files->default_action;
	live->rules = calloc(files->n_rules + added->n_rules + 1, sizeof(struct policy_rule *));
	if (!live->rules)
		return -ENOMEM;
	while (f < files->n_rules || a < added->n_rules) {
		int order = f == files->n_rules ? 1
			    : a == added->n_rules
				    ? -1
				    : strcmp(files->rules[f]->name, added->rules[a]->name);

		if (!order)
			f++;
		else if (order < 0)
			add_live(server, live, files->rules[f++]);
		if (order >= 0)
			add_live(server, live, added->rules[a++]);
	}
	return 0;
}

bool server_same_rules(const struct policy *a, const struct policy *b)
{
	if (a->default_action != b->default_action || a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (strcmp(a->rules[i]->name, b->rules[i]->name) ||
		    !policy_rule_equal(a->rules[i], b->rules[i]))
			return false;
	return true;
}
