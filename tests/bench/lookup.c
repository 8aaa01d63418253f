// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long a decision takes in the kernel, and how long it takes to compile and
 * publish a policy: random IPv4 prefixes, random peers over all of them.  For
 * comparison in the same run: an empty policy, so that the cost of asking
 * (BPF_PROG_TEST_RUN) can be told from that of deciding.
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
#include <time.h>
#include <unistd.h>

#include "policy/compile.h"
#include "smc_policy_maps.h"

#define QUERIES 200000
#define ROUNDS 5

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
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

/* @n random prefixes of 16 to 32 bits, dealt out to 50 rules of two ports each. */
static void make_policy(struct policy *policy, uint32_t n)
{
	policy_init(policy);
	for (uint32_t i = 0; n && i < 50; i++) {
		char name[SMC_POLICY_NAME_SIZE];
		struct policy_rule *rule;

		snprintf(name, sizeof(name), "rule%02u", i);
		rule = policy_rule_new(name);
		rule->action = SMC_POLICY_ALLOW;
		rule->slot = SMC_POLICY_SLOT_FIRST + i;
		rule->ports = calloc(1, sizeof(*rule->ports));
		rule->ports[0] = (struct policy_range){ (uint16_t)(80 + i), (uint16_t)(1080 + i) };
		rule->n_ports = 1;
		rule->peers = calloc(n / 50 + 1, sizeof(*rule->peers));
		for (uint32_t k = 0; k < n / 50; k++) {
			struct policy_prefix *prefix = &rule->peers[rule->n_peers++];
			uint32_t bits = 16 + draw() % 17;
			uint32_t addr = draw() & (uint32_t)(0xffffffffULL << (32 - bits));

			memcpy(prefix->addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
			for (int b = 0; b < 4; b++)
				prefix->addr[12 + b] = (uint8_t)(addr >> (24 - 8 * b));
			prefix->length = (uint8_t)bits;
			prefix->v4 = true;
		}
		policy_put(policy, rule);
	}
}

/* Put @image in force for @object; seconds it took. */
static double publish(struct bpf_object *object, const struct policy_image *image)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	int outer = bpf_object__find_map_fd_by_name(object, "policy_slot"), fd;
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

/* Nanoseconds per run of the decision program over random peers; the best of some rounds. */
static double ask(int program)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now();

		for (int i = 0; i < QUERIES; i++) {
			struct smc_policy_test test = {
				.query = {
					.peer = { 0, 0, __builtin_bswap32(0xffff), draw() },
					.port = (uint16_t)draw(),
				},
			};
			LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &test,
				    .ctx_size_in = sizeof(test));

			if (bpf_prog_test_run_opts(program, &options))
				die("run");
		}
		if ((now() - start) / QUERIES * 1e9 < best)
			best = (now() - start) / QUERIES * 1e9;
	}
	return best;
}

static void measure(struct bpf_object *object, int program, uint32_t n, double *empty)
{
	struct policy_image_options options = { .generation = 1 };
	struct policy_image image;
	struct policy policy;
	double start, compile, publishing, asking;

	make_policy(&policy, n);
	start = now();
	if (policy_compile(&policy, &options, &image))
		die("compile");
	compile = now() - start;
	publishing = publish(object, &image);
	asking = ask(program);
	if (!n)
		*empty = asking;
	printf("| %u | %.0f | %.1f | %.2f | %.1f | %.0f | %+.0f |\n", n, compile * 1e3,
	       publishing * 1e3, (double)image.n_rows * sizeof(*image.rows) / (1 << 20),
	       n ? (double)image.n_rows * sizeof(*image.rows) / n : 0, asking, asking - *empty);
	policy_image_free(&image);
	policy_clear(&policy);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 0, 1000, 100000, 1000000 };
	struct bpf_object *object;
	double empty = 0;
	int program;

	if (argc != 2)
		return 2;
	object = bpf_object__open_file(argv[1], NULL);
	if (!object || bpf_object__load(object))
		die("load");
	program = bpf_program__fd(bpf_object__find_program_by_name(object, "policy_test"));
	puts("| IPv4 prefixes | compile ms | publish ms | image MiB | bytes a prefix | ns a question | "
	     "over none |");
	puts("|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		measure(object, program, sizes[i], &empty);
	bpf_object__close(object);
	return 0;
}
