// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs in this host's kernel and `simulate` say the same to 100,000 connections, with bytes and
 * with messages: events.bpf.c against policy/replay.c.  Needs root.
 *
 * Of living connections the kernel notes when they opened in units of 2^20 ns, so they open at
 * multiples of that; and no two events are at the same time.  Storms are left out: there the two
 * choose differently which connection stands for the others.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "estimate.h"
#include "events.h"
#include "kernel/internal.h"
#include "kernel/kernel.h"
#include "policy/compile.h"
#include "policy/learn.h"
#include "policy/replay.h"
#include "random.h"
#include "unit.h"

#define OBJECT "build/tests/unit/events.bpf.o"
#define CONNECTIONS 100000
#define TICK (1ull << SMC_AUTO_LIVE_SHIFT)
#define SERVICES 12
#define PEERS 60
#define LIFE_MAX (1500 * SMC_AUTO_SEC) /* looks at two connections can coincide after 2048 s */

static struct bpf_object *object;
static struct kernel kernel; /* only what publishing needs */
static int program;

static int load(void **state)
{
	(void)state;
	if (geteuid())
		return 0; /* the test skips */
	object = bpf_object__open_file(OBJECT, NULL);
	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "# cannot load %s: %s\n", OBJECT, strerror(errno));
		return -1;
	}
	program = bpf_program__fd(bpf_object__find_program_by_name(object, "take_event"));
	kernel.map[MAP_POLICY_SLOT] = bpf_object__find_map_fd_by_name(object, "policy_slot");
	return program < 0 || kernel.map[MAP_POLICY_SLOT] < 0 ? -1 : 0;
}

static int unload(void **state)
{
	(void)state;
	image_unmap(&kernel);
	bpf_object__close(object);
	return 0;
}

/* ---- connections ---- */

/*
 * What a service is like, by its number: bytes, messages or both; one long in two, ten or fifty, or
 * long from some peers, or for some time.
 */
static bool is_long(struct rng *rng, unsigned int service, unsigned int peer, unsigned int i)
{
	switch (service % 6) {
	case 0:
		return random_once_in(rng, 2);
	case 1:
		return random_once_in(rng, 10);
	case 2:
		return random_once_in(rng, 50);
	case 3:
		return peer % 4 == 0;
	case 4:
		return i / 20000 % 2;
	default:
		return random_once_in(rng, 300);
	}
}

static void make_row(struct rng *rng, unsigned int i, uint64_t opened, struct trace_row *row)
{
	unsigned int service = random_below(rng, SERVICES), peer = random_below(rng, PEERS);
	uint64_t life = random_below(rng, 50), size = random_below(rng, 2000);

	*row = (struct trace_row){
		.opened = opened,
		.side = (int)(service & 1),
		.peer = { [10] = 0xff, [11] = 0xff, 10, 0, (uint8_t)(peer % 7), (uint8_t)peer },
		.port = (uint16_t)(7000 + service),
	};
	if (is_long(rng, service, peer, i)) {
		life = 100ull << random_below(rng, 10);
		size = 100000ull << random_below(rng, 9);
	}
	if (random_once_in(rng, 5000))
		life = LIFE_MAX / TICK;
	row->closed = opened + (life + 1) * TICK + 1 + i % (TICK - 1);
	if (service < SERVICES / 2)
		row->messages = size >> 9;
	if (service >= SERVICES / 2 || service % 3)
		row->bytes = size;
}

/* ---- events ---- */

/* What comes next of a connection. */
struct pending {
	uint64_t next; /* ns */
	unsigned int row;
};

struct agenda {
	struct pending *heap; /* the first is the least */
	unsigned int n;
};

static void agenda_add(struct agenda *agenda, const struct pending *pending)
{
	unsigned int at = agenda->n++;

	for (; at && agenda->heap[(at - 1) / 2].next > pending->next; at = (at - 1) / 2)
		agenda->heap[at] = agenda->heap[(at - 1) / 2];
	agenda->heap[at] = *pending;
}

static struct pending agenda_take(struct agenda *agenda)
{
	struct pending first = agenda->heap[0], last = agenda->heap[--agenda->n];
	unsigned int at = 0, child;

	while ((child = 2 * at + 1) < agenda->n) {
		child += child + 1 < agenda->n &&
			 agenda->heap[child + 1].next < agenda->heap[child].next;
		if (last.next <= agenda->heap[child].next)
			break;
		agenda->heap[at] = agenda->heap[child];
		at = child;
	}
	agenda->heap[at] = last;
	return first;
}

static void run(struct event *event)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = event, .data_size_in = sizeof(*event),
		    .data_out = event, .data_size_out = sizeof(*event));

	assert_int_equal(bpf_prog_test_run_opts(program, &options), 0);
	assert_int_equal(options.retval, XDP_PASS);
}

