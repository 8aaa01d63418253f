// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches every TCP connection, whichever backend decides: what `auto` learns from, which
 * connections are SMC, and what speaks against a path.
 *
 * Opening: the tracepoints of states and of retransmissions; where they get no cookie (up to
 * 5.11), sockops at the root of cgroup v2, whose calls take longer and are more.  Closing: the
 * tracepoint of states too; SMC may outlive its TCP connection, so on kernels that have it also the
 * end of tcp_v4_destroy_sock() (for IPv6 too).  Long lives: an iterator over the TCP sockets of a
 * namespace, which the daemon runs now and then.
 *
 * Each call of a tracepoint takes time, also when there is nothing to do: where one can tell, there
 * are not two, and what is for SMC alone is not attached to a kernel without.  Where nothing else
 * decides, the verdicts are counted too, by programs of another name: what decides is most of what
 * the verifier has to go through.
 */
#include "decide.bpf.h"
#include "smc.bpf.h"
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

/* Set by the daemon before loading: bpf_get_netns_cookie() is there for sockops (5.15). */
const volatile bool has_netns_cookie = false;

/* Likewise bpf_ktime_get_coarse_ns() (5.11). */
const volatile bool has_coarse_clock = false;

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

/* ---- opening: what is done with a connection, however it was seen ---- */

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

/*
 * Count what the connections that this one stands for would get, where nothing else decides.
 * @netns: cookie of its namespace.
 */
GLOBAL int count_verdict(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 netns)
{
	struct smc_auto_connection connection;
	struct smc_policy_query query = { .netns_cookie = netns };
	struct smc_policy_asking asking = { .cookie = cookie };
	struct smc_policy_answer answer;

	fill(&connection, high, low, what);
	query.peer[0] = connection.peer[0];
	query.peer[1] = connection.peer[1];
	query.peer[2] = connection.peer[2];
	query.peer[3] = connection.peer[3];
	query.port = connection.port;
	query.side = connection.side;
	smc_policy_decide(&query, &asking, &answer);
	smc_policy_count(&answer, times_of(what));
	return 0;
}

/* A connection opens.  Returns of how many one is looked at from now on. */
GLOBAL int opened(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;

	fill(&connection, high, low, what);
	return (int)smc_auto_open(&connection, cookie, what >> WHAT_ASKED & 1, times_of(what), now);
}

/*
 * In a storm most connections are passed over: not looked at at all, not even where they go.  The
 * next one that is looked at stands for them too.  By CPU, and by service as far as there is room.
 */
struct storm {
	__u32 service; /* storm_service(), 0: none yet */
	__u32 passed; /* since one was looked at */
	__u32 share; /* of so many one is looked at */
	__u32 reserved;
	__u64 until; /* jiffies; then the storm may be over */
};

#define STORMS 64 /* a power of two */
#define STORM_JIFFIES 32 /* 32 to 320 ms, as the kernel was built */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STORMS);
	__type(key, __u32);
	__type(value, struct storm);
} storms SEC(".maps");

static __always_inline __u32 storm_service(__u32 side, __u32 port)
{
	return 1u << 31 | side << 16 | port;
}

static __always_inline struct storm *storm_at(__u32 service)
{
	__u32 at = (service ^ service >> 16) & (STORMS - 1);

	return bpf_map_lookup_elem(&storms, &at);
}

/* Whether a connection to @service can be passed over. */
static __always_inline int pass_over(struct storm *storm, __u32 service)
{
	if (storm->service != service || storm->passed + 1 >= storm->share ||
	    bpf_jiffies64() > storm->until)
		return 0;
	storm->passed++;
	return 1;
}

/* A connection to @service is looked at: for how many it stands. */
static __always_inline __u32 stand_for(struct storm *storm, __u32 service)
{
	__u32 times = storm->service == service ? storm->passed + 1 : 1;

	storm->service = service;
	storm->passed = 0;
	storm->share = 1;
	return times;
}

/* A look at a connection that opens. */
struct look {
	struct smc_policy_host *host;
	struct storm *storm; /* NULL: it is looked at whatever the storm */
	__u32 times; /* it stands for so many */
};

/*
 * Whether to look at a connection of @side to the service @port; @must: whatever the storm.  Not
 * at what is passed over, before anything else of it is read.
 */
