// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program behind `policy test`, in this host's kernel, gives the contract's
 * answer, a million times and while images are swapped: matcher.c against
 * build/bpf/test.bpf.o.  Images get in force by the daemon's own code.  Needs root.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "kernel/internal.h"
#include "kernel/kernel.h"
#include "matcher.h"
#include "policy/compile.h"
#include "unit.h"

#define OBJECT "build/bpf/test.bpf.o"
#define COOKIE 4711 /* a namespace */

/* Random queries of one shape and seed; all of them together are a million. */
#define QUERIES_OF_SHAPE 24000
#define AS_MANY \
	5 /* times the queries of a shape for each policy: publishing takes longer than asking */

static struct bpf_object *object;
static struct kernel kernel; /* only what publishing needs */
static int program, netns_listed;

static int load(void **state)
{
	const char *path = getenv("SMC_TEST_BPF_OBJECT");

	(void)state;
	if (geteuid())
		return 0; /* need_program() skips */
	object = bpf_object__open_file(path ? path : OBJECT, NULL);
	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "# cannot load %s: %s\n", path ? path : OBJECT, strerror(errno));
		return -1;
	}
	program = bpf_program__fd(bpf_object__find_program_by_name(object, "policy_test"));
	kernel.map[MAP_POLICY_SLOT] = bpf_object__find_map_fd_by_name(object, "policy_slot");
	netns_listed = bpf_object__find_map_fd_by_name(object, "netns_listed");
	return program < 0 || kernel.map[MAP_POLICY_SLOT] < 0 || netns_listed < 0 ? -1 : 0;
}

static int unload(void **state)
{
	(void)state;
	image_unmap(&kernel);
	bpf_object__close(object);
	return 0;
}

static void need_program(void)
{
	if (object)
		return;
	fprintf(stderr, "# SKIP: loading BPF programs needs root\n");
	skip();
}

/* ---- publishing and asking ---- */

static void publish(const struct policy_image *image)
{
	struct kernel_error error;

	if (kernel_publish(&kernel, image, &error))
		fail_msg("%s", error.text);
}

static void empty_slot(void)
{
	uint32_t slot = 0;

	bpf_map_delete_elem(kernel.map[MAP_POLICY_SLOT], &slot);
}

/* Runs the program; 0, or what the kernel says. */
static int run(const struct case_query *query, struct smc_policy_answer *answer)
{
	struct smc_policy_test test = {
		.query = { .netns_cookie = COOKIE,
			   .port = query->port,
			   .side = (uint8_t)query->side },
	};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &test, .data_size_in = sizeof(test),
		    .data_out = &test, .data_size_out = sizeof(test));
	int rc;

	memcpy(test.query.peer, query->peer, sizeof(test.query.peer));
	memset(&test.answer, 0xaa, sizeof(test.answer));
	rc = bpf_prog_test_run_opts(program, &options);
	*answer = test.answer;
	return rc ? rc : options.retval == XDP_PASS ? 0 : -EIO;
}

/* ---- what must come out ---- */

static struct smc_policy_answer disabled(void)
{
	return (struct smc_policy_answer){ .reason = SMC_POLICY_REASON_DISABLED };
}

/* The contract: from a rule's slot and action to the answer, while nothing is learned. */
static struct smc_policy_answer expected_answer(uint32_t slot, int action, uint64_t generation,
						bool listed)
{
	struct smc_policy_answer answer = { .generation = generation, .slot = slot };

	answer.reason = slot ? SMC_POLICY_REASON_RULE : SMC_POLICY_REASON_DEFAULT;
	if (action == SMC_POLICY_AUTO)
		answer.reason = SMC_POLICY_REASON_UNPROVEN;
	if (action == SMC_POLICY_ALLOW && listed)
		answer.verdict = SMC_POLICY_SMC;
	if (action == SMC_POLICY_ALLOW && !listed)
		answer.reason = SMC_POLICY_REASON_DISABLED;
	return answer;
}