/* Of @row, number @i: at @now it opens, lives or ends.  Returns the kernel's answer. */
static uint32_t tell_kernel(const struct trace_row *row, unsigned int i, enum event_kind kind,
			    uint64_t now)
{
	struct event event = {
		.now = now,
		.cookie = i + 1,
		.bytes = row->bytes,
		.messages = row->messages,
		.port = row->port,
		.side = (uint8_t)row->side,
		.kind = (uint8_t)kind,
	};

	memcpy(event.peer, row->peer, sizeof(event.peer));
	if (kind == EVENT_LIVES) {
		unsigned __int128 age = now - row->opened, life = row->closed - row->opened;

		event.bytes = (uint64_t)(row->bytes * age / life);
		event.messages = (uint64_t)(row->messages * age / life);
	}
	run(&event);
	return event.reason;
}

/* The first of @agenda happens. */
static void pass(const struct trace_row *rows, struct agenda *agenda)
{
	struct pending pending = agenda_take(agenda);
	const struct trace_row *row = &rows[pending.row];
	uint64_t now = pending.next;

	if (now == row->closed) {
		tell_kernel(row, pending.row, EVENT_ENDS, now);
		return;
	}
	tell_kernel(row, pending.row, EVENT_LIVES, now);
	pending.next = learn_next_look(row->opened, now);
	pending.next = pending.next < row->closed ? pending.next : row->closed;
	agenda_add(agenda, &pending);
}

/* ---- the test ---- */

static void publish(const struct policy_config *config)
{
	struct policy_image_options options = { .generation = 1,
						.parameters = &config->settings.parameters };
	struct kernel_error error;
	struct policy_image image;

	assert_int_equal(policy_compile(&config->policy, &options, &image), 0);
	if (kernel_publish(&kernel, &image, &error))
		fail_msg("%s", error.text);
	policy_image_free(&image);
}

static void assert_nothing_lost(void)
{
	int fd = bpf_object__find_map_fd_by_name(object, "host_state");
	struct smc_policy_host host;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &host), 0);
	for (int i = 0; i < SMC_POLICY_LOSSES; i++)
		assert_int_equal(host.lost[i], 0);
}

/* Ask both about all of @rows; how often they said long-lived. */
static unsigned int compare(struct replay *replay, const struct trace_row *rows, unsigned int n)
{
	struct agenda agenda = { .heap = calloc(n, sizeof(*agenda.heap)) };
	struct replay_verdict verdict;
	unsigned int smc = 0;

	assert_non_null(agenda.heap);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t look = learn_next_look(rows[i].opened, rows[i].opened);
		struct pending pending = { look < rows[i].closed ? look : rows[i].closed, i };
		uint32_t reason;

		while (agenda.n && agenda.heap[0].next <= rows[i].opened)
			pass(rows, &agenda);
		assert_int_equal(replay_row(replay, &rows[i], &verdict), 0);
		reason = tell_kernel(&rows[i], i, EVENT_OPENS, rows[i].opened);
		if (reason != (uint32_t)verdict.reason)
			fail_msg("connection %u to port %u: the kernel says %s, simulate %s", i,
				 rows[i].port, word_name(&words_reason, reason),
				 word_name(&words_reason, (unsigned int)verdict.reason));
		smc += verdict.smc;
		agenda_add(&agenda, &pending);
	}
	free(agenda.heap);
	return smc;
}

static void kernel_and_simulate_say_the_same(void **state)
{
	unsigned int n = random_rounds(CONNECTIONS), smc;
	struct trace_row *rows = calloc(n, sizeof(*rows));
	struct policy_config config;
	struct rng rng = { 17 };
	struct replay *replay;
	uint64_t now = 1000 * SMC_AUTO_SEC / TICK * TICK;

	(void)state;
	if (!object) {
		fprintf(stderr, "# SKIP: loading BPF programs needs root\n");
		free(rows);
		skip();
	}
	assert_non_null(rows);
	for (unsigned int i = 0; i < n; i++) {
		now += (1 + random_below(&rng, random_once_in(&rng, 400) ? 4000 : 40)) * TICK;
		make_row(&rng, i, now, &rows[i]);
	}
	policy_config_init(&config);
	config.policy.default_action = SMC_POLICY_AUTO;
	replay = replay_new(&config, 0);
	assert_non_null(replay);
	publish(&config);
	smc = compare(replay, rows, n);
	print_message("# %u connections, %u of them SMC\n", n, smc);
	assert_true(n < CONNECTIONS || (smc > n / 10 && smc < n - n / 10));
	assert_nothing_lost();
	replay_free(replay);
	policy_config_clear(&config);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_and_simulate_say_the_same),
	};

	return cmocka_run_group_tests_name("events", tests, load, unload);
}
