/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of the connections that open are looked at: all of them, but in a storm only one of so many,
 * which stands for the others.
 */
#ifndef SMC_POLICY_SAMPLING_BPF_H
#define SMC_POLICY_SAMPLING_BPF_H

#include "connection.bpf.h"

/* A connection opens.  Returns of how many one is looked at from now on. */
GLOBAL int opened(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;

	fill(&connection, high, low, what);
	return (int)smc_auto_open(&connection, cookie, what >> WHAT_ASKED & 1, times_of(what), now);
}

/*
 * In a storm most connections are passed over: not looked at at all, not even where they go.  The
 * next one that is looked at stands for them too.  By CPU, and by service as far as there is room.
 */
struct storm {
	__u32 service; /* storm_service(), 0: none yet */
	__u32 passed; /* since one was looked at */
	__u32 share; /* of so many one is looked at */
	__u32 reserved;
	__u64 until; /* jiffies; then the storm may be over */
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

/* Whether a connection to @service can be passed over. */
static __always_inline int pass_over(struct storm *storm, __u32 service)
{
	if (storm->service != service || storm->passed + 1 >= storm->share ||
	    bpf_jiffies64() > storm->until)
		return 0;
	storm->passed++;
	return 1;
}

/* A connection to @service is looked at: for how many it stands. */
static __always_inline __u32 stand_for(struct storm *storm, __u32 service)
{
	__u32 times = storm->service == service ? storm->passed + 1 : 1;

	storm->service = service;
	storm->passed = 0;
	storm->share = 1;
	return times;
}

/* A look at a connection that opens. */
struct look {
	struct smc_policy_host *host;
	struct storm *storm; /* NULL: it is looked at whatever the storm */
	__u32 times; /* it stands for so many */
};

/*
 * Whether to look at a connection of @side to the service @port; @must: whatever the storm.  Not
 * at what is passed over, before anything else of it is read.
 */
static __always_inline int begin_look(struct look *look, __u32 side, __u32 port, __u32 must)
{
	__u32 service = storm_service(side, port);

	look->host = smc_policy_host_state();
	look->storm = 0;
	look->times = 1;
	if (!look->host)
		return 0;
	/* A recording wants them all. */
	if (must || look->host->recording)
		return 1;
	look->storm = storm_at(service);
	if (!look->storm || pass_over(look->storm, service))
		return 0;
	look->times = stand_for(look->storm, service);
	return 1;
}

/* The daemon sleeps: an empty record wakes it. */
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

/* @seen opens; @seen->what says then for how many it stands. */
static __always_inline void end_look(const struct look *look, struct seen *seen)
{
	__u32 share;

	seen->what |= (__u64)look->times << WHAT_TIMES;
	share = (__u32)opened(seen->high, seen->low, seen->what, seen->cookie, seen->now);
	if (look->storm) {
		look->storm->share = share;
		look->storm->until = bpf_jiffies64() + STORM_JIFFIES;
	}
	if (look->host->wake)
		wake_daemon(look->host);
}

#endif
