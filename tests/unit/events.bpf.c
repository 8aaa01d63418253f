// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs that watch connections do when one opens, is looked at and ends, at times that
 * the test gives.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __u64 event_now;

#define bpf_ktime_get_ns() event_now
#include "carried.bpf.h"
#include "sampling.bpf.h"

#include "events.h"

static __always_inline void tell(const struct seen *seen, const struct event *event)
{
	struct carried carried = {
		.sent = event->bytes / 3,
		.received = event->bytes - event->bytes / 3,
		.messages = event->messages,
	};

	learn_carried(seen, &carried, event->kind == EVENT_ENDS);
}

static __always_inline void end(const struct event *event)
{
	struct smc_auto_place place;

	smc_auto_find_live(&place, event->cookie);
	if (place.set)
		smc_auto_drop_live(&place);
}

SEC("xdp")
int take_event(struct xdp_md *ctx)
{
	struct event *event = (void *)(unsigned long)ctx->data;
	struct smc_auto_connection connection;
	struct seen seen;

	if ((void *)(event + 1) > (void *)(unsigned long)ctx->data_end)
		return XDP_ABORTED;
	event_now = event->now;
	seen = (struct seen){
		.high = (__u64)event->peer[1] << 32 | event->peer[0],
		.low = (__u64)event->peer[3] << 32 | event->peer[2],
		.what = (__u64)event->port << WHAT_PEER_PORT |
			(__u64)event->port << WHAT_LOCAL_PORT | (__u64)event->side << WHAT_SIDE,
		.cookie = event->cookie,
		.now = event->now,
	};
	if (event->kind != EVENT_OPENS) {
		tell(&seen, event);
		if (event->kind == EVENT_ENDS)
			end(event);
		return XDP_PASS;
	}
	opened(seen.high, seen.low, seen.what | 1ull << WHAT_TIMES, seen.cookie, seen.now);
	fill(&connection, seen.high, seen.low, seen.what);
	event->reason = smc_auto_ask(&connection, seen.cookie, seen.now);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
