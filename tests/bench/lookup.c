// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long a decision takes in the kernel, and how long it takes to compile and publish a policy
 * and how large it is: random prefixes, random peers in them, random ports on both sides.  For
 * comparison in the same run, with the same prefixes and peers: an LPM trie, a hash of the peers,
 * one access to an array of 16 MiB, and a loop that only reads the questions.
 *
 *   lookup BPF-OBJECT
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
#include "policy/compile.h"
#include "smc_policy_maps.h"

#define ROUNDS (10 * BENCH_QUERIES / BENCH_RUN)
#define RULES_MAX 50

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

static uint64_t seed = 1;

/* xorshift64, so that every run measures the same. */
static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

/* ---- policies ---- */

enum actions {
	MIXED,
	ALL_DENY,
	ALL_ALLOW
};

struct shape {
	const char *name;
	uint32_t rules, prefixes;
	bool v4;
	bool clustered; /* all in one /8, or one /32 of IPv6 */
	bool ports; /* each rule has ranges of its own, which overlap; else one of 50 results for all */
};

static const struct shape shapes[] = {
	{ "no rules", 0, 0, true, false, false },
	{ "20 rules", 20, 60, true, false, true },
	{ "1,000 IPv4 prefixes", 50, 1000, true, false, false },
	{ "100,000", 50, 100000, true, false, false },
	{ "1,000,000", 50, 1000000, true, false, false },
	{ "1,000,000, overlapping port ranges", 50, 1000000, true, false, true },
	{ "1,000,000 in one /8", 50, 1000000, true, true, false },
	{ "200,000 IPv6 prefixes", 50, 200000, false, false, false },
	{ "200,000 in one /32", 50, 200000, false, true, false },
};

static void clear_below(uint8_t addr[16], unsigned int length)
{
	for (unsigned int i = length; i < 128; i++)
		addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static void draw_address(uint8_t addr[16])
{
	for (int i = 0; i < 16; i += 4) {
		uint32_t word = draw();

		memcpy(addr + i, &word, sizeof(word));
	}
}

/* IPv4: 16 to 32 bits, IPv6: 32 to 64. */
static void draw_prefix(const struct shape *shape, struct policy_prefix *prefix)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	draw_address(prefix->addr);
	prefix->v4 = shape->v4;
	prefix->length = (uint8_t)(shape->v4 ? 16 + draw() % 17 : 32 + draw() % 33);
	if (shape->v4) {
		memcpy(prefix->addr, mapped, sizeof(mapped));
		prefix->addr[12] = shape->clustered ? 10 : prefix->addr[12];
	} else {
		prefix->addr[0] = 0x20 | (prefix->addr[0] & 0x1f);
		if (shape->clustered)
			memcpy(prefix->addr, "\x20\x01\x0d\xb8", 4);
	}
	clear_below(prefix->addr, prefix->length + (shape->v4 ? 96 : 0));
}

static void make_policy(struct policy *policy, const struct shape *shape, enum actions actions)
{
	policy_init(policy);
	for (uint32_t i = 0; i < shape->rules; i++) {
		uint32_t n = shape->prefixes / shape->rules;
		char name[SMC_POLICY_NAME_SIZE];
		struct policy_rule *rule;

		snprintf(name, sizeof(name), "rule%02u", i);
		rule = policy_rule_new(name);
		rule->action = actions == ALL_ALLOW || (actions == MIXED && i % 2)
				       ? SMC_POLICY_ALLOW
				       : SMC_POLICY_DENY;
		rule->slot = SMC_POLICY_SLOT_FIRST + i;
		if (shape->ports) {
			rule->ports = calloc(1, sizeof(*rule->ports));
			rule->ports[0] =
				(struct policy_range){ (uint16_t)(80 + i), (uint16_t)(1080 + i) };
			rule->n_ports = 1;
		}
		rule->peers = calloc(n, sizeof(*rule->peers));
		while (rule->n_peers < n)
			draw_prefix(shape, &rule->peers[rule->n_peers++]);
		policy_put(policy, rule);
	}
}

