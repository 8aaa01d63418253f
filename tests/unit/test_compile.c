// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A compiled image gives the contract's answer: policy_compile() and
 * policy_image_lookup() against matcher.c on random policies.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "matcher.h"
#include "policy/compile.h"
#include "random.h"
#include "unit.h"

/* A policy and its image, and where they came from. */
struct fixture {
	struct policy policy;
	struct policy_image image;
	struct rng rng;
	uint64_t seed;
};

static void start(struct fixture *f, uint64_t seed)
{
	*f = (struct fixture){ .rng = { seed }, .seed = seed };
	policy_init(&f->policy);
}

static void compile(struct fixture *f)
{
	struct policy_image_options options = { .generation = 1 };

	case_slots(&f->policy);
	assert_int_equal(policy_compile(&f->policy, &options, &f->image), 0);
}

static void finish(struct fixture *f)
{
	policy_image_free(&f->image);
	policy_clear(&f->policy);
}

static void assert_agrees(const struct fixture *f, const struct case_query *query)
{
	uint32_t slot, expected_slot;
	int action = -1, expected_action, rc;

	matcher_ask(&f->policy, query->peer, query->side, query->port, &expected_slot,
		    &expected_action);
	rc = policy_image_lookup(&f->image, query->peer, query->side, query->port, &slot, &action);
	if (!rc && slot == expected_slot && action == expected_action)
		return;
	case_print(&f->policy, query);
	fail_msg("SMC_TEST_SEED=%" PRIu64 ": lookup %d gives slot %u action %d, the contract slot "
		 "%u action %d",
		 f->seed, rc, rc ? 0 : slot, action, expected_slot, expected_action);
}

static void assert_agrees_at_edges(struct fixture *f, unsigned int queries)
{
	struct case_query query;

	queries = random_rounds(queries);
	while (queries--) {
		case_query(&f->rng, &f->policy, &query);
		assert_agrees(f, &query);
	}
}

/* ---- limits ---- */

#define MEMORY 100000 /* of one connection */

static void set_limit(struct policy_limits *limits, const char *key, const char *text)
{
	struct value_error error;

	assert_int_equal(policy_limits_set(limits, key, text, &error), 0);
}

static void random_limits(struct rng *rng, struct policy_limits *limits)
{
	*limits = (struct policy_limits){ 0 };
	if (random_once_in(rng, 2))
		limits->rate = (struct policy_rate){ 1 + random_below(rng, VALUE_RATE_MAX), 60,
						     1 + random_below(rng, 100) };
	if (random_once_in(rng, 2))
		limits->connections = 1 + random_below(rng, 1000);
	if (random_once_in(rng, 2))
		limits->memory = random_below(rng, 1000 * MEMORY);
	if (random_once_in(rng, 2))
		limits->rtt_us = random_below(rng, 1000);
}

static void assert_limits(const struct fixture *f, uint32_t slot,
			  const struct policy_limits *limits)
{
	uint32_t words[SMC_POLICY_LIMIT_WORDS], expected[SMC_POLICY_LIMIT_WORDS];

	policy_limits_words(limits, MEMORY, expected);
	policy_image_limits(&f->image, slot, words);
	assert_memory_equal(words, expected, sizeof(words));
}

/* A budget and limits of some rules of @f, compiled; each must be read back. */
static void compile_with_limits(struct fixture *f)
{
	struct policy_limits budget;
	struct policy_image_options options = { .generation = 1,
						.budget = &budget,
						.connection_memory = MEMORY };
	const struct policy_rule *rule;

	random_limits(&f->rng, &budget);
	for (size_t i = 0; i < f->policy.n_rules; i++)
		if (random_once_in(&f->rng, 3))
			random_limits(&f->rng, &f->policy.rules[i]->limits);
	case_slots(&f->policy);
	assert_int_equal(policy_compile(&f->policy, &options, &f->image), 0);
	assert_limits(f, SMC_POLICY_SLOT_DEFAULT, &budget);
	policy_for_each(rule, &f->policy)
		assert_limits(f, rule->slot, &rule->limits);
}

