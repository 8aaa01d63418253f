/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening, as tracepoints show it: those of states and of retransmissions.
 */
#ifndef SMC_POLICY_TRACEPOINTS_BPF_H
#define SMC_POLICY_TRACEPOINTS_BPF_H

#include "connection.bpf.h"
#include "handshake.bpf.h"
#include "sampling.bpf.h"
#include "verdicts.bpf.h"

static __always_inline void see_sock(struct seen *seen, struct sock *sk, __u32 side)
{
	const struct sock_common *common = &sk->__sk_common;

	see_peer(seen, common);
	seen->what = (__u64)bpf_ntohs(common->skc_dport) << WHAT_PEER_PORT |
		     (__u64)common->skc_num << WHAT_LOCAL_PORT | (__u64)side << WHAT_SIDE;
	seen->cookie = bpf_get_socket_cookie(sk);
	seen->now = bpf_ktime_get_ns();
}

/* The SYN of @sk, if it is in that state, is sent again. */
static __always_inline void retransmitted(struct sock *sk)
{
	struct tcp_sock *tp;
	struct seen seen;
	__u32 asked;

	if (!has_smc() || sk->__sk_common.skc_state != BPF_TCP_SYN_SENT)
		return;
	tp = tcp_sock_of(sk);
	asked = has_option(tp);
	if (!tp || (!asked && !is_comparing()))
		return;
	see_sock(&seen, sk, SMC_POLICY_CONNECT);
	seen.what |= (__u64)asked << WHAT_ASKED | (__u64)(__u16)tp->total_retrans << WHAT_TIMES;
	unanswered(seen.high, seen.low, seen.what, seen.cookie, seen.now);
}

/*
 * Whether @sk, which asks for SMC, will be left without it: then it is none of the few long ones that may
 * be in a storm.
 */
static __always_inline int is_denied(const struct sock *sk)
{
	const __u64 *place;
	struct seen seen;
	__u64 question;

	see_peer(&seen, &sk->__sk_common);
	question = smc_policy_question(seen.high, seen.low, bpf_ntohs(sk->__sk_common.skc_dport));
	place = smc_policy_denied_at(question);
	return place && *place == question;
}

static __always_inline void open_sock(struct sock *sk, __u32 side, __u32 asked, int counts)
{
	__u32 port = side == SMC_POLICY_ACCEPT ? sk->__sk_common.skc_num
					       : bpf_ntohs(sk->__sk_common.skc_dport);
	__u32 must = asked && (side == SMC_POLICY_ACCEPT || !is_denied(sk));
	struct sample sample;
	struct seen seen;

	if (!begin_sample(&sample, side, port, must))
		return;
	see_sock(&seen, sk, side);
	seen.what |= (__u64)asked << WHAT_ASKED;
	end_sample(&sample, &seen);
	if (counts)
		count_verdict(seen.high, seen.low, seen.what, seen.cookie,
			      sk->__sk_common.skc_net.net->net_cookie);
}

/*
 * Whether the end of a handshake without the option tells anything: who asked has been looked at and
 * got a cookie, and who was passed over has none.
 */
static __always_inline int may_tell(const struct sock *sk)
{
	return sk->__sk_common.skc_cookie.counter || is_comparing();
}

/* The handshake of @sk is complete, on a kernel with SMC. */
static __always_inline void handshake_of_sock(struct sock *sk, __u32 side, struct tcp_sock *tp,
					      __u32 asked, int internal)
{
	struct seen seen;

	if (asked && side == SMC_POLICY_CONNECT && !tp->total_retrans)
		smc_policy_measure_tcp(tp->srtt_us >> 3);
	see_sock(&seen, sk, side);
	seen.what |= (__u64)(__u16)tp->total_retrans << WHAT_TIMES;
	connected(&seen, asked, internal);
}

/*
 * A socket goes from state @before to SYN_SENT, which it does before it has a port, or to ESTABLISHED,
 * after module smc has looked at the options of the handshake (tcp_v4_connect(), tcp_v6_connect(),
 * tcp_rcv_synsent_state_process(), tcp_rcv_state_process()).
 */
static __always_inline void see_opening(struct sock *sk, int before, int now, int counts)
{
	__u32 side = before == BPF_TCP_SYN_RECV ? SMC_POLICY_ACCEPT : SMC_POLICY_CONNECT, asked;
	struct tcp_sock *tp;
	int internal;

	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	tp = tcp_sock_of(sk);
	asked = has_option(tp);
	internal = has_smc() && is_internal(sk);
	if (now == BPF_TCP_SYN_SENT || side == SMC_POLICY_ACCEPT)
		open_sock(sk, side, asked, counts);
	if (tp && now == BPF_TCP_ESTABLISHED &&
	    (asked || internal || (side == SMC_POLICY_CONNECT && may_tell(sk))))
		handshake_of_sock(sk, side, tp, asked, internal);
}

STACK_OF_ITS_OWN void opening(struct sock *sk, int before, int now)
{
	see_opening(sk, before, now, 0);
}

STACK_OF_ITS_OWN void opening_counted(struct sock *sk, int before, int now)
{
	see_opening(sk, before, now, 1);
}

#endif
