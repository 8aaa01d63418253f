// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bad path: does to SMC handshakes what middleboxes and hosts do, at the server's interface.  A
 * capture there, or on the client, sees what the client really sends and gets.  What the server gets
 * shows in what it does.
 *
 *	bpftool prog loadall path.bpf.o /sys/fs/bpf/path pinmaps /sys/fs/bpf/path
 *	tc qdisc add dev eth0 clsact
 *	tc filter add dev eth0 ingress bpf direct-action object-pinned /sys/fs/bpf/path/path_in
 *	tc filter add dev eth0 egress bpf direct-action object-pinned /sys/fs/bpf/path/path_out
 *	bpftool map update pinned /sys/fs/bpf/path/paths key ... value ...
 *
 * A path is the /24 or /64 of this host's address.  A path that is not in the map is sound.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/*
 * What a path does; bits, so that one can do several of them.  What comes of it where nobody has a
 * policy, the same on Linux 6.12 and 7.3:
 *
 * DROP_SYN	SYNs after 1, 2, 3, 4, 5, 7, 11, 19, 36 and 68 s, all with the option, never without;
 *		connect() ends with ETIMEDOUT after 134 s.  6.12 tells a nonblocking one POLLOUT, SO_ERROR
 *		0, and EPIPE when it writes.
 * STRIP_SYN	Harmless: both ends fall back with 0x03010000 (PEERNOSMC), at once.
 * STRIP_SYNACK	The client falls back with 0x03010000 and its connect() is done at once; the server
 *		waits for a CLC proposal, gets data, and resets the connection (no reason, one more of
 *		srv_hs_err).  With less than 8 bytes of data it does so after 6 s.  Nothing reaches accept().
 * ECHO		If the server does not speak SMC: it gets the CLC proposal as data.  One that answers
 *		lets connect() fail with EPROTO as soon as it does, one that waits for more with ETIMEDOUT
 *		after 6 s.  There is no fallback (negative reasons allow none), only one more of clnt_hs_err.
 * LOSE_CLC_IN, LOSE_CLC_OUT	connect() fails with ETIMEDOUT after 6 s, one more of clnt_hs_err;
 *		the server resets after 6 s, one more of srv_hs_err, nothing reaches accept().  A delay of
 *		less than 6 s makes the handshake as much longer, and it ends with SMC.
 * LOSE_CONFIRM	connect() succeeds at once, with SMC-R, and what is written is taken, but it never reaches
 *		accept(), and after 6 s the server closes without the client noticing: nothing more
 *		happens.  (If it is the first connection of a link group, connect() succeeds after 6 s and
 *		the client reads an end of file.)  For those 6 s the server makes no other SMC-R handshake:
 *		all its clients wait.
 */
enum {
	DROP_SYN = 1, /* SYNs that carry the option get lost */
	STRIP_SYN = 2, /* the option of a SYN becomes NOPs */
	STRIP_SYNACK = 4, /* that of a SYN-ACK */
	ECHO = 8, /* the SYN-ACK to a SYN with the option has it, whatever the host says */
	LOSE_CLC_IN = 16, /* what starts with a CLC message, towards this host */
	LOSE_CLC_OUT = 32, /* the same from this host */
	LOSE_CONFIRM = 64, /* the last message of the handshake only, towards this host */
	UNTIL_PLAIN = 128, /* the path is sound from the first SYN without the option on */
};

struct path {
	__u32 does;
	/* Of each connection and direction CLC messages get lost until so long after the first one;
	 * 0: for ever.
	 */
	__u32 clc_delay_ms;
	__u64 packets; /* that this path has changed or lost */
};

/* The first bytes of an address: 3 of IPv4, 8 of IPv6, the rest zero. */
struct prefix {
	__u8 bytes[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct prefix);
	__type(value, struct path);
} paths SEC(".maps");

struct flow {
	struct prefix prefix;
	__be16 here, there; /* ports */
	__u32 out; /* direction, for what differs by it */
};

/* Connections whose SYN had the option. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u8);
} offered SEC(".maps");

/* When the first CLC message came by, ns. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u64);
} first_clc SEC(".maps");

struct segment {
	struct __sk_buff *skb;
	struct path *path;
	struct flow flow;
	__u32 tcp_offset;
	bool v6;
	struct tcphdr tcp;
};

/* NOP NOP 254 6, then the magic of RFC 7609: so Linux writes it, aligned. */
#define OPTION_START bpf_htonl(0x0101fe06)
#define OPTION_MAGIC bpf_htonl(0xe2d4c3d9)
#define NOPS bpf_htonl(0x01010101)
#define EYECATCHER_R bpf_htonl(0xe2d4c3d9) /* SMC-R, and version 2 */
#define EYECATCHER_D bpf_htonl(0xe2d4c3c4)

