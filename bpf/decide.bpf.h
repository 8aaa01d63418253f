/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decision: what one connection gets, by the image in force.  Every hook
 * and `policy test` call smc_policy_decide(); nothing else decides.
 */
#ifndef SMC_POLICY_DECIDE_BPF_H
#define SMC_POLICY_DECIDE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "smc_policy_maps.h"

typedef void *smc_policy_image_t;
#define smc_policy_ntohl(x) bpf_ntohl(x)

static __always_inline const struct smc_policy_row *smc_policy_image_row(smc_policy_image_t img,
									 __u32 row)
{
	return bpf_map_lookup_elem(img, &row);
}

#include "image_reader.h"
#include "auto.bpf.h"
#include "budget.bpf.h"
#include "events.bpf.h"
#include "maps.bpf.h"
#include "path.bpf.h"

/* How a question is asked. */
struct smc_policy_asking {
	__u64 cookie; /* of the socket, which the watcher has seen open; 0: there is none yet */
	int book; /* a connection stands behind it: what an smc uses up is booked */
};

/*
 * Whether @until has not come yet.  Most times are 0, never: then nobody reads the clock, which
 * takes longer than all else.
 */
static __always_inline int smc_policy_before(__u64 until)
{
	return until && bpf_ktime_get_ns() < until;
}

/* The limits of one slot as two numbers. */
struct smc_policy_packed_limits {
	__u64 pace; /* SMC_POLICY_LIMIT_INTERVAL, in the upper half SMC_POLICY_LIMIT_BURST */
	__u64 rest; /* SMC_POLICY_LIMIT_CONNECTIONS, in the upper half SMC_POLICY_LIMIT_RTT */
};

/* What smc_policy_admit() is told besides, in one word. */
#define ADMIT_RTT 0 /* 32 bits, us */
#define ADMIT_SLOT 32 /* 24 bits */
#define ADMIT_BOOK 56

/*
 * Why the limits of a rule and of the host are against an smc, or 0; books it if they are
 * not and a connection stands behind it.
 */
GLOBAL __u32 smc_policy_admit(__u64 own_pace, __u64 own_rest, __u64 host_pace, __u64 host_rest,
			      __u64 what)
{
	__u32 own[SMC_POLICY_LIMIT_WORDS] = { (__u32)own_pace, own_pace >> 32, (__u32)own_rest,
					      own_rest >> 32 };
	__u32 host[SMC_POLICY_LIMIT_WORDS] = { (__u32)host_pace, host_pace >> 32, (__u32)host_rest,
					       host_rest >> 32 };
	__u32 slot = what >> ADMIT_SLOT & SMC_POLICY_RESULT_SLOT, rtt = (__u32)what, reason = 0;
	__u64 now = bpf_ktime_get_ns();

	if (own_pace | own_rest)
		reason = smc_policy_limit(own, slot, rtt, now);
	if (!reason)
		reason = smc_policy_limit(host, 0, rtt, now);
	if (reason || !(what >> ADMIT_BOOK & 1))
		return reason;
	smc_policy_book(own, slot, now);
	smc_policy_book(host, 0, now);
	return 0;
}

/* The limits of @slot, as smc_policy_limits(). */
static __always_inline int smc_policy_pack_limits(smc_policy_image_t img,
						  const struct smc_policy_row *header, __u32 slot,
						  struct smc_policy_packed_limits *packed)
{
	__u32 words[SMC_POLICY_LIMIT_WORDS];

	if (smc_policy_limits(img, header, slot, words))
		return -1;
	packed->pace =
		(__u64)words[SMC_POLICY_LIMIT_BURST] << 32 | words[SMC_POLICY_LIMIT_INTERVAL];
	packed->rest =
		(__u64)words[SMC_POLICY_LIMIT_RTT] << 32 | words[SMC_POLICY_LIMIT_CONNECTIONS];
	return 0;
}

/*
 * Why the limits in @img, which has some, are against the smc that @result became, or 0; books it
 * if they are not.  @rtt to the peer in us.
 */