static void limits_are_what_the_image_says(void **state)
{
	struct policy_limits limits = { 0 };
	uint32_t words[SMC_POLICY_LIMIT_WORDS];

	(void)state;
	policy_limits_words(&limits, MEMORY, words);
	for (int i = 0; i < SMC_POLICY_LIMIT_WORDS; i++)
		assert_int_equal(words[i], 0);
	set_limit(&limits, "max-rate", "30/m burst 20");
	set_limit(&limits, "max-connections", "0");
	set_limit(&limits, "max-memory", "1G");
	set_limit(&limits, "max-rtt", "2ms");
	policy_limits_words(&limits, MEMORY, words);
	assert_int_equal(words[SMC_POLICY_LIMIT_INTERVAL], 2000000);
	assert_int_equal(words[SMC_POLICY_LIMIT_BURST], 20);
	assert_int_equal(words[SMC_POLICY_LIMIT_CONNECTIONS], 1);
	assert_int_equal(words[SMC_POLICY_LIMIT_RTT], 2000);
	set_limit(&limits, "max-rate", "100000/s");
	set_limit(&limits, "max-connections", "1000000000");
	policy_limits_words(&limits, MEMORY, words);
	assert_int_equal(words[SMC_POLICY_LIMIT_INTERVAL], 10);
	assert_int_equal(words[SMC_POLICY_LIMIT_CONNECTIONS], (1 << 30) / MEMORY + 1);
	set_limit(&limits, "max-memory", "1");
	policy_limits_words(&limits, MEMORY, words);
	assert_int_equal(words[SMC_POLICY_LIMIT_CONNECTIONS], 1);
	set_limit(&limits, "max-memory", "1024T");
	set_limit(&limits, "max-connections", "none");
	policy_limits_words(&limits, 1, words);
	assert_int_equal(words[SMC_POLICY_LIMIT_CONNECTIONS], POLICY_CONNECTIONS_MAX + 1);
}

static void image_without_limits_has_no_table(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "r", NULL, "80", NULL, "allow");
	compile(&f);
	assert_int_equal(f.image.rows[0].word[SMC_POLICY_HDR_LIMITS], 0);
	assert_limits(&f, SMC_POLICY_SLOT_FIRST, &(struct policy_limits){ 0 });
	finish(&f);
}

static void memory_of_a_connection_is_128_kib_unless_told(void **state)
{
	uint32_t words[SMC_POLICY_LIMIT_WORDS];
	struct fixture f;

	(void)state;
	start(&f, 0);
	set_limit(&case_rule(&f.policy, "r", NULL, "80", NULL, "allow")->limits, "max-memory",
		  "1M");
	compile(&f);
	policy_image_limits(&f.image, f.policy.rules[0]->slot, words);
	assert_int_equal(words[SMC_POLICY_LIMIT_CONNECTIONS], 8 + 1);
	finish(&f);
}

static void row_zero_holds_the_parameters(void **state)
{
	struct policy_parameters p = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	struct policy_image_options options = { .parameters = &p };
	const uint32_t *words;
	struct fixture f;

	(void)state;
	start(&f, 0);
	assert_int_equal(policy_compile(&f.policy, &options, &f.image), 0);
	words = f.image.rows[0].word;
	for (uint32_t i = SMC_POLICY_PAR_SETUP_BYTES; i < SMC_POLICY_IMAGE_RESERVED; i++)
		assert_int_equal(words[i], i <= SMC_POLICY_PAR_MESSAGE_BYTES
						   ? i - SMC_POLICY_PAR_SETUP_BYTES + 1
						   : 0);
	finish(&f);
	compile(&f);
	words = f.image.rows[0].word;
	assert_int_equal(words[SMC_POLICY_PAR_SETUP_BYTES], 102400);
	assert_int_equal(words[SMC_POLICY_PAR_PREFIX_V6], 64);
	finish(&f);
}

/* ---- random policies ---- */

static void run_shape(const struct case_shape *shape, uint64_t seed)
{
	struct fixture f;
	struct rng rng = { seed };
	unsigned int policies = random_rounds(shape->policies);

	for (unsigned int i = 0; i < policies; i++) {
		start(&f, seed);
		f.rng = rng;
		case_policy(&f.rng, shape, &f.policy);
		compile_with_limits(&f);
		assert_agrees_at_edges(&f, shape->queries);
		rng = f.rng;
		finish(&f);
	}
}

static void random_policies_agree(void **state)
{
	unsigned int n;
	const uint64_t *seeds = random_seeds(&n);

	for (unsigned int i = 0; i < n; i++)
		run_shape(*state, seeds[i]);
}

/* ---- corners ---- */

static void ask(const struct fixture *f, const char *peer, int side, uint16_t port,
		const char *expected)
{
	const struct policy_rule *rule = policy_find(&f->policy, expected);
	struct case_query query = { .side = side, .port = port };
	struct value_error error;
	uint32_t slot;
	int action;

	assert_int_equal(value_address(peer, query.peer, &error), 0);
	assert_int_equal(policy_image_lookup(&f->image, query.peer, side, port, &slot, &action), 0);
	if (slot != (rule ? rule->slot : SMC_POLICY_SLOT_DEFAULT))
		fail_msg("%s port %u: slot %u instead of rule \"%s\"", peer, port, slot, expected);
	assert_agrees(f, &query);
}

