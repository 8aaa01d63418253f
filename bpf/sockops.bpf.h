/* SPDX-License-Identifier: GPL-2.0-only */
/* Opening, as sockops shows it. */
#ifndef SMC_POLICY_SOCKOPS_BPF_H
#define SMC_POLICY_SOCKOPS_BPF_H

#include "connection.bpf.h"
#include "handshake.bpf.h"
#include "sampling.bpf.h"
#include "verdicts.bpf.h"

/* Set by the daemon before loading: bpf_get_netns_cookie() is there for sockops (5.15). */
const volatile bool has_netns_cookie = false;

/* Likewise bpf_ktime_get_coarse_ns() (5.11). */
const volatile bool has_coarse_clock = false;

/* A tick is exact enough for rates and ages, and takes a fifth of the time. */
static __always_inline __u64 now_coarse(void)
{
	return has_coarse_clock ? bpf_ktime_get_coarse_ns() : bpf_ktime_get_ns();
}

/* One field of the context, read where it is written: see see_ops(). */
#define field(ops, name) (*(volatile __u32 *)&(ops)->name)

/*
 * All fields are read before anything is chosen: the compiler would rather choose between
 * two addresses in the context, and the verifier refuses a modified pointer to it.
 */
static __always_inline void see_ops(struct seen *seen, struct bpf_sock_ops *ops, __u32 side)
{
	/* remote_port is in network byte order, local_port in host byte order. */
	__u64 remote_port = bpf_ntohl(field(ops, remote_port));
	__u64 local_port = field(ops, local_port);
	__u32 is_ip6 = smc_auto_equal(field(ops, family), AF_INET6);
	__u64 ip4 = field(ops, remote_ip4);
	__u64 ip6[4] = {
		field(ops, remote_ip6[0]),
		field(ops, remote_ip6[1]),
		field(ops, remote_ip6[2]),
		field(ops, remote_ip6[3]),
	};
	__u64 mapped = ip4 << 32 | bpf_htonl(0xffff);

	seen->high = (ip6[1] << 32 | ip6[0]) * is_ip6;
	seen->low = mapped + ((ip6[3] << 32 | ip6[2]) - mapped) * is_ip6;
	seen->what = remote_port << WHAT_PEER_PORT | local_port << WHAT_LOCAL_PORT |
		     (__u64)side << WHAT_SIDE;
	seen->cookie = bpf_get_socket_cookie(ops);
	seen->now = now_coarse();
}

static __always_inline struct tcp_sock *tcp_sock_of_ops(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;

	return has_smc() && sk ? (struct tcp_sock *)bpf_skc_to_tcp_sock(sk) : (void *)0;
}

static __always_inline __u32 ops_have_option(struct bpf_sock_ops *ops)
{
	return has_option(tcp_sock_of_ops(ops));
}

static __always_inline int ops_are_internal(struct bpf_sock_ops *ops)
{
	struct tcp_sock *tp = tcp_sock_of_ops(ops);

	return tp && is_internal(&tp->inet_conn.icsk_inet.sk);
}

static __always_inline void open_ops(struct bpf_sock_ops *ops, __u32 side, __u32 asked, int counts)
{
	__u32 port = side == SMC_POLICY_ACCEPT ? field(ops, local_port)
					       : bpf_ntohl(field(ops, remote_port));
	struct sample sample;
	struct seen seen;

	if (!begin_sample(&sample, side, port, asked))
		return;
	see_ops(&seen, ops, side);
	seen.what |= (__u64)asked << WHAT_ASKED;
	end_sample(&sample, &seen);
	if (counts)
		count_verdict(seen.high, seen.low, seen.what, seen.cookie,
			      has_netns_cookie ? bpf_get_netns_cookie(ops) : 0);
}

/* At the start of tcp_connect(). */
static __always_inline void ops_connecting(struct bpf_sock_ops *ops, int counts)
{
	__u32 asked = ops_have_option(ops);

	open_ops(ops, SMC_POLICY_CONNECT, asked, counts);
	if (asked || (has_smc() && is_comparing()))
		bpf_sock_ops_cb_flags_set(ops, BPF_SOCK_OPS_RTO_CB_FLAG);
}

/* On a kernel with SMC, in tcp_init_transfer(). */
static __always_inline void ops_handshake(struct bpf_sock_ops *ops, __u32 side, __u32 asked,
					  int internal)
{
	struct seen seen;

	see_ops(&seen, ops, side);
	seen.what |= (__u64)(__u16)field(ops, total_retrans) << WHAT_TIMES;
	connected(&seen, asked, internal);
}

static __always_inline void ops_accepted(struct bpf_sock_ops *ops, int counts)
{
	__u32 asked = ops_have_option(ops);
	int internal = ops_are_internal(ops);

	open_ops(ops, SMC_POLICY_ACCEPT, asked, counts);
	if (asked || internal)
		ops_handshake(ops, SMC_POLICY_ACCEPT, asked, internal);
}

/*
 * A retransmission timer has ended; of the SYN if the state says so.  The callback tells how often it
 * has been sent again already (icsk_retransmits; tcp_write_timeout()).
 */
static __always_inline void ops_timed_out(struct bpf_sock_ops *ops)
{
	struct seen seen;

	if (field(ops, state) != BPF_TCP_SYN_SENT)
		return;
	see_ops(&seen, ops, SMC_POLICY_CONNECT);
	seen.what |= (__u64)ops_have_option(ops) << WHAT_ASKED |
		     (__u64)(__u16)(field(ops, args[0]) + 1) << WHAT_TIMES;
	unanswered(seen.high, seen.low, seen.what, seen.cookie, seen.now);
}

static __always_inline void ops_tell(struct bpf_sock_ops *ops, int counts)
{
	switch (field(ops, op)) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		ops_connecting(ops, counts);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		if (has_smc())
			ops_handshake(ops, SMC_POLICY_CONNECT, ops_have_option(ops),
				      ops_are_internal(ops));
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		ops_accepted(ops, counts);
		break;
	case BPF_SOCK_OPS_RTO_CB:
		ops_timed_out(ops);
		break;
	}
}

#endif
