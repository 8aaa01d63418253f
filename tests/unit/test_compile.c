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
#include <time.h>

#include "cases.h"
#include "common/cleanup.h"
#include "matcher.h"
#include "policy/compile.h"
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

	while (queries--) {
		case_query(&f->rng, &f->policy, &query);
		assert_agrees(f, &query);
	}
}

/* ---- random policies ---- */

static void run_shape(const struct case_shape *shape, uint64_t seed)
{
	struct fixture f;
	struct rng rng = { seed };

	for (unsigned int i = 0; i < shape->policies; i++) {
		start(&f, seed);
		f.rng = rng;
		case_policy(&f.rng, shape, &f.policy);
		compile(&f);
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
	for (unsigned int n = 60; n < 40000; n = n * 5 / 2) {
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
	for (unsigned int n = 10; n <= 20000; n = n * 5) {
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
	for (unsigned int n = 60; n < 300; n += 7) {
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
	while (f.policy.n_rules < 3000) {
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
	for (uint64_t seed = 1; seed < 200; seed++) {
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
	autofree char *ports = list_text(100, odd_port, NULL);
	autofree char *peers = list_text(1000, twenty_four, NULL);
	size_t one = bytes_of(ports, "10.0.0.0/24") - bytes_of("80", "10.0.0.0/24");
	size_t thousand = bytes_of(ports, peers) - bytes_of("80", peers);

	(void)state;
	assert_in_range(one, 64, 4096);
	assert_in_range(thousand, 64, one + 64);
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

/* ---- time ---- */

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
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
	compile_in_time(1, 100000);
	compile_in_time(100, 1000);
	compile_in_time(5000, 20);
}

/* ---- damage ---- */

/* Whatever the image says, a lookup ends, with an answer or an error. */
static void poke(struct fixture *f, const struct policy_image *damaged)
{
	struct case_query query;
	uint32_t slot;
	int action, rc;

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
	struct policy_image copy = { malloc(n_rows * sizeof(*copy.rows)), n_rows };

	assert_non_null(copy.rows);
	memcpy(copy.rows, image->rows, n_rows * sizeof(*copy.rows));
	return copy;
}

static void flipped_words_never_lead_outside(void **state)
{
	struct fixture f;

	(void)state;
	for (uint64_t seed = 1; seed < 3000; seed++) {
		struct policy_image damaged;

		start(&f, seed);
		case_policy(&f.rng, &case_shapes[seed % 6], &f.policy);
		compile(&f);
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
	for (uint64_t seed = 1; seed < 2000; seed++) {
		struct policy_image damaged;

		start(&f, seed);
		case_policy(&f.rng, &case_shapes[seed % 6], &f.policy);
		compile(&f);
		damaged = copy_image(&f.image, random_below(&f.rng, f.image.n_rows));
		poke(&f, &damaged);
		policy_image_free(&damaged);
		finish(&f);
	}
}

static void images_of_noise_never_lead_outside(void **state)
{
	struct policy_image noise = { calloc(64, sizeof(*noise.rows)), 64 };
	struct fixture f;

	(void)state;
	start(&f, 11);
	compile(&f);
	for (int round = 0; round < 3000; round++) {
		for (uint32_t i = 0; i < noise.n_rows * SMC_POLICY_ROW_WORDS; i++)
			noise.rows[0].word[i] = (uint32_t)random_u64(&f.rng) & 0xc0ff03ff;
		poke(&f, &noise);
	}
	policy_image_free(&noise);
	finish(&f);
}

#define SHAPE(n)                                                                                  \
	{                                                                                         \
		"random_policies_agree_with_the_contract_" #n, random_policies_agree, NULL, NULL, \
			(void *)&case_shapes[n]                                                   \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHAPE(0),
		SHAPE(1),
		SHAPE(2),
		SHAPE(3),
		SHAPE(4),
		SHAPE(5),
		SHAPE(6),
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
		cmocka_unit_test(header_says_what_was_asked),
		cmocka_unit_test(hundred_thousand_prefixes_compile_in_two_seconds),
		cmocka_unit_test(flipped_words_never_lead_outside),
		cmocka_unit_test(truncated_images_never_lead_outside),
		cmocka_unit_test(images_of_noise_never_lead_outside),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
