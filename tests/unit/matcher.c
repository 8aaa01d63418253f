// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "matcher.h"

/* One way in which a rule matches. */
struct match {
	const struct policy_rule *rule; /* NULL: no match */
	unsigned int prefix_length;
	unsigned int width; /* ports in the range */
};

static bool is_mapped(const uint8_t addr[16])
{
	for (int i = 0; i < 10; i++)
		if (addr[i])
			return false;
	return addr[10] == 0xff && addr[11] == 0xff;
}

static bool bit(const uint8_t *bytes, unsigned int at)
{
	return bytes[at / 8] >> (7 - at % 8) & 1;
}

static bool prefix_contains(const struct policy_prefix *prefix, const uint8_t peer[16])
{
	unsigned int skip = prefix->v4 ? 96 : 0;

	if (prefix->v4 != is_mapped(peer))
		return false;
	for (unsigned int i = skip; i < skip + prefix->length; i++)
		if (bit(prefix->addr, i) != bit(peer, i))
			return false;
	return true;
}

static bool taken_out(const struct policy_rule *rule, const uint8_t peer[16])
{
	for (size_t i = 0; i < rule->n_peers; i++)
		if (rule->peers[i].except && prefix_contains(&rule->peers[i], peer))
			return true;
	return false;
}

static bool lists_peers(const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_peers; i++)
		if (!rule->peers[i].except)
			return true;
	return false;
}

static int action_order(int action)
{
	return action == SMC_POLICY_DENY ? 0 : action == SMC_POLICY_AUTO ? 1 : 2;
}

static bool better(const struct match *a, const struct match *b)
{
	bool a_both = a->rule->side == POLICY_SIDE_BOTH;
	bool b_both = b->rule && b->rule->side == POLICY_SIDE_BOTH;

	if (!b->rule)
		return true;
	if (a->prefix_length != b->prefix_length)
		return a->prefix_length > b->prefix_length;
	if (a->width != b->width)
		return a->width < b->width;
	if (a_both != b_both)
		return b_both;
	if (a->rule->action != b->rule->action)
		return action_order(a->rule->action) < action_order(b->rule->action);
	return strcmp(a->rule->name, b->rule->name) < 0;
}

static void offer(struct match *best, const struct match *match)
{
	if (better(match, best))
		*best = *match;
}

/* @match has rule and prefix length; every range that contains @port makes an offer. */
static void try_ranges(struct match *best, struct match match, unsigned int port)
{
	const struct policy_rule *rule = match.rule;

	match.width = 65536;
	if (!rule->n_ports)
		offer(best, &match);
	for (size_t i = 0; i < rule->n_ports; i++) {
		match.width = rule->ports[i].last - rule->ports[i].first + 1u;
		if (rule->ports[i].first <= port && port <= rule->ports[i].last)
			offer(best, &match);
	}
}

static void try_rule(struct match *best, const struct policy_rule *rule, const uint8_t peer[16],
		     unsigned int port)
{
	struct match match = { .rule = rule };

	if (taken_out(rule, peer))
		return;
	if (!lists_peers(rule))
		try_ranges(best, match, port);
	for (size_t i = 0; i < rule->n_peers; i++) {
		match.prefix_length = rule->peers[i].length;
		if (!rule->peers[i].except && prefix_contains(&rule->peers[i], peer))
			try_ranges(best, match, port);
	}
}

const struct policy_rule *matcher_find(const struct policy *policy, const uint8_t peer[16],
				       int side, unsigned int port)
{
	const struct policy_rule *rule;
	struct match best = { 0 };

	policy_for_each(rule, policy)
		if (rule->side == POLICY_SIDE_BOTH || rule->side == side)
			try_rule(&best, rule, peer, port);
	return best.rule;
}

void matcher_ask(const struct policy *policy, const uint8_t peer[16], int side, unsigned int port,
		 uint32_t *slot, int *action)
{
	const struct policy_rule *rule = matcher_find(policy, peer, side, port);

	*slot = rule ? rule->slot : SMC_POLICY_SLOT_DEFAULT;
	*action = rule ? rule->action : policy->default_action;
}
