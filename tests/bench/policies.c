// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies.h"

const struct bench_shape bench_shapes[] = {
	{ "no rules", 0, 0, true, false, false },
	{ "20 rules", 20, 60, true, false, true },
	{ "1,000 IPv4 prefixes", 50, 1000, true, false, false },
	{ "100,000", 50, 100000, true, false, false },
	{ "1,000,000", 50, 1000000, true, false, false },
	{ "1,000,000, overlapping port ranges", 50, 1000000, true, false, true },
	{ "1,000,000 in one /8", 50, 1000000, true, true, false },
	{ "10,000,000", 50, 10000000, true, false, false },
	{ "200,000 IPv6 prefixes", 50, 200000, false, false, false },
	{ "200,000 in one /32", 50, 200000, false, true, false },
	{ 0 },
};

const struct bench_shape *bench_shape(const char *name)
{
	const struct bench_shape *shape = bench_shapes;

	while (strcmp(shape->name, name))
		shape++;
	return shape;
}

static uint64_t seed;

/* xorshift64, so that every run measures the same. */
static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static void clear_below(uint8_t addr[16], unsigned int length)
{
	for (unsigned int i = length; i < 128; i++)
		addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static void draw_address(uint8_t addr[16])
{
	for (int i = 0; i < 16; i += 4) {
		uint32_t word = draw();

		memcpy(addr + i, &word, sizeof(word));
	}
}

/* IPv4: 16 to 32 bits, IPv6: 32 to 64. */
static void draw_prefix(const struct bench_shape *shape, struct policy_prefix *prefix)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	draw_address(prefix->addr);
	prefix->v4 = shape->v4;
	prefix->length = (uint8_t)(shape->v4 ? 16 + draw() % 17 : 32 + draw() % 33);
	if (shape->v4) {
		memcpy(prefix->addr, mapped, sizeof(mapped));
		prefix->addr[12] = shape->clustered ? 10 : prefix->addr[12];
	} else {
		prefix->addr[0] = 0x20 | (prefix->addr[0] & 0x1f);
		if (shape->clustered)
			memcpy(prefix->addr, "\x20\x01\x0d\xb8", 4);
	}
	clear_below(prefix->addr, prefix->length + (shape->v4 ? 96 : 0));
}

void bench_policy(struct policy *policy, const struct bench_shape *shape,
		  enum bench_actions actions)
{
	seed = 1;
	policy_init(policy);
	for (uint32_t i = 0; i < shape->rules; i++) {
		uint32_t n = shape->prefixes / shape->rules;
		char name[SMC_POLICY_NAME_SIZE];
		struct policy_rule *rule;

		snprintf(name, sizeof(name), "rule%02u", i);
		rule = policy_rule_new(name);
		rule->action = actions == BENCH_ALL_ALLOW || (actions == BENCH_MIXED && i % 2)
				       ? SMC_POLICY_ALLOW
				       : SMC_POLICY_DENY;
		rule->slot = SMC_POLICY_SLOT_FIRST + i;
		if (shape->ports) {
			rule->ports = calloc(1, sizeof(*rule->ports));
			rule->ports[0] =
				(struct policy_range){ (uint16_t)(80 + i), (uint16_t)(1080 + i) };
			rule->n_ports = 1;
		}
		rule->peers = calloc(n, sizeof(*rule->peers));
		while (rule->n_peers < n)
			draw_prefix(shape, &rule->peers[rule->n_peers++]);
		policy_put(policy, rule);
	}
}

static const struct policy_prefix *any_prefix(const struct policy *policy)
{
	const struct policy_rule *rule = policy->rules[draw() % policy->n_rules];

	return &rule->peers[draw() % rule->n_peers];
}

void bench_queries(const struct policy *policy, struct bench_query *queries)
{
	for (int i = 0; i < BENCH_QUERIES; i++) {
		const struct policy_prefix *prefix = policy->n_rules ? any_prefix(policy) : NULL;
		unsigned int length = prefix ? prefix->length + (prefix->v4 ? 96 : 0) : 96;
		uint8_t addr[16], host[16];

		memcpy(addr, prefix ? prefix->addr : (const uint8_t[16]){ [10] = 0xff, 0xff }, 16);
		draw_address(host);
		for (unsigned int bit = length; bit < 128; bit++)
			addr[bit / 8] |= host[bit / 8] & (0x80 >> bit % 8);
		memcpy(queries[i].peer, addr, sizeof(addr));
		queries[i].port = (uint16_t)(draw() % 1200);
		queries[i].side = (uint8_t)(draw() % SMC_POLICY_SIDES);
	}
}