struct clc_start {
	__be32 eyecatcher;
	__u8 type;
} __attribute__((packed));

#define CLC_CONFIRM 3

struct option {
	__be32 start, magic;
};

#define OPTION_WORDS_MAX 10

#define TCP_OFFSET_CHECK offsetof(struct tcphdr, check)
#define TCP_OFFSET_DOFF 12 /* the 16 bits with data offset and flags */
#define IP4_OFFSET_CHECK (ETH_HLEN + offsetof(struct iphdr, check))
#define IP4_OFFSET_LENGTH (ETH_HLEN + offsetof(struct iphdr, tot_len))
#define IP6_OFFSET_LENGTH (ETH_HLEN + offsetof(struct ipv6hdr, payload_len))

/* read_ip4(), read_ip6(): false if this is not TCP; else where it starts, and this end's prefix. */
static __always_inline bool read_ip4(struct segment *segment)
{
	__u32 address = ETH_HLEN + (segment->flow.out ? offsetof(struct iphdr, saddr)
						      : offsetof(struct iphdr, daddr));
	struct iphdr ip;

	segment->tcp_offset = ETH_HLEN + sizeof(ip);
	return !bpf_skb_load_bytes(segment->skb, ETH_HLEN, &ip, sizeof(ip)) &&
	       ip.protocol == IPPROTO_TCP && ip.ihl == 5 &&
	       !bpf_skb_load_bytes(segment->skb, address, &segment->flow.prefix, 3);
}

static __always_inline bool read_ip6(struct segment *segment)
{
	__u32 address = ETH_HLEN + (segment->flow.out ? offsetof(struct ipv6hdr, saddr)
						      : offsetof(struct ipv6hdr, daddr));
	struct ipv6hdr ip;

	segment->v6 = true;
	segment->tcp_offset = ETH_HLEN + sizeof(ip);
	return !bpf_skb_load_bytes(segment->skb, ETH_HLEN, &ip, sizeof(ip)) &&
	       ip.nexthdr == IPPROTO_TCP &&
	       !bpf_skb_load_bytes(segment->skb, address, &segment->flow.prefix, 8);
}

static __always_inline bool read_ip(struct segment *segment)
{
	if (segment->skb->protocol == bpf_htons(ETH_P_IP))
		return read_ip4(segment);
	return segment->skb->protocol == bpf_htons(ETH_P_IPV6) && read_ip6(segment);
}

static __always_inline bool read_segment(struct segment *segment)
{
	struct tcphdr *tcp = &segment->tcp;

	if (!read_ip(segment))
		return false;
	segment->path = bpf_map_lookup_elem(&paths, &segment->flow.prefix);
	if (!segment->path ||
	    bpf_skb_load_bytes(segment->skb, segment->tcp_offset, tcp, sizeof(*tcp)))
		return false;
	segment->flow.here = segment->flow.out ? tcp->source : tcp->dest;
	segment->flow.there = segment->flow.out ? tcp->dest : tcp->source;
	return true;
}

static __always_inline bool does(const struct segment *segment, __u32 what)
{
	return segment->path->does & what;
}

static __always_inline void count(struct segment *segment)
{
	__sync_fetch_and_add(&segment->path->packets, 1);
}

/* Where the option starts, from the start of the packet; 0 if it is not there. */
static __always_inline __u32 find_option(struct segment *segment)
{
	struct option option;
	__u32 offset;

#pragma clang loop unroll(full)
	for (int word = 5; word < 5 + OPTION_WORDS_MAX - 1; word++) {
		if (word + 2 > segment->tcp.doff)
			return 0;
		offset = segment->tcp_offset + word * 4;
		if (bpf_skb_load_bytes(segment->skb, offset, &option, sizeof(option)))
			return 0;
		if (option.start == OPTION_START && option.magic == OPTION_MAGIC)
			return offset;
	}
	return 0;
}

/* What is at @offset of the packet changes, and the TCP checksum with it. */
static __always_inline void replace_word(struct segment *segment, __u32 offset, __be32 from,
					 __be32 to)
{
	bpf_skb_store_bytes(segment->skb, offset, &to, sizeof(to), 0);
	bpf_l4_csum_replace(segment->skb, segment->tcp_offset + TCP_OFFSET_CHECK, from, to, 4);
}

static __always_inline void strip_option(struct segment *segment, __u32 offset)
{
	replace_word(segment, offset, OPTION_START, NOPS);
	replace_word(segment, offset + 4, OPTION_MAGIC, NOPS);
	count(segment);
}

