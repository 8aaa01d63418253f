// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program behind `policy test`, in this host's kernel, gives the contract's
 * answer: matcher.c against build/bpf/test.bpf.o.  Needs root and Linux 5.14.
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
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "common/cleanup.h"
#include "matcher.h"
#include "policy/compile.h"
#include "unit.h"

#define OBJECT "build/bpf/test.bpf.o"
#define COOKIE 4711 /* a namespace */

static struct bpf_object *object;
static int program, policy_slot, netns_listed;

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
	policy_slot = bpf_object__find_map_fd_by_name(object, "policy_slot");
	netns_listed = bpf_object__find_map_fd_by_name(object, "netns_listed");
	return program < 0 || policy_slot < 0 || netns_listed < 0 ? -1 : 0;
}

static int unload(void **state)
{
	(void)state;
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

static void fill_map(int fd, const struct policy_image *image)
{
	size_t size = image->n_rows * sizeof(*image->rows), page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + page - 1) / page * page;
	void *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(memory != MAP_FAILED);
	memcpy(memory, image->rows, size);
	munmap(memory, room);
}

static int image_map(const struct policy_image *image)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test_image", sizeof(uint32_t),
				sizeof(struct smc_policy_row), image->n_rows, &options);

	assert_true(fd >= 0);
	fill_map(fd, image);
	return fd;
}

static void publish(const struct policy_image *image)
{
	autoclose int fd = image_map(image);
	uint32_t slot = 0;

	assert_int_equal(bpf_map_update_elem(policy_slot, &slot, &fd, BPF_ANY), 0);
}

static void empty_slot(void)
{
	uint32_t slot = 0;

	bpf_map_delete_elem(policy_slot, &slot);
}

/* Runs the program; 0, or what the kernel says. */
static int run(const struct case_query *query, struct smc_policy_answer *answer)
{
	struct smc_policy_test test = {
		.query = { .netns_cookie = COOKIE,
			   .port = query->port,
			   .side = (uint8_t)query->side },
	};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &test, .ctx_size_in = sizeof(test));
	int rc;

	memcpy(test.query.peer, query->peer, sizeof(test.query.peer));
	memset(&test.answer, 0xaa, sizeof(test.answer));
	rc = bpf_prog_test_run_opts(program, &options);
	*answer = test.answer;
	return rc ? rc : (int)options.retval;
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
	for (unsigned int i = 0; i < shape->queries; i++) {
		case_query(rng, &policy, &query);
		assert_agrees(&policy, &query, generation, true);
	}
	policy_clear(&policy);
}

static void random_policies_agree(void **state)
{
	const struct case_shape *shape = *state;
	unsigned int n, policies = shape->policies / 100 + 4;
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
						 .queries = 3000 };
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
	struct smc_policy_row rows[70] = { 0 };
	struct case_query query = { .port = 80, .peer = { [10] = 0xff, 0xff, 10, 1, 2, 3 } };
	struct smc_policy_answer expected = disabled();
	struct policy none = { 0 };

	(void)state;
	need_program();
	for (uint32_t n = 1; n <= 70; n += 23) {
		struct policy_image image = { rows, n };

		publish(&image);
		query.peer[10] ^= 0xff; /* both families */
		assert_answer(&none, &query, &expected);
	}
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

	if (!policy_image_lookup(image, query->peer, query->side, query->port, &slot, &action))
		expected = expected_answer(slot, action, generation, listed);
	assert_answer(policy, query, &expected);
}

static void damage(struct rng *rng, struct policy_image *image)
{
	uint32_t *words = image->rows[0].word;

	if (random_once_in(rng, 4))
		image->n_rows = 1 + random_below(rng, image->n_rows);
	for (uint32_t n = 1 + random_below(rng, 30); n; n--)
		words[random_below(rng, image->n_rows * SMC_POLICY_ROW_WORDS)] =
			(uint32_t)random_u64(rng) & (random_once_in(rng, 2) ? 0xc0ff03ff : ~0u);
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

struct watcher {
	atomic_bool stop;
	atomic_ulong asked[2]; /* answers of odd and of even generations */
	atomic_ulong mixed; /* answers that are neither */
};

/* Odd generations deny everything by default, even ones allow it. */
static void *watch(void *arg)
{
	struct watcher *watcher = arg;
	struct case_query query = { .port = 80 };
	struct smc_policy_answer answer;

	while (!watcher->stop) {
		bool allowed;

		if (run(&query, &answer)) {
			watcher->mixed++;
			continue;
		}
		allowed = answer.generation % 2 == 0;
		if (answer.generation && answer.verdict == allowed)
			watcher->asked[allowed]++;
		else
			watcher->mixed++;
	}
	return NULL;
}

static void swap_policies(unsigned int times)
{
	struct policy policy = { 0 };

	for (unsigned int i = 1; i <= times; i++) {
		policy.default_action = i % 2 ? SMC_POLICY_DENY : SMC_POLICY_ALLOW;
		publish_policy(&policy, i, 0);
	}
}

static void swap_is_seen_whole(void **state)
{
	struct watcher watcher = { 0 };
	pthread_t thread;

	(void)state;
	need_program();
	swap_policies(1);
	assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
	while (!watcher.asked[0] || !watcher.asked[1])
		swap_policies(50);
	watcher.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(watcher.mixed, 0);
}

#define SHAPE(n)                                                                                  \
	{                                                                                         \
		"random_policies_agree_with_the_contract_" #n, random_policies_agree, NULL, NULL, \
			(void *)&case_shapes[n]                                                   \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_slot_is_tcp_and_disabled),
		cmocka_unit_test(image_of_zeros_is_tcp_and_disabled),
		SHAPE(0),
		SHAPE(1),
		SHAPE(2),
		SHAPE(3),
		SHAPE(4),
		SHAPE(5),
		SHAPE(6),
		cmocka_unit_test(large_image_agrees),
		cmocka_unit_test(unlisted_namespace_is_disabled_where_smc_was_allowed),
		cmocka_unit_test(listed_namespace_speaks_smc),
		cmocka_unit_test(list_is_not_asked_without_the_flag),
		cmocka_unit_test(damaged_image_reads_as_in_user_space),
		cmocka_unit_test(swap_is_seen_whole),
	};

	return cmocka_run_group_tests_name("bpf", tests, load, unload);
}