static void assert_answer(const struct policy *policy, const struct case_query *query,
			  const struct smc_policy_answer *expected)
{
	struct smc_policy_answer answer;
	int rc = run(query, &answer);

	if (!rc && !memcmp(&answer, expected, sizeof(answer)))
		return;
	case_print(policy, query);
	fail_msg("run %d: verdict %u reason %u slot %u generation %" PRIu64
		 " instead of %u %u %u %" PRIu64,
		 rc, answer.verdict, answer.reason, answer.slot, (uint64_t)answer.generation,
		 expected->verdict, expected->reason, expected->slot,
		 (uint64_t)expected->generation);
}

static void assert_agrees(const struct policy *policy, const struct case_query *query,
			  uint64_t generation, bool listed)
{
	struct smc_policy_answer expected;
	uint32_t slot;
	int action;

	matcher_ask(policy, query->peer, query->side, query->port, &slot, &action);
	expected = expected_answer(slot, action, generation, listed);
	assert_answer(policy, query, &expected);
}

/* ---- random policies ---- */

static void publish_policy(const struct policy *policy, uint64_t generation, uint32_t flags)
{
	struct policy_image_options options = { .generation = generation, .flags = flags };
	struct policy_image image;

	assert_int_equal(policy_compile(policy, &options, &image), 0);
	publish(&image);
	policy_image_free(&image);
}

static void run_policy(struct rng *rng, const struct case_shape *shape)
{
	uint64_t generation = random_u64(rng);
	struct case_query query;
	struct policy policy;

	policy_init(&policy);
	case_policy(rng, shape, &policy);
	publish_policy(&policy, generation, 0);
	for (unsigned int i = 0; i < shape->queries * AS_MANY; i++) {
		case_query(rng, &policy, &query);
		assert_agrees(&policy, &query, generation, true);
	}
	policy_clear(&policy);
}

static void random_policies_agree(void **state)
{
	const struct case_shape *shape = *state;
	unsigned int n, policies = random_rounds(
				QUERIES_OF_SHAPE / (shape->queries * AS_MANY) / UNIT_SLOWER + 1);
	const uint64_t *seeds = random_seeds(&n);

	need_program();
	for (unsigned int i = 0; i < n; i++) {
		struct rng rng = { seeds[i] };

		print_message("# SMC_TEST_SEED=%" PRIu64 "\n", seeds[i]);
		for (unsigned int k = 0; k < policies; k++)
			run_policy(&rng, shape);
	}
}

static void large_image_agrees(void **state)
{
	static const struct case_shape shape = { .rules = 2000,
						 .peers = 40,
						 .ports = 6,
						 .except_in = 10,
						 .spread = 64,
						 .queries = 600 };
	struct rng rng = { 5 };

	(void)state;
	need_program();
	run_policy(&rng, &shape);
}

/* ---- namespaces ---- */

static void list_namespace(bool listed)
{
	uint64_t cookie = COOKIE;
	uint8_t one = 1;

	if (listed)
		assert_int_equal(bpf_map_update_elem(netns_listed, &cookie, &one, BPF_ANY), 0);
	else
		bpf_map_delete_elem(netns_listed, &cookie);
}

static void ask_in_namespace(uint32_t flags, bool listed, bool smc_wanted)
{
	struct rng rng = { 17 };

	list_namespace(listed);
	for (int k = 0; k < 10; k++) {
		struct case_query query;
		struct policy policy;

		policy_init(&policy);
		case_policy(&rng, &case_shapes[0], &policy);
		publish_policy(&policy, 9, flags);
		for (int i = 0; i < 100; i++) {
			case_query(&rng, &policy, &query);
			assert_agrees(&policy, &query, 9, smc_wanted);
		}
		policy_clear(&policy);
	}
	list_namespace(false);
}

static void unlisted_namespace_is_disabled_where_smc_was_allowed(void **state)
{
	(void)state;
	need_program();
	ask_in_namespace(SMC_POLICY_IMAGE_F_NETNS_LISTED, false, false);
}

static void listed_namespace_speaks_smc(void **state)
{
	(void)state;
	need_program();
	ask_in_namespace(SMC_POLICY_IMAGE_F_NETNS_LISTED, true, true);
}

