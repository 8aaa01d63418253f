/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sampling: which of the connections that open become samples.  All of them do, except in a storm:
 * then only one of several does, and its weight says how many it stands for.
 */
#ifndef SMC_POLICY_SAMPLING_BPF_H
#define SMC_POLICY_SAMPLING_BPF_H

#include "connection.bpf.h"

/* A connection opens.  Returns n, if one of n is to be a sample from now on. */
GLOBAL int opened(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;

	fill(&connection, high, low, what);
	return (int)smc_auto_open(&connection, cookie, what >> WHAT_ASKED & 1, times_of(what), now);
}

/*
 * In a storm most connections are skipped.  Not even their peer is read.  The next sample stands for
 * them too.  Each CPU has its own counts, for each service as far as there is room.
 */
struct storm {
	__u32 service; /* storm_service(), 0: none yet */
	__u32 skipped; /* connections since the last sample */
	__u32 share; /* one of so many is a sample */
	__u32 reserved;
	__u64 until; /* jiffies; the storm may be over after that */
};

#define STORMS 64 /* a power of two */
#define STORM_JIFFIES 32 /* 32 to 320 ms, as the kernel was built */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STORMS);
	__type(key, __u32);
	__type(value, struct storm);
} storms SEC(".maps");

static __always_inline __u32 storm_service(__u32 side, __u32 port)
{
	return 1u << 31 | side << 16 | port;
}

static __always_inline struct storm *storm_at(__u32 service)
{
	__u32 at = (service ^ service >> 16) & (STORMS - 1);

	return bpf_map_lookup_elem(&storms, &at);
}

/* Whether a connection to @service can be skipped. */
static __always_inline int skip(struct storm *storm, __u32 service)
{
	if (storm->service != service || storm->skipped + 1 >= storm->share ||
	    bpf_jiffies64() > storm->until)
		return 0;
	storm->skipped++;
	return 1;
}

/* A connection to @service becomes a sample.  Returns its weight. */
static __always_inline __u32 take_weight(struct storm *storm, __u32 service)
{
	__u32 times = storm->service == service ? storm->skipped + 1 : 1;

	storm->service = service;
	storm->skipped = 0;
	storm->share = 1;
	return times;
}

/* A connection that opens, as a sample. */
struct sample {
	struct smc_policy_host *host;
	struct storm *storm; /* NULL: it is a sample in any case */
	__u32 weight; /* connections that it stands for */
};

/*
 * Whether a connection of @side to service @port is a sample.  @must: it is one even in a storm.
 * Called before anything else of the connection is read.
 */
static __always_inline int begin_sample(struct sample *sample, __u32 side, __u32 port, __u32 must)
{
	__u32 service = storm_service(side, port);

	sample->host = smc_policy_host_state();
	sample->storm = 0;
	sample->weight = 1;
	if (!sample->host)
		return 0;
	/* A recording wants them all. */
	if (must || sample->host->recording)
		return 1;
	sample->storm = storm_at(service);
	if (!sample->storm || skip(sample->storm, service))
		return 0;
	sample->weight = take_weight(sample->storm, service);
	return 1;
}

/* The daemon sleeps.  An empty record wakes it. */
static __always_inline void wake_daemon(struct smc_policy_host *host)
{
	struct smc_policy_record *record;

	host->wake = 0;
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record)
		return;
	record->closed = 0;
	bpf_ringbuf_submit(record, 0);
}

/* @seen opens.  Adds the weight to @seen->what. */
static __always_inline void end_sample(const struct sample *sample, struct seen *seen)
{
	__u32 share;

	seen->what |= (__u64)sample->weight << WHAT_TIMES;
	share = (__u32)opened(seen->high, seen->low, seen->what, seen->cookie, seen->now);
	if (sample->storm) {
		sample->storm->share = share;
		sample->storm->until = bpf_jiffies64() + STORM_JIFFIES;
	}
	if (sample->host->wake)
		wake_daemon(sample->host);
}

#endif