static void no_rules_give_the_default(void **state)
{
	struct fixture f;

	(void)state;
	for (int action = 0; action < SMC_POLICY_ACTIONS; action++) {
		start(&f, 0);
		f.policy.default_action = action;
		compile(&f);
		ask(&f, "0.0.0.0", SMC_POLICY_CONNECT, 0, "");
		ask(&f, "255.255.255.255", SMC_POLICY_ACCEPT, 65535, "");
		ask(&f, "::", SMC_POLICY_CONNECT, 80, "");
		finish(&f);
	}
}

static void longer_prefix_beats_narrower_range(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "narrow", "connect", "80", "10.0.0.0/8", "deny");
	case_rule(&f.policy, "long", "both", NULL, "10.1.0.0/16", "allow");
	compile(&f);
	ask(&f, "10.1.2.3", SMC_POLICY_CONNECT, 80, "long");
	ask(&f, "10.2.2.3", SMC_POLICY_CONNECT, 80, "narrow");
	ask(&f, "10.2.2.3", SMC_POLICY_ACCEPT, 80, "");
	finish(&f);
}

static void narrower_range_beats_one_side(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "one-side", "connect", "80-90", NULL, "deny");
	case_rule(&f.policy, "narrow", "both", "80-89", NULL, "allow");
	compile(&f);
	ask(&f, "192.0.2.1", SMC_POLICY_CONNECT, 89, "narrow");
	ask(&f, "192.0.2.1", SMC_POLICY_CONNECT, 90, "one-side");
	ask(&f, "192.0.2.1", SMC_POLICY_ACCEPT, 90, "");
	finish(&f);
}

static void one_side_beats_the_action(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "a-both", "both", "80", NULL, "deny");
	case_rule(&f.policy, "b-one", "accept", "80", NULL, "allow");
	compile(&f);
	ask(&f, "2001:db8::1", SMC_POLICY_ACCEPT, 80, "b-one");
	ask(&f, "2001:db8::1", SMC_POLICY_CONNECT, 80, "a-both");
	finish(&f);
}

static void deny_beats_auto_beats_allow(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "a", NULL, "1-20", NULL, "allow");
	case_rule(&f.policy, "b", NULL, "1-20", NULL, "auto");
	case_rule(&f.policy, "c", NULL, "11-30", NULL, "deny");
	compile(&f);
	ask(&f, "10.0.0.1", SMC_POLICY_ACCEPT, 10, "b");
	ask(&f, "10.0.0.1", SMC_POLICY_ACCEPT, 11, "c");
	finish(&f);
}

static void equal_rules_go_by_name(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "web", NULL, "80", NULL, "allow");
	case_rule(&f.policy, "Web", NULL, "80", NULL, "allow");
	case_rule(&f.policy, "web-2", NULL, "80", NULL, "allow");
	compile(&f);
	ask(&f, "10.0.0.1", SMC_POLICY_ACCEPT, 80, "Web");
	finish(&f);
}

static void exception_wins_over_a_longer_include(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "r", NULL, NULL, "10.0.0.0/8, !10.1.0.0/16, 10.1.2.0/24", "allow");
	case_rule(&f.policy, "other", NULL, NULL, "10.0.0.0/7", "auto");
	compile(&f);
	ask(&f, "10.0.0.1", SMC_POLICY_ACCEPT, 80, "r");
	ask(&f, "10.1.2.3", SMC_POLICY_ACCEPT, 80, "other");
	ask(&f, "10.2.0.0", SMC_POLICY_ACCEPT, 80, "r");
	finish(&f);
}

static void exceptions_alone_mean_all_other_peers(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "r", NULL, NULL, "!10.0.0.0/8", "allow");
	compile(&f);
	ask(&f, "9.255.255.255", SMC_POLICY_ACCEPT, 80, "r");
	ask(&f, "10.0.0.0", SMC_POLICY_ACCEPT, 80, "");
	ask(&f, "::ffff:10.9.9.9", SMC_POLICY_ACCEPT, 80, "");
	ask(&f, "11.0.0.0", SMC_POLICY_ACCEPT, 80, "r");
	ask(&f, "::a00:1", SMC_POLICY_ACCEPT, 80, "r");
	finish(&f);
}