static void list_is_not_asked_without_the_flag(void **state)
{
	(void)state;
	need_program();
	ask_in_namespace(0, false, true);
}

/* ---- no image, or a bad one ---- */

static void empty_slot_is_tcp_and_disabled(void **state)
{
	struct case_query query = { .port = 80 };
	struct smc_policy_answer expected = disabled();
	struct policy none = { .default_action = SMC_POLICY_ALLOW };

	(void)state;
	need_program();
	empty_slot();
	assert_answer(&none, &query, &expected);
	publish_policy(&none, 3, 0);
	assert_agrees(&none, &query, 3, true);
	empty_slot();
	assert_answer(&none, &query, &expected);
}

static void image_of_zeros_is_tcp_and_disabled(void **state)
{
	struct smc_policy_row rows[5] = { 0 };
	struct case_query query = { .port = 80, .peer = { [10] = 0xff, 0xff, 10, 1, 2, 3 } };
	struct smc_policy_answer expected = disabled();
	struct policy none = { 0 };

	(void)state;
	need_program();
	for (uint32_t n = 1; n <= 5; n += 2) {
		struct policy_image image = { .rows = rows, .n_rows = n };

		publish(&image);
		query.peer[10] ^= 0xff; /* both families */
		assert_answer(&none, &query, &expected);
	}
}

/* Damage has made limits, and they are against what would be smc: the same answer, but tcp. */
static bool is_limited(const struct case_query *query, const struct smc_policy_answer *expected)
{
	struct smc_policy_answer answer;

	if (expected->verdict != SMC_POLICY_SMC || run(query, &answer) ||
	    (answer.reason != SMC_POLICY_REASON_DISABLED &&
	     answer.reason != SMC_POLICY_REASON_BUDGET && answer.reason != SMC_POLICY_REASON_RTT &&
	     answer.reason != SMC_POLICY_REASON_PACING))
		return false;
	return answer.verdict == SMC_POLICY_TCP && answer.slot == expected->slot &&
	       answer.generation == expected->generation;
}

/* What user space reads out of the same damaged image, the kernel's program reads too. */
static void assert_same_reading(const struct policy *policy, const struct policy_image *image,
				const struct case_query *query)
{
	const uint32_t *header = image->rows[0].word;
	uint64_t generation = (uint64_t)header[SMC_POLICY_HDR_GENERATION_HI] << 32 |
			      header[SMC_POLICY_HDR_GENERATION_LO];
	bool listed = !(header[SMC_POLICY_HDR_FLAGS] & SMC_POLICY_IMAGE_F_NETNS_LISTED);
	struct smc_policy_answer expected = disabled();
	uint32_t slot;
	int action;

	if (header[SMC_POLICY_HDR_LAYOUT] == SMC_POLICY_IMAGE_LAYOUT &&
	    header[SMC_POLICY_HDR_FLAGS] & SMC_POLICY_IMAGE_F_SUSPENDED)
		expected = (struct smc_policy_answer){ .generation = generation,
						       .reason = SMC_POLICY_REASON_SUSPENDED };
	else if (!policy_image_lookup(image, query->peer, query->side, query->port, &slot, &action))
		expected = expected_answer(slot, action, generation, listed);
	if (!header[SMC_POLICY_HDR_LIMITS] || !is_limited(query, &expected))
		assert_answer(policy, query, &expected);
}

static void damage(struct rng *rng, struct policy_image *image)
{
	uint32_t *words = image->rows[0].word;

	if (random_once_in(rng, 4))
		image->n_rows = 1 + random_below(rng, image->n_rows);
	for (uint32_t n = 1 + random_below(rng, 30); n; n--)
		words[random_below(rng, image->n_rows * SMC_POLICY_ROW_WORDS)] =
			(uint32_t)random_u64(rng) &
			(random_once_in(rng, 4) ? ~0u : 0xfe0003ff); /* most within the image */
}

