/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `auto` remembers: keys and values of the maps in which the BPF programs learn.  They
 * are also the memory of `simulate` and the content of STATE_DIR/learned.  The maps are pinned,
 * so a change of layout raises SMC_POLICY_PIN_ABI.  Times are CLOCK_MONOTONIC in ns, 0: never.
 */
#ifndef SMC_POLICY_AUTO_H
#define SMC_POLICY_AUTO_H

#include <linux/types.h>
#include "smc_policy_seen.h"

#define SMC_AUTO_RATES 3 /* how fast connections come: slow, brisk, storm */

enum smc_auto_context {
	SMC_AUTO_SERVICE, /* side, port */
	SMC_AUTO_SERVICE_RATE, /* and rate of the service */
	SMC_AUTO_SUBNET, /* side, port, /24 or /64 */
	SMC_AUTO_PEER, /* side, port, address */
	SMC_AUTO_PEER_RATE, /* and rate from this peer */
	SMC_AUTO_CONTEXTS,
};

/* What one context expects: all that a vote needs. */
struct smc_auto_mean {
	__u32 hits; /* connections that gained, 16.16, weighted */
	__u32 weight; /* of all lessons, 16.16 */
	__s32 gain; /* mean of those that gained, 16.16 */
	__u16 gains; /* lessons in that mean, at most SMC_AUTO_GAINS */
	__u16 run; /* lessons of the same kind in succession, times 2, plus 1 if they gained */
};

/* How a context notices that its connections have changed.  Times in units of 2^24 ns. */
struct smc_auto_trend {
	__u32 updated; /* time of the last lesson */
	__u32 changed; /* time of the last change that was noticed */
	__u32 surprise; /* 1 less the chance of the run, 0.24 */
};

#define SMC_AUTO_TREND_SHIFT 24

/* New connections lately: decaying count. */
struct smc_auto_rate {
	__u64 seen; /* time of the last one */
	__u32 count; /* 24.8 */
	__u32 decider; /* a service's: 1 + enum smc_auto_voter, 0: none is worth it, so TCP */
};

/* Whose word a service may follow: a context, or SMC for all. */
enum smc_auto_voter {
	SMC_AUTO_ALWAYS = SMC_AUTO_CONTEXTS,
	SMC_AUTO_VOTERS,
};

/* What SMC would have gained if it had followed one voter: all divided by the same weight. */
struct smc_auto_account {
	__s32 total[SMC_AUTO_VOTERS]; /* gain, 24.8, weighted */
	__u32 squares[SMC_AUTO_VOTERS]; /* of the gains, 24.8, weighted */
	__u32 weight; /* of all lessons, 16.16; 0: nothing was learned */
	__u32 gained, lost; /* by what auto has said to them, 24.8, weighted */
	__u32 reserved; /* zero */
};

/* What came by, for people; halved whenever connections reaches SMC_AUTO_TALLY_MAX. */
struct smc_auto_tally {
	__u64 connections;
	__u64 worthwhile; /* of those, how many gain on SMC */
	__u64 bytes; /* both ways */
	__u64 messages; /* both ways */
	__u64 gain; /* of the worthwhile, 24.8 */
};

#define SMC_AUTO_TALLY_MAX (1u << 20)

/* Key of a service (no peer), a subnet or a peer. */
struct smc_auto_key {
	__u8 side; /* enum smc_policy_side */
	__u8 bits; /* of the peer that count: 0, 120 (IPv4 /24), 64 or 128 */
	__u16 port; /* service port, host byte order */
	__be32 peer[4]; /* IPv4 as ::ffff:a.b.c.d; bits that do not count are zero */
};

#define SMC_AUTO_BITS_V4 120
#define SMC_AUTO_BITS_V6 64
#define SMC_AUTO_BITS_PEER 128

struct smc_auto_service {
	struct smc_auto_rate rate;
	struct smc_auto_mean mean;
	struct smc_auto_mean by_rate[SMC_AUTO_RATES];
	struct smc_auto_trend trend;
	struct smc_auto_trend trend_by_rate[SMC_AUTO_RATES];
	struct smc_auto_account account;
	struct smc_auto_tally tally;
};

/* A peer, or a subnet: that has no rate, no mean by rate and no memory of missing SMC. */
struct smc_auto_peer {
	struct smc_auto_rate rate;
	struct smc_auto_mean mean;
	struct smc_auto_mean by_rate[SMC_AUTO_RATES];
	struct smc_auto_trend trend;
	struct smc_auto_trend trend_by_rate[SMC_AUTO_RATES];
	struct smc_auto_tally tally;
	__u64 no_smc_until; /* it does not speak SMC with us until then */
	__u32 no_smc_code; /* the last reason why it did not (SMC_CLC_DECL_*), 0: none */
	__u32 no_smc_times; /* in succession that it did not */
	__u32 rtt; /* us, smoothed, 0: unknown */
	__u32 no_smc_since; /* when it did not for the first time of those, in seconds */
};