static void ipv6_prefixes_leave_mapped_peers_alone(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "six", NULL, NULL, "::/0", "allow");
	case_rule(&f.policy, "six-64", NULL, NULL, "::/64", "deny");
	compile(&f);
	ask(&f, "::ffff:192.0.2.1", SMC_POLICY_ACCEPT, 80, "");
	ask(&f, "::fffe:c000:201", SMC_POLICY_ACCEPT, 80, "six-64");
	ask(&f, "2001:db8::1", SMC_POLICY_ACCEPT, 80, "six");
	finish(&f);
}

static void mapped_prefix_is_an_ipv4_prefix(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	case_rule(&f.policy, "eight", NULL, NULL, "::ffff:10.0.0.0/104", "allow");
	case_rule(&f.policy, "nine", NULL, NULL, "10.0.0.0/9", "deny");
	compile(&f);
	ask(&f, "10.127.0.1", SMC_POLICY_ACCEPT, 80, "nine");
	ask(&f, "10.128.0.1", SMC_POLICY_ACCEPT, 80, "eight");
	finish(&f);
}

/* ---- large ones ---- */

/* Text of @n items, the i-th written by @item; to be freed. */
static char *list_text(unsigned int n, void (*item)(unsigned int i, struct rng *rng, char *buf),
		       struct rng *rng)
{
	char *text = malloc(n * (VALUE_TEXT_SIZE + 2) + 1), *end = text;

	assert_non_null(text);
	for (unsigned int i = 0; i < n; i++) {
		if (i)
			end = stpcpy(end, ", ");
		item(i, rng, end);
		end += strlen(end);
	}
	return text;
}

static void random_v4(unsigned int i, struct rng *rng, char *buf)
{
	unsigned int length = 16 + random_below(rng, 17);
	uint32_t addr = (uint32_t)random_u64(rng) & ~(uint32_t)0 << (32 - length);

	(void)i;
	sprintf(buf, "%u.%u.%u.%u/%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255,
		length);
}

static void host_of_sixteen(unsigned int i, struct rng *rng, char *buf)
{
	sprintf(buf, "10.%u.%u.%u", i / 30000, random_below(rng, 256), random_below(rng, 256));
}

static void odd_port(unsigned int i, struct rng *rng, char *buf)
{
	(void)rng;
	sprintf(buf, "%u", 1000 + 2 * i);
}

static void sparse_port(unsigned int i, struct rng *rng, char *buf)
{
	(void)i;
	sprintf(buf, "%u", random_below(rng, 65536));
}

static void twenty_four(unsigned int i, struct rng *rng, char *buf)
{
	(void)rng;
	sprintf(buf, "10.%u.%u.0/24", i / 128, i % 128 * 2);
}

static void dense_nodes_index_directly(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int n = 60; n < 60 + random_rounds(40000); n = n * 5 / 2) {
		start(&f, n);
		autofree char *peers = list_text(n, host_of_sixteen, &f.rng);

		case_rule(&f.policy, "hosts", NULL, NULL, peers, "allow");
		compile(&f);
		assert_agrees_at_edges(&f, n < 1000 ? 1000 : 300);
		finish(&f);
	}
}

static void every_port_of_large_port_tables_agrees(void **state)
{
	struct case_query query = { .peer = { [10] = 0xff, 0xff, 10, 1, 2, 3 } };
	struct fixture f;

	(void)state;
	for (unsigned int n = 10; n <= 10 + random_rounds(20000); n = n * 5) {
		start(&f, n);
		autofree char *ports = list_text(n, sparse_port, &f.rng);

		case_rule(&f.policy, "some", "accept", ports, NULL, "allow");
		compile(&f);
		for (unsigned int port = 0; port<65536; port += n> 100 ? 7 : 1) {
			query.port = (uint16_t)port;
			query.side = (int)random_below(&f.rng, SMC_POLICY_SIDES);
			assert_agrees(&f, &query);
		}
		finish(&f);
	}
}

