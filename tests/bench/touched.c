// SPDX-License-Identifier: GPL-2.0-only
/*
 * clang calls __sanitizer_cov_load*() and __sanitizer_cov_store*() before each load and store of
 * this file (-fsanitize-coverage=func,trace-loads,trace-stores).  Those in the image or in a map's
 * values are noted.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static void *find_value(void *map, const void *key);
static long update_value(void *map, const void *key, const void *value);

#define bpf_map_lookup_elem(map, key) find_value(map, key)
#define bpf_map_update_elem(map, key, value, flags) update_value(map, key, value)
#define bpf_ktime_get_ns() 1
#include "decide.bpf.h"
#include "touched.h"

#define UNTRACED __attribute__((no_sanitize("coverage")))
#define LINE 64
#define PAGE 4096
#define NOTED_MAX 256
#define ALIGNED 8 /* values of a hash table are at multiples of that */

const char *const touched_map_names[TOUCHED_MAPS] = {
	"policy_slot", "side_counters", "host_state", "denied", "smc_pending", "others",
};

static const struct policy_image *image_in_force;
static struct touched *noted;

/* Values of maps. */
static struct smc_policy_host host __attribute__((aligned(LINE)));
static struct smc_policy_counters counters __attribute__((aligned(LINE)));
static __u64 denied_values[1 << SMC_POLICY_DENIED_SHIFT] __attribute__((aligned(LINE)));

/* Lines and pages of one decision, by number. */
struct set {
	uintptr_t items[NOTED_MAX];
	unsigned int n;
};

static struct set image_lines, image_pages, map_lines;

/* What is known of a connection; where each begins varies. */
static unsigned char contexts[TOUCHED_CONTEXTS][512] __attribute__((aligned(LINE)));
static unsigned int context_offset;
static unsigned int *context_lines; /* NULL: nothing is known */
static struct set context_sets[TOUCHED_CONTEXTS];

UNTRACED static bool add(struct set *set, uintptr_t item)
{
	for (unsigned int i = 0; i < set->n; i++)
		if (set->items[i] == item)
			return false;
	if (set->n < NOTED_MAX)
		set->items[set->n++] = item;
	return true;
}

UNTRACED static bool within(uintptr_t address, const void *start, size_t size)
{
	return address - (uintptr_t)start < size;
}

UNTRACED static void note_map(uintptr_t address, enum touched_map map)
{
	noted->map_lines[map] += add(&map_lines, address / LINE);
}

UNTRACED static void note(uintptr_t address)
{
	const struct smc_policy_row *rows = image_in_force->rows;

	if (within(address, rows, (size_t)image_in_force->n_rows * sizeof(*rows))) {
		noted->lines += add(&image_lines, (address - (uintptr_t)rows) / LINE);
		noted->pages += add(&image_pages, (address - (uintptr_t)rows) / PAGE);
	} else if (within(address, &host, sizeof(host))) {
		note_map(address, TOUCHED_HOST_STATE);
	} else if (within(address, denied_values, sizeof(denied_values))) {
		note_map(address, TOUCHED_DENIED);
	}
}

UNTRACED static void note_context(uintptr_t address)
{
	for (int i = 0; i < TOUCHED_CONTEXTS; i++)
		if (within(address, contexts[i], sizeof(contexts[i])))
			context_lines[i] += add(&context_sets[i], address / LINE);
}

#define TRACE(name, type)                                                    \
	UNTRACED void name(const type *address);                             \
	UNTRACED void name(const type *address)                              \
	{                                                                    \
		if (context_lines) {                                         \
			note_context((uintptr_t)address);                    \
			note_context((uintptr_t)address + sizeof(type) - 1); \
		}                                                            \
		if (!noted)                                                  \
			return;                                              \
		note((uintptr_t)address);                                    \
		note((uintptr_t)address + sizeof(type) - 1);                 \
	}

TRACE(__sanitizer_cov_load1, uint8_t)
TRACE(__sanitizer_cov_load2, uint16_t)
TRACE(__sanitizer_cov_load4, uint32_t)
TRACE(__sanitizer_cov_load8, uint64_t)
TRACE(__sanitizer_cov_load16, __uint128_t)
TRACE(__sanitizer_cov_store1, uint8_t)
TRACE(__sanitizer_cov_store2, uint16_t)
TRACE(__sanitizer_cov_store4, uint32_t)
TRACE(__sanitizer_cov_store8, uint64_t)
TRACE(__sanitizer_cov_store16, __uint128_t)

UNTRACED static void *find_context(const void *map, const struct smc_auto_key *key)
{
	enum touched_context context = map == &auto_services             ? TOUCHED_SERVICE
				       : key->bits == SMC_AUTO_BITS_PEER ? TOUCHED_PEER
									 : TOUCHED_SUBNET;

	return contexts[context] + context_offset;
}

