// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that do one thing many times in one BPF_PROG_TEST_RUN, so that the cost of asking
 * does not count: the decision as a hook makes it, and what it is compared with.  bpf_loop
 * needs Linux 5.17.
 */
#include "decide.bpf.h"

#include "decide.h"

struct bench_memory memory; /* filled by the program that measures */

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, BENCH_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct bench_v4_key);
	__type(value, __u32);
} lpm_v4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, BENCH_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct bench_v6_key);
	__type(value, __u32);
} lpm_v6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BENCH_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 16);
	__uint(value_size, sizeof(__u32));
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} array SEC(".maps");

static long nothing(__u32 i, __u64 *sum)
{
	*sum += memory.queries[(memory.first + i) & (BENCH_QUERIES - 1)].peer[3];
	return 0;
}

static long ask_array(__u32 i, __u64 *sum)
{
	__u32 at = memory.queries[(memory.first + i) & (BENCH_QUERIES - 1)].peer[3] &
		   (BENCH_ARRAY - 1);
	__u32 *value = bpf_map_lookup_elem(&array, &at);

	*sum += value ? *value : 0;
	return 0;
}

static long ask_hash(__u32 i, __u64 *sum)
{
	__u32 *value = bpf_map_lookup_elem(
		&hash, memory.queries[(memory.first + i) & (BENCH_QUERIES - 1)].peer);

	*sum += value ? *value : 0;
	return 0;
}

static long ask_lpm_v4(__u32 i, __u64 *sum)
{
	struct bench_v4_key key = {
		.length = 32,
		.peer = memory.queries[(memory.first + i) & (BENCH_QUERIES - 1)].peer[3],
	};
	__u32 *value = bpf_map_lookup_elem(&lpm_v4, &key);

	*sum += value ? *value : 0;
	return 0;
}

static long ask_lpm_v6(__u32 i, __u64 *sum)
{
	const struct bench_query *query = &memory.queries[(memory.first + i) & (BENCH_QUERIES - 1)];
	struct bench_v6_key key = {
		.length = 128,
		.peer = { query->peer[0], query->peer[1], query->peer[2], query->peer[3] },
	};
	__u32 *value = bpf_map_lookup_elem(&lpm_v6, &key);

	*sum += value ? *value : 0;
	return 0;
}

/* Question @i; the verdict.  A global function, which the verifier goes through only once. */
__attribute__((noinline)) __u32 decide(__u32 i)
{
	const struct bench_query *at = &memory.queries[(memory.first + i) & (BENCH_QUERIES - 1)];
	struct smc_policy_query query = {
		.peer = { at->peer[0], at->peer[1], at->peer[2], at->peer[3] },
		.port = at->port,
		.side = at->side,
	};
	struct smc_policy_asking asking = { .book = 1 };
	struct smc_policy_answer answer;

	smc_policy_decide(&query, &asking, &answer);
	smc_policy_count(&answer, query.side, 1);
	return answer.verdict;
}

static long ask_policy(__u32 i, __u64 *sum)
{
	*sum += decide(i);
	return 0;
}

/* No question begins before the one before it is answered: how long one takes alone. */
static long ask_in_turn(__u32 i, __u64 *sum)
{
	/* A verdict is 0 or 1, so this adds nothing; but the processor cannot know that. */
	*sum += decide(i + (__u32)(*sum >> 40));
	return 0;
}

#define BENCH(name)                                 \
	SEC("xdp")                                  \
	int bench_##name(struct xdp_md *ctx)        \
	{                                           \
		__u64 sum = 0;                      \
                                                    \
		(void)ctx;                          \
		bpf_loop(BENCH_RUN, name, &sum, 0); \
		memory.answers = sum;               \
		return XDP_PASS;                    \
	}

BENCH(nothing)
BENCH(ask_array)
BENCH(ask_hash)
BENCH(ask_lpm_v4)
BENCH(ask_lpm_v6)
BENCH(ask_policy)
BENCH(ask_in_turn)

char LICENSE[] SEC("license") = "GPL";
