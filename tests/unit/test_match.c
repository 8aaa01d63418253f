// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The order in which rules match: its winner is the compiled image's, on random policies.  Without the
 * winner the next one wins, and so on to the last, behind which the default holds: so the whole order
 * is what the image says.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "common/cleanup.h"
#include "policy/compile.h"
#include "policy/match.h"
#include "unit.h"

#define ORDERS 12 /* random policies of a shape whose whole order is looked at */

struct fixture {
	struct policy policy;
	struct policy_image image;
	struct rng rng;
	uint64_t seed;
};

static void compile(struct fixture *f)
{
	struct policy_image_options options = { .generation = 1 };

	assert_int_equal(policy_compile(&f->policy, &options, &f->image), 0);
}

static void list(const struct fixture *f, const struct case_query *query,
		 struct policy_match **matches, size_t *n)
{
	assert_int_equal(
		policy_match_list(&f->policy, query->peer, query->side, query->port, matches, n),
		0);
}

/* The winner is @first, or the default decides if it is NULL. */
static void assert_decides(const struct fixture *f, const struct policy_image *image,
			   const struct case_query *query, const struct policy_rule *first)
{
	uint32_t slot, wanted = first ? first->slot : SMC_POLICY_SLOT_DEFAULT;
	int action, wanted_action = first ? first->action : f->policy.default_action;

	assert_int_equal(
		policy_image_lookup(image, query->peer, query->side, query->port, &slot, &action),
		0);
	if (slot == wanted && action == wanted_action)
		return;
	case_print(&f->policy, query);
	fail_msg("SMC_TEST_SEED=%" PRIu64 ": the image gives slot %u, the order slot %u", f->seed,
		 slot, wanted);
}

static void ask(struct fixture *f, unsigned int queries)
{
	queries = random_rounds(queries);
	while (queries--) {
		autofree struct policy_match *matches = NULL;
		struct case_query query;
		size_t n;

		case_query(&f->rng, &f->policy, &query);
		list(f, &query, &matches, &n);
		assert_decides(f, &f->image, &query, n ? matches[0].rule : NULL);
	}
}

/* Take the winner out again and again: each time the next of the order wins. */
static void ask_whole_order(struct fixture *f)
{
	autofree struct policy_match *matches = NULL;
	struct policy_image_options options = { .generation = 1 };
	struct case_query query;
	size_t n;

	case_query(&f->rng, &f->policy, &query);
	list(f, &query, &matches, &n);
	for (size_t i = 0; i < n; i++) {
		struct policy_rule *rule = policy_take(&f->policy, matches[i].rule->name);
		struct policy_image image;

		assert_non_null(rule);
		policy_rule_free(rule);
		assert_int_equal(policy_compile(&f->policy, &options, &image), 0);
		assert_decides(f, &image, &query, i + 1 < n ? matches[i + 1].rule : NULL);
		policy_image_free(&image);
	}
}

static void run_shape(const struct case_shape *shape, uint64_t seed)
{
	struct rng rng = { seed };
	unsigned int policies = random_rounds(shape->policies / 8);

	for (unsigned int i = 0; i < policies; i++) {
		struct fixture f = { .rng = rng, .seed = seed };

		policy_init(&f.policy);
		case_policy(&f.rng, shape, &f.policy);
		compile(&f);
		ask(&f, shape->queries);
		if (i < ORDERS)
			ask_whole_order(&f);
		rng = f.rng;
		policy_image_free(&f.image);
		policy_clear(&f.policy);
	}
}

static void random_policies_agree(void **state)
{
	unsigned int n;
	const uint64_t *seeds = random_seeds(&n);

	for (unsigned int i = 0; i < n; i++)
		run_shape(*state, seeds[i]);
}

/* ---- why ---- */

struct why {
	const char *winner[4], *loser[4]; /* side, ports, peers, action */
	enum policy_precedence by;
};

