// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long a decision takes in the kernel, and how long it takes to compile and publish a policy
 * and how large it is: random prefixes, random peers in them, random ports on both sides.  For
 * comparison in the same run, with the same prefixes and peers: an LPM trie, a hash of the peers,
 * one access to an array of 16 MiB, and a loop that only reads the questions.
 *
 *   lookup BPF-OBJECT [POLICY...]    all of them, or those named
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "decide.h"
#include "policies.h"
#include "policy/compile.h"
#include "smc_policy_maps.h"

#define ROUNDS (10 * BENCH_QUERIES / BENCH_RUN)

static struct bpf_object *object;

static double now(void)
{
	return (double)clock_ns(CLOCK_MONOTONIC) / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the kernel ---- */

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

/* Put @image in force; seconds it took. */
static double publish(const struct policy_image *image)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	int outer = map_fd("policy_slot"), fd;
	size_t size = (size_t)image->n_rows * sizeof(*image->rows);
	double start = now();
	uint32_t slot = 0;
	void *rows;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "policy_image", sizeof(uint32_t),
			    sizeof(*image->rows), image->n_rows, &options);
	rows = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rows == MAP_FAILED)
		die("map");
	memcpy(rows, image->rows, size);
	munmap(rows, size);
	if (bpf_map_update_elem(outer, &slot, &fd, 0))
		die("publish");
	close(fd);
	return now() - start;
}

/* One value for each of @policy's prefixes in an LPM trie, and for each peer asked in a hash. */
static void fill_others(const struct policy *policy, const struct bench_query *queries)
{
	int v4 = map_fd("lpm_v4"), v6 = map_fd("lpm_v6"), hash = map_fd("hash");
	const struct policy_rule *rule;

	policy_for_each(rule, policy)
		for (size_t i = 0; i < rule->n_peers; i++) {
			struct bench_v4_key four = { .length = rule->peers[i].length };
			struct bench_v6_key six = { .length = rule->peers[i].length };
			int rc;

			memcpy(&four.peer, rule->peers[i].addr + 12, sizeof(four.peer));
			memcpy(six.peer, rule->peers[i].addr, sizeof(six.peer));
			rc = rule->peers[i].v4
				     ? bpf_map_update_elem(v4, &four, &rule->slot, BPF_ANY)
				     : bpf_map_update_elem(v6, &six, &rule->slot, BPF_ANY);
			if (rc ||
			    bpf_map_update_elem(hash, rule->peers[i].addr, &rule->slot, BPF_ANY))
				die("fill");
		}
	/* Its peers are found, as those of the policy are. */
	for (int i = 0; i < BENCH_QUERIES; i++)
		bpf_map_update_elem(hash, queries[i].peer, &queries[i].port, BPF_ANY);
}

static struct bench_memory *program_memory(void)
{
	size_t size;

	return bpf_map__initial_value(bpf_object__find_map_by_name(object, ".bss"), &size);
}

static int compare_times(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct times {
	double best, median; /* ns a question */
};

static struct times run(const char *program)
{
	struct bench_memory *memory = program_memory();
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, program));
	double all[ROUNDS];
	char packet[64] = { 0 };

	for (int round = 0; round < ROUNDS; round++) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet,
			    .data_size_in = sizeof(packet));
		double start = now();

		memory->first = (uint32_t)round * BENCH_RUN;
		if (bpf_prog_test_run_opts(fd, &options))
			die("run");
		all[round] = (now() - start) / BENCH_RUN * 1e9;
	}
	qsort(all, ROUNDS, sizeof(*all), compare_times);
	return (struct times){ all[0], all[ROUNDS / 2] };
}

static void print_times(const char *program)
{
	struct times times = run(program);

	printf(" %.0f (%.0f) |", times.best, times.median);
	fflush(stdout);
}

/* ---- measuring ---- */

static void measure_actions(const struct bench_shape *shape, enum bench_actions actions, bool sizes)
{
	struct policy_image_options options = { .generation = 1 };
	struct policy_image image;
	struct policy policy;
	double start, compile, publishing, bytes;

	bench_policy(&policy, shape, actions);
	start = now();
	if (policy_compile(&policy, &options, &image))
		die("compile");
	compile = now() - start;
	publishing = publish(&image);
	bytes = (double)image.n_rows * sizeof(*image.rows);
	bench_queries(&policy, program_memory()->queries);
	if (sizes)
		printf("| %s | %.0f | %.1f | %.2f | %.1f |", shape->name, compile * 1e3,
		       publishing * 1e3, bytes / (1 << 20),
		       shape->prefixes ? bytes / shape->prefixes : 0);
	print_times("bench_ask_policy");
	if (actions == BENCH_MIXED)
		print_times("bench_ask_in_turn");
	policy_image_free(&image);
	policy_clear(&policy);
}

static void load(const char *path)
{
	object = bpf_object__open_file(path, NULL);
	if (!object ||
	    bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "side_counters"),
				     (SMC_POLICY_SLOT_FIRST + BENCH_RULES_MAX) *
					     SMC_POLICY_SIDES) ||
	    bpf_object__load(object))
		die("load");
}

static void measure_others(const struct bench_shape *shape)
{
	struct policy policy;

	bench_policy(&policy, shape, BENCH_MIXED);
	bench_queries(&policy, program_memory()->queries);
	fill_others(&policy, program_memory()->queries);
	printf("| %s |", shape->name);
	print_times("bench_nothing");
	print_times("bench_ask_array");
	print_times("bench_ask_hash");
	print_times(shape->v4 ? "bench_ask_lpm_v4" : "bench_ask_lpm_v6");
	puts("");
	policy_clear(&policy);
}

/* Whether @shape is among the @n names, or there are none. */
static bool is_named(const struct bench_shape *shape, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(shape->name, names[i]))
			return true;
	return !n;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	puts("| policy | compile ms | publish ms | image MiB | bytes a prefix | ns a decision | one at "
	     "a time | all deny | all allow |");
	puts("|---|---|---|---|---|---|---|---|---|");
	for (const struct bench_shape *shape = bench_shapes; shape->name; shape++) {
		if (!is_named(shape, argc - 2, argv + 2))
			continue;
		load(argv[1]);
		measure_actions(shape, BENCH_MIXED, true);
		if (shape->prefixes <= BENCH_PREFIXES) {
			measure_actions(shape, BENCH_ALL_DENY, false);
			measure_actions(shape, BENCH_ALL_ALLOW, false);
		}
		puts("");
		bpf_object__close(object);
	}
	puts("\n| the same peers | empty loop | array | hash | LPM trie |\n|---|---|---|---|---|");
	for (const struct bench_shape *shape = bench_shapes + 1; shape->name; shape++) {
		if (!is_named(shape, argc - 2, argv + 2) || shape->prefixes > BENCH_PREFIXES)
			continue;
		load(argv[1]);
		measure_others(shape);
		bpf_object__close(object);
	}
	return 0;
}
