// SPDX-License-Identifier: GPL-2.0-or-later
/* check syn: options of kind 254 in headers, and what answers say about a path. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check/option.h"
#include "check/syn.h"
#include "check/talk.h"
#include "unit.h"

/* ---- options ---- */

static const struct {
	size_t length;
	uint8_t options[16];
	bool wanted, other;
} headers[] = {
	{ 0, { 0 }, false, false },
	{ 8, { 1, 1, 254, 6, 0xe2, 0xd4, 0xc3, 0xd9 }, true, false },
	{ 6, { 254, 6, 0xe2, 0xd4, 0xc3, 0xd9 }, true, false },
	{ 8, { 254, 8, 0xe2, 0xd4, 0xc3, 0xd9, 1, 2 }, true, false },
	{ 8, { 1, 1, 254, 6, 0xe2, 0xd4, 0xc3, 0xd8 }, false, true },
	{ 4, { 254, 4, 0xf9, 0x89 }, false, true }, /* experimental TCP Fast Open */
	{ 8, { 1, 1, 253, 6, 0xe2, 0xd4, 0xc3, 0xd9 }, false, false },
	{ 12, { 254, 6, 1, 2, 3, 4, 254, 6, 0xe2, 0xd4, 0xc3, 0xd9 }, true, true },
	/* Behind the end, cut off, and lengths that lead nowhere. */
	{ 8, { 0, 1, 254, 6, 0xe2, 0xd4, 0xc3, 0xd9 }, false, false },
	{ 7, { 1, 1, 254, 6, 0xe2, 0xd4, 0xc3 }, false, false },
	{ 3, { 1, 1, 254 }, false, false },
	{ 8, { 3, 0, 254, 6, 0xe2, 0xd4, 0xc3, 0xd9 }, false, false },
	{ 8, { 3, 1, 254, 6, 0xe2, 0xd4, 0xc3, 0xd9 }, false, false },
};

static void kind_254_is_found_by_its_magic(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		/* Of its own size, so that sanitizers see what is read behind it. */
		uint8_t *copy = malloc(headers[i].length + !headers[i].length);
		struct option_found found;

		memcpy(copy, headers[i].options, headers[i].length);
		found = option_find(copy, headers[i].length, OPTION_MAGIC);
		free(copy);
		if (found.wanted != headers[i].wanted || found.other != headers[i].other)
			fail_msg("header %zu: wanted %d, other %d", i, found.wanted, found.other);
	}
}

static void what_is_written_is_found(void **state)
{
	uint8_t space[OPTION_ALIGNED];

	(void)state;
	option_write(space, 0x12345678);
	assert_true(option_find(space, sizeof(space), 0x12345678).wanted);
	assert_false(option_find(space, sizeof(space), 0x12345678).other);
	assert_false(option_find(space, sizeof(space), OPTION_MAGIC).wanted);
	assert_true(option_find(space, sizeof(space), OPTION_MAGIC).other);
}

/* ---- paths ---- */

#define NONE                                       \
	{                                          \
		SYN_UNANSWERED, false, false, 3, 0 \
	}
#define ACK                                         \
	{                                           \
		SYN_ACCEPTED, false, false, 1, 1000 \
	}
#define ACK_BACK                                   \
	{                                          \
		SYN_ACCEPTED, true, false, 1, 1000 \
	}
#define ACK_OTHER                                  \
	{                                          \
		SYN_ACCEPTED, false, true, 1, 1000 \
	}
#define RST                                        \
	{                                          \
		SYN_REFUSED, false, false, 1, 1000 \
	}
#define UNSENT                                     \
	{                                          \
		SYN_UNANSWERED, false, false, 0, 0 \
	}

