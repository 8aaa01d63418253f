// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy_shadow_list() names exactly the rules that never decide, and each with a rule that
 * beats it: against matcher.c asked about every connection that can make a difference.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "common/cleanup.h"
#include "matcher.h"
#include "policy/shadow.h"
#include "unit.h"

#define POINTS_MAX 512

/* Peers and ports at which what a policy says can change: every answer it gives, it gives there. */
struct points {
	uint8_t peer[POINTS_MAX][16];
	uint16_t port[POINTS_MAX];
	unsigned int n_peers, n_ports;
};

static void add_peer(struct points *points, const uint8_t addr[16])
{
	for (unsigned int i = 0; i < points->n_peers; i++)
		if (!memcmp(points->peer[i], addr, 16))
			return;
	assert_true(points->n_peers < POINTS_MAX);
	memcpy(points->peer[points->n_peers++], addr, 16);
}

static void add_port(struct points *points, unsigned int port)
{
	for (unsigned int i = 0; i < points->n_ports; i++)
		if (points->port[i] == port)
			return;
	assert_true(points->n_ports < POINTS_MAX);
	if (port <= UINT16_MAX)
		points->port[points->n_ports++] = (uint16_t)port;
}

/* The first address of @prefix, and the first behind it. */
static void add_prefix(struct points *points, const struct policy_prefix *prefix)
{
	unsigned int length = prefix->length + (prefix->v4 ? 96u : 0);
	uint8_t next[16];

	add_peer(points, prefix->addr);
	memcpy(next, prefix->addr, 16);
	while (length) {
		length--;
		next[length / 8] ^= (uint8_t)(0x80 >> length % 8);
		if (next[length / 8] & 0x80 >> length % 8)
			break;
	}
	add_peer(points, next);
}

static void list_points(const struct policy *policy, struct points *points)
{
	static const struct policy_prefix any = { 0 },
					  mapped = { .addr = { [10] = 0xff, 0xff }, .v4 = true };
	const struct policy_rule *rule;

	points->n_peers = points->n_ports = 0;
	add_prefix(points, &any);
	add_prefix(points, &mapped);
	add_port(points, 0);
	policy_for_each(rule, policy) {
		for (size_t i = 0; i < rule->n_peers; i++)
			add_prefix(points, &rule->peers[i]);
		for (size_t i = 0; i < rule->n_ports; i++) {
			add_port(points, rule->ports[i].first);
			add_port(points, rule->ports[i].last + 1u);
		}
	}
}

/* What matcher.c says of one rule. */
struct oracle {
	bool decides, matches;
	bool *beaten_by; /* by index: that rule wins where this one matches */
};

static void ask_point(const struct policy *policy, const struct case_query *query,
		      struct oracle *oracle)
{
	const struct policy_rule *winner =
		matcher_find(policy, query->peer, query->side, query->port);
	const struct policy_rule *rule;
	size_t index = 0;

	while (winner && policy->rules[index] != winner)
		index++;
	policy_for_each(rule, policy) {
		struct policy alone = { .rules = &policy->rules[rule_i], .n_rules = 1 };

		if (!matcher_find(&alone, query->peer, query->side, query->port))
			continue;
		oracle[rule_i].matches = true;
		oracle[rule_i].beaten_by[index] = true;
		oracle[rule_i].decides |= rule == winner;
	}
}

static void ask_all(const struct policy *policy, struct oracle *oracle)
{
	static struct points points;
	struct case_query query;

	list_points(policy, &points);
	for (unsigned int i = 0; i < points.n_peers; i++)
		for (unsigned int k = 0; k < points.n_ports * SMC_POLICY_SIDES; k++) {
			memcpy(query.peer, points.peer[i], sizeof(query.peer));
			query.port = points.port[k / SMC_POLICY_SIDES];
			query.side = (int)(k % SMC_POLICY_SIDES);
			ask_point(policy, &query, oracle);
		}
}

/* ---- against the matcher ---- */