/* Tables over the 128 entries that are copied: longer prefixes leave holes in theirs. */
static void chained_port_tables_agree(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int n = 60; n < 60 + random_rounds(240); n += 7) {
		start(&f, n);
		autofree char *many = list_text(n, odd_port, NULL);
		autofree char *few = list_text(n / 8, sparse_port, &f.rng);
		autofree char *more = list_text(n, sparse_port, &f.rng);

		case_rule(&f.policy, "root", NULL, many, NULL, "allow");
		case_rule(&f.policy, "root-out", "accept", "1-1100", "!10.1.2.0/25", "deny");
		case_rule(&f.policy, "eight", "connect", few, "10.0.0.0/8", "auto");
		case_rule(&f.policy, "sixteen", NULL, n % 2 ? few : more, "10.1.0.0/16", "deny");
		case_rule(&f.policy, "all", "accept", NULL, "10.1.0.0/17", "auto");
		case_rule(&f.policy, "four", NULL, more, "10.1.2.0/24, !10.1.2.7", "allow");
		case_rule(&f.policy, "host", NULL, "1003,1005", "10.1.2.4, 10.1.2.7", "deny");
		compile(&f);
		assert_agrees_at_edges(&f, 3000);
		finish(&f);
	}
}

static void five_thousand_rules_agree(void **state)
{
	static const struct case_shape shape = {
		.rules = 5000, .peers = 4, .ports = 4, .except_in = 6, .spread = 40
	};
	struct fixture f;

	(void)state;
	start(&f, 42);
	while (f.policy.n_rules < random_rounds(3000)) {
		policy_clear(&f.policy);
		case_policy(&f.rng, &shape, &f.policy);
	}
	compile(&f);
	assert_agrees_at_edges(&f, 2000);
	finish(&f);
}

static void same_policy_gives_same_bytes(void **state)
{
	struct policy_image_options options = { .generation = 7 };
	struct policy_image again;
	struct fixture f;

	(void)state;
	for (uint64_t seed = 1; seed < random_rounds(200); seed++) {
		start(&f, seed);
		case_policy(&f.rng, &case_shapes[seed % 6], &f.policy);
		assert_int_equal(policy_compile(&f.policy, &options, &f.image), 0);
		assert_int_equal(policy_compile(&f.policy, &options, &again), 0);
		assert_int_equal(again.n_rows, f.image.n_rows);
		assert_memory_equal(again.rows, f.image.rows, again.n_rows * sizeof(*again.rows));
		policy_image_free(&again);
		finish(&f);
	}
}

static size_t bytes_of(const char *ports, const char *peers)
{
	struct fixture f;
	size_t bytes;

	start(&f, 1);
	case_rule(&f.policy, "r", NULL, ports, peers, "allow");
	compile(&f);
	bytes = f.image.n_rows * sizeof(*f.image.rows);
	finish(&f);
	return bytes;
}

static void prefixes_of_one_rule_share_a_port_table(void **state)
{
	autofree char *ports = list_text(5000, odd_port, NULL);
	autofree char *peers = list_text(1000, twenty_four, NULL);
	size_t one = bytes_of(ports, "10.0.0.0/24") - bytes_of("80", "10.0.0.0/24");
	size_t thousand = bytes_of(ports, peers) - bytes_of("80", peers);

	(void)state;
	/* An image is whole rows. */
	assert_in_range(one, 2 * sizeof(struct smc_policy_row), 10 * sizeof(struct smc_policy_row));
	assert_in_range(thousand, one - sizeof(struct smc_policy_row),
			one + sizeof(struct smc_policy_row));
}

static void header_says_what_was_asked(void **state)
{
	struct policy_image_options options = { .generation = 0x123456789abULL, .flags = 1 };
	const uint32_t *header;
	struct fixture f;

	(void)state;
	start(&f, 0);
	f.policy.default_action = SMC_POLICY_ALLOW;
	assert_int_equal(policy_compile(&f.policy, &options, &f.image), 0);
	header = f.image.rows[0].word;
	assert_int_equal(header[SMC_POLICY_HDR_MAGIC], SMC_POLICY_IMAGE_MAGIC);
	assert_int_equal(header[SMC_POLICY_HDR_LAYOUT], SMC_POLICY_IMAGE_LAYOUT);
	assert_int_equal(header[SMC_POLICY_HDR_ROWS], f.image.n_rows);
	assert_int_equal(header[SMC_POLICY_HDR_FLAGS], 1);
	assert_int_equal(header[SMC_POLICY_HDR_GENERATION_LO], 0x456789ab);
	assert_int_equal(header[SMC_POLICY_HDR_GENERATION_HI], 0x123);
	assert_int_equal(header[SMC_POLICY_HDR_DEFAULT], SMC_POLICY_ALLOW);
	finish(&f);
}

/* ---- how prefixes lie ---- */

/* Prefixes one after another, and the most bytes of image that each may take. */
struct spread {
	const char *name;
	uint32_t n;
	bool v4;
	void (*draw)(struct rng *rng, uint32_t i, struct policy_prefix *prefix);
	uint32_t bytes;
};

