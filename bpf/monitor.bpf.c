// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells the readers of `monitor` of fallbacks, as SMC's tracepoint shows them (Linux 5.17).  Attached
 * while somebody reads.
 */
#include "connection.bpf.h"
#include "places.bpf.h"
#include <bpf/bpf_tracing.h>

/* What the tables know of the connection that falls back. */
struct known {
	struct smc_policy_told told;
	__u32 epoch, side, speaks;
};

static __always_inline void look_up(struct known *known, const struct smc_sock *sock, __u64 cookie)
{
	const struct smc_policy_refused *refused = bpf_map_lookup_elem(&smc_refused, &cookie);
	const struct smc_policy_smc *smc = bpf_map_lookup_elem(&smc_connections, &cookie);

	*known =
		(struct known){ .side = sock->listen_smc ? SMC_POLICY_ACCEPT : SMC_POLICY_CONNECT };
	if (smc) {
		known->told = smc->told;
		known->epoch = smc->epoch;
		known->side = smc->side;
		known->speaks = 1;
	} else if (refused) {
		known->told = refused->told;
		known->epoch = refused->epoch;
		known->side = refused->side;
		known->speaks = refused->speaks;
	}
}

/* Whether the peer has shown the option, of a connection that no table has yet. */
static __always_inline __u32 speaks(const struct seen *seen)
{
	struct smc_policy_address peer = { { (__u32)seen->high, seen->high >> 32, (__u32)seen->low,
					     seen->low >> 32 } };

	return bpf_map_lookup_elem(&smc_speakers, &peer) != 0;
}

SEC("tp_btf/smc_switch_to_fallback")
int BPF_PROG(monitor_fallback, const struct smc_sock *sock, int reason)
{
	struct smc_policy_event *event;
	const struct sock *sk;
	struct known known;
	struct seen seen;
	__u16 peer_port, port;

	if (!sock || !smc_policy_readers())
		return 0;
	sk = sock->clcsock->sk;
	look_up(&known, sock, (__u64)sk->__sk_common.skc_cookie.counter);
	see_peer(&seen, &sk->__sk_common);
	if (!known.speaks)
		known.speaks = speaks(&seen);
	peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	port = known.side == SMC_POLICY_ACCEPT ? sk->__sk_common.skc_num : peer_port;
	event = event_begin(seen.high, seen.low,
			    event_what(&known.told, SMC_POLICY_EVENT_FALLBACK, known.side,
				       SMC_POLICY_MODE_TCP, known.speaks, port),
			    (__u32)reason);
	if (!event)
		return 0;
	event->told = known.told;
	event->epoch = known.epoch;
	event->peer_code = sock->peer_diagnosis;
	event->peer_port = peer_port;
	event_place(event, sk);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
