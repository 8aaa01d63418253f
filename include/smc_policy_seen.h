/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be seen of connections that ask for SMC: the verdict that each got, why it fell back, how
 * many did, and the events that `monitor` shows.  Keys and values of maps that the BPF programs fill.
 * Times are CLOCK_MONOTONIC in ns.
 */
#ifndef SMC_POLICY_SEEN_H
#define SMC_POLICY_SEEN_H

#include <linux/types.h>

/* SMC_CLC_DECL_PEERNOSMC, net/smc/smc_clc.h: an end has left the option out. */
#define SMC_POLICY_PEERNOSMC 0x03010000u

/* What a connection was told that asked for SMC; all zero: nobody was asked. */
struct smc_policy_told {
	__u64 generation; /* of the policy that decided, 0: none could be read */
	__u32 slot; /* counter slot of the rule */
	__u8 verdict; /* enum smc_policy_verdict */
	__u8 reason; /* enum smc_policy_reason */
	__u8 asked; /* 1 */
	__u8 reserved; /* zero */
};

_Static_assert(sizeof(struct smc_policy_told) == 16, "told size");

struct smc_policy_address {
	__be32 word[4]; /* IPv4 as ::ffff:a.b.c.d */
};

/* How an SMC connection is carried. */
enum smc_policy_mode {
	SMC_POLICY_MODE_UNKNOWN = 0,
	SMC_POLICY_MODE_R = 1,
	SMC_POLICY_MODE_D = 2,
	SMC_POLICY_MODE_TCP = 3,
	SMC_POLICY_MODES = 4,
};

/* smc_refused: a living SMC socket whose handshake did not show the option of both ends, by the cookie
 * of its TCP socket. */
struct smc_policy_refused {
	struct smc_policy_told told;
	__u64 begun; /* when the handshake was complete */
	__u32 epoch; /* of the slot's struct smc_policy_rule_state */
	__u32 code; /* why it fell back, as the kernel says it (SMC_CLC_DECL_*) */
	__u32 peer_code; /* what the peer declined with, 0: nothing */
	__u8 side; /* enum smc_policy_side */
	__u8 speaks; /* 1: the peer has shown the option in another connection */
	__u16 reserved; /* zero */
};

_Static_assert(sizeof(struct smc_policy_refused) == 40, "refused size");

/* fallbacks: how many connections fell back. */
struct smc_policy_fallback_key {
	__u32 slot; /* of the rule, SMC_POLICY_SLOT_DEFAULT: none */
	__u32 code; /* SMC_CLC_DECL_* or a negative errno */
	__u8 side; /* enum smc_policy_side */
	__u8 expected; /* 1: our own verdict was tcp */
	__u8 speaks; /* as of struct smc_policy_refused */
	__u8 reserved; /* zero */
};

_Static_assert(sizeof(struct smc_policy_fallback_key) == 12, "fallback key size");

/* fallback_prefixes: by struct smc_policy_path_key. */
struct smc_policy_fallback_prefix {
	__u64 expected, unexpected; /* connections */
	__u64 last; /* time of the last one */
	__u32 code; /* of the last unexpected one, 0: none */
	__u32 reserved; /* zero */
};

_Static_assert(sizeof(struct smc_policy_fallback_prefix) == 32, "prefix size");

/* totals: of each CPU, since the maps were made. */
struct smc_policy_totals {
	__u64 lessons; /* that were drawn; struct smc_policy_host has those that were lost */
	__u64 connections; /* SMC sockets whose handshake was complete */
	__u64 connections_lost; /* that there was no room for in smc_connections, smc_refused */
	__u64 fallbacks;
	__u64 fallbacks_lost; /* that there was no room for in the table of fallbacks */
	__u64 expected; /* fallbacks, of those counted */
	/*
	 * Bytes that SMC sockets have carried, by enum smc_policy_mode: on SMC as they are sent and
	 * received, on TCP when the connection has ended.
	 */
	__u64 sent[SMC_POLICY_MODES], received[SMC_POLICY_MODES];
};

/* ---- monitor ---- */

#define SMC_POLICY_READERS 4 /* of `monitor` at a time */