static __always_inline int begin_look(struct look *look, __u32 side, __u32 port, __u32 must)
{
	__u32 service = storm_service(side, port);

	look->host = smc_policy_host_state();
	look->storm = 0;
	look->times = 1;
	if (!look->host)
		return 0;
	/* A recording wants them all. */
	if (must || look->host->recording)
		return 1;
	look->storm = storm_at(service);
	if (!look->storm || pass_over(look->storm, service))
		return 0;
	look->times = stand_for(look->storm, service);
	return 1;
}

/* The daemon sleeps: an empty record wakes it. */
static __always_inline void wake_daemon(struct smc_policy_host *host)
{
	struct smc_policy_record *record;

	host->wake = 0;
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record)
		return;
	record->closed = 0;
	bpf_ringbuf_submit(record, 0);
}

/* @seen opens; @seen->what says then for how many it stands. */
static __always_inline void end_look(const struct look *look, struct seen *seen)
{
	__u32 share;

	seen->what |= (__u64)look->times << WHAT_TIMES;
	share = (__u32)opened(seen->high, seen->low, seen->what, seen->cookie, seen->now);
	if (look->storm) {
		look->storm->share = share;
		look->storm->until = bpf_jiffies64() + STORM_JIFFIES;
	}
	if (look->host->wake)
		wake_daemon(look->host);
}

/*
 * The handshake is complete, with the option in both directions; the SYN or SYN-ACK was sent as
 * often again as WHAT_TIMES tells.
 */
GLOBAL int established(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;
	struct smc_policy_ends ends;
	const __u32 *slot;

	fill(&connection, high, low, what);
	fill_ends(&ends, &connection, what);
	slot = bpf_map_lookup_elem(&smc_pending, &ends);
	if (connection.side == SMC_POLICY_CONNECT)
		smc_policy_path_heard(connection.peer, now);
	smc_policy_begin(&connection, cookie, slot ? *slot : SMC_POLICY_SLOT_DEFAULT,
			 times_of(what), now);
	bpf_map_delete_elem(&smc_pending, &ends);
	return 0;
}

/* The SYN-ACK has come, without the option although the SYN may have had it. */
GLOBAL int connected_by_tcp(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;
	struct smc_policy_ends ends;
	struct smc_auto_place place;

	fill(&connection, high, low, what);
	smc_auto_find_live(&place, cookie);
	if (place.set && smc_auto_live_at(&place)->info & SMC_AUTO_LIVE_ASKED) {
		fill_ends(&ends, &connection, what);
		if (!bpf_map_delete_elem(&smc_pending, &ends)) {
			smc_policy_no_smc(&connection, DECL_PEERNOSMC, now);
			smc_policy_path_pass(connection.peer, now);
			return 0;
		}
		/* It was this host that left the option out. */
		smc_auto_live_at(&place)->info &= ~SMC_AUTO_LIVE_ASKED;
	}
	if (is_comparing())
		smc_policy_path_compare(connection.peer, 1, now);
	return 0;
}

/* The SYN-ACK has come to @seen; @asked: with the option, which the SYN had too. */
static __always_inline void connected(const struct seen *seen, __u32 asked)
{
	if (asked)
		established(seen->high, seen->low, seen->what, seen->cookie, seen->now);
	else
		connected_by_tcp(seen->high, seen->low, seen->what, seen->cookie, seen->now);
}

/* When the connection of @cookie has opened; @now if nobody knows any more. */
static __always_inline __u64 opened_at(__u64 cookie, __u64 now)
{
	struct smc_auto_place place;

	smc_auto_find_live(&place, cookie);
	return place.set ? now - smc_auto_age(smc_auto_live_at(&place), now) : now;
}

/* A SYN may get lost; one that is sent so often again has no answer. */
#define SILENT_AFTER 2

/* The SYN is sent again, for the WHAT_TIMESth time, or its connection ends. */
GLOBAL int unanswered(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;

	fill(&connection, high, low, what);
	if (!(what >> WHAT_ASKED & 1))
		smc_policy_path_compare(connection.peer, 0, now);
	else
		smc_policy_path_silent(connection.peer, what >> WHAT_ENDED & 1 ? 0 : cookie,
				       opened_at(cookie, now), times_of(what) == SILENT_AFTER, now);
	return 0;
}

/* ---- opening, as tracepoints show it ---- */

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