static void list_shadows(struct policy *policy, struct policy_shadow **shadows, size_t *n)
{
	struct policy_image_options options = { .generation = 1 };
	struct policy_image image;

	case_slots(policy);
	assert_int_equal(policy_compile(policy, &options, &image), 0);
	assert_int_equal(policy_shadow_list(policy, &image, shadows, n), 0);
	policy_image_free(&image);
}

static void fail_rule(const struct policy *policy, size_t rule, const char *why)
{
	case_print(policy, &(struct case_query){ 0 });
	fail_msg("rule %s: %s", policy->rules[rule]->name, why);
}

/* How many there are. */
static size_t assert_exact(struct policy *policy)
{
	autofree struct oracle *oracle = calloc(policy->n_rules + 1, sizeof(*oracle));
	autofree bool *beaten = calloc(policy->n_rules * policy->n_rules + 1, sizeof(*beaten));
	autofree struct policy_shadow *shadows = NULL;
	size_t n, listed = 0;

	for (size_t i = 0; i < policy->n_rules; i++)
		oracle[i].beaten_by = beaten + i * policy->n_rules;
	ask_all(policy, oracle);
	list_shadows(policy, &shadows, &n);
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct policy_shadow *shadow = &shadows[listed];

		if (listed == n || shadow->rule != i) {
			if (!oracle[i].decides)
				fail_rule(policy, i, "never decides and is not listed");
			continue;
		}
		listed++;
		if (oracle[i].decides)
			fail_rule(policy, i, "listed, and decides");
		if (oracle[i].matches == (shadow->winner == POLICY_SHADOW_NO_PEERS))
			fail_rule(policy, i, "wrong about whether it has peers");
		if (oracle[i].matches && !oracle[i].beaten_by[shadow->winner])
			fail_rule(policy, i, policy->rules[shadow->winner]->name);
	}
	assert_int_equal(listed, n);
	return n;
}

static const struct case_shape shapes[] = {
	{ "few rules", 300, 4, 4, 3, 5, 2, 0 },        { "many beaten", 300, 8, 4, 2, 3, 1, 0 },
	{ "any port", 300, 8, 6, 0, 2, 1, 0 },         { "any peer", 300, 10, 1, 3, 0, 1, 0 },
	{ "large port tables", 3, 6, 2, 60, 4, 1, 0 },
};

static void random_policies_agree(void **state)
{
	unsigned int n_seeds;
	const uint64_t *seeds = random_seeds(&n_seeds);

	(void)state;
	for (unsigned int k = 0; k < n_seeds * sizeof(shapes) / sizeof(*shapes); k++) {
		const struct case_shape *shape = &shapes[k / n_seeds];
		struct rng rng = { seeds[k % n_seeds] };
		size_t found = 0;

		print_message("# SMC_TEST_SEED=%" PRIu64 "\n", seeds[k % n_seeds]);
		for (unsigned int i = 0; i < random_rounds(shape->policies / UNIT_SLOWER + 1);
		     i++) {
			struct policy policy;

			policy_init(&policy);
			case_policy(&rng, shape, &policy);
			found += assert_exact(&policy);
			policy_clear(&policy);
		}
		print_message("# %s: %zu rules never decide\n", shape->name, found);
	}
}

/* ---- corners ---- */

struct corner {
	struct {
		const char *name, *side, *ports, *peers, *action;
	} rules[4];
	const char *rule, *winner; /* NULL: no rule is shadowed; winner NULL: it has no peers */
};