enum smc_policy_event_kind {
	SMC_POLICY_EVENT_DECISION = 0,
	SMC_POLICY_EVENT_FALLBACK = 1,
	SMC_POLICY_EVENT_CLOSE = 2,
};

/* In the ring buffer `events`. */
struct smc_policy_event {
	__u64 time;
	__u64 netns_cookie; /* 0: unknown */
	__u64 cgroup; /* cgroup v2 id, 0: unknown */
	__u64 sent, received; /* close: bytes */
	__u64 lived; /* close: ns since the handshake was complete */
	struct smc_policy_told told;
	__be32 peer[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 peer_port, port; /* host byte order; port: of the service */
	__u32 epoch; /* of the slot's struct smc_policy_rule_state; of a decision 0 */
	__u32 netns; /* inode number of the namespace, 0: unknown */
	__u32 code, peer_code; /* fallback, and close of one that fell back */
	__u8 kind; /* enum smc_policy_event_kind */
	__u8 side; /* enum smc_policy_side */
	__u8 mode; /* enum smc_policy_mode */
	__u8 speaks; /* as of struct smc_policy_refused */
	__u8 readers; /* bit for each whose filter lets it through */
	__u8 unbytes; /* 1: nobody tells how many bytes */
	__u16 reserved; /* zero */
};

_Static_assert(sizeof(struct smc_policy_event) == 112, "event size");

/* What a filter compares; a bit that is not set matches everything. */
#define SMC_POLICY_FILTER_SIDE 1u
#define SMC_POLICY_FILTER_PORT 2u
#define SMC_POLICY_FILTER_PEER 4u
#define SMC_POLICY_FILTER_RULE 8u
#define SMC_POLICY_FILTER_MODE 16u /* no decision has one */
#define SMC_POLICY_FILTER_CAUSE 32u /* fallbacks only */

/* Which fallbacks a filter of causes means. */
enum smc_policy_filter_cause {
	SMC_POLICY_CAUSE_POLICY = 0, /* our verdict was tcp */
	SMC_POLICY_CAUSE_PEER_POLICY = 1,
	SMC_POLICY_CAUSE_CODES = 2, /* our verdict was not tcp, and the code is one of them */
};

#define SMC_POLICY_FILTER_CODES 24

/* monitor_filters: by reader. */
struct smc_policy_filter {
	__u32 flags; /* SMC_POLICY_FILTER_* */
	__u32 slot; /* counter slot of the rule */
	__be32 peer[4], mask[4]; /* network byte order; IPv4 as ::ffff:a.b.c.d */
	__u16 port; /* service port, host byte order */
	__u8 side, mode, cause;
	__u8 reserved[3]; /* zero */
	__u32 codes[SMC_POLICY_FILTER_CODES]; /* unused ones repeat the first */
};

/* ---- connections ---- */

/* One living connection, as the iterator over TCP sockets writes it. */
struct smc_policy_listed {
	__u64 cookie; /* of the TCP socket */
	__u64 cgroup; /* cgroup v2 id, 0: unknown */
	__u64 sent, received; /* bytes */
	struct smc_policy_told told;
	__be32 local[4], peer[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 local_port, peer_port; /* host byte order */
	__u32 epoch; /* of the slot's struct smc_policy_rule_state, if known */
	__u32 code, peer_code; /* of a fallback, 0: none, or nobody knows */
	__u32 link_group; /* its id, as SMC_NLA_LGR_R_ID has it; 0: unknown */
	__u32 uid;
	__u8 side; /* enum smc_policy_side, SMC_POLICY_SIDES: unknown */
	__u8 state; /* of the TCP socket (TCP_ESTABLISHED ...) */
	__u8 mode; /* enum smc_policy_mode */
	__u8 speaks; /* as of struct smc_policy_refused */
	__u8 known; /* 1: the connection is in smc_connections or smc_refused */
	__u8 unbytes; /* 1: nobody tells how many bytes */
	__u16 reserved; /* zero */
};

_Static_assert(sizeof(struct smc_policy_listed) == 112, "listed size");

#endif