_Static_assert(sizeof(struct smc_auto_key) == 20, "key size");
_Static_assert(sizeof(struct smc_auto_service) == 232, "service size");
_Static_assert(sizeof(struct smc_auto_peer) == 192, "peer size");

/* A living connection, as small as it can be: there may be many. */
struct smc_auto_live {
	__u32 opened; /* time >> SMC_AUTO_LIVE_SHIFT, about ms */
	__u16 info; /* SMC_AUTO_LIVE_* */
	/*
	 * Times two, plus 1 if auto says SMC to it: its gain as it was told last, 24.8; before that: for
	 * how many it stands.
	 */
	__s16 gain;
};

#define SMC_AUTO_LIVE_SHIFT 20
#define SMC_AUTO_LIVE_VOTES 0x001f /* a bit for each context */
#define SMC_AUTO_LIVE_RATE_SHIFT 5 /* rate of the service */
#define SMC_AUTO_LIVE_PEER_RATE_SHIFT 7
#define SMC_AUTO_LIVE_RATE 3
#define SMC_AUTO_LIVE_SIDE_SHIFT 9 /* enum smc_policy_side */
#define SMC_AUTO_LIVE_TOLD 0x0400 /* a lesson has been drawn from it */
#define SMC_AUTO_LIVE_ASKED 0x0800 /* its handshake carries the SMC option */
#define SMC_AUTO_LIVE_LOOKS_SHIFT 12 /* how often it has been looked at */
#define SMC_AUTO_LIVE_LOOKS 15

/* connections: where a socket can be, by its cookie. */
#define SMC_AUTO_WAYS 8
struct smc_auto_set {
	__u64 cookie[SMC_AUTO_WAYS]; /* 0: free */
	struct smc_auto_live live[SMC_AUTO_WAYS];
};

_Static_assert(sizeof(struct smc_auto_set) == 128, "two cache lines");