UNTRACED static void *find_value(void *map, const void *key)
{
	__u32 index = *(const __u32 *)key;

	if (context_lines && (map == &auto_services || map == &auto_peers))
		return find_context(map, key);
	if (map == &policy_slot) {
		noted->map_lines[TOUCHED_POLICY_SLOT] = 1;
		return (void *)image_in_force;
	}
	if (map == image_in_force)
		return index < image_in_force->n_rows ? &image_in_force->rows[index] : NULL;
	if (map == &host_state)
		return &host;
	if (map == &side_counters) {
		/*
		 * The pointer, and the line that an atomic addition writes: those are not
		 * reported.
		 */
		noted->map_lines[TOUCHED_RULE_COUNTERS] = 2;
		return &counters;
	}
	if (map == &denied)
		return index < 1 << SMC_POLICY_DENIED_SHIFT ? &denied_values[index] : NULL;
	noted->map_lines[TOUCHED_OTHER] += 2;
	return NULL;
}

UNTRACED static long update_value(void *map, const void *key, const void *value)
{
	(void)key;
	(void)value;
	noted->map_lines[map == &smc_pending ? TOUCHED_PENDING : TOUCHED_OTHER] += 2;
	return 0;
}

/* As a hook does. */
static __attribute__((noinline)) void decide(const struct smc_policy_query *query)
{
	struct smc_policy_asking asking = { .book = 1 };
	struct smc_policy_ends ends = { .peer_port = query->port };
	struct smc_policy_answer answer;
	struct smc_policy_told told;

	smc_policy_decide(query, &asking, &answer);
	smc_policy_count(&answer, query->side, 1);
	smc_policy_note_denied(query, &answer);
	smc_policy_tell(&ends, &answer, &told);
	smc_policy_tell_readers(query, &ends, &told);
}

UNTRACED void touched_decide(const struct policy_image *image, const struct bench_query *query,
			     struct touched *touched)
{
	struct smc_policy_query asked = {
		.peer = { query->peer[0], query->peer[1], query->peer[2], query->peer[3] },
		.port = query->port,
		.side = query->side,
	};

	*touched = (struct touched){ 0 };
	image_lines.n = image_pages.n = map_lines.n = 0;
	image_in_force = image;
	noted = touched;
	decide(&asked);
	noted = NULL;
}

/* As when a connection ends. */
static __attribute__((noinline)) void end_connection(__u64 now)
{
	struct smc_auto_connection connection = { .peer = { 0, 0, bpf_htonl(0xffff), 7 } };
	struct smc_auto_live live = { .gain = 1 << 1 };

	smc_auto_lesson(&connection, &live, 1, 1 << 20, 100, 1000, 1, now);
}

UNTRACED void touched_lesson(double lines[TOUCHED_CONTEXTS])
{
	static struct smc_policy_row row = { .word = { [SMC_POLICY_PAR_SETUP_BYTES] = 100 * 1024,
						       [SMC_POLICY_PAR_HALF_LIFE] = 600 } };
	static const struct policy_image image = { .rows = &row, .n_rows = 1 };
	unsigned int counted[TOUCHED_CONTEXTS] = { 0 };
	struct touched unused;

	image_in_force = &image;
	for (context_offset = 0; context_offset < LINE; context_offset += ALIGNED) {
		memset(contexts, 0, sizeof(contexts));
		memset(context_sets, 0, sizeof(context_sets));
		/* The first lesson finds nothing known, and the next ones are as most are. */
		context_lines = (unsigned int[TOUCHED_CONTEXTS]){ 0 };
		noted = &unused;
		for (__u64 second = 1; second < 20; second++)
			end_connection(second * SMC_AUTO_SEC);
		memset(context_sets, 0, sizeof(context_sets));
		context_lines = counted;
		end_connection(20 * SMC_AUTO_SEC);
		context_lines = NULL;
		noted = NULL;
	}
	for (int i = 0; i < TOUCHED_CONTEXTS; i++)
		lines[i] = (double)counted[i] / (LINE / ALIGNED);
}

UNTRACED void touched_decide_all(const struct policy_image *image,
				 const struct bench_query *queries, unsigned int n,
				 struct touched_sum *sum)
{
	struct touched touched;

	*sum = (struct touched_sum){ 0 };
	for (unsigned int i = 0; i < n; i++) {
		touched_decide(image, &queries[i], &touched);
		sum->lines += touched.lines;
		sum->pages += touched.pages;
		if (touched.lines > sum->lines_most)
			sum->lines_most = touched.lines;
		if (touched.pages > sum->pages_most)
			sum->pages_most = touched.pages;
		for (int map = 0; map < TOUCHED_MAPS; map++)
			sum->map_lines[map] += touched.map_lines[map];
	}
	sum->lines /= n;
	sum->pages /= n;
	for (int map = 0; map < TOUCHED_MAPS; map++)
		sum->map_lines[map] /= n;
}
