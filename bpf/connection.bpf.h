/* SPDX-License-Identifier: GPL-2.0-only */
/* A connection as programs that watch see it, and what this kernel tells of it. */
#ifndef SMC_POLICY_CONNECTION_BPF_H
#define SMC_POLICY_CONNECTION_BPF_H

#include <stdbool.h>
#include "decide.bpf.h"
#include "smc.bpf.h"

/* Whether this kernel was built with SMC, in or as a module. */
static __always_inline int has_smc(void)
{
	return bpf_core_field_exists(((struct tcp_sock *)0)->syn_smc);
}

/*
 * Before the SYN-ACK: the socket asks for SMC.  After it: both ends have shown the option
 * (smc_check_reset_syn() and smc_check_reset_syn_req() take it back).
 */
static __always_inline __u32 has_option(struct tcp_sock *tp)
{
	return has_smc() && tp ? (__u32)BPF_CORE_READ_BITFIELD(tp, syn_smc) : 0;
}

/*
 * A program may have 512 bytes of stack, and what it calls counts too.  For functions that one program
 * calls and that call others.
 */
#define STACK_OF_ITS_OWN static __noinline

/*
 * A connection as numbers, which is what a global function takes.  @high, @low: the peer, as it is
 * in memory, IPv4 as ::ffff:a.b.c.d.  @what: the rest.  @cookie: of its socket.
 */
#define WHAT_PEER_PORT 0 /* 16 bits, host byte order */
#define WHAT_LOCAL_PORT 16 /* likewise */
#define WHAT_SIDE 32 /* 1 bit */
#define WHAT_ASKED 33 /* 1 bit: the handshake carries the option */
#define WHAT_ENDED 34 /* 1 bit: the connection has */
#define WHAT_TIMES 40 /* 16 bits: for how many it stands, or how often its SYN was sent again */
#define WHAT_RTT 40 /* or 24 bits: round-trip time, us */

struct seen {
	__u64 high, low, what, cookie;
	__u64 now; /* ns */
};

static __always_inline void fill(struct smc_auto_connection *connection, __u64 high, __u64 low,
				 __u64 what)
{
	__u32 peer_port = (__u16)(what >> WHAT_PEER_PORT);
	__u32 local_port = (__u16)(what >> WHAT_LOCAL_PORT);
	__u32 accepts = smc_auto_equal(what >> WHAT_SIDE & 1, SMC_POLICY_ACCEPT);

	connection->side = what >> WHAT_SIDE & 1;
	/* By multiplication: a branch doubles what the verifier must follow from there on. */
	connection->port = (__u16)(peer_port + (local_port - peer_port) * accepts);
	connection->peer[0] = (__u32)high;
	connection->peer[1] = high >> 32;
	connection->peer[2] = (__u32)low;
	connection->peer[3] = low >> 32;
}

static __always_inline void fill_ends(struct smc_policy_ends *ends,
				      const struct smc_auto_connection *connection, __u64 what)
{
	*ends = (struct smc_policy_ends){
		.peer = { connection->peer[0], connection->peer[1], connection->peer[2],
			  connection->peer[3] },
		.peer_port = (__u16)(what >> WHAT_PEER_PORT),
		.local_port = (__u16)(what >> WHAT_LOCAL_PORT),
	};
}

static __always_inline __u32 times_of(__u64 what)
{
	return (__u16)(what >> WHAT_TIMES);
}

/* Somewhere a path may be suspect: look how connections without the option do. */
static __always_inline int is_comparing(void)
{
	const struct smc_policy_host *host = smc_policy_host_state();

	return host && smc_policy_before(host->suspect_until);
}

static __always_inline void see_peer(struct seen *seen, const struct sock_common *common)
{
	seen->high = 0;
	seen->low = (__u64)common->skc_daddr << 32 | bpf_htonl(0xffff);
	if (common->skc_family == AF_INET6) {
		seen->high = (__u64)common->skc_v6_daddr.in6_u.u6_addr32[1] << 32 |
			     common->skc_v6_daddr.in6_u.u6_addr32[0];
		seen->low = (__u64)common->skc_v6_daddr.in6_u.u6_addr32[3] << 32 |
			    common->skc_v6_daddr.in6_u.u6_addr32[2];
	}
}

static __always_inline struct tcp_sock *tcp_sock_of(struct sock *sk)
{
	return has_smc() ? (struct tcp_sock *)bpf_skc_to_tcp_sock(sk) : (void *)0;
}

#endif