/* Both ends of a connection. */
struct smc_policy_ends {
	__be32 peer[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 peer_port; /* host byte order */
	__u16 local_port; /* host byte order */
	__u32 reserved; /* zero */
};

/* A connection whose ends have both sent the option, by the cookie of its TCP socket. */
struct smc_policy_smc {
	__u64 begun; /* when both ends had sent the option */
	__u64 sent, received; /* bytes that SMC has carried */
	__u64 messages; /* that it has carried both ways: how often data was copied in or out */
	__u32 epoch; /* of the slot in told, as in struct smc_policy_rule_state */
	__u8 side; /* enum smc_policy_side */
	__u8 flags; /* SMC_POLICY_SMC_* */
	__u16 port; /* service port, host byte order */
	__be32 peer[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u32 syns_resent; /* SYNs or SYN-ACKs that this end has retransmitted */
	__u8 mode; /* once SMC has carried data: enum smc_policy_mode */
	__u8 reserved[3]; /* zero */
	/* What a message needs ends here. */
	struct smc_policy_told told; /* by the rule that allowed it */
	__u32 code; /* why it fell back, 0: it did not */
	__u32 peer_code; /* what the peer declined with, 0: nothing */
	__u32 link_group; /* once SMC has carried data: its id, as SMC_NLA_LGR_R_ID has it */
	__u32 reserved2; /* zero */
};

_Static_assert(__builtin_offsetof(struct smc_policy_smc, told) == 64, "a cache line");
_Static_assert(sizeof(struct smc_policy_smc) == 96, "SMC connection size");

#define SMC_POLICY_SMC_FALLBACK 1u /* it is on TCP, and no longer counted */
#define SMC_POLICY_SMC_PROVEN 2u /* SMC has carried data */

/* rule_state: by counter slot; slot 0 is the whole host, all rules and the default. */
struct smc_policy_rule_state {
	__u64 due; /* theoretical arrival time of the next SMC connection, ns */
	__s64 live; /* open SMC connections */
	__u32 epoch; /* raised whenever another rule gets the slot */
	__u32 reserved; /* zero */
};

/* The state of the path to a peer prefix. */
enum smc_policy_path_state {
	SMC_POLICY_PATH_CLOSED = 0, /* no evidence against it */
	SMC_POLICY_PATH_SUSPECT =
		1, /* SYNs with the option get no answer: TCP, to see whether others get one */
	SMC_POLICY_PATH_OPEN = 2, /* TCP until its time is over */
	SMC_POLICY_PATH_HALF_OPEN = 3, /* one connection probes */
	SMC_POLICY_PATH_STATES = 4,
};

/* Kinds of evidence against a path. */
enum smc_policy_evidence {
	SMC_POLICY_EVIDENCE_SYN = 0, /* SYNs without the option are answered, those with it not */
	SMC_POLICY_EVIDENCE_TIMEOUT = 1, /* the option was answered, but not the CLC handshake */
	SMC_POLICY_EVIDENCE_GARBLED =
		2, /* data that is not CLC: the option was echoed, or stripped one way */
	SMC_POLICY_EVIDENCE_RESET = 3, /* the connection broke in the CLC handshake */
	SMC_POLICY_EVIDENCES = 4,
};

struct smc_policy_path_key {
	__u8 side; /* enum smc_policy_side */
	__u8 v6; /* 1: IPv6 */
	__u16 reserved; /* zero */
	__be32 prefix[2]; /* IPv4: the address in the first; bits that do not count are zero */
};

struct smc_policy_path {
	__u64 since; /* when its state began */
	__u64 until; /* when its state ends; closed: 0 */
	__u64 voted; /* when the last vote came */
	__u64 answered; /* suspect: 0 until a SYN without the option is answered; see bpf/path.bpf.h */
	__u32 votes; /* against it, while it is closed */
	__u32 syn_votes; /* those of unanswered SYNs since one with the option was answered */
	__u32 backoff; /* seconds of its last open time, 0: never open */
	__u32 evidence[SMC_POLICY_EVIDENCES]; /* connections since it was last closed */
	__u32 state; /* enum smc_policy_path_state */
	__u32 code; /* of the last fallback that was evidence, 0: none */
};

_Static_assert(sizeof(struct smc_policy_path) == 72, "path size");

/*
 * How a lesson gets lost.  A connection for which another one stands, in a storm, is not lost.
 */
enum smc_policy_loss {
	SMC_POLICY_LOST_CONNECTIONS = 0, /* no room among the living connections */
	SMC_POLICY_LOST_RECORDS = 1, /* no room for its service, its subnet or its peer */
	SMC_POLICY_LOST_BUSY = 2, /* another CPU kept such a table locked */
	SMC_POLICY_LOST_POLICY = 3, /* the policy, which has the parameters, could not be read */
	SMC_POLICY_LOST_RING = 4, /* no room in the ring buffer; lost to a recording alone */
	/*
	 * The kernel skipped a program that it had interrupted on the same CPU.  At most so many: a
	 * connection makes 5 calls, and not all of them matter.  The kernel counts them for programs
	 * that are attached; here are those of programs that were.
	 */
	SMC_POLICY_LOST_SKIPPED = 5,
	/*
	 * No program was shown its end: it is noted as living, and there is no such socket.  The
	 * daemon finds out when it looks at living connections; 0 here.
	 */
	SMC_POLICY_LOST_UNSEEN = 6,
	SMC_POLICY_LOSSES = 7,
};

/* State of the whole host. */
struct smc_policy_host {
	__u64 cooldown_until; /* no SMC until then */
	__u32 cooldown; /* seconds of the last pause, 0: none */
	__u32 cooldown_code; /* the resource error that caused it */
	__u64 cooldown_times;
	__u64 lost[SMC_POLICY_LOSSES]; /* lessons */
	__u64 ended_late; /* connections whose end was skipped, but was seen when the socket was destroyed */
	__u64 suspect_until; /* some path may be suspect until then */
	__u32 monitored; /* a bit for each reader of `monitor`; in the line that an allow reads */
	__u32 smc_events; /* 1: SMC's tracepoints report bytes and causes of fallbacks */
	__u32 wake; /* 1: the daemon sleeps, and the next connection wakes it */
	__u32 recording; /* 1: every closed connection goes to the ring buffer */
	/* SMC's tracepoints see the whole of connections that begin from then on; 0: none attached. */
	__u64 judged_from;
	__u32 paths_known; /* 0: no path was ever harmed, so no decision looks one up */
	__u32 peers_known; /* 0: no peer was ever without SMC, so no decision looks one up */
	/* Set-ups as clients of this host wait for them: medians, us, 0: none seen yet. */
	__u32 tcp_setup; /* SYN to SYN-ACK, where SMC is set up then */
	__u32 smc_setup; /* from there to the end of the CLC handshake */
	__u32 smc_setups; /* so many went into it */
	__u32 reserved_2; /* zero */
	/* To each reader, since it came: the ring buffer had no room. */
	__u64 events_lost[SMC_POLICY_READERS];
};

_Static_assert(__builtin_offsetof(struct smc_policy_host, paths_known) == 120,
	       "tests/host/records.sh writes there");

/* More messages of one connection are not told apart. */
#define SMC_POLICY_MESSAGES_MAX ((1u << 22) - 1)

/* A closed connection, in the ring buffer.  If closed is 0, the record only wakes the daemon. */
struct smc_policy_record {
	__u64 opened, closed; /* CLOCK_MONOTONIC, ns */
	__u64 sent, received; /* bytes */
	__be32 peer[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 port; /* service port, host byte order */
	__u8 side; /* enum smc_policy_side */
	__u8 smc; /* 1: it was on SMC */
	__u32 messages; /* both ways, at most SMC_POLICY_MESSAGES_MAX */
};
#endif
