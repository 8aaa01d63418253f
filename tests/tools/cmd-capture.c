// SPDX-License-Identifier: GPL-2.0-or-later
/* Every SYN and SYN-ACK that passes an interface, and whether it carries the SMC option. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smc-tool.h"

static const char usage[] =
	"usage: smc-tool capture --interface IF [--out FILE]\n"
	"One line per packet: \"t=SECONDS in|out v4|v6 SOURCE SPORT DESTINATION DPORT SYN|SYNACK\n"
	"smc=yes|no\", t being CLOCK_MONOTONIC.  Once it sees packets it creates FILE.ready, or\n"
	"prints \"ready\" if there is no --out.  SIGTERM ends it after what has already arrived.\n";

#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_SMC 254 /* experimental, shared: RFC 7609 tells it by the magic */
#define SMC_OPTION_LENGTH 6
static const unsigned char smc_magic[] = { 0xe2, 0xd4, 0xc3, 0xd9 };

/*
 * For the kernel to drop all but TCP segments with SYN, RoCE traffic above all.
 * Offsets are from the IP header: the socket is of type SOCK_DGRAM.
 */
static struct sock_filter syn_filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 5, 0), /* IPv6 */
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), /* IPv4: protocol */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 7),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* X = header length */
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13), /* TCP flags */
	BPF_STMT(BPF_JMP | BPF_JA, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), /* IPv6: next header */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 2),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40 + 13), /* TCP flags */
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
	BPF_STMT(BPF_RET | BPF_K, 0xffff),
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

struct capture {
	const char *interface;
	const char *path;
	FILE *out;
	int fd;
};

static bool has_smc_option(const unsigned char *option, const unsigned char *end)
{
	while (option < end && *option != TCP_OPTION_END) {
		if (*option == TCP_OPTION_NOP) {
			option++;
			continue;
		}
		if (option + 1 >= end || option[1] < 2 || option + option[1] > end)
			return false;
		if (option[0] == TCP_OPTION_SMC && option[1] == SMC_OPTION_LENGTH &&
		    !memcmp(option + 2, smc_magic, sizeof(smc_magic)))
			return true;
		option += option[1];
	}
	return false;
}

/* Where the TCP header starts, 0 if this is not plain TCP over IP; fills in the addresses. */
static size_t parse_ip(const unsigned char *packet, size_t len, char *source, char *destination)
{
	const struct ip *v4 = (const struct ip *)packet;
	const struct ip6_hdr *v6 = (const struct ip6_hdr *)packet;

	if (len >= sizeof(*v6) && packet[0] >> 4 == 6 && v6->ip6_nxt == IPPROTO_TCP) {
		inet_ntop(AF_INET6, &v6->ip6_src, source, INET6_ADDRSTRLEN);
		inet_ntop(AF_INET6, &v6->ip6_dst, destination, INET6_ADDRSTRLEN);
		return sizeof(*v6);
	}
	if (len >= sizeof(*v4) && packet[0] >> 4 == 4 && v4->ip_p == IPPROTO_TCP) {
		inet_ntop(AF_INET, &v4->ip_src, source, INET6_ADDRSTRLEN);
		inet_ntop(AF_INET, &v4->ip_dst, destination, INET6_ADDRSTRLEN);
		return (size_t)v4->ip_hl * 4;
	}
	return 0;
}

static void log_packet(const struct capture *capture, const unsigned char *packet, size_t len,
		       bool outgoing)
{
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
	size_t offset = parse_ip(packet, len, source, destination);
	const struct tcphdr *tcp = (const struct tcphdr *)(packet + offset);
	const unsigned char *options_end;
	uint64_t now = now_us();

	if (!offset || offset + sizeof(*tcp) > len || !tcp->syn)
		return;
	options_end = packet + offset + (size_t)tcp->doff * 4;
	if (options_end > packet + len)
		options_end = packet + len;
	fprintf(capture->out, "t=%llu.%06llu %s v%u %s %u %s %u %s smc=%s\n",
		(unsigned long long)now / 1000000, (unsigned long long)now % 1000000,
		outgoing ? "out" : "in", packet[0] >> 4, source, ntohs(tcp->source), destination,
		ntohs(tcp->dest), tcp->ack ? "SYNACK" : "SYN",
		has_smc_option((const unsigned char *)(tcp + 1), options_end) ? "yes" : "no");
}

static void start_capture(struct capture *capture)
{
	struct sock_fprog filter = {
		.len = sizeof(syn_filter) / sizeof(syn_filter[0]),
		.filter = syn_filter,
	};
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(capture->interface),
	};

	if (!addr.sll_ifindex)
		fail("no interface %s", capture->interface);
	/* Protocol 0: nothing arrives before the filter is in place. */
	capture->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (capture->fd < 0)
		fail_errno("packet socket");
	if (setsockopt(capture->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		fail_errno("SO_ATTACH_FILTER");
	if (bind(capture->fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail_errno("bind to %s", capture->interface);
}

static void announce(const struct capture *capture)
{
	char path[4096];
	FILE *ready;

	if (!capture->path) {
		puts("ready");
		return;
	}
	snprintf(path, sizeof(path), "%s.ready", capture->path);
	ready = fopen(path, "w");
	if (!ready || fclose(ready))
		fail_errno("%s", path);
}

/* Signals arrive only while we wait, so none can slip in between the test of stop and the wait. */
static void block_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static void wait_for_packet(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	if (ppoll(&poll_fd, 1, NULL, &none) < 0 && errno != EINTR)
		fail_errno("ppoll");
}

static void capture_packets(const struct capture *capture)
{
	unsigned char packet[2048];
	struct sockaddr_ll from;
	ssize_t len;

	for (;;) {
		socklen_t from_len = sizeof(from);

		/* After the signal only what waits already. */
		len = recvfrom(capture->fd, packet, sizeof(packet), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &from_len);
		if (len >= 0) {
			log_packet(capture, packet, (size_t)len,
				   from.sll_pkttype == PACKET_OUTGOING);
			continue;
		}
		if (!would_block())
			fail_errno("recvfrom");
		if (stop)
			return;
		wait_for_packet(capture->fd);
	}
}

int cmd_capture(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct capture capture = { .out = stdout };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'i')
			capture.interface = optarg;
		else if (option == 'o')
			capture.path = optarg;
		else if (option == 'h')
			return fputs(usage, stdout) < 0;
		else
			return EXIT_USAGE;
	}
	if (!capture.interface || optind != argc)
		usage_error("capture needs --interface; see smc-tool capture --help");
	if (capture.path)
		capture.out = create_lines(capture.path);
	block_signals();
	start_capture(&capture);
	announce(&capture);
	capture_packets(&capture);
	return fclose(capture.out) ? EXIT_FAILURE : EXIT_SUCCESS;
}
