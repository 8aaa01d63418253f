/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events for `monitor`.  While nobody reads, each place that could tell one looks at one word of the
 * host's state and goes on.
 */
#ifndef SMC_POLICY_EVENTS_BPF_H
#define SMC_POLICY_EVENTS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "maps.bpf.h"

/*
 * A global function: the verifier goes through it once, and not again for every path to it.  Up
 * to 5.11 it takes the context and numbers, nothing else.
 */
#define GLOBAL __attribute__((noinline))

static __always_inline __u32 smc_policy_readers(void)
{
	const struct smc_policy_host *host = smc_policy_host_state();

	return host ? host->monitored : 0;
}

/* What an event is, in one word. */
#define EVENT_KIND 0 /* 2 bits */
#define EVENT_SIDE 2 /* 1 bit */
#define EVENT_MODE 3 /* 2 bits */
#define EVENT_VERDICT 5 /* 1 bit */
#define EVENT_ASKED 6 /* 1 bit */
#define EVENT_SPEAKS 7 /* 1 bit */
#define EVENT_PORT 8 /* 16 bits */
#define EVENT_SLOT 24 /* 24 bits */

static __always_inline int event_is_cause(const struct smc_policy_filter *filter, __u64 what,
					  __u32 code)
{
	__u32 ours = (__u32)(what >> EVENT_ASKED & ~(what >> EVENT_VERDICT) & 1), found = 0;
	__u32 wanted = filter->cause;
	int i;

	if (ours || wanted == SMC_POLICY_CAUSE_POLICY)
		return ours && wanted == SMC_POLICY_CAUSE_POLICY;
	if (wanted == SMC_POLICY_CAUSE_PEER_POLICY)
		return code == SMC_POLICY_PEERNOSMC && what >> EVENT_SPEAKS & 1;
	for (i = 0; i < SMC_POLICY_FILTER_CODES; i++)
		found |= filter->codes[i] == code;
	return found && !(code == SMC_POLICY_PEERNOSMC && what >> EVENT_SPEAKS & 1);
}

/* Whether reader @reader wants the event @what with @code, of the peer @high, @low. */
GLOBAL int event_matches(__u64 high, __u64 low, __u64 what, __u32 code, __u32 reader)
{
	const struct smc_policy_filter *filter = bpf_map_lookup_elem(&monitor_filters, &reader);
	__u32 flags, kind = what >> EVENT_KIND & 3;

	if (!filter)
		return 0;
	flags = filter->flags;
	if (flags & SMC_POLICY_FILTER_SIDE && filter->side != (what >> EVENT_SIDE & 1))
		return 0;
	if (flags & SMC_POLICY_FILTER_PORT && filter->port != (__u16)(what >> EVENT_PORT))
		return 0;
	if (flags & SMC_POLICY_FILTER_RULE && filter->slot != (what >> EVENT_SLOT & 0xffffff))
		return 0;
	if (flags & SMC_POLICY_FILTER_PEER &&
	    ((((__u32)high ^ filter->peer[0]) & filter->mask[0]) |
	     (((__u32)(high >> 32) ^ filter->peer[1]) & filter->mask[1]) |
	     (((__u32)low ^ filter->peer[2]) & filter->mask[2]) |
	     (((__u32)(low >> 32) ^ filter->peer[3]) & filter->mask[3])))
		return 0;
	if (flags & SMC_POLICY_FILTER_MODE &&
	    (kind == SMC_POLICY_EVENT_DECISION || filter->mode != (what >> EVENT_MODE & 3)))
		return 0;
	if (flags & SMC_POLICY_FILTER_CAUSE)
		return kind == SMC_POLICY_EVENT_FALLBACK && event_is_cause(filter, what, code);
	return 1;
}

/* The readers that want the event. */
GLOBAL __u32 event_readers(__u64 high, __u64 low, __u64 what, __u32 code)
{
	__u32 readers = smc_policy_readers(), wanted = 0, i;

	for (i = 0; i < SMC_POLICY_READERS; i++)
		if (readers >> i & 1 && event_matches(high, low, what, code, i))
			wanted |= 1u << i;
	return wanted;
}

/* An event is lost to @readers. */
GLOBAL int event_lost(__u32 readers)
{
	struct smc_policy_host *host = smc_policy_host_state();
	__u32 i;

	for (i = 0; host && i < SMC_POLICY_READERS; i++)
		if (readers >> i & 1)
			__sync_fetch_and_add(&host->events_lost[i], 1);
	return 0;
}

static __always_inline __u64 event_what(const struct smc_policy_told *told, __u32 kind, __u32 side,
					__u32 mode, __u32 speaks, __u16 port)
{
	return kind << EVENT_KIND | (side & 1) << EVENT_SIDE | (mode & 3) << EVENT_MODE |
	       (told->verdict & 1) << EVENT_VERDICT | (told->asked & 1) << EVENT_ASKED |
	       (speaks & 1) << EVENT_SPEAKS | (__u32)port << EVENT_PORT |
	       (__u64)told->slot << EVENT_SLOT;
}

/*
 * Room for an event that somebody wants, with what @what says of it filled in; NULL: nobody does, or
 * there is none, which is counted.
 */
static __always_inline struct smc_policy_event *event_begin(__u64 high, __u64 low, __u64 what,
							    __u32 code)
{
	__u32 readers = event_readers(high, low, what, code);
	struct smc_policy_event *event;

	if (!readers)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		event_lost(readers);
		return 0;
	}
	event->time = bpf_ktime_get_ns();
	event->sent = 0;
	event->received = 0;
	event->lived = 0;
	event->peer[0] = (__u32)high;
	event->peer[1] = high >> 32;
	event->peer[2] = (__u32)low;
	event->peer[3] = low >> 32;
	event->port = (__u16)(what >> EVENT_PORT);
	event->epoch = 0;
	event->netns = 0;
	event->code = code;
	event->peer_code = 0;
	event->kind = what >> EVENT_KIND & 3;
	event->side = what >> EVENT_SIDE & 1;
	event->mode = what >> EVENT_MODE & 3;
	event->speaks = what >> EVENT_SPEAKS & 1;
	event->readers = (__u8)readers;
	event->unbytes = 0;
	event->reserved = 0;
	return event;
}

#endif
