// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "policy/match.h"

#define ALL_PORTS 65536u

unsigned int policy_match_length(const struct policy_match *match)
{
	return match->peers ? match->peers->length : 0;
}

unsigned int policy_match_width(const struct policy_match *match)
{
	return match->ports ? match->ports->last - match->ports->first + 1u : ALL_PORTS;
}

static bool is_for_both(const struct policy_match *match)
{
	return match->rule->side == POLICY_SIDE_BOTH;
}

int policy_match_compare(const struct policy_match *a, const struct policy_match *b,
			 enum policy_precedence *by)
{
	const int orders[] = {
		[POLICY_BY_PREFIX] = (int)policy_match_length(b) - (int)policy_match_length(a),
		[POLICY_BY_PORTS] = (int)policy_match_width(a) - (int)policy_match_width(b),
		[POLICY_BY_SIDE] = is_for_both(a) - is_for_both(b),
		[POLICY_BY_ACTION] = a->rule->action - b->rule->action,
		[POLICY_BY_NAME] = strcmp(a->rule->name, b->rule->name),
	};
	int at = POLICY_BY_PREFIX;

	while (at < POLICY_BY_NAME && !orders[at])
		at++;
	*by = (enum policy_precedence)at;
	return orders[at];
}

static int compare(const void *a, const void *b)
{
	enum policy_precedence by;

	return policy_match_compare(a, b, &by);
}

/* ---- one rule ---- */

static bool match_peer(struct policy_match *match, const uint8_t peer[16])
{
	struct policy_peers peers = { match->rule->peers, match->rule->n_peers };

	if (policy_peers_find(&peers, peer, true))
		return false;
	match->peers = policy_peers_find(&peers, peer, false);
	return match->peers || policy_rule_includes_none(match->rule);
}

static bool match_port(struct policy_match *match, uint16_t port)
{
	const struct policy_rule *rule = match->rule;

	for (size_t i = 0; i < rule->n_ports; i++) {
		struct policy_match other = { .ports = &rule->ports[i] };

		if (port < other.ports->first || port > other.ports->last)
			continue;
		if (!match->ports || policy_match_width(&other) < policy_match_width(match))
			match->ports = other.ports;
	}
	return match->ports || !rule->n_ports;
}

int policy_match_list(const struct policy *policy, const uint8_t peer[16], int side, uint16_t port,
		      struct policy_match **matches, size_t *n)
{
	autofree struct policy_match *list = NULL;
	const struct policy_rule *rule;
	size_t count = 0, room = 0;

	*matches = NULL;
	*n = 0;
	policy_for_each(rule, policy) {
		struct policy_match match = { .rule = rule };

		if (rule->side != POLICY_SIDE_BOTH && rule->side != side)
			continue;
		if (!match_port(&match, port) || !match_peer(&match, peer))
			continue;
		if (array_grow(list, count, room))
			return -ENOMEM;
		list[count++] = match;
	}
	if (count)
		qsort(list, count, sizeof(*list), compare);
	*matches = steal_ptr(list);
	*n = count;
	return 0;
}