static __always_inline void see_sock(struct seen *seen, struct sock *sk, __u32 side)
{
	const struct sock_common *common = &sk->__sk_common;

	see_peer(seen, common);
	seen->what = (__u64)bpf_ntohs(common->skc_dport) << WHAT_PEER_PORT |
		     (__u64)common->skc_num << WHAT_LOCAL_PORT | (__u64)side << WHAT_SIDE;
	seen->cookie = bpf_get_socket_cookie(sk);
	seen->now = bpf_ktime_get_ns();
}

static __always_inline struct tcp_sock *tcp_sock_of(struct sock *sk)
{
	return has_smc() ? (struct tcp_sock *)bpf_skc_to_tcp_sock(sk) : (void *)0;
}

/*
 * The first of the programs: a kernel that has no cookie for tracepoints refuses it before it has
 * looked at much.
 */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(watch_retransmit, struct sock *sk)
{
	struct tcp_sock *tp;
	struct seen seen;
	__u32 asked;

	if (!has_smc() || sk->__sk_common.skc_state != BPF_TCP_SYN_SENT)
		return 0;
	tp = tcp_sock_of(sk);
	asked = has_option(tp);
	if (!tp || (!asked && !is_comparing()))
		return 0;
	see_sock(&seen, sk, SMC_POLICY_CONNECT);
	seen.what |= (__u64)asked << WHAT_ASKED | (__u64)(__u16)tp->total_retrans << WHAT_TIMES;
	unanswered(seen.high, seen.low, seen.what, seen.cookie, seen.now);
	return 0;
}

/*
 * Whether @sk, which asks for SMC, will be left without it: then it is none of the few long ones that may
 * be in a storm.
 */
static __always_inline int is_denied(const struct sock *sk)
{
	const __u64 *place;
	struct seen seen;
	__u64 question;

	see_peer(&seen, &sk->__sk_common);
	question = smc_policy_question(seen.high, seen.low, bpf_ntohs(sk->__sk_common.skc_dport));
	place = smc_policy_denied_at(question);
	return place && *place == question;
}

static __always_inline void open_sock(struct sock *sk, __u32 side, __u32 asked, int counts)
{
	__u32 port = side == SMC_POLICY_ACCEPT ? sk->__sk_common.skc_num
					       : bpf_ntohs(sk->__sk_common.skc_dport);
	__u32 must = asked && (side == SMC_POLICY_ACCEPT || !is_denied(sk));
	struct look look;
	struct seen seen;

	if (!begin_look(&look, side, port, must))
		return;
	see_sock(&seen, sk, side);
	seen.what |= (__u64)asked << WHAT_ASKED;
	end_look(&look, &seen);
	if (counts)
		count_verdict(seen.high, seen.low, seen.what, seen.cookie,
			      sk->__sk_common.skc_net.net->net_cookie);
}

/*
 * Whether the end of a handshake without the option tells anything: who asked has been looked at and
 * got a cookie, and who was passed over has none.
 */
static __always_inline int may_tell(const struct sock *sk)
{
	return sk->__sk_common.skc_cookie.counter || is_comparing();
}

/* The handshake of @sk is complete, on a kernel with SMC. */
static __always_inline void handshake_of_sock(struct sock *sk, __u32 side, struct tcp_sock *tp,
					      __u32 asked)
{
	struct seen seen;

	see_sock(&seen, sk, side);
	seen.what |= (__u64)(__u16)tp->total_retrans << WHAT_TIMES;
	connected(&seen, asked);
}

/*
 * A socket goes from state @before to SYN_SENT, which it does before it has a port, or to ESTABLISHED,
 * after module smc has looked at the options of the handshake (tcp_v4_connect(), tcp_v6_connect(),
 * tcp_rcv_synsent_state_process(), tcp_rcv_state_process()).
 */
static __always_inline void see_opening(struct sock *sk, int before, int now, int counts)
{
	__u32 side = before == BPF_TCP_SYN_RECV ? SMC_POLICY_ACCEPT : SMC_POLICY_CONNECT, asked;
	struct tcp_sock *tp;

	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	tp = tcp_sock_of(sk);
	asked = has_option(tp);
	if (now == BPF_TCP_SYN_SENT || side == SMC_POLICY_ACCEPT)
		open_sock(sk, side, asked, counts);
	if (tp && now == BPF_TCP_ESTABLISHED &&
	    (asked || (side == SMC_POLICY_CONNECT && may_tell(sk))))
		handshake_of_sock(sk, side, tp, asked);
}

STACK_OF_ITS_OWN void opening(struct sock *sk, int before, int now)
{
	see_opening(sk, before, now, 0);
}