static __always_inline __u32 smc_policy_limited(smc_policy_image_t img,
						const struct smc_policy_row *header,
						const struct smc_policy_result *result, __u32 rtt,
						int book)
{
	struct smc_policy_packed_limits own = { 0 }, host;

	if (result->limited && smc_policy_pack_limits(img, header, result->slot, &own))
		return SMC_POLICY_REASON_DISABLED;
	if (smc_policy_pack_limits(img, header, SMC_POLICY_SLOT_DEFAULT, &host))
		return SMC_POLICY_REASON_DISABLED;
	return smc_policy_admit(own.pace, own.rest, host.pace, host.rest,
				(__u64)rtt << ADMIT_RTT | (__u64)result->slot << ADMIT_SLOT |
					(__u64) !!book << ADMIT_BOOK);
}

/*
 * What smc_policy_settle() is told of the image's answer, in one word: a global function
 * takes numbers only, up to 5.11.
 */
#define SETTLE_SIDE 0 /* 1 bit */
#define SETTLE_AUTO 1 /* 1: auto, else allow */
#define SETTLE_RULE 2 /* 1: a rule has matched */
#define SETTLE_NETNS_LISTED 3 /* SMC_POLICY_IMAGE_F_NETNS_LISTED */
#define SETTLE_LIMITS 4 /* the image has limits, of the host perhaps: they are asked next */
#define SETTLE_PROBE 5 /* a connection stands behind it, and nothing is asked after this */
#define SETTLE_PORT 24 /* 16 bits */

/* And what it returns. */
#define SETTLED_REASON 0 /* 8 bits */
#define SETTLED_VERDICT 8 /* 8 bits */
#define SETTLED_RTT 32 /* 32 bits, us, to the peer; 0: unknown, or there are no limits */

/*
 * The image says allow or auto: what the connection gets, but for limits.  @high, @low: the
 * peer, as it is in memory.  @what: SETTLE_*.  It must not ask for the image: that may be
 * another one by now.
 */
GLOBAL __u64 smc_policy_settle(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 netns)
{
	struct smc_auto_connection connection = {
		.peer = { (__u32)high, (__u32)(high >> 32), (__u32)low, (__u32)(low >> 32) },
		.port = (__u16)(what >> SETTLE_PORT),
		.side = what >> SETTLE_SIDE & 1,
	};
	__u32 reason = what >> SETTLE_RULE & 1 ? SMC_POLICY_REASON_RULE : SMC_POLICY_REASON_DEFAULT;
	struct smc_auto_key key = smc_auto_peer_key(&connection);
	const struct smc_auto_peer *peer = 0;
	struct smc_policy_path *path = 0;
	const struct smc_policy_host *host;

	if (what >> SETTLE_AUTO & 1) {
		reason = smc_auto_ask(&connection, cookie, bpf_ktime_get_ns());
		if (reason != SMC_POLICY_REASON_LONG_LIVED)
			return reason;
	}
	if ((what >> SETTLE_NETNS_LISTED & 1) && !bpf_map_lookup_elem(&netns_listed, &netns))
		return SMC_POLICY_REASON_DISABLED;
	host = smc_policy_host_state();
	if (!host || smc_policy_before(host->cooldown_until))
		return SMC_POLICY_REASON_COOLDOWN;
	if (host->peers_known || what >> SETTLE_LIMITS & 1)
		peer = bpf_map_lookup_elem(&auto_peers, &key);
	if (peer && smc_policy_before(peer->no_smc_until))
		return SMC_POLICY_REASON_PEER;
	if (host->paths_known)
		path = smc_policy_path_against(connection.side, connection.peer);
	if (path && smc_policy_before(path->until))
		return SMC_POLICY_REASON_BREAKER;
	if (path && what >> SETTLE_PROBE & 1)
		smc_policy_path_probe(path, bpf_ktime_get_ns());
	return (__u64)(peer ? peer->rtt : 0) << SETTLED_RTT |
	       (__u64)SMC_POLICY_SMC << SETTLED_VERDICT | (__u64)reason << SETTLED_REASON;
}

