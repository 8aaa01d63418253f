// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A path between two network namespaces with what SMC meets on real ones: TUN devices at both ends, so
 * that the TCP of both ends is the kernel's, and this program between them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "smc-tool.h"

static const char usage[] =
	"usage: smc-tool obstacles --near NETNS --far NETNS --log FILE [--delay-ms N] [--loss N]\n"
	"Makes a TUN device tun0 in each network namespace (paths of files) and carries packets\n"
	"between them until SIGTERM: a round trip takes --delay-ms longer, and one of 10,000 / N\n"
	"packets is lost (--loss in hundredths of a percent).  The service port, from 7000 on, says\n"
	"what becomes of SYNs from the near end and of their answers; see enum obstacle.  The log has\n"
	"a line for each SYN: its version, port, source port, and what was answered in its place.\n"
	"Prints \"ready\".\n";

#define PORT_FIRST 7000

/* By port, from PORT_FIRST on. */
enum obstacle {
	NOTHING, /* 7000 */
	PEER_SPEAKS, /* 7001: SYN-ACKs to SYNs with SMC's option get it, as from a peer that has SMC */
	DROPS, /* 7002: SYNs with kind 254 */
	COPIES, /* 7003: kind 254 of the SYN into the SYN-ACK */
	ADDS, /* 7004: kind 254 with a magic of its own to each SYN-ACK */
	DROPS_FULL, /* 7005: SYNs with 40 bytes of options, of a peer that speaks SMC */
	RESETS, /* 7006: SYNs with kind 254 are answered by a RST */
	TAKES_OUT, /* 7007: kind 254 out of SYNs to a peer that speaks SMC */
	DROPS_ALL, /* 7008: SYNs */
	TAKES_OUT_FULL, /* 7009: kind 254 out of full SYNs to a peer that speaks SMC */
	RESETS_FULL, /* 7010: SYNs with 40 bytes of options are answered by a RST */
	ADDS_OTHER, /* 7011: as ADDS, but only to answers of SYNs with kind 254 */
	OBSTACLES
};

#define OPTION_KIND 254
#define OPTION_LENGTH 6
#define OPTION_ROOM 8 /* with two NOPs */
static const uint8_t smc_magic[] = { 0xe2, 0xd4, 0xc3, 0xd9 };
static const uint8_t other_magic[] = { 0x0b, 0xad, 0xca, 0xfe };

#define PACKET_MAX 2048
#define QUEUE_SIZE 8192

struct packet {
	uint64_t due_us;
	int fd; /* where it goes */
	size_t length;
	uint8_t data[PACKET_MAX];
};

struct path {
	int near, far;
	uint64_t delay_us; /* of each way */
	unsigned long loss; /* of 10,000 */
	FILE *log;
	struct packet *queue; /* a ring; all have the same delay, so it is in order */
	size_t first, n;
};

