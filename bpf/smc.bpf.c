// SPDX-License-Identifier: GPL-2.0-only
/*
 * What SMC itself tells, through its tracepoints (Linux 5.16, the fallback's 5.17): why a
 * connection fell back and what it carries.  The TCP socket below sees neither.
 * Loaded while SMC is; the tracepoints are typed by the BTF of the module or of vmlinux.
 */
#include "smc.bpf.h"
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
	struct smc_policy_smc *smc = find(sock);

	if (smc)
		smc_policy_fall_back(smc, (__u32)reason, bpf_ktime_get_ns());
	return 0;
}

/*
 * Messages are counted here, once for each time that data is copied into the send buffer or out of
 * the receive buffer.  The sequence numbers of CDC messages, which the connection has (tx_cdc_seq and
 * local_rx_ctrl.seqno of struct smc_connection, net/smc/smc.h), are no better: they have 16 bits,
 * count what only moves a cursor, stay 0 on SMC-D, and may be gone before the TCP connection below.
 *
 * smc_sendmsg() and smc_recvmsg() hold the socket's lock, so plain additions do.
 */
SEC("tp_btf/smc_tx_sendmsg")
int BPF_PROG(smc_sent, const struct smc_sock *sock, unsigned long length)
{
	struct smc_policy_smc *smc = find(sock);

	if (!smc)
		return 0;
	smc->sent += length;
	smc->messages++;
	carries_data(smc, sock);
	return 0;
}

SEC("tp_btf/smc_rx_recvmsg")
int BPF_PROG(smc_received, const struct smc_sock *sock, unsigned long length)
{
	struct smc_policy_smc *smc = find(sock);

	if (!smc)
		return 0;
	smc->received += length;
	smc->messages++;
	carries_data(smc, sock);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
