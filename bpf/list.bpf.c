// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists the TCP sockets below SMC sockets in one network namespace, with what their connections were
 * told: an iterator that the daemon reads.
 */
#include "carried.bpf.h"
#include "connection.bpf.h"
#include "places.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline void list_addresses(struct smc_policy_listed *listed,
					   const struct sock_common *common)
{
	if (common->skc_family != AF_INET6) {
		listed->local[2] = listed->peer[2] = bpf_htonl(0xffff);
		listed->local[3] = common->skc_rcv_saddr;
		listed->peer[3] = common->skc_daddr;
		return;
	}
	listed->local[0] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[0];
	listed->local[1] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[1];
	listed->local[2] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[2];
	listed->local[3] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[3];
	listed->peer[0] = common->skc_v6_daddr.in6_u.u6_addr32[0];
	listed->peer[1] = common->skc_v6_daddr.in6_u.u6_addr32[1];
	listed->peer[2] = common->skc_v6_daddr.in6_u.u6_addr32[2];
	listed->peer[3] = common->skc_v6_daddr.in6_u.u6_addr32[3];
}

/* Both ends have shown the option. */
static __always_inline void list_smc(struct smc_policy_listed *listed,
				     const struct smc_policy_smc *smc)
{
	listed->told = smc->told;
	listed->epoch = smc->epoch;
	listed->side = smc->side;
	listed->code = smc->code;
	listed->peer_code = smc->peer_code;
	listed->link_group = smc->link_group;
	listed->mode = smc->flags & SMC_POLICY_SMC_FALLBACK ? SMC_POLICY_MODE_TCP : smc->mode;
	listed->speaks = 1;
	listed->known = 1;
}

static __always_inline void list_refused(struct smc_policy_listed *listed,
					 const struct smc_policy_refused *refused)
{
	listed->told = refused->told;
	listed->epoch = refused->epoch;
	listed->side = refused->side;
	listed->code = refused->code;
	listed->peer_code = refused->peer_code;
	listed->mode = SMC_POLICY_MODE_TCP;
	listed->speaks = refused->speaks;
	listed->known = 1;
}

/* Its handshake is not complete, or nobody has seen it. */
static __always_inline void list_pending(struct smc_policy_listed *listed)
{
	struct smc_policy_ends ends = {
		.peer = { listed->peer[0], listed->peer[1], listed->peer[2], listed->peer[3] },
		.peer_port = listed->peer_port,
		.local_port = listed->local_port,
	};
	const struct smc_policy_told *told = bpf_map_lookup_elem(&smc_pending, &ends);

	if (told)
		listed->told = *told;
}

static __always_inline void list_bytes(struct smc_policy_listed *listed, struct tcp_sock *tp,
				       const struct smc_policy_smc *smc)
{
	struct carried carried;

	read_carried(&carried, tp, smc);
	listed->sent = carried.sent;
	listed->received = carried.received;
	listed->unbytes = carried.unknown || (smc && carried.smc && !smc_policy_seen_whole(smc));
}

SEC("iter/tcp")
int list_living(struct bpf_iter__tcp *ctx)
{
	struct smc_policy_listed listed = { .side = SMC_POLICY_SIDES };
	struct sock_common *common = ctx->sk_common;
	const struct smc_policy_refused *refused;
	struct smc_policy_smc *smc;
	struct tcp_sock *tp;

	tp = common ? (struct tcp_sock *)bpf_skc_to_tcp_sock(common) : (void *)0;
	if (!tp || !has_smc() || common->skc_state == BPF_TCP_LISTEN)
		return 0;
	listed.cookie = (__u64)tp->inet_conn.icsk_inet.sk.__sk_common.skc_cookie.counter;
	smc = bpf_map_lookup_elem(&smc_connections, &listed.cookie);
	if (!smc && !is_internal(&tp->inet_conn.icsk_inet.sk))
		return 0;
	listed.state = common->skc_state;
	listed.local_port = common->skc_num;
	listed.peer_port = bpf_ntohs(common->skc_dport);
	listed.uid = BPF_CORE_READ(tp, inet_conn.icsk_inet.sk.sk_uid.val);
	listed.cgroup = smc_policy_cgroup(&tp->inet_conn.icsk_inet.sk);
	list_addresses(&listed, common);
	list_bytes(&listed, tp, smc);
	refused = bpf_map_lookup_elem(&smc_refused, &listed.cookie);
	if (smc)
		list_smc(&listed, smc);
	else if (refused)
		list_refused(&listed, refused);
	else
		list_pending(&listed);
	bpf_seq_write(ctx->meta->seq, &listed, sizeof(listed));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