static const struct corner corners[] = {
	{ { { "none", NULL, NULL, "10.0.0.0/8, !10.0.0.0/8", "allow" } }, "none", NULL },
	{ { { "none", NULL, NULL, "!0.0.0.0/0, !::/0", "allow" } }, "none", NULL },
	{ { { "six", NULL, NULL, "!0.0.0.0/0", "allow" } }, NULL, NULL },
	{ { { "four", NULL, NULL, "!::/0", "allow" } }, NULL, NULL },
	/* What is left is the block of IPv4-mapped addresses, which no IPv6 peer has. */
	{ { { "mapped", NULL, NULL, "::fffe:0:0/95, !::fffe:0:0/96", "allow" } }, "mapped", NULL },
	{ { { "halves", NULL, NULL, "::fffe:0:0/96", "deny" },
	    { "mapped", NULL, NULL, "::fffe:0:0/95", "allow" } },
	  "mapped",
	  "halves" },
	{ { { "a", NULL, "80", NULL, "deny" }, { "b", NULL, "80", NULL, "allow" } }, "b", "a" },
	/* Two halves of the peers, of the ports, and of the sides. */
	{ { { "low", NULL, NULL, "10.0.0.0/9", "deny" },
	    { "whole", NULL, NULL, "10.0.0.0/8", "allow" },
	    { "high", NULL, NULL, "10.128.0.0/9", "deny" } },
	  "whole",
	  "low" },
	{ { { "low", NULL, "0-32767", NULL, "deny" },
	    { "whole", NULL, NULL, NULL, "allow" },
	    { "high", NULL, "32768-65535", NULL, "deny" } },
	  "whole",
	  "low" },
	{ { { "one", "connect", NULL, NULL, "deny" },
	    { "both", NULL, NULL, NULL, "allow" },
	    { "two", "accept", NULL, NULL, "deny" } },
	  "both",
	  "one" },
	{ { { "low", NULL, "0-32767", NULL, "deny" },
	    { "whole", NULL, NULL, NULL, "allow" },
	    { "high", NULL, "32769-65535", NULL, "deny" } },
	  NULL,
	  NULL },
	{ { { "low", NULL, NULL, "10.0.0.0/9", "deny" },
	    { "whole", NULL, NULL, "10.0.0.0/8", "allow" },
	    { "high", NULL, NULL, "10.128.0.0/9, !10.255.255.255", "deny" } },
	  NULL,
	  NULL },
};

static void corners_agree(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(corners) / sizeof(*corners); k++) {
		const struct corner *corner = &corners[k];
		autofree struct policy_shadow *shadows = NULL;
		struct policy policy;
		size_t n;

		policy_init(&policy);
		for (int i = 0; i < 4 && corner->rules[i].name; i++)
			case_rule(&policy, corner->rules[i].name, corner->rules[i].side,
				  corner->rules[i].ports, corner->rules[i].peers,
				  corner->rules[i].action);
		assert_exact(&policy);
		list_shadows(&policy, &shadows, &n);
		assert_int_equal(n, corner->rule != NULL);
		if (n)
			assert_string_equal(policy.rules[shadows->rule]->name, corner->rule);
		if (n && corner->winner)
			assert_string_equal(policy.rules[shadows->winner]->name, corner->winner);
		if (n && !corner->winner)
			assert_int_equal(shadows->winner, POLICY_SHADOW_NO_PEERS);
		policy_clear(&policy);
	}
}

/* "many" decides only through the holes that "some" leaves in the tables of longer prefixes. */
static void rules_below_holes_decide(void **state)
{
	autofree struct policy_shadow *shadows = NULL;
	char ports[200 * sizeof("1234, ")] = "", *end = ports;
	struct policy policy;
	size_t n;

	(void)state;
	for (int port = 1000; port < 1400; port += 2)
		end += sprintf(end, "%s%d", port > 1000 ? ", " : "", port);
	policy_init(&policy);
	case_rule(&policy, "many", NULL, ports, NULL, "allow");
	case_rule(&policy, "beaten", NULL, "5000", NULL, "allow");
	case_rule(&policy, "some", NULL, "5000, 1000-1006",
		  "0.0.0.0/1, 128.0.0.0/1, ::/1, 8000::/1", "deny");
	assert_int_equal(assert_exact(&policy), 1);
	list_shadows(&policy, &shadows, &n);
	assert_string_equal(policy.rules[shadows->rule]->name, "beaten");
	assert_string_equal(policy.rules[shadows->winner]->name, "some");
	policy_clear(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_policies_agree),
		cmocka_unit_test(corners_agree),
		cmocka_unit_test(rules_below_holes_decide),
	};

	return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
