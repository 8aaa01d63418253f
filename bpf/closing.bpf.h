/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Closing.  The tracepoint of states shows it.  That of tcp_v4_destroy_sock() (for IPv6 too) shows it
 * again, for two reasons.  SMC may outlive its TCP connection.  And the tracepoint of states was seen to
 * miss the last states of all connections of a round on a machine under load, on Linux 6.18.  Why is not
 * known: the kernel skips a program that it has interrupted on the same CPU (__bpf_trace_run(), from
 * 5.12 on), but had counted no such skip (recursion_misses of struct bpf_prog_info).
 */
#ifndef SMC_POLICY_CLOSING_BPF_H
#define SMC_POLICY_CLOSING_BPF_H

#include "carried.bpf.h"
#include "connection.bpf.h"
#include "handshake.bpf.h"
#include "places.bpf.h"

#define ECONNREFUSED 111

/* A connection that was never made: its SYN was sent again, but nobody waited for SILENT_AFTER. */
static __always_inline void given_up(struct sock *sk, struct tcp_sock *tp, const struct seen *seen,
				     const struct smc_auto_live *live)
{
	__u64 says = (__u64)SILENT_AFTER << WHAT_TIMES | 1ull << WHAT_ASKED | 1ull << WHAT_ENDED;

	if (has_smc() && live->info & SMC_AUTO_LIVE_ASKED && tp->total_retrans &&
	    tp->total_retrans < SILENT_AFTER && sk->sk_err != ECONNREFUSED)
		unanswered(seen->high, seen->low, seen->what | says, seen->cookie,
			   bpf_ktime_get_ns());
}

/* The connection of @smc (NULL: it was never SMC) at @place has ended. */
static __always_inline void closed(struct sock *sk, struct smc_policy_smc *smc,
				   const struct smc_auto_place *place, __u64 now)
{
	__u64 cookie = (__u64)sk->__sk_common.skc_cookie.counter;
	struct smc_auto_live *live = smc_auto_live_at(place);
	struct tcp_sock *tp = (struct tcp_sock *)bpf_skc_to_tcp_sock(sk);
	struct carried carried;
	struct seen seen;
	__u64 age;

	if (!tp)
		return;
	age = smc_auto_age(live, now);
	read_carried(&carried, tp, smc);
	see_live(&seen, &sk->__sk_common, tp, cookie, live_side(live));
	if (carried.unknown)
		learn_rtt(seen.high, seen.low, what_with_rtt(&seen, &carried));
	if (live_side(live) == SMC_POLICY_CONNECT && !tp->bytes_acked)
		given_up(sk, tp, &seen, live);
	/* The SYN of a connection that was never made is not acknowledged. */
	if (!carried.unknown &&
	    (carried.smc || live_side(live) == SMC_POLICY_ACCEPT || carried.sent)) {
		learn_carried(&seen, &carried, 1);
		record_closed(&seen, &carried, age, now);
	}
	smc_auto_drop_live(place);
}

/*
 * SMC connection @cookie has ended, after @age, and nobody has seen what came of it: its TCP
 * connection has carried @messages of the CLC handshake, and brought @received bytes.
 */
GLOBAL int judge_end(__u64 cookie, __u64 messages, __u64 received, __u64 age)
{
	const struct smc_policy_smc *smc = bpf_map_lookup_elem(&smc_connections, &cookie);

	if (smc)
		smc_policy_judge_end(smc, (__s32)messages, received, age, bpf_ktime_get_ns());
	return 0;
}

/* As far as a client has sent them, or a server got them. */
static __always_inline __s32 clc_messages(const struct smc_policy_smc *smc, struct tcp_sock *tp)
{
	__u32 again = BPF_CORE_READ(tp, total_retrans) - smc->syns_resent;

	return (__s32)(smc->side == SMC_POLICY_CONNECT ? BPF_CORE_READ(tp, data_segs_out) - again
						       : BPF_CORE_READ(tp, data_segs_in));
}

/* ---- telling readers ---- */

