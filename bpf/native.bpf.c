// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decides through smc_hs_ctrl, the hook that SMC itself has since Linux 6.19
 * (CONFIG_SMC_HS_CTRL_BPF, net/smc/smc_hs_bpf.c).  tcp_output.c calls
 * syn_option() for every SYN and synack_option() for every SYN-ACK that would
 * carry the option, also for each one that is sent again, in process context or
 * softirq; 0 leaves the option out.
 *
 * A connection gets one verdict.  A denial sticks: the kernel stores what is
 * returned in tp->syn_smc or ireq->smc_ok and does not ask again.  So whoever is
 * asked about a packet that is not the first of its handshake was allowed, and
 * must be allowed again even if the policy has changed: a peer that has seen the
 * option once resets the connection if it misses it in a later packet.
 */
#include "decide.bpf.h"
#include <bpf/bpf_tracing.h>
#include "core.h"
#include "hs_ctrl.h"
#include "places.bpf.h"

#define ALLOWED 1

/* A request whose SYN-ACK has gone out with the option. */
struct handshake {
	__u32 snt_isn; /* from secure_tcp_seq(): peers cannot choose it */
	__u32 rcv_isn;
	__be32 peer; /* the last 32 bits */
	__be16 peer_port;
	__u16 local_port;
};

/*
 * Allowed handshakes, until later ones push them out.  They matter as long as the
 * SYN-ACK may be sent again (net.ipv4.tcp_synack_retries, a minute by default).
 * If one is lost, its next SYN-ACK is decided by the policy of that moment.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct handshake);
	__type(value, __u8);
} handshakes SEC(".maps");

/* The remote end of @common as in struct smc_policy_query. */
static __always_inline void fill_peer(struct smc_policy_query *query,
				      const struct sock_common *common)
{
	if (common->skc_family == AF_INET6) {
		query->peer[0] = common->skc_v6_daddr.in6_u.u6_addr32[0];
		query->peer[1] = common->skc_v6_daddr.in6_u.u6_addr32[1];
		query->peer[2] = common->skc_v6_daddr.in6_u.u6_addr32[2];
		query->peer[3] = common->skc_v6_daddr.in6_u.u6_addr32[3];
		return;
	}
	query->peer[2] = bpf_htonl(0xffff);
	query->peer[3] = common->skc_daddr;
}

/* @sk: that connects, or listens.  @cookie of it, 0 on the accept side: there is none yet. */
static __always_inline int verdict(const struct smc_policy_query *query, const struct sock *sk,
				   __u64 cookie, __u16 local_port, __u16 peer_port)
{
	struct smc_policy_asking asking = {
		.cookie = cookie,
		.book = 1,
	};
	struct smc_policy_ends ends = {
		.peer = { query->peer[0], query->peer[1], query->peer[2], query->peer[3] },
		.peer_port = peer_port,
		.local_port = local_port,
	};
	struct smc_policy_answer answer;
	struct smc_policy_event *event;
	struct smc_policy_told told;

	smc_policy_decide(query, &asking, &answer);
	smc_policy_count(&answer, query->side, 1);
	smc_policy_note_denied(query, &answer);
	smc_policy_tell(&ends, &answer, &told);
	event = smc_policy_tell_readers(query, &ends, &told);
	if (event) {
		event_place(event, sk);
		bpf_ringbuf_submit(event, 0);
	}
	return answer.verdict == SMC_POLICY_SMC;
}

/*
 * The first SYN: tcp_retransmit_timer() counts in icsk_retransmits before it sends
 * again (tcp_update_rto_stats), tcp_retransmit_skb() in total_retrans; a
 * simultaneous open answers with its SYN in another state.
 */
static __always_inline int is_first_syn(const struct tcp_sock *tp)
{
	return tp->inet_conn.icsk_inet.sk.__sk_common.skc_state == TCP_SYN_SENT &&
	       !tp->inet_conn.icsk_retransmits && !tp->total_retrans;
}

SEC("struct_ops/syn_option")
int BPF_PROG(syn_option, struct tcp_sock *tp)
{
	const struct sock_common *common = &tp->inet_conn.icsk_inet.sk.__sk_common;
	struct smc_policy_query query = {
		.netns_cookie = common->skc_net.net->net_cookie,
		.port = bpf_ntohs(common->skc_dport),
		.side = SMC_POLICY_CONNECT,
	};

	if (!is_first_syn(tp))
		return ALLOWED;
	fill_peer(&query, common);
	return verdict(&query, &tp->inet_conn.icsk_inet.sk, (__u64)common->skc_cookie.counter,
		       common->skc_num, query.port);
}

/*
 * num_retrans and num_timeout of a request are still 0 when its SYN-ACK is sent
 * again for the first time (reqsk_timer_handler, tcp_check_req), so the request
 * itself cannot tell.
 */
SEC("struct_ops/synack_option")
int BPF_PROG(synack_option, const struct tcp_sock *tp, struct inet_request_sock *ireq)
{
	const struct tcp_request_sock *treq = (void *)ireq;
	const struct sock_common *common = &ireq->req.__req_common;
	struct smc_policy_query query = {
		.netns_cookie = tp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net->net_cookie,
		.port = common->skc_num,
		.side = SMC_POLICY_ACCEPT,
	};
	struct handshake handshake;
	__u8 allowed = ALLOWED;

	fill_peer(&query, common);
	handshake = (struct handshake){
		.snt_isn = BPF_CORE_READ(treq, snt_isn),
		.rcv_isn = BPF_CORE_READ(treq, rcv_isn),
		.peer = query.peer[3],
		.peer_port = common->skc_dport,
		.local_port = common->skc_num,
	};
	if (bpf_map_lookup_elem(&handshakes, &handshake))
		return ALLOWED;
	if (!verdict(&query, &tp->inet_conn.icsk_inet.sk, 0, common->skc_num,
		     bpf_ntohs(common->skc_dport)))
		return 0;
	bpf_map_update_elem(&handshakes, &handshake, &allowed, BPF_ANY);
	return ALLOWED;
}

/* The daemon writes the name before it loads. */
SEC(".struct_ops")
struct smc_hs_ctrl smc_policy_ops = {
	.flags = SMC_HS_CTRL_FLAG_INHERITABLE,
	.syn_option = (void *)syn_option,
	.synack_option = (void *)synack_option,
};

char LICENSE[] SEC("license") = "GPL";