/* The length of the packet is in the IP header and in TCP's pseudo header. */
static __always_inline void lengthen_ip(struct segment *segment, __u16 by)
{
	__u32 offset = segment->v6 ? IP6_OFFSET_LENGTH : IP4_OFFSET_LENGTH;
	__be16 from, to;

	if (bpf_skb_load_bytes(segment->skb, offset, &from, sizeof(from)))
		return;
	to = bpf_htons(bpf_ntohs(from) + by);
	bpf_skb_store_bytes(segment->skb, offset, &to, sizeof(to), 0);
	if (!segment->v6)
		bpf_l3_csum_replace(segment->skb, IP4_OFFSET_CHECK, from, to, 2);
	bpf_l4_csum_replace(segment->skb, segment->tcp_offset + TCP_OFFSET_CHECK, bpf_htons(0),
			    bpf_htons(by), BPF_F_PSEUDO_HDR | 2);
}

/* To the end of a segment that has no data. */
static __always_inline void add_option(struct segment *segment)
{
	__u32 check = segment->tcp_offset + TCP_OFFSET_CHECK;
	__u32 doff = segment->tcp_offset + TCP_OFFSET_DOFF;
	__u32 end = segment->tcp_offset + segment->tcp.doff * 4;
	__be16 from, to;

	if (segment->skb->len != end || segment->tcp.doff > 13 ||
	    bpf_skb_change_tail(segment->skb, end + sizeof(struct option), 0) ||
	    bpf_skb_load_bytes(segment->skb, doff, &from, sizeof(from)))
		return;
	to = bpf_htons(bpf_ntohs(from) + (2 << 12));
	bpf_skb_store_bytes(segment->skb, doff, &to, sizeof(to), 0);
	bpf_l4_csum_replace(segment->skb, check, from, to, 2);
	replace_word(segment, end, 0, OPTION_START);
	replace_word(segment, end + 4, 0, OPTION_MAGIC);
	lengthen_ip(segment, sizeof(struct option));
	count(segment);
}

static __always_inline int pass_syn(struct segment *segment)
{
	__u32 option = find_option(segment);
	__u8 one = 1;

	if (!option && does(segment, UNTIL_PLAIN))
		segment->path->does = 0;
	if (!option)
		return TC_ACT_OK;
	if (does(segment, DROP_SYN)) {
		count(segment);
		return TC_ACT_SHOT;
	}
	if (does(segment, ECHO))
		bpf_map_update_elem(&offered, &segment->flow, &one, BPF_ANY);
	if (does(segment, STRIP_SYN))
		strip_option(segment, option);
	return TC_ACT_OK;
}

static __always_inline int pass_synack(struct segment *segment)
{
	struct flow syn = segment->flow;
	__u32 option = find_option(segment);

	syn.out = 0;
	if (option && does(segment, STRIP_SYNACK))
		strip_option(segment, option);
	else if (!option && does(segment, ECHO) && bpf_map_lookup_elem(&offered, &syn))
		add_option(segment);
	return TC_ACT_OK;
}

/* What LOSE_* a segment that starts with a CLC message is subject to. */
static __always_inline __u32 clc_message(struct segment *segment)
{
	__u32 data = segment->tcp_offset + segment->tcp.doff * 4;
	struct clc_start clc;

	if (bpf_skb_load_bytes(segment->skb, data, &clc, sizeof(clc)) ||
	    (clc.eyecatcher != EYECATCHER_R && clc.eyecatcher != EYECATCHER_D))
		return 0;
	if (segment->flow.out)
		return LOSE_CLC_OUT;
	return clc.type == CLC_CONFIRM ? LOSE_CLC_IN | LOSE_CONFIRM : LOSE_CLC_IN;
}

/* The sender's TCP sends again what got lost, so a message arrives some time after the delay. */
static __always_inline bool delay_is_over(struct segment *segment)
{
	__u64 now = bpf_ktime_get_ns(), *first;

	if (!segment->path->clc_delay_ms)
		return false;
	first = bpf_map_lookup_elem(&first_clc, &segment->flow);
	if (first)
		return now - *first > segment->path->clc_delay_ms * 1000000ull;
	bpf_map_update_elem(&first_clc, &segment->flow, &now, BPF_ANY);
	return false;
}

static __always_inline int pass_data(struct segment *segment)
{
	if (!does(segment, clc_message(segment)) || delay_is_over(segment))
		return TC_ACT_OK;
	count(segment);
	return TC_ACT_SHOT;
}

SEC("tc")
int path_in(struct __sk_buff *skb)
{
	struct segment segment = { .skb = skb };

	if (!read_segment(&segment))
		return TC_ACT_OK;
	if (!segment.tcp.syn)
		return pass_data(&segment);
	return segment.tcp.ack ? TC_ACT_OK : pass_syn(&segment);
}

SEC("tc")
int path_out(struct __sk_buff *skb)
{
	struct segment segment = { .skb = skb, .flow.out = 1 };

	if (!read_segment(&segment))
		return TC_ACT_OK;
	if (!segment.tcp.syn)
		return pass_data(&segment);
	return segment.tcp.ack ? pass_synack(&segment) : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