/* Answers in the order of enum syn_kind: SMC, plain, unknown, full. */
static const struct {
	const char *path, *state;
	struct syn_answer answers[SYN_KINDS];
} paths[] = {
	{ "smc", "ok", { ACK_BACK, ACK, ACK, ACK_BACK } },
	{ "smc", "ok", { ACK_BACK, NONE, NONE, ACK_BACK } },
	{ "plain", "ok", { ACK, ACK, ACK, ACK } },
	{ "dropped", "problem", { NONE, ACK, UNSENT, UNSENT } },
	{ "dropped", "problem", { NONE, RST, UNSENT, UNSENT } },
	{ "replayed", "problem", { ACK_BACK, ACK, ACK_BACK, ACK_BACK } },
	{ "replayed", "problem", { ACK_BACK, ACK, ACK_BACK, NONE } },
	{ "replayed", "problem", { ACK, ACK_OTHER, ACK_BACK, NONE } },
	{ "conflicting", "problem", { ACK_OTHER, ACK, ACK, ACK } },
	{ "conflicting", "problem", { ACK_BACK, ACK_OTHER, ACK, ACK_BACK } },
	{ "conflicting", "problem", { ACK_BACK, ACK, ACK_OTHER, NONE } },
	{ "overlong", "problem", { ACK_BACK, ACK, ACK, NONE } },
	{ "overlong", "problem", { ACK_BACK, ACK, ACK, ACK } },
	{ "overlong", "problem", { ACK_BACK, ACK, ACK, RST } },
	{ "overlong", "problem", { ACK, ACK, ACK, NONE } },
	{ "overlong", "problem", { ACK, ACK, ACK, ACK_OTHER } },
	{ "rejected", "problem", { RST, ACK, UNSENT, UNSENT } },
	{ "closed", "warning", { RST, RST, UNSENT, UNSENT } },
	{ "closed", "warning", { RST, NONE, UNSENT, UNSENT } },
	{ "silent", "warning", { NONE, NONE, UNSENT, UNSENT } },
};

static void answers_tell_the_path_and_its_state(void **state)
{
	struct check_target target = { .text = "192.0.2.1:80" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		enum syn_path path = syn_judge(paths[i].answers);
		struct check_report report;

		assert_string_equal(syn_path_words[path], paths[i].path);
		check_report_init(&report);
		syn_describe(&target, paths[i].answers, path, &report);
		assert_string_equal(check_state_words[report.state], paths[i].state);
		assert_int_equal(json_array_size(report.items), 1);
		check_report_free(&report);
	}
}

/* ---- HOST:PORT ---- */

static void targets_are_taken_as_written_or_refused(void **state)
{
	static const char *const good[] = { "192.0.2.1:1", "[2001:db8::1]:65535",
					    "host.example:443" };
	static const char *const bad[] = { "",          ":",
					   "192.0.2.1", "192.0.2.1:",
					   ":80",       "2001:db8::1:80",
					   "[]:80",     "[2001:db8::1]80",
					   "a:0",       "a:65536",
					   "a:08",      "a:+8",
					   "[a:80",     "a]:b]:80" };
	struct check_target target;
	struct value_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(check_target_form(good[i], &error), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!check_target_form(bad[i], &error))
			fail_msg("\"%s\" is taken", bad[i]);
	assert_int_equal(check_target_resolve("[2001:db8::1]:80", &target, &error), 0);
	assert_string_equal(target.text, "[2001:db8::1]:80");
	assert_int_equal(check_target_resolve("192.0.2.1:80", &target, &error), 0);
	assert_string_equal(target.text, "192.0.2.1:80");
}

/* ---- data between check connect and check serve ---- */

#define BYTES (1u << 20)

struct end {
	int fd;
	struct talk_data data;
	int rc;
	bool right;
};

static void *exchange(void *arg)
{
	struct end *end = arg;

	end->rc = talk_exchange(end->fd, &end->data, &end->right);
	return NULL;
}

/* Both ends at once: the first sends the stream of @seed, the other expects that of 7. */
static void run_exchange(struct end ends[2], uint32_t window, uint32_t seed)
{
	pthread_t thread;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ends[0] = (struct end){ .fd = fds[0], .data = { BYTES, window, seed, 8 } };
	ends[1] = (struct end){ .fd = fds[1], .data = { BYTES, window, 8, 7 } };
	assert_int_equal(pthread_create(&thread, NULL, exchange, &ends[0]), 0);
	exchange(&ends[1]);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
}

static void data_is_verified_both_ways(void **state)
{
	static const uint32_t windows[] = { BYTES, 512, 1000 };
	struct end ends[2];

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		run_exchange(ends, windows[i], 7);
		assert_true(!ends[0].rc && !ends[1].rc && ends[0].right && ends[1].right);
		run_exchange(ends, windows[i], 9);
		assert_true(!ends[0].rc && !ends[1].rc && ends[0].right && !ends[1].right);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kind_254_is_found_by_its_magic),
		cmocka_unit_test(what_is_written_is_found),
		cmocka_unit_test(answers_tell_the_path_and_its_state),
		cmocka_unit_test(targets_are_taken_as_written_or_refused),
		cmocka_unit_test(data_is_verified_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