static void assert_why(const struct why *why)
{
	autofree struct policy_match *matches = NULL;
	struct fixture f = { 0 };
	struct case_query query = { .peer = { [10] = 0xff, 0xff, 10, 1, 2, 3 }, .port = 80 };
	enum policy_precedence by;
	size_t n;

	policy_init(&f.policy);
	case_rule(&f.policy, "a-winner", why->winner[0], why->winner[1], why->winner[2],
		  why->winner[3]);
	case_rule(&f.policy, "b-loser", why->loser[0], why->loser[1], why->loser[2], why->loser[3]);
	case_slots(&f.policy);
	list(&f, &query, &matches, &n);
	assert_int_equal(n, 2);
	assert_string_equal(matches[0].rule->name, "a-winner");
	assert_true(policy_match_compare(&matches[0], &matches[1], &by) < 0);
	assert_int_equal(by, why->by);
	assert_true(policy_match_compare(&matches[1], &matches[0], &by) > 0);
	assert_int_equal(by, why->by);
	policy_clear(&f.policy);
}

static void what_decides_is_told(void **state)
{
	static const struct why all[] = {
		{ { "both", NULL, "10.1.0.0/16", "allow" },
		  { "connect", "80", "10.0.0.0/8", "deny" },
		  POLICY_BY_PREFIX },
		{ { NULL, NULL, "10.1.2.3", "allow" },
		  { NULL, NULL, NULL, "deny" },
		  POLICY_BY_PREFIX },
		{ { NULL, "79-80, 1-9000", NULL, "allow" },
		  { "connect", "79-81", NULL, "deny" },
		  POLICY_BY_PORTS },
		{ { NULL, "1-65535", NULL, "allow" },
		  { "connect", NULL, NULL, "deny" },
		  POLICY_BY_PORTS },
		{ { "connect", "80", NULL, "allow" },
		  { "both", "80", NULL, "deny" },
		  POLICY_BY_SIDE },
		{ { NULL, "80", NULL, "deny" }, { NULL, "80", NULL, "auto" }, POLICY_BY_ACTION },
		{ { NULL, "80", NULL, "auto" }, { NULL, "80", NULL, "allow" }, POLICY_BY_ACTION },
		{ { NULL, "80", NULL, "allow" }, { NULL, "80", NULL, "allow" }, POLICY_BY_NAME },
		/* A rule of exceptions alone has length 0, as one without peers. */
		{ { NULL, "80", "!10.9.0.0/16", "deny" },
		  { NULL, "80", NULL, "auto" },
		  POLICY_BY_ACTION },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		assert_why(&all[i]);
}

static void how_a_rule_matches_is_told(void **state)
{
	autofree struct policy_match *matches = NULL;
	struct fixture f = { 0 };
	struct case_query query = { .peer = { [10] = 0xff, 0xff, 10, 1, 2, 3 }, .port = 80 };
	char text[VALUE_TEXT_SIZE];
	size_t n;

	(void)state;
	policy_init(&f.policy);
	case_rule(&f.policy, "r", NULL, "1-100, 70-90, 200", "10.0.0.0/8, 10.1.0.0/16, 10.1.3.0/24",
		  "allow");
	case_rule(&f.policy, "out", NULL, NULL, "10.0.0.0/8, !10.1.0.0/16", "deny");
	case_rule(&f.policy, "other", NULL, "81", NULL, "deny");
	case_rule(&f.policy, "accepting", "accept", NULL, NULL, "deny");
	case_rule(&f.policy, "six", NULL, NULL, "::/0", "deny");
	list(&f, &query, &matches, &n);
	assert_int_equal(n, 1);
	value_format_prefix(matches[0].peers, text);
	assert_string_equal(text, "10.1.0.0/16");
	assert_int_equal(policy_match_length(&matches[0]), 16);
	value_format_range(matches[0].ports, text);
	assert_string_equal(text, "70-90");
	assert_int_equal(policy_match_width(&matches[0]), 21);
	policy_clear(&f.policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_SHAPES(random_policies_agree),
		cmocka_unit_test(what_decides_is_told),
		cmocka_unit_test(how_a_rule_matches_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