STACK_OF_ITS_OWN void opening_counted(struct sock *sk, int before, int now)
{
	see_opening(sk, before, now, 1);
}

/* ---- opening, as sockops shows it ---- */

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

static __always_inline void open_ops(struct bpf_sock_ops *ops, __u32 side, __u32 asked, int counts)
{
	__u32 port = side == SMC_POLICY_ACCEPT ? field(ops, local_port)
					       : bpf_ntohl(field(ops, remote_port));
	struct look look;
	struct seen seen;

	if (!begin_look(&look, side, port, asked))
		return;
	see_ops(&seen, ops, side);
	seen.what |= (__u64)asked << WHAT_ASKED;
	end_look(&look, &seen);
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
static __always_inline void ops_handshake(struct bpf_sock_ops *ops, __u32 side, __u32 asked)
{
	struct seen seen;

	see_ops(&seen, ops, side);
	seen.what |= (__u64)(__u16)field(ops, total_retrans) << WHAT_TIMES;
	connected(&seen, asked);
}

static __always_inline void ops_accepted(struct bpf_sock_ops *ops, int counts)
{
	__u32 asked = ops_have_option(ops);

	open_ops(ops, SMC_POLICY_ACCEPT, asked, counts);
	if (asked)
		ops_handshake(ops, SMC_POLICY_ACCEPT, asked);
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
			ops_handshake(ops, SMC_POLICY_CONNECT, ops_have_option(ops));
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		ops_accepted(ops, counts);
		break;
	case BPF_SOCK_OPS_RTO_CB:
		ops_timed_out(ops);
		break;
	}
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

/* ---- living and closing ---- */

#define EARLY_RESET (10 * SMC_AUTO_SEC) /* longer than a server waits for CLC */

/*
 * A connection that has opened before.  skc_num is not there any more when its socket has closed
 * (inet_put_port()), inet_sport is.
 */
static __always_inline void see_live(struct seen *seen, const struct sock_common *common,
				     struct tcp_sock *tp, __u64 cookie, __u8 side)
{
	__be16 port =
		side == SMC_POLICY_CONNECT ? common->skc_dport : tp->inet_conn.icsk_inet.inet_sport;

	see_peer(seen, common);
	seen->what = (__u64)bpf_ntohs(port) << WHAT_PEER_PORT |
		     (__u64)bpf_ntohs(port) << WHAT_LOCAL_PORT | (__u64)side << WHAT_SIDE;
	seen->cookie = cookie;
}

static __always_inline __u8 live_side(const struct smc_auto_live *live)
{
	return live->info >> SMC_AUTO_LIVE_SIDE_SHIFT & 1;
}

/* What a connection has carried. */
struct carried {
	__u64 sent, received;
	__u32 rtt; /* us */
	__u8 smc; /* by SMC */
	__u8 unknown; /* nobody tells how much */
};

#define CLC_BYTES 2048 /* more than a CLC handshake takes, both ways */

static __always_inline int has_smc_events(void)
{
	const struct smc_policy_host *host = smc_policy_host_state();

	return host && host->smc_events;
}

static __always_inline void read_carried(struct carried *carried, struct tcp_sock *tp,
					 const struct smc_policy_smc *smc)
{
	carried->sent = tp->bytes_acked;
	carried->received = tp->bytes_received;
	carried->rtt = tp->srtt_us >> 3;
	carried->smc = smc && !(smc->flags & SMC_POLICY_SMC_FALLBACK);
	carried->unknown = 0;
	if (!carried->smc)
		return;
	if (has_smc_events()) {
		carried->sent = smc->sent;
		carried->received = smc->received;
		return;
	}
	/* Without SMC's events: what carries more than a handshake has fallen back. */
	carried->smc = carried->sent + carried->received <= CLC_BYTES;
	carried->unknown = carried->smc;
}

/* Give a closed connection to whoever records. */
static __always_inline void record_closed(const struct seen *seen, const struct carried *carried,
					  __u64 age, __u64 now)
{
	struct smc_policy_host *host = smc_policy_host_state();
	struct smc_auto_connection connection;
	struct smc_policy_record *record;

	if (!host || !host->recording)
		return;
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		__sync_fetch_and_add(&host->unrecorded, 1);
		return;
	}
	fill(&connection, seen->high, seen->low, seen->what);
	record->opened = now - age;
	record->closed = now;
	record->sent = carried->sent;
	record->received = carried->received;
	record->peer[0] = connection.peer[0];
	record->peer[1] = connection.peer[1];
	record->peer[2] = connection.peer[2];
	record->peer[3] = connection.peer[3];
	record->port = connection.port;
	record->side = connection.side;
	record->smc = carried->smc;
	record->rtt = carried->rtt;
	bpf_ringbuf_submit(record, 0);
}

