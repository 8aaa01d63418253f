// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "common/cleanup.h"

#define STEMS_MAX 64
#define PRINTED_RULES 40 /* a larger policy is not printed */

const struct case_shape case_shapes[] = {
	{ "few rules", 2500, 4, 4, 3, 5, 2, 60 },
	{ "one stem, deep nesting", 1000, 12, 6, 2, 0, 1, 100 },
	{ "many exceptions", 1000, 8, 8, 2, 2, 1, 120 },
	{ "many ports", 300, 10, 2, 40, 6, 2, 200 },
	{ "port tables over 128 entries", 60, 12, 3, 150, 8, 1, 400 },
	{ "many peers", 40, 10, 200, 3, 8, 3, 500 },
	{ "many stems", 20, 40, 60, 5, 10, 64, 600 },
	{ 0 },
};

static void build_or_die(int rc, const struct value_error *error)
{
	if (!rc)
		return;
	fprintf(stderr, "a test builds a bad policy: %s\n", error->text);
	abort();
}

struct policy_rule *case_rule(struct policy *policy, const char *name, const char *side,
			      const char *ports, const char *peers, const char *action)
{
	struct policy_rule *rule = policy_rule_new(name);
	struct value_error error = { "out of memory" };
	int rc = rule ? 0 : -1;

	if (!rc && side)
		rc = policy_rule_set(rule, "side", side, &error);
	if (!rc && ports)
		rc = policy_rule_set(rule, "ports", ports, &error);
	if (!rc && peers)
		rc = policy_rule_set(rule, "peers", peers, &error);
	if (!rc)
		rc = policy_rule_set(rule, "action", action, &error);
	build_or_die(rc, &error);
	build_or_die(policy_put(policy, rule), &error);
	return rule;
}

void case_slots(struct policy *policy)
{
	for (size_t i = 0; i < policy->n_rules; i++)
		policy->rules[i]->slot = SMC_POLICY_SLOT_FIRST + (uint32_t)i;
}

/* ---- random policies ---- */

/* Addresses that a policy's prefixes are cut from, so that they nest. */
struct stems {
	uint8_t addr[STEMS_MAX][16];
	bool v4[STEMS_MAX];
	unsigned int n;
};

static void random_bytes(struct rng *rng, uint8_t *bytes, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		bytes[i] = (uint8_t)random_u64(rng);
}

static void make_mapped(uint8_t addr[16])
{
	memset(addr, 0, 10);
	memset(addr + 10, 0xff, 2);
}

/* Anywhere, or at an end of the address space, or beside the IPv4-mapped block. */
static void random_stem(struct rng *rng, uint8_t addr[16], bool v4)
{
	random_bytes(rng, addr, 16);
	if (random_once_in(rng, 6))
		memset(addr, random_once_in(rng, 2) ? 0xff : 0, 16);
	if (!v4 && random_once_in(rng, 8)) {
		make_mapped(addr);
		addr[11] = random_once_in(rng, 2) ? 0xfe : 0xff;
	}
	if (v4)
		make_mapped(addr);
}

static void random_stems(struct rng *rng, unsigned int spread, struct stems *stems)
{
	stems->n = 1 + random_below(rng, spread < STEMS_MAX ? spread : STEMS_MAX);
	for (unsigned int i = 0; i < stems->n; i++) {
		stems->v4[i] = !random_once_in(rng, 3);
		random_stem(rng, stems->addr[i], stems->v4[i]);
	}
}

static void flip_bit(uint8_t addr[16], unsigned int at)
{
	addr[at / 8] ^= (uint8_t)(0x80 >> at % 8);
}

