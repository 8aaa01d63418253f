// SPDX-License-Identifier: GPL-2.0-only
/*
 * What SMC itself tells, through its tracepoints (Linux 5.16, the fallback's 5.17): why a
 * connection fell back and what it carries.  The TCP socket below sees neither.
 * Loaded while SMC is; the tracepoints are typed by the BTF of the module or of vmlinux.
 */
#include "connection.bpf.h"
#include <bpf/bpf_tracing.h>

/*
 * By the cookie of the TCP socket below; who has none has not been looked at.  The verifier of some
 * kernels takes a tracepoint's argument for one that may be NULL.
 */
static __always_inline struct smc_policy_smc *find(const struct smc_sock *sock)
{
	__u64 cookie = sock ? (__u64)sock->clcsock->sk->__sk_common.skc_cookie.counter : 0;

	return cookie ? bpf_map_lookup_elem(&smc_connections, &cookie) : 0;
}

/*
 * @sock falls back, and nobody has asked for it: the peer that it has accepted sent no option, or it
 * gave SMC up before it was connected.
 */
static __always_inline void refuse_unasked(const struct smc_sock *sock, __u64 cookie, __u32 code)
{
	const struct sock_common *common = &sock->clcsock->sk->__sk_common;
	const struct smc_policy_told nobody = { 0 };
	struct seen seen;
	__be32 peer[4];

	see_peer(&seen, common);
	peer[0] = (__u32)seen.high;
	peer[1] = seen.high >> 32;
	peer[2] = (__u32)seen.low;
	peer[3] = seen.low >> 32;
	smc_policy_refuse(cookie, &nobody,
			  sock->listen_smc ? SMC_POLICY_ACCEPT : SMC_POLICY_CONNECT, peer, code,
			  bpf_ktime_get_ns());
}

/* The first data of a connection: what set-ups cost is measured, before it is proven. */
static __always_inline void carries_data(struct smc_policy_smc *smc, const struct smc_sock *sock)
{
	__u64 now;

	if (smc->flags & SMC_POLICY_SMC_PROVEN)
		return;
	now = bpf_ktime_get_ns();
	smc_policy_measure_smc(smc, (struct tcp_sock *)sock->clcsock->sk, now);
	smc_policy_prove(smc, now);
}

SEC("tp_btf/smc_switch_to_fallback")
int BPF_PROG(smc_fallback, const struct smc_sock *sock, int reason)
{
	struct smc_policy_refused *refused;
	struct smc_policy_smc *smc;
	__u64 cookie;

	if (!sock)
		return 0;
	cookie = bpf_get_socket_cookie(sock->clcsock->sk);
	smc = bpf_map_lookup_elem(&smc_connections, &cookie);
	if (smc) {
		smc->peer_code = sock->peer_diagnosis;
		smc_policy_fall_back(smc, (__u32)reason, bpf_ktime_get_ns());
		return 0;
	}
	refused = bpf_map_lookup_elem(&smc_refused, &cookie);
	if (refused)
		refused->code = (__u32)reason;
	else
		refuse_unasked(sock, cookie, (__u32)reason);
	return 0;
}

/* SMC carries data: note by what, the first time. */
static __always_inline void note_mode(struct smc_policy_smc *smc, const struct smc_sock *sock)
{
	const struct smc_link_group *lgr;

	if (smc->mode)
		return;
	lgr = sock->conn.lgr;
	if (!lgr)
		return;
	smc->mode = BPF_CORE_READ(lgr, is_smcd) ? SMC_POLICY_MODE_D : SMC_POLICY_MODE_R;
	bpf_core_read(&smc->link_group, sizeof(smc->link_group), &lgr->id);
}

/* Bytes that @smc has carried just now, for all connections together. */
static __always_inline void count_bytes(const struct smc_policy_smc *smc, __u64 sent,
					__u64 received)
{
	struct smc_policy_totals *here = smc_policy_totals_here();
	__u32 mode = smc->mode & (SMC_POLICY_MODES - 1);

	if (!here)
		return;
	if (sent)
		__sync_fetch_and_add(&here->sent[mode], sent);
	if (received)
		__sync_fetch_and_add(&here->received[mode], received);
}

/*
 * Messages are counted here, once for each time that data is copied into the send buffer or out of
 * the receive buffer.  The sequence numbers of CDC messages, which the connection has (tx_cdc_seq and
 * local_rx_ctrl.seqno of struct smc_connection, net/smc/smc.h), are no better: they have 16 bits,
 * count what only moves a cursor, stay 0 on SMC-D, and may be gone before the TCP connection below.
 *
 * smc_sendmsg() and smc_recvmsg() hold the socket's lock, so plain additions do.
 */
static __always_inline void carry(const struct smc_sock *sock, __u64 sent, __u64 received)
{
	struct smc_policy_smc *smc = find(sock);

	if (!smc)
		return;
	smc->sent += sent;
	smc->received += received;
	smc->messages++;
	note_mode(smc, sock);
	count_bytes(smc, sent, received);
	carries_data(smc, sock);
}

SEC("tp_btf/smc_tx_sendmsg")
int BPF_PROG(smc_sent, const struct smc_sock *sock, unsigned long length)
{
	carry(sock, length, 0);
	return 0;
}

SEC("tp_btf/smc_rx_recvmsg")
int BPF_PROG(smc_received, const struct smc_sock *sock, unsigned long length)
{
	carry(sock, 0, length);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