/*
 * The connection of @sk has ended, which is @smc or @refused; the other is NULL.  Somebody reads.
 */
STACK_OF_ITS_OWN void tell_ended(struct sock *sk, const struct smc_policy_smc *smc,
				 const struct smc_policy_refused *refused)
{
	const struct smc_policy_told *told = smc ? &smc->told : &refused->told;
	__u32 code = smc ? smc->code : refused->code, side = smc ? smc->side : refused->side;
	__u32 mode =
		smc && !(smc->flags & SMC_POLICY_SMC_FALLBACK) ? smc->mode : SMC_POLICY_MODE_TCP;
	struct tcp_sock *tp = (struct tcp_sock *)bpf_skc_to_tcp_sock(sk);
	struct smc_policy_event *event;
	struct carried carried;
	struct seen seen;

	if (!tp)
		return;
	see_live(&seen, &sk->__sk_common, tp, 0, (__u8)side);
	read_carried(&carried, tp, smc);
	event = event_begin(seen.high, seen.low,
			    event_what(told, SMC_POLICY_EVENT_CLOSE, side, mode,
				       smc ? 1 : refused->speaks, (__u16)seen.what),
			    code);
	if (!event)
		return;
	event->told = *told;
	event->epoch = smc ? smc->epoch : refused->epoch;
	event->peer_code = smc ? smc->peer_code : refused->peer_code;
	event->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	event->sent = carried.sent;
	event->received = carried.received;
	event->unbytes = carried.unknown;
	event->lived = event->time - (smc ? smc->begun : refused->begun);
	event_place(event, sk);
	bpf_ringbuf_submit(event, 0);
}

/* The connection of @sk, an SMC socket on TCP, has ended: what it has carried. */
STACK_OF_ITS_OWN void count_on_tcp(struct sock *sk)
{
	struct smc_policy_totals *here = smc_policy_totals_here();
	struct tcp_sock *tp = tcp_sock_of(sk);

	if (!here || !tp)
		return;
	__sync_fetch_and_add(&here->sent[SMC_POLICY_MODE_TCP], tp->bytes_acked);
	__sync_fetch_and_add(&here->received[SMC_POLICY_MODE_TCP], tp->bytes_received);
}

/* The connection of @sk has ended; if it is an SMC socket without SMC, forget what it was told. */
STACK_OF_ITS_OWN void finish_refused(struct sock *sk)
{
	__u64 cookie = (__u64)sk->__sk_common.skc_cookie.counter;
	const struct smc_policy_refused *refused = bpf_map_lookup_elem(&smc_refused, &cookie);

	if (!refused)
		return;
	if (smc_policy_readers())
		tell_ended(sk, 0, refused);
	count_on_tcp(sk);
	bpf_map_delete_elem(&smc_refused, &cookie);
}

/* ---- the end ---- */

/*
 * The connection of @sk has ended.  What is SMC may go on without TCP; @last: that too has ended.
 */
STACK_OF_ITS_OWN void finish(struct sock *sk, int last)
{
	__u64 cookie = (__u64)sk->__sk_common.skc_cookie.counter, now;
	struct smc_policy_smc *smc = 0;
	struct smc_auto_live *live = 0;
	struct smc_auto_place place;

	smc_auto_find_live(&place, cookie);
	if (!place.set && !has_smc())
		return;
	if (place.set)
		live = smc_auto_live_at(&place);
	if (has_smc() && (!live || live->info & SMC_AUTO_LIVE_ASKED))
		smc = bpf_map_lookup_elem(&smc_connections, &cookie);
	if (smc && !last && !(smc->flags & SMC_POLICY_SMC_FALLBACK))
		return;
	now = bpf_ktime_get_ns();
	if (smc) {
		if (!(smc->flags & SMC_POLICY_SMC_FALLBACK))
			smc_policy_drop_live(smc);
		if (!(smc->flags & (SMC_POLICY_SMC_FALLBACK | SMC_POLICY_SMC_PROVEN)))
			judge_end(cookie, (__u64)clc_messages(smc, (struct tcp_sock *)sk),
				  BPF_CORE_READ((struct tcp_sock *)sk, bytes_received),
				  live ? smc_auto_age(live, now) : 0);
	}
	if (smc && smc_policy_readers())
		tell_ended(sk, smc, 0);
	if (smc && smc->flags & SMC_POLICY_SMC_FALLBACK)
		count_on_tcp(sk);
	if (live)
		closed(sk, smc, &place, now);
	if (smc)
		bpf_map_delete_elem(&smc_connections, &cookie);
}

