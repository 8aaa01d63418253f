// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SYNs by raw sockets.
 *
 * A raw socket gets a copy of each TCP segment before the kernel's own TCP sees it (ip_local_deliver()
 * and ip6_input_finish(): raw sockets come first).  TCP finds no connection for a SYN-ACK that answers
 * one of our SYNs and sends a RST.  This is what is wanted: the answer has been copied by then, each kind
 * of SYN has a port of its own and needs one answer, and the RST ends the half-open connection at the
 * peer.  It does so for answers that come twice, or after the check has ended, too.
 *
 * The source ports are bound by TCP sockets that neither listen nor connect: nobody else gets them
 * meanwhile, and TCP does not find such sockets when it looks for a connection.
 *
 * A SYN that was lost is sent again as it was, as TCP does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "check/option.h"
#include "check/syn.h"
#include "common/cleanup.h"
#include "common/clock.h"

#define TRIES 3 /* of each kind */
#define TRIES_MORE 2 /* of one that seems to get lost while others are answered */
#define TIMEOUT_FIRST_US 1000000 /* before any round trip is known */
#define TIMEOUT_LEAST_US 500000
#define TIMEOUT_ROUND_TRIPS 4
#define SYN_SIZE (sizeof(struct tcphdr) + OPTION_SPACE)

struct syn {
	int port_holder;
	in_port_t port; /* network byte order */
	uint32_t isn; /* host byte order */
	uint32_t magic; /* of its kind 254; 0: it has none */
	uint64_t sent_us;
};

struct prober {
	const struct check_target *target;
	union check_address source; /* port 0 */
	int raw;
	struct syn syns[SYN_KINDS];
	struct syn_answer *answers; /* SYN_KINDS of them */
	unsigned int sent; /* SYN_MAX at most */
	uint32_t rtt_us; /* 0: not known */
	int error; /* why a SYN could not be sent, an errno; 0: all were */
};

/* ---- sockets ---- */