/* A TCP segment within a packet. */
struct segment {
	uint8_t *ip;
	struct tcphdr *tcp;
	size_t length; /* of the whole packet */
	bool v6;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* ---- packets ---- */

static bool find_segment(uint8_t *packet, size_t length, struct segment *segment)
{
	size_t offset = packet[0] >> 4 == 6 ? sizeof(struct ip6_hdr) : (packet[0] & 15u) * 4;
	uint8_t protocol = packet[0] >> 4 == 6 ? packet[6] : packet[9];

	*segment = (struct segment){ packet, (struct tcphdr *)(packet + offset), length,
				     packet[0] >> 4 == 6 };
	return protocol == IPPROTO_TCP && length >= offset + sizeof(struct tcphdr) &&
	       length >= offset + segment->tcp->doff * 4u;
}

static uint32_t add_words(uint32_t sum, const uint8_t *at, size_t length)
{
	for (; length > 1; at += 2, length -= 2)
		sum += (uint32_t)at[0] << 8 | at[1];
	return length ? sum + ((uint32_t)*at << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Lengths and checksums of headers that were changed. */
static void complete(struct segment *segment)
{
	size_t tcp_length = segment->length - (size_t)((uint8_t *)segment->tcp - segment->ip);
	uint32_t sum = (uint32_t)tcp_length + IPPROTO_TCP;
	struct ip6_hdr *v6 = (struct ip6_hdr *)segment->ip;
	struct ip *v4 = (struct ip *)segment->ip;

	if (segment->v6) {
		v6->ip6_plen = htons((uint16_t)tcp_length);
		sum = add_words(sum, segment->ip + 8, 32);
	} else {
		v4->ip_len = htons((uint16_t)segment->length);
		v4->ip_sum = 0;
		v4->ip_sum = fold(add_words(0, segment->ip, v4->ip_hl * 4u));
		sum = add_words(sum, segment->ip + 12, 8);
	}
	segment->tcp->check = 0;
	segment->tcp->check = fold(add_words(sum, (uint8_t *)segment->tcp, tcp_length));
}

/* The option of kind 254 of @segment, or NULL. */
static uint8_t *find_option(const struct segment *segment)
{
	uint8_t *at = (uint8_t *)(segment->tcp + 1);
	const uint8_t *end = (uint8_t *)segment->tcp + segment->tcp->doff * 4;

	while (at < end && *at != TCPOPT_EOL) {
		if (*at == TCPOPT_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= end || at[1] < 2 || at + at[1] > end)
			return NULL;
		if (*at == OPTION_KIND && at[1] == OPTION_LENGTH)
			return at;
		at += at[1];
	}
	return NULL;
}

static void take_out(struct segment *segment)
{
	uint8_t *option = find_option(segment);

	if (!option)
		return;
	memset(option, TCPOPT_NOP, OPTION_LENGTH);
	complete(segment);
}

/* To a segment without data that has room for it. */
static void add_option(struct segment *segment, const uint8_t magic[4])
{
	uint8_t *end = (uint8_t *)segment->tcp + segment->tcp->doff * 4;

	if (end != segment->ip + segment->length || segment->tcp->doff > 13)
		return;
	end[0] = end[1] = TCPOPT_NOP;
	end[2] = OPTION_KIND;
	end[3] = OPTION_LENGTH;
	memcpy(end + 4, magic, 4);
	segment->tcp->doff = (segment->tcp->doff + OPTION_ROOM / 4) & 15;
	segment->length += OPTION_ROOM;
	complete(segment);
}

static void swap_bytes(uint8_t *one, uint8_t *other, size_t length)
{
	while (length--) {
		uint8_t byte = *one;

		*one++ = *other;
		*other++ = byte;
	}
}

/* Turn the SYN @segment into the RST that refuses it. */
static void turn_into_rst(struct segment *segment)
{
	struct tcphdr *tcp = segment->tcp;
	uint32_t seq = ntohl(tcp->seq);

	swap_bytes((uint8_t *)&tcp->source, (uint8_t *)&tcp->dest, 2);
	if (segment->v6)
		swap_bytes(segment->ip + 8, segment->ip + 24, 16);
	else
		swap_bytes(segment->ip + 12, segment->ip + 16, 4);
	tcp->seq = 0;
	tcp->ack_seq = htonl(seq + 1);
	tcp->syn = 0;
	tcp->rst = tcp->ack = 1;
	tcp->doff = 5;
	segment->length = (size_t)((uint8_t *)(tcp + 1) - segment->ip);
	complete(segment);
}

/* ---- SYNs and their answers ---- */

/* What the last SYN of each source port had, for its answer; IPv6 has ports of its own. */
struct offer {
	bool smc, any;
	uint8_t magic[4];
};

static struct offer offers[2][65536];

static enum obstacle obstacle_of(in_port_t port)
{
	unsigned int number = ntohs(port);

	return number >= PORT_FIRST && number < PORT_FIRST + OBSTACLES ? number - PORT_FIRST
								       : NOTHING;
}

static void note_offer(const struct segment *segment)
{
	struct offer *offer = &offers[segment->v6][segment->tcp->source];
	const uint8_t *option = find_option(segment);

	offer->any = option;
	offer->smc = option && !memcmp(option + 2, smc_magic, sizeof(smc_magic));
	if (option)
		memcpy(offer->magic, option + 2, sizeof(offer->magic));
}

enum fate {
	PASSES,
	VANISHES,
	GOES_BACK
};

static enum fate fate_of_syn(enum obstacle obstacle, const struct segment *segment)
{
	bool full = segment->tcp->doff == 15, option = find_option(segment);

	if (obstacle == DROPS_ALL || (obstacle == DROPS && option) ||
	    (obstacle == DROPS_FULL && full))
		return VANISHES;
	return (obstacle == RESETS && option) || (obstacle == RESETS_FULL && full) ? GOES_BACK
										   : PASSES;
}

static enum fate pass_syn(struct path *path, struct segment *segment)
{
	enum obstacle obstacle = obstacle_of(segment->tcp->dest);
	enum fate fate = fate_of_syn(obstacle, segment);

	fprintf(path->log, "v%d %u %u %s\n", segment->v6 ? 6 : 4, ntohs(segment->tcp->dest),
		ntohs(segment->tcp->source), fate == GOES_BACK ? "reset" : "-");
	if (fate == GOES_BACK)
		turn_into_rst(segment);
	if (fate != PASSES)
		return fate;
	if (obstacle == TAKES_OUT || (obstacle == TAKES_OUT_FULL && segment->tcp->doff == 15))
		take_out(segment);
	note_offer(segment);
	return PASSES;
}

static bool peer_speaks(enum obstacle obstacle)
{
	return obstacle == PEER_SPEAKS || obstacle == DROPS_FULL || obstacle == TAKES_OUT ||
	       obstacle == TAKES_OUT_FULL || obstacle == RESETS_FULL;
}

static void pass_synack(struct segment *segment)
{
	enum obstacle obstacle = obstacle_of(segment->tcp->source);
	const struct offer *offer = &offers[segment->v6][segment->tcp->dest];

	if (peer_speaks(obstacle) && offer->smc)
		add_option(segment, smc_magic);
	else if (obstacle == COPIES && offer->any)
		add_option(segment, offer->magic);
	else if (obstacle == ADDS || (obstacle == ADDS_OTHER && offer->any))
		add_option(segment, other_magic);
}

/* Which way @packet from @fd goes on: a descriptor, -1: nowhere. */
static int route(struct path *path, int fd, struct packet *packet)
{
	struct segment segment;
	enum fate fate = PASSES;

	if (path->loss && (unsigned long)random() % 10000 < path->loss)
		return -1;
	if (!find_segment(packet->data, packet->length, &segment) || !segment.tcp->syn)
		return fd == path->near ? path->far : path->near;
	if (segment.tcp->ack)
		pass_synack(&segment);
	else
		fate = pass_syn(path, &segment);
	packet->length = segment.length;
	if (fate == GOES_BACK)
		return fd;
	return fate == VANISHES ? -1 : fd == path->near ? path->far : path->near;
}

/* ---- the path ---- */

static void take_packets(struct path *path, int fd)
{
	while (path->n < QUEUE_SIZE) {
		struct packet *packet = &path->queue[(path->first + path->n) % QUEUE_SIZE];
		ssize_t length = read(fd, packet->data, sizeof(packet->data) - OPTION_ROOM);

		if (length <= 0)
			return;
		packet->length = (size_t)length;
		packet->fd = route(path, fd, packet);
		packet->due_us = now_us() + path->delay_us;
		path->n += packet->fd >= 0;
	}
}

static void send_due(struct path *path)
{
	while (path->n && path->queue[path->first].due_us <= now_us()) {
		const struct packet *packet = &path->queue[path->first];

		/* EIO: the device is not up yet. */
		if (write(packet->fd, packet->data, packet->length) < 0 && errno != EAGAIN &&
		    errno != EIO)
			fail_errno("write to a TUN device");
		path->first = (path->first + 1) % QUEUE_SIZE;
		path->n--;
	}
}

static int time_to_next(const struct path *path)
{
	uint64_t now = now_us(), due = path->queue[path->first].due_us;

	return !path->n ? 1000 : due > now ? (int)((due - now + 999) / 1000) : 0;
}

static void carry(struct path *path)
{
	struct pollfd fds[] = { { path->near, POLLIN, 0 }, { path->far, POLLIN, 0 } };

	while (!stop) {
		poll(fds, 2, time_to_next(path));
		take_packets(path, path->near);
		take_packets(path, path->far);
		send_due(path);
	}
}

static int open_tun(const char *netns)
{
	struct ifreq request = { .ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	int ns = open(netns, O_RDONLY | O_CLOEXEC), fd;

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		fail_errno("network namespace %s", netns);
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		fail_errno("tun0 in %s", netns);
	return fd;
}

int cmd_obstacles(int argc, char **argv)
{
	static const struct option options[] = {
		{ "near", required_argument, NULL, 'n' },
		{ "far", required_argument, NULL, 'f' },
		{ "log", required_argument, NULL, 'l' },
		{ "delay-ms", required_argument, NULL, 'd' },
		{ "loss", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *near = NULL, *far = NULL, *log = NULL;
	struct path path = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n')
			near = optarg;
		else if (option == 'f')
			far = optarg;
		else if (option == 'l')
			log = optarg;
		else if (option == 'd')
			path.delay_us = parse_number("delay-ms", optarg, 10000) * 1000 / 2;
		else if (option == 'p')
			path.loss = parse_number("loss", optarg, 10000);
		else if (option == 'h')
			return fputs(usage, stdout) < 0;
		else
			return EXIT_USAGE;
	}
	if (!near || !far || !log || optind != argc)
		usage_error(
			"obstacles needs --near, --far and --log; see smc-tool obstacles --help");
	path.log = create_lines(log);
	path.queue = calloc(QUEUE_SIZE, sizeof(*path.queue));
	if (!path.queue)
		fail("out of memory");
	path.near = open_tun(near);
	path.far = open_tun(far);
	/* A path does not slow down when the host is busy: what it adds is what the test says. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
	signal(SIGTERM, on_signal);
	srandom((unsigned int)now_us());
	puts("ready");
	carry(&path);
	return EXIT_SUCCESS;
}