/* What connection @cookie has carried is a lesson. */
GLOBAL int learn(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 bytes)
{
	struct smc_auto_connection connection;
	struct smc_auto_place place;

	fill(&connection, high, low, what);
	smc_auto_find_live(&place, cookie);
	if (place.set)
		smc_auto_lesson(&connection, smc_auto_live_at(&place), cookie, bytes,
				(__u32)(what >> WHAT_RTT), what >> WHAT_ENDED & 1,
				bpf_ktime_get_ns());
	return 0;
}

/* Where nobody tells what SMC carries, how far away the peer is can be learned all the same. */
GLOBAL int learn_rtt(__u64 high, __u64 low, __u64 what)
{
	struct smc_auto_connection connection;
	struct smc_auto_peer *peer;
	struct smc_auto_key key;

	fill(&connection, high, low, what);
	key = smc_auto_peer_key(&connection);
	peer = smc_auto_make_peer(&key);
	if (peer)
		smc_auto_learn_rtt(peer, (__u32)(what >> WHAT_RTT));
	return 0;
}

#define RTT_MAX ((1u << 24) - 1)

static __always_inline __u64 what_with_rtt(const struct seen *seen, const struct carried *carried)
{
	return seen->what | (__u64)(carried->rtt < RTT_MAX ? carried->rtt : RTT_MAX) << WHAT_RTT;
}

static __always_inline void learn_carried(const struct seen *seen, const struct carried *carried,
					  __u64 ended)
{
	learn(seen->high, seen->low, what_with_rtt(seen, carried) | ended << WHAT_ENDED,
	      seen->cookie, carried->sent + carried->received);
}

#define ECONNREFUSED 111

/* A connection that was never made: its SYN was sent again, but nobody waited for SILENT_AFTER. */
static __always_inline void given_up(struct sock *sk, struct tcp_sock *tp, const struct seen *seen,
				     const struct smc_auto_live *live)
{
	__u64 says = (__u64)SILENT_AFTER << WHAT_TIMES | 1ull << WHAT_ASKED | 1ull << WHAT_ENDED;

	if (has_smc() && live->info & SMC_AUTO_LIVE_ASKED && tp->total_retrans &&
	    tp->total_retrans < SILENT_AFTER && sk->sk_err != ECONNREFUSED)
		unanswered(seen->high, seen->low, seen->what | says, seen->cookie,
			   bpf_ktime_get_ns());
}

/* The connection of @smc (NULL: it was never SMC) at @place has ended. */
static __always_inline void closed(struct sock *sk, struct smc_policy_smc *smc,
				   const struct smc_auto_place *place, __u64 now)
{
	__u64 cookie = (__u64)sk->__sk_common.skc_cookie.counter;
	struct smc_auto_live *live = smc_auto_live_at(place);
	struct tcp_sock *tp = (struct tcp_sock *)bpf_skc_to_tcp_sock(sk);
	struct carried carried;
	struct seen seen;
	__u64 age;

	if (!tp)
		return;
	age = smc_auto_age(live, now);
	read_carried(&carried, tp, smc);
	see_live(&seen, &sk->__sk_common, tp, cookie, live_side(live));
	if (carried.unknown)
		learn_rtt(seen.high, seen.low, what_with_rtt(&seen, &carried));
	if (live_side(live) == SMC_POLICY_CONNECT && !tp->bytes_acked)
		given_up(sk, tp, &seen, live);
	/* The SYN of a connection that was never made is not acknowledged. */
	if (!carried.unknown &&
	    (carried.smc || live_side(live) == SMC_POLICY_ACCEPT || carried.sent)) {
		learn_carried(&seen, &carried, 1);
		record_closed(&seen, &carried, age, now);
	}
	smc_auto_drop_live(place);
}

/*
 * SMC connection @cookie has ended, after @age, and nobody has seen what came of it: its TCP
 * connection has carried @messages of the CLC handshake, and brought @received bytes.
 */