static void clear_below(uint8_t addr[16], unsigned int length)
{
	for (unsigned int i = length; i < 128; i++)
		addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

/* Cut from a stem, with some bits flipped so that there are siblings too. */
static void random_prefix(struct rng *rng, const struct stems *stems, struct policy_prefix *prefix)
{
	unsigned int stem = random_below(rng, stems->n);
	unsigned int skip = stems->v4[stem] ? 96 : 0;

	*prefix = (struct policy_prefix){ .v4 = stems->v4[stem] };
	memcpy(prefix->addr, stems->addr[stem], 16);
	prefix->length = (uint8_t)random_below(rng, 129 - skip);
	while (random_once_in(rng, 2))
		flip_bit(prefix->addr, skip + random_below(rng, 128 - skip));
	clear_below(prefix->addr, skip + prefix->length);
}

static void add_text(char **text, const char *item)
{
	char *longer = NULL;

	if (asprintf(&longer, "%s%s%s", *text ? *text : "", *text ? ", " : "", item) < 0)
		abort();
	free(*text);
	*text = longer;
}

static char *random_peers(struct rng *rng, const struct case_shape *shape,
			  const struct stems *stems)
{
	char item[VALUE_TEXT_SIZE], *text = NULL;
	struct policy_prefix prefix;

	for (unsigned int n = random_below(rng, shape->peers + 1); n; n--) {
		random_prefix(rng, stems, &prefix);
		prefix.except = shape->except_in && random_once_in(rng, shape->except_in);
		value_format_prefix(&prefix, item);
		add_text(&text, item);
	}
	return text;
}

/* Widths repeat, and places lie close together, so that equal ranges overlap. */
static void random_range(struct rng *rng, struct policy_range *range)
{
	static const unsigned int widths[] = { 1, 1, 2, 3, 10, 10, 100, 1000, 20000, 65536 };
	static const unsigned int places[] = { 0, 80, 8000, 8000, 32760, 65400, 65535 };
	unsigned int width = widths[random_below(rng, sizeof(widths) / sizeof(*widths))];
	unsigned int first = places[random_below(rng, sizeof(places) / sizeof(*places))];

	first += random_below(rng, random_once_in(rng, 4) ? 60000 : 300);
	if (first > 65535)
		first = 65535;
	if (first + width > 65536)
		first = 65536 - width;
	range->first = (uint16_t)first;
	range->last = (uint16_t)(first + width - 1);
}

static char *random_ports(struct rng *rng, const struct case_shape *shape)
{
	char item[VALUE_TEXT_SIZE], *text = NULL;
	struct policy_range range;

	for (unsigned int n = random_below(rng, shape->ports + 1); n; n--) {
		random_range(rng, &range);
		value_format_range(&range, item);
		add_text(&text, item);
	}
	return text;
}

void case_policy(struct rng *rng, const struct case_shape *shape, struct policy *policy)
{
	unsigned int n = random_below(rng, shape->rules + 1);
	struct stems stems;

	random_stems(rng, shape->spread, &stems);
	policy->default_action = (int)random_below(rng, SMC_POLICY_ACTIONS);
	for (unsigned int i = 0; i < n; i++) {
		autofree char *ports = random_ports(rng, shape);
		autofree char *peers = random_peers(rng, shape, &stems);
		char name[32];

		snprintf(name, sizeof(name), "r%llx", (unsigned long long)random_u64(rng));
		case_rule(policy, name, word_name(&words_rule_side, random_below(rng, 3)), ports,
			  peers, word_name(&words_action, random_below(rng, SMC_POLICY_ACTIONS)));
	}
	case_slots(policy);
}

/* ---- queries ---- */

/* The addresses before and behind: one less or one more, around the end. */
static void step_address(uint8_t addr[16], int step)
{
	for (int i = 15; i >= 0; i--) {
		addr[i] = (uint8_t)(addr[i] + step);
		if (addr[i] != (step > 0 ? 0 : 0xff))
			return;
	}
}

static void set_below(uint8_t addr[16], unsigned int length)
{
	for (unsigned int i = length; i < 128; i++)
		addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

/* First or last address of @prefix, a neighbour of them, or something inside. */
static void edge_address(struct rng *rng, const struct policy_prefix *prefix, uint8_t addr[16])
{
	unsigned int length = prefix->length + (prefix->v4 ? 96 : 0);
	int edge = (int)random_below(rng, 5);

	memcpy(addr, prefix->addr, 16);
	if (edge == 2 || edge == 3)
		set_below(addr, length);
	if (edge == 1)
		step_address(addr, -1);
	if (edge == 3)
		step_address(addr, 1);
	for (unsigned int i = length; edge == 4 && i < 128; i++)
		if (random_once_in(rng, 2))
			flip_bit(addr, i);
}

static const struct policy_rule *random_rule(struct rng *rng, const struct policy *policy)
{
	return policy->n_rules ? policy->rules[random_below(rng, (uint32_t)policy->n_rules)] : NULL;
}

static void random_peer(struct rng *rng, const struct policy *policy, uint8_t addr[16])
{
	const struct policy_rule *rule = random_rule(rng, policy);

	if (rule && rule->n_peers && !random_once_in(rng, 16))
		edge_address(rng, &rule->peers[random_below(rng, (uint32_t)rule->n_peers)], addr);
	else
		random_stem(rng, addr, random_once_in(rng, 2));
}

static uint16_t random_port(struct rng *rng, const struct policy *policy)
{
	const struct policy_rule *rule = random_rule(rng, policy);
	const struct policy_range *range;
	int step = (int)random_below(rng, 3) - 1;

	if (!rule || !rule->n_ports || random_once_in(rng, 16))
		return (uint16_t)random_u64(rng);
	range = &rule->ports[random_below(rng, (uint32_t)rule->n_ports)];
	return (uint16_t)((random_once_in(rng, 2) ? range->first : range->last) + step);
}

void case_query(struct rng *rng, const struct policy *policy, struct case_query *query)
{
	random_peer(rng, policy, query->peer);
	query->port = random_port(rng, policy);
	query->side = (int)random_below(rng, SMC_POLICY_SIDES);
}

/* ---- output ---- */

static void print_rule(const struct policy_rule *rule)
{
	fprintf(stderr, "[rule %s]\n", rule->name);
	for (size_t i = 0; policy_rule_keys[i]; i++) {
		autofree char *text = policy_rule_get(rule, policy_rule_keys[i]);

		if (text && *text)
			fprintf(stderr, "%s = %s\n", policy_rule_keys[i], text);
	}
}

void case_print(const struct policy *policy, const struct case_query *query)
{
	const struct policy_rule *rule;
	char addr[INET6_ADDRSTRLEN];

	fprintf(stderr, "[policy]\ndefault = %s\n",
		word_name(&words_action, (unsigned int)policy->default_action));
	if (policy->n_rules > PRINTED_RULES)
		fprintf(stderr, "# %zu rules\n", policy->n_rules);
	else
		policy_for_each(rule, policy)
			print_rule(rule);
	inet_ntop(AF_INET6, query->peer, addr, sizeof(addr));
	fprintf(stderr, "# query: %s %s %u\n", word_name(&words_side, (unsigned int)query->side),
		addr, query->port);
}
