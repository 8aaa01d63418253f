// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches every TCP connection, whichever backend decides: what `auto` learns from, which
 * connections are SMC, and what speaks against a path.
 *
 * Opening: the tracepoints of states and of retransmissions; where they get no cookie (up to
 * 5.11), sockops at the root of cgroup v2, whose calls take longer and are more.  Closing: the
 * tracepoint of states too, and that of tcp_v4_destroy_sock() (closing.bpf.h says why).  Long lives:
 * an iterator over the TCP sockets of a namespace, which the daemon runs now and then.
 *
 * Each call of a tracepoint takes time, also when there is nothing to do: where one can tell, there
 * are not two, and what is for SMC alone is not attached to a kernel without.  Where nothing else
 * decides, the verdicts are counted too, by programs of another name: what decides is most of what
 * the verifier has to go through.
 */
#include "closing.bpf.h"
#include "sockops.bpf.h"
#include "tracepoints.bpf.h"
#include <bpf/bpf_tracing.h>

/*
 * The first of the programs: a kernel that has no cookie for tracepoints refuses it before it has
 * looked at much.
 */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(watch_retransmit, struct sock *sk)
{
	retransmitted(sk);
	return 0;
}

SEC("sockops")
int watch_sockops(struct bpf_sock_ops *ops)
{
	ops_tell(ops, 0);
	return 1;
}

SEC("sockops")
int watch_sockops_counting(struct bpf_sock_ops *ops)
{
	ops_tell(ops, 1);
	return 1;
}

/*
 * Ten calls for a connection that ends in good order, six for one that is reset: what is of no
 * interest is told by the states alone, and by the cookie, which is in the cache.
 */
static __always_inline void state_changes(struct sock *sk, int before, int now, int counts)
{
	if (now == BPF_TCP_CLOSE)
		closing(sk);
	else if (now != BPF_TCP_SYN_SENT &&
		 (now != BPF_TCP_ESTABLISHED || (before != BPF_TCP_SYN_RECV && !has_smc())))
		return;
	else if (counts)
		opening_counted(sk, before, now);
	else
		opening(sk, before, now);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(watch_state, struct sock *sk, int before, int now)
{
	state_changes(sk, before, now, 0);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(watch_state_counting, struct sock *sk, int before, int now)
{
	state_changes(sk, before, now, 1);
	return 0;
}

/* The same where sockops shows what opens. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(watch_end, struct sock *sk, int before, int now)
{
	if (now == BPF_TCP_CLOSE)
		closing(sk);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(watch_destroy, struct sock *sk)
{
	destroyed(sk);
	return 0;
}

/* An abortive close: tcp_disconnect() forgets what the connection was before it is destroyed. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(watch_reset, struct sock *sk)
{
	if (sk && sk->__sk_common.skc_state == BPF_TCP_CLOSE)
		finish_smc(sk);
	return 0;
}

SEC("iter/tcp")
int watch_living(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct smc_policy_smc *smc = 0;
	struct smc_auto_place place;
	struct smc_auto_live *live;
	struct carried carried;
	struct seen seen;
	struct tcp_sock *tp;
	__u64 cookie;

	tp = common ? (struct tcp_sock *)bpf_skc_to_tcp_sock(common) : (void *)0;
	if (!tp)
		return 0;
	cookie = (__u64)tp->inet_conn.icsk_inet.sk.__sk_common.skc_cookie.counter;
	smc_auto_find_live(&place, cookie);
	if (!place.set)
		return 0;
	live = smc_auto_live_at(&place);
	if (!smc_auto_due(live, bpf_ktime_get_ns()))
		return 0;
	if (live->info & SMC_AUTO_LIVE_ASKED)
		smc = bpf_map_lookup_elem(&smc_connections, &cookie);
	read_carried(&carried, tp, smc);
	if (carried.unknown)
		return 0;
	see_live(&seen, common, tp, cookie, live_side(live));
	learn_carried(&seen, &carried, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
