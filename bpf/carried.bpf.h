/* SPDX-License-Identifier: GPL-2.0-only */
/* What a connection has carried, which is a lesson, and a row for whoever records. */
#ifndef SMC_POLICY_CARRIED_BPF_H
#define SMC_POLICY_CARRIED_BPF_H

#include "connection.bpf.h"

/*
 * A connection that has opened before.  skc_num is not there any more when its socket has closed
 * (inet_put_port()), inet_sport is.
 */
static __always_inline void see_live(struct seen *seen, const struct sock_common *common,
				     struct tcp_sock *tp, __u64 cookie, __u8 side)
{
	__be16 port =
		side == SMC_POLICY_CONNECT ? common->skc_dport : tp->inet_conn.icsk_inet.inet_sport;

	see_peer(seen, common);
	seen->what = (__u64)bpf_ntohs(port) << WHAT_PEER_PORT |
		     (__u64)bpf_ntohs(port) << WHAT_LOCAL_PORT | (__u64)side << WHAT_SIDE;
	seen->cookie = cookie;
}

static __always_inline __u8 live_side(const struct smc_auto_live *live)
{
	return live->info >> SMC_AUTO_LIVE_SIDE_SHIFT & 1;
}

/* What a connection has carried. */
struct carried {
	__u64 sent, received;
	__u64 messages; /* both ways */
	__u32 rtt; /* us */
	__u8 smc; /* by SMC */
	__u8 unknown; /* nobody tells how much */
};

#define CLC_BYTES 2048 /* more than a CLC handshake takes, both ways */

static __always_inline int has_smc_events(void)
{
	const struct smc_policy_host *host = smc_policy_host_state();

	return host && host->smc_events;
}

#define BYTES_BITS 42
#define BYTES_MAX ((1ull << BYTES_BITS) - 1)

/* @value, at most @most. */
static __always_inline __u64 at_most(__u64 value, __u64 most)
{
	return value < most ? value : most;
}

/* What a connection has carried as one number, which is what a global function takes. */
static __always_inline __u64 pack_carried(const struct carried *carried)
{
	return carried->messages << BYTES_BITS |
	       at_most(carried->sent + carried->received, BYTES_MAX);
}

/*
 * The messages of a TCP connection, both ways: its data segments, but not what it has sent again.  Of
 * struct tcp_sock, each of 32 bits, the same from 4.6 on (net/ipv4/, 5.10 to 7.2):
 * data_segs_out	segments with data that left, sent again or not; what is segmented later counts
 *			as its segments (__tcp_transmit_skb(), by tcp_skb_pcount())
 * data_segs_in		segments with data that came, before it is known whether they had come before;
 *			what was merged counts as its segments (tcp_segs_in(), by gso_segs)
 * total_retrans	segments sent again (__tcp_retransmit_skb()); SYNs too, which have no data, and
 *			SYN-ACKs (tcp_create_openreq_child()).  So for each of these a message is missing.
 */
static __always_inline __u64 read_messages(const struct tcp_sock *tp)
{
	__s64 sent;

	if (!bpf_core_field_exists(tp->data_segs_out) || !bpf_core_field_exists(tp->data_segs_in) ||
	    !bpf_core_field_exists(tp->total_retrans))
		return 0;
	sent = (__s64)tp->data_segs_out - tp->total_retrans;
	sent *= 1 - smc_auto_negative(sent);
	return (__u64)sent + tp->data_segs_in;
}

static __always_inline void read_carried(struct carried *carried, struct tcp_sock *tp,
					 const struct smc_policy_smc *smc)
{
	carried->sent = tp->bytes_acked;
	carried->received = tp->bytes_received;
	carried->messages = at_most(read_messages(tp), SMC_POLICY_MESSAGES_MAX);
	carried->rtt = tp->srtt_us >> 3;
	carried->smc = smc && !(smc->flags & SMC_POLICY_SMC_FALLBACK);
	carried->unknown = 0;
	if (!carried->smc)
		return;
	if (has_smc_events()) {
		carried->sent = smc->sent;
		carried->received = smc->received;
		carried->messages = at_most(smc->messages, SMC_POLICY_MESSAGES_MAX);
		return;
	}
	/* Without SMC's events: what carries more than a handshake has fallen back. */
	carried->smc = carried->sent + carried->received <= CLC_BYTES;
	carried->unknown = carried->smc;
}

/* Give a closed connection to whoever records. */
static __always_inline void record_closed(const struct seen *seen, const struct carried *carried,
					  __u64 age, __u64 now)
{
	struct smc_policy_host *host = smc_policy_host_state();
	struct smc_auto_connection connection;
	struct smc_policy_record *record;

	if (!host || !host->recording)
		return;
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		smc_policy_count_lost(SMC_POLICY_LOST_RING);
		return;
	}
	fill(&connection, seen->high, seen->low, seen->what);
	record->opened = now - age;
	record->closed = now;
	record->sent = carried->sent;
	record->received = carried->received;
	record->peer[0] = connection.peer[0];
	record->peer[1] = connection.peer[1];
	record->peer[2] = connection.peer[2];
	record->peer[3] = connection.peer[3];
	record->port = connection.port;
	record->side = connection.side;
	record->smc = carried->smc;
	record->messages = (__u32)carried->messages;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline void count_lesson(void)
{
	struct smc_policy_totals *here = smc_policy_totals_here();

	if (here)
		__sync_fetch_and_add(&here->lessons, 1);
}

/* What connection @cookie has @carried, as pack_carried() says, is a lesson. */
GLOBAL int learn(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 carried)
{
	struct smc_auto_connection connection;
	struct smc_auto_place place;

	fill(&connection, high, low, what);
	smc_auto_find_live(&place, cookie);
	if (!place.set)
		return 0;
	count_lesson();
	smc_auto_lesson(&connection, smc_auto_live_at(&place), cookie, carried & BYTES_MAX,
			carried >> BYTES_BITS, (__u32)(what >> WHAT_RTT), what >> WHAT_ENDED & 1,
			bpf_ktime_get_ns());
	return 0;
}

/* Where nobody tells what SMC carries, how far away the peer is can be learned all the same. */
GLOBAL int learn_rtt(__u64 high, __u64 low, __u64 what)
{
	struct smc_auto_connection connection;
	struct smc_auto_peer *peer;
	struct smc_auto_key key;

	fill(&connection, high, low, what);
	key = smc_auto_peer_key(&connection);
	peer = smc_auto_make_peer(&key);
	if (peer)
		smc_auto_learn_rtt(peer, (__u32)(what >> WHAT_RTT));
	return 0;
}

#define RTT_MAX ((1u << 24) - 1)

static __always_inline __u64 what_with_rtt(const struct seen *seen, const struct carried *carried)
{
	return seen->what | (__u64)(carried->rtt < RTT_MAX ? carried->rtt : RTT_MAX) << WHAT_RTT;
}

static __always_inline void learn_carried(const struct seen *seen, const struct carried *carried,
					  __u64 ended)
{
	learn(seen->high, seen->low, what_with_rtt(seen, carried) | ended << WHAT_ENDED,
	      seen->cookie, pack_carried(carried));
}

#endif