/* Only SYNs and RSTs of the peer's port: all else that it sends would fill the receive buffer. */
static int filter_answers(int fd, bool v6, uint16_t port)
{
	/* What IPv4's raw sockets get begins with the IP header, what IPv6's get with TCP's. */
	struct sock_filter filter[] = {
		v6 ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0)
		   : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN | TH_RST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

static int open_raw(struct prober *prober)
{
	union check_address peer = prober->target->address;
	bool v6 = peer.any.sa_family == AF_INET6;
	socklen_t length = sizeof(prober->source);
	int rc;

	prober->raw =
		socket(peer.any.sa_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (prober->raw < 0)
		return -errno;
	rc = filter_answers(prober->raw, v6, prober->target->port);
	/* The port of a raw socket's address is its protocol, or 0. */
	*check_address_port(&peer) = 0;
	if (!rc && (connect(prober->raw, &peer.any, prober->target->length) ||
		    getsockname(prober->raw, &prober->source.any, &length)))
		rc = -errno;
	*check_address_port(&prober->source) = 0;
	return rc;
}

/* A source port that is nobody else's as long as @syn holds it. */
static int hold_port(const struct prober *prober, struct syn *syn)
{
	union check_address address = prober->source;
	socklen_t length = prober->target->length;

	syn->port_holder = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (syn->port_holder < 0 || bind(syn->port_holder, &address.any, length) ||
	    getsockname(syn->port_holder, &address.any, &length))
		return -errno;
	syn->port = *check_address_port(&address);
	return 0;
}

/* A magic that is neither SMC's nor experimental TCP Fast Open's (RFC 6994: 0xf989). */
static uint32_t draw_magic(uint32_t random)
{
	return random == OPTION_MAGIC || random >> 16 == 0xf989 || !random ? 0x5ca1ab1e : random;
}

static int prepare(struct prober *prober)
{
	uint32_t random[SYN_KINDS + 1] = { 0 };
	int rc = open_raw(prober);

	if (!rc && getrandom(random, sizeof(random), 0) != sizeof(random))
		rc = -EIO;
	for (int kind = 0; kind < SYN_KINDS && !rc; kind++) {
		prober->syns[kind].isn = random[kind];
		rc = hold_port(prober, &prober->syns[kind]);
	}
	prober->syns[SYN_SMC].magic = prober->syns[SYN_FULL].magic = OPTION_MAGIC;
	prober->syns[SYN_UNKNOWN].magic = draw_magic(random[SYN_KINDS]);
	return rc;
}

static void release(struct prober *prober)
{
	for (int kind = 0; kind < SYN_KINDS; kind++)
		cleanup_close(&prober->syns[kind].port_holder);
	cleanup_close(&prober->raw);
}

/* ---- SYNs ---- */

/* The options of a Linux client, of which NOPs before the last fill the space if @full; their length. */
static size_t write_options(uint8_t *at, bool v6, uint32_t magic, bool full)
{
	uint16_t mss = v6 ? 1440 : 1460;
	uint8_t usual[] = {
		TCPOPT_MAXSEG,
		TCPOLEN_MAXSEG,
		(uint8_t)(mss >> 8),
		(uint8_t)mss,
		TCPOPT_SACK_PERMITTED,
		TCPOLEN_SACK_PERMITTED,
		TCPOPT_TIMESTAMP,
		TCPOLEN_TIMESTAMP,
		0,
		0,
		0,
		1,
		0,
		0,
		0,
		0,
		TCPOPT_NOP,
		TCPOPT_WINDOW,
		TCPOLEN_WINDOW,
		7,
	};
	size_t end = full ? OPTION_SPACE : sizeof(usual) + (magic ? OPTION_ALIGNED : 0);

	memset(at, TCPOPT_NOP, OPTION_SPACE);
	memcpy(at, usual, sizeof(usual));
	if (magic)
		option_write(at + end - OPTION_ALIGNED, magic);
	return end;
}

/* Sum of 16-bit words for the checksum; @length is even. */
static uint32_t add_words(uint32_t sum, const void *data, size_t length)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	return sum;
}

static uint16_t checksum(const struct prober *prober, const void *segment, size_t length)
{
	const union check_address *from = &prober->source, *to = &prober->target->address;
	uint32_t sum = (uint32_t)length + IPPROTO_TCP;

	if (from->any.sa_family == AF_INET6) {
		sum = add_words(sum, &from->v6.sin6_addr, sizeof(from->v6.sin6_addr));
		sum = add_words(sum, &to->v6.sin6_addr, sizeof(to->v6.sin6_addr));
	} else {
		sum = add_words(sum, &from->v4.sin_addr, sizeof(from->v4.sin_addr));
		sum = add_words(sum, &to->v4.sin_addr, sizeof(to->v4.sin_addr));
	}
	sum = add_words(sum, segment, length);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Write the SYN of @kind to @segment of SYN_SIZE bytes; its length. */
static size_t write_syn(const struct prober *prober, enum syn_kind kind, uint8_t *segment)
{
	bool v6 = prober->source.any.sa_family == AF_INET6;
	const struct syn *syn = &prober->syns[kind];
	struct tcphdr header = {
		.source = syn->port,
		.dest = htons(prober->target->port),
		.seq = htonl(syn->isn),
		.syn = 1,
		.window = htons(64240),
	};
	size_t length = sizeof(header) +
			write_options(segment + sizeof(header), v6, syn->magic, kind == SYN_FULL);

	header.doff = (uint16_t)(length / 4) & 15;
	memcpy(segment, &header, sizeof(header));
	header.check = checksum(prober, segment, length);
	memcpy(segment, &header, sizeof(header));
	return length;
}

/* Send the SYN of @kind if any are left. */
static void send_syn(struct prober *prober, enum syn_kind kind)
{
	uint8_t segment[SYN_SIZE];
	size_t length = write_syn(prober, kind, segment);
	bool failed = true;

	if (prober->sent == SYN_MAX)
		return;
	prober->sent++;
	prober->answers[kind].sent++;
	prober->syns[kind].sent_us = clock_us(CLOCK_MONOTONIC);
	/* An error that ICMP has told is pending, and reported once instead of sending. */
	for (int i = 0; i < 2 && failed; i++)
		failed = send(prober->raw, segment, length, 0) < 0;
	if (failed)
		prober->error = errno;
}

/* ---- answers ---- */

static void note_answer(struct prober *prober, enum syn_kind kind, const struct tcphdr *header,
			const uint8_t *options, size_t length)
{
	struct syn_answer *answer = &prober->answers[kind];
	const struct syn *syn = &prober->syns[kind];
	struct option_found found = option_find(options, length, syn->magic);

	answer->reply = header->rst ? SYN_REFUSED : SYN_ACCEPTED;
	answer->sent_back = !header->rst && syn->magic && found.wanted;
	answer->other_back = !header->rst && (found.other || (!syn->magic && found.wanted));
	answer->rtt_us = (uint32_t)(clock_us(CLOCK_MONOTONIC) - syn->sent_us);
	if (answer->rtt_us > prober->rtt_us)
		prober->rtt_us = answer->rtt_us;
}

/* Take @segment if it answers a SYN: what does not acknowledge ours is not for us. */
static void take_segment(struct prober *prober, const uint8_t *segment, size_t length)
{
	struct tcphdr header;

	if (length < sizeof(header))
		return;
	memcpy(&header, segment, sizeof(header));
	if (header.doff * 4u < sizeof(header) || header.doff * 4u > length || !header.ack ||
	    header.source != htons(prober->target->port))
		return;
	for (int kind = 0; kind < SYN_KINDS; kind++)
		if (header.dest == prober->syns[kind].port &&
		    ntohl(header.ack_seq) == prober->syns[kind].isn + 1 &&
		    prober->answers[kind].sent && !prober->answers[kind].reply)
			note_answer(prober, (enum syn_kind)kind, &header, segment + sizeof(header),
				    header.doff * 4u - sizeof(header));
}

/* Take all segments that have arrived. */
static void receive(struct prober *prober)
{
	bool v6 = prober->source.any.sa_family == AF_INET6;
	uint8_t packet[512];
	ssize_t length;
	size_t skip;

	for (;;) {
		length = recv(prober->raw, packet, sizeof(packet), 0);
		if (length < 0 && errno == EAGAIN)
			return;
		/* What ICMP says, a host that is unreachable for example, is no answer. */
		if (length < 0)
			continue;
		skip = v6 ? 0 : (size_t)(packet[0] & 15) * 4;
		if ((size_t)length > skip)
			take_segment(prober, packet + skip, (size_t)length - skip);
	}
}

static bool all_answered(const struct prober *prober, unsigned int kinds)
{
	for (int kind = 0; kind < SYN_KINDS; kind++)
		if (kinds & 1u << kind && !prober->answers[kind].reply)
			return false;
	return true;
}

static uint64_t timeout_us(const struct prober *prober)
{
	uint64_t timeout = (uint64_t)prober->rtt_us * TIMEOUT_ROUND_TRIPS;

	if (!prober->rtt_us)
		return TIMEOUT_FIRST_US;
	return timeout > TIMEOUT_LEAST_US ? timeout : TIMEOUT_LEAST_US;
}

/* Wait until all of @kinds are answered or the time for it is over. */
static void wait_for_answers(struct prober *prober, unsigned int kinds)
{
	struct pollfd fd = { .fd = prober->raw, .events = POLLIN };
	uint64_t start = clock_us(CLOCK_MONOTONIC), passed = 0;

	while (!all_answered(prober, kinds) && passed < timeout_us(prober)) {
		poll(&fd, 1, (int)((timeout_us(prober) - passed + 999) / 1000));
		receive(prober);
		passed = clock_us(CLOCK_MONOTONIC) - start;
	}
}

/* Send each of @kinds until it is answered, @tries times at most. */
static void send_kinds(struct prober *prober, unsigned int kinds, int tries)
{
	while (tries-- && !all_answered(prober, kinds)) {
		for (int kind = 0; kind < SYN_KINDS; kind++)
			if (kinds & 1u << kind && !prober->answers[kind].reply)
				send_syn(prober, (enum syn_kind)kind);
		wait_for_answers(prober, kinds);
	}
}

/* The pair @kind and @control; @kind some times more if only the control is answered. */
static void send_pair(struct prober *prober, enum syn_kind kind, enum syn_kind control)
{
	send_kinds(prober, 1u << kind | 1u << control, TRIES);
	if (prober->answers[control].reply)
		send_kinds(prober, 1u << kind, TRIES_MORE);
}

int syn_probe(const struct check_target *target, struct syn_answer answers[SYN_KINDS])
{
	struct prober prober = { .target = target, .raw = -1, .answers = answers };
	int rc;

	memset(answers, 0, sizeof(*answers) * SYN_KINDS);
	for (int kind = 0; kind < SYN_KINDS; kind++)
		prober.syns[kind].port_holder = -1;
	rc = prepare(&prober);
	if (!rc) {
		send_pair(&prober, SYN_SMC, SYN_PLAIN);
		if (answers[SYN_SMC].reply == SYN_ACCEPTED)
			send_pair(&prober, SYN_FULL, SYN_UNKNOWN);
		if (!answers[SYN_SMC].reply && !answers[SYN_PLAIN].reply)
			rc = -prober.error;
	}
	release(&prober);
	return rc;
}