static void set_v4(struct policy_prefix *prefix, uint32_t addr, unsigned int length)
{
	addr &= length ? ~(uint32_t)0 << (32 - length) : 0;
	*prefix = (struct policy_prefix){ .addr = { [10] = 0xff, 0xff },
					  .length = (uint8_t)length,
					  .v4 = true };
	for (int i = 0; i < 4; i++)
		prefix->addr[12 + i] = (uint8_t)(addr >> (24 - 8 * i));
}

/* Below 2001:db8::/32, @id from bit 32 on. */
static void set_v6(struct policy_prefix *prefix, uint64_t id, unsigned int length)
{
	*prefix = (struct policy_prefix){ .addr = { 0x20, 0x01, 0x0d, 0xb8 },
					  .length = (uint8_t)length };
	for (int i = 0; i < 8; i++)
		prefix->addr[4 + i] = (uint8_t)(id >> (56 - 8 * i));
	for (unsigned int i = length; i < 128; i++)
		prefix->addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static void anywhere(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	(void)i;
	set_v4(prefix, (uint32_t)random_u64(rng), 16 + random_below(rng, 17));
}

/* A few blocks, some of them much denser than others. */
static void in_clusters(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	uint32_t block = random_below(rng, random_below(rng, 8) + 1);

	(void)i;
	set_v4(prefix, block * 0x1d030000 + random_below(rng, 0x10000u << block), 24 + block);
}

static void nested(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	set_v4(prefix, 0x0a5a3c78 ^ (random_once_in(rng, 3) ? random_below(rng, 16) : 0), i % 33);
}

/* Every second address, close together: no bits divide them evenly. */
static void run_of_hosts(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	(void)rng;
	set_v4(prefix, 0x0a000002 + (i / 25) * 0x10000 + i % 25 * 2, 32);
}

static void dense_hosts(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	(void)rng;
	set_v4(prefix, 0xc0a80000 + i * 2, 32);
}

static void all_but_some(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	set_v4(prefix, i ? (uint32_t)random_u64(rng) : 0, i ? 8 + random_below(rng, 25) : 0);
	prefix->except = i > 0;
}

static void v6_anywhere(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	(void)i;
	set_v6(prefix, random_u64(rng), 32 + random_below(rng, 65));
}

static void v6_nested(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	set_v6(prefix, 0x0123456789abcdef ^ (uint64_t)random_below(rng, 2) << random_below(rng, 64),
	       i % 97);
}

/* Many starts at each depth, all but a few of them next to what goes on deeper. */
static void v6_stairs(struct rng *rng, uint32_t i, struct policy_prefix *prefix)
{
	unsigned int depth = 8 * (1 + i % 8);

	(void)rng;
	set_v6(prefix, (uint64_t)(i / 8 % 60) << (64 - depth), 32 + depth);
}

static const struct spread spreads[] = {
	{ "a hundred thousand anywhere", 100000, true, anywhere, 16 },
	{ "in clusters", 30000, true, in_clusters, 16 },
	{ "nested", 2000, true, nested, 16 },
	{ "runs of hosts", 5000, true, run_of_hosts, 24 },
	{ "dense hosts", 30000, true, dense_hosts, 16 },
	{ "all but some", 5000, true, all_but_some, 24 },
	{ "IPv6 anywhere", 20000, false, v6_anywhere, 64 },
	{ "IPv6 nested", 2000, false, v6_nested, 128 },
	{ "IPv6 in stairs", 480, false, v6_stairs, 64 },
	{ "a million anywhere", 1000000, true, anywhere, 16 },
};

/* @spread dealt out to @rules rules, each of other ports in part. */
static void spread_policy(struct fixture *f, const struct spread *spread, uint32_t rules)
{
	for (uint32_t k = 0; k < rules; k++) {
		char name[32];
		struct policy_rule *rule;

		snprintf(name, sizeof(name), "r%u", k);
		rule = case_rule(&f->policy, name, NULL, k == 1 ? "80-90" : NULL, NULL,
				 k % 2 ? "deny" : "allow");
		rule->peers = calloc(spread->n / rules + 1, sizeof(*rule->peers));
		assert_non_null(rule->peers);
	}
	for (uint32_t i = 0; i < spread->n; i++) {
		struct policy_rule *rule = f->policy.rules[i % rules];

		spread->draw(&f->rng, i, &rule->peers[rule->n_peers++]);
	}
}

static void prefixes_agree_however_they_lie(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spreads) / sizeof(*spreads); i++) {
		const struct spread *spread = &spreads[i];
		struct fixture f;
		size_t bytes;

		start(&f, 31 + i);
		spread_policy(&f, spread, 4);
		compile(&f);
		bytes = f.image.n_rows * sizeof(*f.image.rows);
		print_message("# %s: %zu bytes a prefix\n", spread->name, bytes / spread->n);
		/* The roots and the last row are there in any case. */
		assert_in_range(bytes, 0,
				(size_t)spread->n * spread->bytes +
					2 * sizeof(struct smc_policy_row));
		assert_agrees_at_edges(&f, spread->n > 200000 ? 50 : 1000);
		finish(&f);
	}
}