static void damaged_image_reads_as_in_user_space(void **state)
{
	struct policy_image_options options = { .generation = 5 };
	struct rng rng = { 23 };

	(void)state;
	need_program();
	for (int k = 0; k < 200; k++) {
		struct policy_image image;
		struct case_query query;
		struct policy policy;

		policy_init(&policy);
		case_policy(&rng, &case_shapes[k % 6], &policy);
		assert_int_equal(policy_compile(&policy, &options, &image), 0);
		damage(&rng, &image);
		publish(&image);
		for (int i = 0; i < 100; i++) {
			case_query(&rng, &policy, &query);
			assert_same_reading(&policy, &image, &query);
		}
		policy_image_free(&image);
		policy_clear(&policy);
	}
}

/* ---- swapping ---- */

#define VERDICTS (UNIT_SLOWER > 1 ? 1000000u : 10000000u)
#define POLICIES 8 /* that take turns */
#define QUERIES 4096
#define ASKERS 2

/* Just before its lower half overflows: a generation in two halves would show. */
#define GENERATION_BEFORE 0xffffffc0ULL

/* Policies whose whole answers are known beforehand, and what is known of those in force. */
struct turns {
	struct policy_image images[POLICIES];
	struct case_query queries[QUERIES];
	struct smc_policy_answer answers[POLICIES][QUERIES]; /* but for the generation */
	atomic_ulong published; /* generation that is in force, or a later one is */
	atomic_ulong begun; /* generation that may be in force, and none after it */
	atomic_bool stop;
};

struct asker {
	struct turns *turns;
	struct rng rng;
	unsigned int verdicts; /* still to be checked */
	unsigned int answered[POLICIES];
	unsigned int wrong;
	struct smc_policy_answer example; /* of a wrong one */
};

/* Every allow of @policy is limited to no connection at all. */
static void limit_all(struct policy *policy)
{
	struct policy_rule *rule;
	struct value_error error;

	policy_for_each(rule, policy)
		if (rule->action == SMC_POLICY_ALLOW)
			assert_int_equal(policy_rule_set(rule, "max-connections", "0", &error), 0);
}

/* Slots of its own for each policy, that no other has, and limits for every other one. */
static void make_policy(struct turns *turns, unsigned int turn, struct policy *policy)
{
	static const struct case_shape shape = {
		.rules = 30, .peers = 6, .ports = 4, .except_in = 6, .spread = 4
	};
	struct rng rng = { 29 }; /* the same rules, with other actions by and by */
	struct policy_image_options options = { 0 };

	case_policy(&rng, &shape, policy);
	policy->default_action = (int)(turn % SMC_POLICY_ACTIONS);
	for (size_t i = 0; i < policy->n_rules; i++) {
		policy->rules[i]->slot += turn * 100;
		policy->rules[i]->action = (int)((turn + i) % SMC_POLICY_ACTIONS);
	}
	if (turn % 2)
		limit_all(policy);
	assert_int_equal(policy_compile(policy, &options, &turns->images[turn]), 0);
}

static struct smc_policy_answer answer_of(const struct policy *policy,
					  const struct case_query *query)
{
	const struct policy_rule *rule =
		matcher_find(policy, query->peer, query->side, query->port);
	struct smc_policy_answer answer =
		expected_answer(rule ? rule->slot : SMC_POLICY_SLOT_DEFAULT,
				rule ? rule->action : policy->default_action, 0, true);

	if (rule && policy_limits_any(&rule->limits)) {
		answer.verdict = SMC_POLICY_TCP;
		answer.reason = SMC_POLICY_REASON_BUDGET;
	}
	return answer;
}

static void make_turns(struct turns *turns)
{
	struct rng rng = { 31 };

	for (unsigned int turn = 0; turn < POLICIES; turn++) {
		struct policy policy;

		policy_init(&policy);
		make_policy(turns, turn, &policy);
		for (int i = 0; i < QUERIES; i++) {
			if (!turn)
				case_query(&rng, &policy, &turns->queries[i]);
			turns->answers[turn][i] = answer_of(&policy, &turns->queries[i]);
		}
		policy_clear(&policy);
	}
}

