// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Out of memory at any point is an error of that call: no crash, no leak (the
 * build with sanitizers sees it), no half result, and never taken for success.
 * The linker leads the core's allocations through here (--wrap, in unit.mk).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "policy/compile.h"
#include "policy/config.h"
#include "policy/recommend.h"
#include "unit.h"

#define NEVER -1L

static long allocations_left = NEVER; /* until one fails; it stays so */

static bool fails(void)
{
	if (allocations_left == NEVER)
		return false;
	return allocations_left == 0 || !allocations_left--;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **text, const char *format, va_list args);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
char *__wrap_strdup(const char *text);
__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **text, const char *format,
							   va_list args);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, n, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

int __wrap_vasprintf(char **text, const char *format, va_list args)
{
	return fails() ? -1 : __real_vasprintf(text, format, args);
}

/* ---- compiling ---- */

/* Whether @policy compiles with @allocations; if not, the error must be -ENOMEM. */
static bool compiles(const struct policy *policy, long allocations)
{
	struct policy_image_options options = { .generation = 1 };
	struct policy_image image;
	int rc;

	allocations_left = allocations;
	rc = policy_compile(policy, &options, &image);
	allocations_left = NEVER;
	if (rc) {
		assert_int_equal(rc, -ENOMEM);
		assert_null(image.rows);
		return false;
	}
	policy_image_free(&image);
	return true;
}

static void compiling_reports_it_at_any_allocation(void **state)
{
	struct rng rng = { 8 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct policy policy;
		long n = 0;

		policy_init(&policy);
		case_policy(&rng, &case_shapes[i % 4], &policy);
		while (!compiles(&policy, n))
			n++;
		assert_in_range(n, 5, 1000000);
		policy_clear(&policy);
	}
}

/* ---- parsing ---- */

/* A list that is sorted by its digits, handed out as any file that is named. */
static int read_list(const char *file, const char *name, struct policy_named_file *named,
		     struct value_error *error)
{
	long left = allocations_left;
	size_t size;
	FILE *out;

	(void)file;
	(void)error;
	allocations_left = NEVER; /* the core does not do this */
	out = open_memstream(&named->text, &size);
	assert_non_null(out);
	for (unsigned int i = 0; i < 1000; i++)
		fprintf(out, "10.%u.%u.0/24\n", i * 7 % 256, i % 256);
	fclose(out);
	named->length = size;
	named->path = strdup(name);
	allocations_left = left;
	return 0;
}

/* Whether @text is read with @allocations; the configuration is released either way. */
static bool reads(const char *text, long allocations)
{
	struct policy_errors errors = { 0 };
	struct policy_config config;
	int rc;

	policy_config_init(&config);
	config.read_named = read_list;
	allocations_left = allocations;
	rc = policy_config_parse(&config, "f", text, strlen(text), &errors);
	allocations_left = NEVER;
	policy_errors_clear(&errors);
	policy_config_clear(&config);
	return !rc;
}

static void reading_a_good_file_reports_it_at_any_allocation(void **state)
{
	static const char good[] =
		"[daemon]\nnetns = a, b, c\n[policy]\ndefault = auto\n"
		"[rule a]\nports = 80, 443, 1, 2, 3, 4\naction = allow\nttl = 1h\n"
		"peers = 10.0.0.0/8, !fd00::/8\n[rule b]\naction = deny\n"
		"[rule c]\naction = auto\npeers-file = l\npeers = ::/0\n";
	long n = 0;

	(void)state;
	while (!reads(good, n))
		n++;
	assert_in_range(n, 20, 1000);
}

static void a_bad_file_is_never_taken_for_a_good_one(void **state)
{
	static const char *const bad[] = {
		"[rule a]\nports = 80, x, 70000\naction = allow\n",
		"[rule a]\n",
		"[daemon]\nnetns = a, /\nsocket = x\n",
		"[rule a]\naction = deny\n[rule a]\naction = deny\n",
		"x\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		for (long n = 0; n < 200; n++)
			assert_false(reads(bad[i], n));
}

/* ---- rules ---- */

static void copying_a_rule_gives_all_or_nothing(void **state)
{
	struct policy policy;
	struct policy_rule *copy = NULL;
	long n = 0;

	(void)state;
	policy_init(&policy);
	case_rule(&policy, "r", NULL, "1, 2", "10.0.0.0/8, fd00::/8", "allow");
	policy.rules[0]->file = strdup("f");
	for (; !copy; n++) {
		allocations_left = n;
		copy = policy_rule_copy(policy.rules[0]);
		allocations_left = NEVER;
	}
	assert_in_range(n, 5, 5);
	assert_true(policy_rule_equal(copy, policy.rules[0]));
	policy_rule_free(copy);
	policy_clear(&policy);
}

/* ---- recommending ---- */

/* Whether rules are proposed with @allocations; if not, the error must be -ENOMEM. */
static bool recommends(long allocations)
{
	struct recommend_context contexts[4] = { 0 };
	struct recommend_list list;
	int rc;

	for (unsigned int i = 0; i < 4; i++) {
		contexts[i].key.port = (uint16_t)(i / 2);
		contexts[i].key.bits = i % 2 ? SMC_AUTO_BITS_PEER : 0;
		contexts[i].tally.connections = 200;
		contexts[i].tally.worthwhile = i % 2 ? 0 : 190;
		contexts[i].tally.gain = 200 * 256;
		contexts[i].always = 200 * 256;
		contexts[i].lessons = 100;
	}
	allocations_left = allocations;
	rc = recommend(contexts, 4, &list);
	allocations_left = NEVER;
	if (rc) {
		assert_int_equal(rc, -ENOMEM);
		assert_null(list.items);
		return false;
	}
	assert_int_equal(list.n, 4);
	recommend_clear(&list);
	return true;
}

static void recommending_reports_it_at_any_allocation(void **state)
{
	long n = 0;

	(void)state;
	while (!recommends(n))
		n++;
	assert_in_range(n, 8, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiling_reports_it_at_any_allocation),
		cmocka_unit_test(reading_a_good_file_reports_it_at_any_allocation),
		cmocka_unit_test(a_bad_file_is_never_taken_for_a_good_one),
		cmocka_unit_test(recommending_reports_it_at_any_allocation),
		cmocka_unit_test(copying_a_rule_gives_all_or_nothing),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