static const struct policy_prefix *any_prefix(const struct policy *policy)
{
	const struct policy_rule *rule = policy->rules[draw() % policy->n_rules];

	return &rule->peers[draw() % rule->n_peers];
}

/* Peers in random prefixes of @policy, with a port that the ranges may have. */
static void draw_queries(const struct policy *policy, struct bench_query *queries)
{
	for (int i = 0; i < BENCH_QUERIES; i++) {
		const struct policy_prefix *prefix = policy->n_rules ? any_prefix(policy) : NULL;
		unsigned int length = prefix ? prefix->length + (prefix->v4 ? 96 : 0) : 96;
		uint8_t addr[16], host[16];

		memcpy(addr, prefix ? prefix->addr : (const uint8_t[16]){ [10] = 0xff, 0xff }, 16);
		draw_address(host);
		for (unsigned int bit = length; bit < 128; bit++)
			addr[bit / 8] |= host[bit / 8] & (0x80 >> bit % 8);
		memcpy(queries[i].peer, addr, sizeof(addr));
		queries[i].port = (uint16_t)(draw() % 1200);
		queries[i].side = (uint8_t)(draw() % SMC_POLICY_SIDES);
	}
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

static void measure_actions(const struct shape *shape, enum actions actions, bool sizes)
{
	struct policy_image_options options = { .generation = 1 };
	struct policy_image image;
	struct policy policy;
	double start, compile, publishing, bytes;

	seed = 1;
	make_policy(&policy, shape, actions);
	start = now();
	if (policy_compile(&policy, &options, &image))
		die("compile");
	compile = now() - start;
	publishing = publish(&image);
	bytes = (double)image.n_rows * sizeof(*image.rows);
	draw_queries(&policy, program_memory()->queries);
	if (sizes)
		printf("| %s | %.0f | %.1f | %.2f | %.1f |", shape->name, compile * 1e3,
		       publishing * 1e3, bytes / (1 << 20),
		       shape->prefixes ? bytes / shape->prefixes : 0);
	print_times("bench_ask_policy");
	if (actions == MIXED)
		print_times("bench_ask_in_turn");
	policy_image_free(&image);
	policy_clear(&policy);
}

static void load(const char *path)
{
	object = bpf_object__open_file(path, NULL);
	if (!object ||
	    bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "rule_counters"),
				     SMC_POLICY_SLOT_FIRST + RULES_MAX) ||
	    bpf_object__load(object))
		die("load");
}

static void measure_others(const struct shape *shape)
{
	struct policy policy;

	seed = 1;
	make_policy(&policy, shape, MIXED);
	draw_queries(&policy, program_memory()->queries);
	fill_others(&policy, program_memory()->queries);
	printf("| %s |", shape->name);
	print_times("bench_nothing");
	print_times("bench_ask_array");
	print_times("bench_ask_hash");
	print_times(shape->v4 ? "bench_ask_lpm_v4" : "bench_ask_lpm_v6");
	puts("");
	policy_clear(&policy);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	puts("| policy | compile ms | publish ms | image MiB | bytes a prefix | ns a decision | one at "
	     "a time | all deny | all allow |");
	puts("|---|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		load(argv[1]);
		measure_actions(&shapes[i], MIXED, true);
		measure_actions(&shapes[i], ALL_DENY, false);
		measure_actions(&shapes[i], ALL_ALLOW, false);
		puts("");
		bpf_object__close(object);
	}
	puts("\n| the same peers | empty loop | array | hash | LPM trie |\n|---|---|---|---|---|");
	for (size_t i = 1; i < sizeof(shapes) / sizeof(*shapes); i++) {
		load(argv[1]);
		measure_others(&shapes[i]);
		bpf_object__close(object);
	}
	return 0;
}