/* Put the next policy in force.  Returns 0 or a negative errno. */
static int take_turn(struct turns *turns)
{
	uint64_t generation = turns->begun + 1;
	struct policy_image *image = &turns->images[generation % POLICIES];
	struct kernel_error error;
	int rc;

	image->rows[0].word[SMC_POLICY_HDR_GENERATION_LO] = (uint32_t)generation;
	image->rows[0].word[SMC_POLICY_HDR_GENERATION_HI] = (uint32_t)(generation >> 32);
	turns->begun = generation;
	rc = kernel_publish(&kernel, image, &error);
	if (!rc)
		turns->published = generation;
	return rc;
}

static void *take_turns(void *arg)
{
	struct turns *turns = arg;

	while (!turns->stop && !take_turn(turns))
		;
	return NULL;
}

/* One query: its answer must be all of a policy that was in force while it was asked. */
static void ask_and_check(struct asker *asker)
{
	uint32_t i = random_below(&asker->rng, QUERIES);
	uint64_t published = asker->turns->published;
	struct smc_policy_answer answer, expected;
	int rc = run(&asker->turns->queries[i], &answer);
	uint32_t turn = answer.generation % POLICIES;

	expected = asker->turns->answers[turn][i];
	expected.generation = answer.generation;
	asker->answered[turn]++;
	if (!rc && answer.generation >= published && answer.generation <= asker->turns->begun &&
	    !memcmp(&answer, &expected, sizeof(answer)))
		return;
	if (!asker->wrong++)
		asker->example = answer;
}

static void *ask(void *arg)
{
	struct asker *asker = arg;

	for (; asker->verdicts; asker->verdicts--)
		ask_and_check(asker);
	return NULL;
}

static void report_turns(const struct turns *turns, const struct asker *askers)
{
	uint64_t swaps = turns->published - GENERATION_BEFORE;

	print_message("# %u verdicts during %" PRIu64 " swaps\n", VERDICTS, swaps);
	assert_true(swaps >= VERDICTS / 100000);
	for (int i = 0; i < ASKERS; i++) {
		const struct smc_policy_answer *example = &askers[i].example;

		if (askers[i].wrong)
			fail_msg("%u wrong; the first: verdict %u reason %u slot %u generation "
				 "%" PRIu64,
				 askers[i].wrong, example->verdict, example->reason, example->slot,
				 (uint64_t)example->generation);
		for (int turn = 0; turn < POLICIES; turn++)
			assert_true(askers[i].answered[turn] >= VERDICTS / 10000);
	}
}

static void answers_during_swaps_are_whole(void **state)
{
	struct turns *turns = calloc(1, sizeof(*turns));
	struct asker askers[ASKERS];
	pthread_t asking[ASKERS], swapping;

	(void)state;
	need_program();
	assert_non_null(turns);
	make_turns(turns);
	turns->begun = GENERATION_BEFORE;
	assert_int_equal(take_turn(turns), 0);
	assert_int_equal(pthread_create(&swapping, NULL, take_turns, turns), 0);
	for (unsigned int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){ .turns = turns,
					    .rng = { i },
					    .verdicts = VERDICTS / ASKERS };
		assert_int_equal(pthread_create(&asking[i], NULL, ask, &askers[i]), 0);
	}
	for (int i = 0; i < ASKERS; i++)
		pthread_join(asking[i], NULL);
	turns->stop = true;
	pthread_join(swapping, NULL);
	report_turns(turns, askers);
	for (int i = 0; i < POLICIES; i++)
		policy_image_free(&turns->images[i]);
	free(turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_slot_is_tcp_and_disabled),
		cmocka_unit_test(image_of_zeros_is_tcp_and_disabled),
		CASE_SHAPES(random_policies_agree),
		cmocka_unit_test(large_image_agrees),
		cmocka_unit_test(unlisted_namespace_is_disabled_where_smc_was_allowed),
		cmocka_unit_test(listed_namespace_speaks_smc),
		cmocka_unit_test(list_is_not_asked_without_the_flag),
		cmocka_unit_test(damaged_image_reads_as_in_user_space),
		cmocka_unit_test(answers_during_swaps_are_whole),
	};

	return cmocka_run_group_tests_name("bpf", tests, load, unload);
}