/* What SETTLE_PROBE does, for an smc that limits have been asked about meanwhile. */
GLOBAL __u32 smc_policy_probe(__u32 side, __u64 high, __u64 low)
{
	const __be32 peer[4] = { (__u32)high, (__u32)(high >> 32), (__u32)low, (__u32)(low >> 32) };
	struct smc_policy_path *path = smc_policy_path_against(side & 1, peer);

	if (path)
		smc_policy_path_probe(path, bpf_ktime_get_ns());
	return 0;
}

/*
 * Whether on this host nothing speaks against any smc, as it is most of the time: then an allow needs
 * no smc_policy_settle().
 */
static __always_inline int smc_policy_all_clear(void)
{
	const struct smc_policy_host *host = smc_policy_host_state();

	return host && !(host->cooldown_until | host->paths_known | host->peers_known);
}

static __always_inline __u64 smc_policy_generation(const struct smc_policy_row *header)
{
	return (__u64)header->word[SMC_POLICY_HDR_GENERATION_HI] << 32 |
	       header->word[SMC_POLICY_HDR_GENERATION_LO];
}

static __always_inline void smc_policy_decide_in(smc_policy_image_t img,
						 const struct smc_policy_query *query,
						 const struct smc_policy_asking *asking,
						 struct smc_policy_answer *answer)
{
	const struct smc_policy_row *header = smc_policy_header(img);
	__u64 high = (__u64)query->peer[1] << 32 | query->peer[0];
	__u64 low = (__u64)query->peer[3] << 32 | query->peer[2];
	struct smc_policy_result result;
	__u64 what, settled;
	__u32 against, limits;

	if (!header)
		return;
	if (header->word[SMC_POLICY_HDR_FLAGS] & SMC_POLICY_IMAGE_F_SUSPENDED) {
		answer->generation = smc_policy_generation(header);
		answer->reason = SMC_POLICY_REASON_SUSPENDED;
		return;
	}
	if (smc_policy_lookup(img, header, query->peer, query->side, query->port, &result))
		return;
	answer->generation = smc_policy_generation(header);
	answer->slot = result.slot;
	answer->reason = result.slot == SMC_POLICY_SLOT_DEFAULT ? SMC_POLICY_REASON_DEFAULT
								: SMC_POLICY_REASON_RULE;
	if (result.action != SMC_POLICY_AUTO && result.action != SMC_POLICY_ALLOW)
		return;
	limits = header->word[SMC_POLICY_HDR_LIMITS];
	if (result.action == SMC_POLICY_ALLOW && !limits && !header->word[SMC_POLICY_HDR_FLAGS] &&
	    smc_policy_all_clear()) {
		answer->verdict = SMC_POLICY_SMC;
		return;
	}
	what = (__u64)(query->side & 1) << SETTLE_SIDE |
	       (__u64)(result.action == SMC_POLICY_AUTO) << SETTLE_AUTO |
	       (__u64)(result.slot != SMC_POLICY_SLOT_DEFAULT) << SETTLE_RULE |
	       (__u64)(header->word[SMC_POLICY_HDR_FLAGS] & SMC_POLICY_IMAGE_F_NETNS_LISTED)
		       << SETTLE_NETNS_LISTED |
	       (__u64) !!limits << SETTLE_LIMITS |
	       (__u64)(asking->book && !limits) << SETTLE_PROBE | (__u64)query->port << SETTLE_PORT;
	settled = smc_policy_settle(high, low, what, asking->cookie, query->netns_cookie);
	answer->reason = (__u8)(settled >> SETTLED_REASON);
	answer->verdict = (__u8)(settled >> SETTLED_VERDICT);
	if (!limits || answer->verdict != SMC_POLICY_SMC)
		return;
	against = smc_policy_limited(img, header, &result, (__u32)(settled >> SETTLED_RTT),
				     asking->book);
	if (against) {
		answer->reason = (__u8)against;
		answer->verdict = SMC_POLICY_TCP;
	} else if (asking->book) {
		smc_policy_probe(query->side, high, low);
	}
}