GLOBAL int judge_end(__u64 cookie, __u64 messages, __u64 received, __u64 age)
{
	const struct smc_policy_smc *smc = bpf_map_lookup_elem(&smc_connections, &cookie);

	if (smc)
		smc_policy_judge_end(smc, (__s32)messages, received, age, bpf_ktime_get_ns());
	return 0;
}

/* As far as a client has sent them, or a server got them. */
static __always_inline __s32 clc_messages(const struct smc_policy_smc *smc, struct tcp_sock *tp)
{
	__u32 again = BPF_CORE_READ(tp, total_retrans) - smc->syns_resent;

	return (__s32)(smc->side == SMC_POLICY_CONNECT ? BPF_CORE_READ(tp, data_segs_out) - again
						       : BPF_CORE_READ(tp, data_segs_in));
}

/*
 * The connection of @sk has ended.  What is SMC may go on without TCP; @last: that too has ended.
 */
STACK_OF_ITS_OWN void finish(struct sock *sk, int last)
{
	__u64 cookie = (__u64)sk->__sk_common.skc_cookie.counter, now;
	struct smc_policy_smc *smc = 0;
	struct smc_auto_live *live = 0;
	struct smc_auto_place place;

	smc_auto_find_live(&place, cookie);
	if (!place.set && !has_smc())
		return;
	if (place.set)
		live = smc_auto_live_at(&place);
	if (has_smc() && (!live || live->info & SMC_AUTO_LIVE_ASKED))
		smc = bpf_map_lookup_elem(&smc_connections, &cookie);
	if (smc && !last && !(smc->flags & SMC_POLICY_SMC_FALLBACK))
		return;
	now = bpf_ktime_get_ns();
	if (smc) {
		if (!(smc->flags & SMC_POLICY_SMC_FALLBACK))
			smc_policy_drop_live(smc);
		if (!(smc->flags & (SMC_POLICY_SMC_FALLBACK | SMC_POLICY_SMC_PROVEN)))
			judge_end(cookie, (__u64)clc_messages(smc, (struct tcp_sock *)sk),
				  BPF_CORE_READ((struct tcp_sock *)sk, bytes_received),
				  live ? smc_auto_age(live, now) : 0);
	}
	if (live)
		closed(sk, smc, &place, now);
	if (smc)
		bpf_map_delete_elem(&smc_connections, &cookie);
}

#define EPIPE 32
#define ECONNRESET 104

/* tcp_reset() says why before it closes. */
static __always_inline int is_reset_by_peer(const struct sock *sk)
{
	return sk->sk_err == ECONNRESET || sk->sk_err == EPIPE;
}

/*
 * A reset soon after the SYN-ACK came without the option, before any data: a server that
 * sent the option, which the path took away, does so when what comes is not CLC.
 */
STACK_OF_ITS_OWN void reset_by_peer(struct sock *sk)
{
	__u64 cookie = (__u64)sk->__sk_common.skc_cookie.counter, now = bpf_ktime_get_ns();
	struct tcp_sock *tp = tcp_sock_of(sk);
	struct smc_auto_connection connection;
	struct smc_auto_place place;
	struct smc_auto_live *live;
	struct seen seen;

	smc_auto_find_live(&place, cookie);
	if (!place.set || !tp)
		return;
	live = smc_auto_live_at(&place);
	if (!(live->info & SMC_AUTO_LIVE_ASKED) || smc_auto_age(live, now) > EARLY_RESET ||
	    tp->bytes_received || bpf_map_lookup_elem(&smc_connections, &cookie))
		return;
	see_live(&seen, &sk->__sk_common, tp, cookie, SMC_POLICY_CONNECT);
	fill(&connection, seen.high, seen.low, seen.what);
	smc_policy_path_vote(SMC_POLICY_CONNECT, connection.peer, now - smc_auto_age(live, now),
			     SMC_POLICY_EVIDENCE_RESET, 0, now);
}

/*
 * A socket has gone to CLOSE, on whatever way; what is known of the connection is still there.  Who
 * has no cookie has been passed over.
 */
static __always_inline void closing(struct sock *sk)
{
	if (!sk->__sk_common.skc_cookie.counter || sk->sk_protocol != IPPROTO_TCP)
		return;
	if (has_smc() && is_reset_by_peer(sk))
		reset_by_peer(sk);
	finish(sk, 0);
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

/* What is left is SMC. */
static __always_inline void finish_smc(struct sock *sk)
{
	if (has_option(tcp_sock_of(sk)))
		finish(sk, 1);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(watch_destroy, struct sock *sk)
{
	finish_smc(sk);
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