#define EARLY_RESET (10 * SMC_AUTO_SEC) /* longer than a server waits for CLC */
#define EPIPE 32
#define ECONNRESET 104

/* tcp_reset() says why before it closes. */
static __always_inline int is_reset_by_peer(const struct sock *sk)
{
	return sk->sk_err == ECONNRESET || sk->sk_err == EPIPE;
}

/*
 * A reset soon after the SYN-ACK came without the option, before any data: a server that
 * sent the option, which the path took away, does so when what comes is not CLC.
 */
STACK_OF_ITS_OWN void reset_by_peer(struct sock *sk)
{
	__u64 cookie = (__u64)sk->__sk_common.skc_cookie.counter, now = bpf_ktime_get_ns();
	struct tcp_sock *tp = tcp_sock_of(sk);
	struct smc_auto_connection connection;
	struct smc_auto_place place;
	struct smc_auto_live *live;
	struct seen seen;

	smc_auto_find_live(&place, cookie);
	if (!place.set || !tp)
		return;
	live = smc_auto_live_at(&place);
	if (!(live->info & SMC_AUTO_LIVE_ASKED) || smc_auto_age(live, now) > EARLY_RESET ||
	    tp->bytes_received || bpf_map_lookup_elem(&smc_connections, &cookie))
		return;
	see_live(&seen, &sk->__sk_common, tp, cookie, SMC_POLICY_CONNECT);
	fill(&connection, seen.high, seen.low, seen.what);
	smc_policy_path_vote(SMC_POLICY_CONNECT, connection.peer, now - smc_auto_age(live, now),
			     SMC_POLICY_EVIDENCE_RESET, 0, now);
}

/*
 * A socket has gone to CLOSE, on whatever way; what is known of the connection is still there.  Who
 * has no cookie has been passed over.
 */
static __always_inline void closing(struct sock *sk)
{
	if (!sk->__sk_common.skc_cookie.counter || sk->sk_protocol != IPPROTO_TCP)
		return;
	if (has_smc() && is_reset_by_peer(sk))
		reset_by_peer(sk);
	finish(sk, 0);
	if (has_smc() && is_internal(sk))
		finish_refused(sk);
}

/* What is left of @sk, if it is SMC. */
static __always_inline void finish_smc(struct sock *sk)
{
	if (has_option(tcp_sock_of(sk)))
		finish(sk, 1);
}

/* Whether the connection of @sk is noted as living. */
static __always_inline int is_living(const struct sock *sk)
{
	struct smc_auto_place place;

	smc_auto_find_live(&place, (__u64)sk->__sk_common.skc_cookie.counter);
	return place.set != 0;
}

/* The connection of @sk has ended unseen: its last state was not shown to closing(). */
static __always_inline void finish_late(struct sock *sk)
{
	struct smc_policy_host *host = smc_policy_host_state();

	if (host)
		__sync_fetch_and_add(&host->ended_late, 1);
	if (has_smc() && is_reset_by_peer(sk))
		reset_by_peer(sk);
	finish(sk, 1);
}

/* @sk is destroyed: a TCP socket, connected or not. */
static __always_inline void destroyed(struct sock *sk)
{
	if (!sk->__sk_common.skc_cookie.counter)
		return;
	if (has_smc() && is_internal(sk))
		finish_refused(sk);
	if (has_option(tcp_sock_of(sk)))
		finish(sk, 1);
	else if (is_living(sk))
		finish_late(sk);
}

#endif