#define PAIRS 300

/* A rule for the /24s from number @first on, @n of them. */
static void rule_of_ports(struct policy *policy, char letter, unsigned int first, unsigned int n)
{
	struct policy_rule *rule;
	char name[32];

	snprintf(name, sizeof(name), "%c%u", letter, first);
	rule = case_rule(policy, name, NULL, "80, 443, 8000-8999", NULL, "allow");
	rule->peers = calloc(n, sizeof(*rule->peers));
	assert_non_null(rule->peers);
	for (unsigned int i = 0; i < n; i++)
		set_v4(&rule->peers[rule->n_peers++], 0x0a000000 + (first + i) * 256, 24);
}

/* Rules with two prefixes each; with @hidden, one that never decides has the second as well. */
static size_t bytes_of_pairs(bool hidden)
{
	struct fixture f;
	size_t bytes;

	start(&f, 1);
	for (unsigned int i = 0; i < PAIRS; i++) {
		rule_of_ports(&f.policy, 'a', 2 * i, 2);
		if (hidden)
			rule_of_ports(&f.policy, 'b', 2 * i + 1, 1);
	}
	compile(&f);
	bytes = f.image.n_rows * sizeof(*f.image.rows);
	finish(&f);
	return bytes;
}

/* That of a rule alone, and that of the rule with another one below it. */
static void port_tables_that_say_the_same_are_stored_once(void **state)
{
	(void)state;
	assert_int_equal(bytes_of_pairs(true), bytes_of_pairs(false));
}

/* ---- time ---- */

static double cpu_seconds(void)
{
	return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
}

/* @rules rules that have @each random prefixes. */
static void compile_in_time(unsigned int rules, unsigned int each)
{
	struct fixture f;
	double before;

	start(&f, 3);
	for (unsigned int i = 0; i < rules; i++) {
		autofree char *peers = list_text(each, random_v4, &f.rng);
		char name[32], ports[32];

		snprintf(name, sizeof(name), "r%u", i);
		snprintf(ports, sizeof(ports), "%u-%u", i, i + 5);
		case_rule(&f.policy, name, NULL, ports, peers, i % 2 ? "allow" : "deny");
	}
	before = cpu_seconds();
	compile(&f);
	before = cpu_seconds() - before;
	print_message("# %u rules of %u prefixes: %.3f s, %zu KiB\n", rules, each, before,
		      f.image.n_rows * sizeof(*f.image.rows) / 1024);
	assert_true(before < 2.0 * UNIT_SLOWER);
	assert_agrees_at_edges(&f, 200);
	finish(&f);
}

static void hundred_thousand_prefixes_compile_in_two_seconds(void **state)
{
	(void)state;
	compile_in_time(1, random_rounds(100000));
	compile_in_time(random_rounds(100), 1000);
	compile_in_time(random_rounds(5000), 20);
}

/* ---- damage ---- */

/* Whatever the image says, a lookup ends, with an answer or an error. */
static void poke(struct fixture *f, const struct policy_image *damaged)
{
	struct case_query query;
	uint32_t slot;
	uint32_t words[SMC_POLICY_LIMIT_WORDS];
	int action, rc;

	policy_image_limits(damaged, random_below(&f->rng, 64), words);
	for (int i = 0; i < 20; i++) {
		case_query(&f->rng, &f->policy, &query);
		rc = policy_image_lookup(damaged, query.peer, query.side, query.port, &slot,
					 &action);
		assert_true(rc == 0 || rc == -EBADMSG);
	}
}

/* A copy of the image in a block of exactly its size, so that ASan sees what is behind. */
static struct policy_image copy_image(const struct policy_image *image, uint32_t n_rows)
{
	struct policy_image copy = { .rows = malloc(n_rows * sizeof(*copy.rows)),
				     .n_rows = n_rows };

	assert_non_null(copy.rows);
	memcpy(copy.rows, image->rows, n_rows * sizeof(*copy.rows));
	return copy;
}

