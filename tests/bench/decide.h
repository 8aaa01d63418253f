/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What decide.bpf.c and lookup.c share. */
#ifndef SMC_POLICY_BENCH_DECIDE_H
#define SMC_POLICY_BENCH_DECIDE_H

#include <linux/types.h>

#define BENCH_QUERIES (1 << 17) /* a power of two */
#define BENCH_RUN \
	(1 << 12) /* of those, asked in one run: so few that hardly anything comes between */
#define BENCH_ARRAY (1 << 22) /* entries of the array, a power of two */
#define BENCH_PREFIXES 1000000 /* the most that other maps are filled with */

struct bench_query {
	__be32 peer[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 port; /* service port, host byte order */
	__u8 side; /* enum smc_policy_side */
	__u8 reserved; /* zero */
};

/* The program's variables. */
struct bench_memory {
	struct bench_query queries[BENCH_QUERIES]; /* what is asked */
	__u64 answers; /* sum of what was answered */
	__u32 first; /* the question that a run begins with */
	__u32 reserved;
};

/* Keys of LPM tries. */
struct bench_v4_key {
	__u32 length;
	__be32 peer;
};

struct bench_v6_key {
	__u32 length;
	__be32 peer[4];
};

#endif