/*
 * Decide @query by the image in force and fill @answer; tcp with reason
 * disabled if no image can be read.  Any context that may run BPF; never sleeps.
 * One image answers the whole query: it cannot be freed while this runs.
 */
static __always_inline void smc_policy_decide(const struct smc_policy_query *query,
					      const struct smc_policy_asking *asking,
					      struct smc_policy_answer *answer)
{
	__u32 slot = 0;
	smc_policy_image_t img = bpf_map_lookup_elem(&policy_slot, &slot);

	*answer = (struct smc_policy_answer){
		.verdict = SMC_POLICY_TCP,
		.reason = SMC_POLICY_REASON_DISABLED,
	};
	if (img)
		smc_policy_decide_in(img, query, asking, answer);
}

/* A connection with @ends gets @answer: remember it until the handshake is complete. */
static __always_inline void smc_policy_tell(const struct smc_policy_ends *ends,
					    const struct smc_policy_answer *answer,
					    struct smc_policy_told *told)
{
	*told = (struct smc_policy_told){
		.generation = answer->generation,
		.slot = answer->slot,
		.verdict = answer->verdict,
		.reason = answer->reason,
		.asked = 1,
	};
	bpf_map_update_elem(&smc_pending, ends, told, BPF_ANY);
}

/* Room for the event of that, if somebody reads; the caller adds where it was. */
static __always_inline struct smc_policy_event *
smc_policy_tell_readers(const struct smc_policy_query *query, const struct smc_policy_ends *ends,
			const struct smc_policy_told *told)
{
	__u64 high = (__u64)query->peer[1] << 32 | query->peer[0];
	__u64 low = (__u64)query->peer[3] << 32 | query->peer[2];
	struct smc_policy_event *event;

	if (!smc_policy_readers())
		return 0;
	event = event_begin(high, low,
			    event_what(told, SMC_POLICY_EVENT_DECISION, query->side,
				       SMC_POLICY_MODE_UNKNOWN, 0, query->port),
			    0);
	if (!event)
		return 0;
	event->told = *told;
	event->peer_port = ends->peer_port;
	event->netns_cookie = query->netns_cookie;
	return event;
}

/*
 * Note whether it was the policy itself that denied @query, a rule or the default, and not what was
 * learned: then the watcher need not look at all that ask the same.
 */
static __always_inline void smc_policy_note_denied(const struct smc_policy_query *query,
						   const struct smc_policy_answer *answer)
{
	__u64 question =
		smc_policy_question((__u64)query->peer[1] << 32 | query->peer[0],
				    (__u64)query->peer[3] << 32 | query->peer[2], query->port);
	__u64 *place = smc_policy_denied_at(question);
	int denied =
		answer->verdict == SMC_POLICY_TCP && (answer->reason == SMC_POLICY_REASON_RULE ||
						      answer->reason == SMC_POLICY_REASON_DEFAULT);

	/* Written when it changes: all CPUs read it. */
	if (query->side == SMC_POLICY_CONNECT && place && (*place == question) != denied)
		*place = denied ? question : 0;
}

/* Count @answer for its rule and @side on this CPU, @times. */
static __always_inline void smc_policy_count(const struct smc_policy_answer *answer, __u32 side,
					     __u32 times)
{
	__u32 at = SMC_POLICY_COUNTERS_OF(answer->slot, side);
	struct smc_policy_counters *counters = bpf_map_lookup_elem(&side_counters, &at);
	__u32 reason = answer->reason;

	if (!counters)
		return;
	if (answer->verdict == SMC_POLICY_SMC)
		__sync_fetch_and_add(&counters->smc, times);
	else if (reason < SMC_POLICY_REASONS)
		__sync_fetch_and_add(&counters->tcp[reason], times);
}

#endif