static void flipped_words_never_lead_outside(void **state)
{
	struct fixture f;

	(void)state;
	for (uint64_t seed = 1; seed < random_rounds(3000); seed++) {
		struct policy_image damaged;

		start(&f, seed);
		case_policy(&f.rng, &case_shapes[seed % 6], &f.policy);
		compile_with_limits(&f);
		damaged = copy_image(&f.image, f.image.n_rows);
		for (uint32_t n = 1 + random_below(&f.rng, 8); n; n--) {
			uint32_t at = random_below(&f.rng, damaged.n_rows * SMC_POLICY_ROW_WORDS);

			damaged.rows[0].word[at] = (uint32_t)random_u64(&f.rng);
		}
		poke(&f, &damaged);
		policy_image_free(&damaged);
		finish(&f);
	}
}

static void truncated_images_never_lead_outside(void **state)
{
	struct fixture f;

	(void)state;
	for (uint64_t seed = 1; seed < random_rounds(2000); seed++) {
		struct policy_image damaged;

		start(&f, seed);
		case_policy(&f.rng, &case_shapes[seed % 6], &f.policy);
		compile_with_limits(&f);
		damaged = copy_image(&f.image, random_below(&f.rng, f.image.n_rows));
		poke(&f, &damaged);
		policy_image_free(&damaged);
		finish(&f);
	}
}

static void images_of_noise_never_lead_outside(void **state)
{
	struct policy_image noise = { .rows = calloc(3, sizeof(*noise.rows)), .n_rows = 3 };
	struct fixture f;

	(void)state;
	start(&f, 11);
	compile(&f);
	memcpy(noise.rows, f.image.rows, SMC_POLICY_IMAGE_RESERVED * sizeof(uint32_t));
	for (uint32_t root = SMC_POLICY_HDR_V4; root <= SMC_POLICY_HDR_V6;
	     root += SMC_POLICY_HDR_V6 - SMC_POLICY_HDR_V4) {
		noise.rows[0].word[root + SMC_POLICY_ROOT_WORD] = SMC_POLICY_IMAGE_RESERVED;
		noise.rows[0].word[root + SMC_POLICY_ROOT_SHAPE] = 8 << SMC_POLICY_SHAPE_STRIDE;
	}
	for (unsigned int round = 0; round < random_rounds(3000); round++) {
		/* The header stays, so that the reader goes on to what is behind it. */
		for (uint32_t i = SMC_POLICY_IMAGE_RESERVED;
		     i < noise.n_rows * SMC_POLICY_ROW_WORDS; i++)
			noise.rows[0].word[i] = (uint32_t)random_u64(&f.rng) & 0xfe0003ff;
		poke(&f, &noise);
	}
	policy_image_free(&noise);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_SHAPES(random_policies_agree),
		cmocka_unit_test(limits_are_what_the_image_says),
		cmocka_unit_test(image_without_limits_has_no_table),
		cmocka_unit_test(memory_of_a_connection_is_128_kib_unless_told),
		cmocka_unit_test(row_zero_holds_the_parameters),
		cmocka_unit_test(no_rules_give_the_default),
		cmocka_unit_test(longer_prefix_beats_narrower_range),
		cmocka_unit_test(narrower_range_beats_one_side),
		cmocka_unit_test(one_side_beats_the_action),
		cmocka_unit_test(deny_beats_auto_beats_allow),
		cmocka_unit_test(equal_rules_go_by_name),
		cmocka_unit_test(exception_wins_over_a_longer_include),
		cmocka_unit_test(exceptions_alone_mean_all_other_peers),
		cmocka_unit_test(ipv6_prefixes_leave_mapped_peers_alone),
		cmocka_unit_test(mapped_prefix_is_an_ipv4_prefix),
		cmocka_unit_test(dense_nodes_index_directly),
		cmocka_unit_test(every_port_of_large_port_tables_agrees),
		cmocka_unit_test(chained_port_tables_agree),
		cmocka_unit_test(five_thousand_rules_agree),
		cmocka_unit_test(same_policy_gives_same_bytes),
		cmocka_unit_test(prefixes_of_one_rule_share_a_port_table),
		cmocka_unit_test(port_tables_that_say_the_same_are_stored_once),
		cmocka_unit_test(header_says_what_was_asked),
		cmocka_unit_test(prefixes_agree_however_they_lie),
		cmocka_unit_test(hundred_thousand_prefixes_compile_in_two_seconds),
		cmocka_unit_test(flipped_words_never_lead_outside),
		cmocka_unit_test(truncated_images_never_lead_outside),
		cmocka_unit_test(images_of_noise_never_lead_outside),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
