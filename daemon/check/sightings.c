// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check/option.h"
#include "check/sightings.h"
#include "common/cleanup.h"

/* All but TCP segments with SYN; offsets from the IP header, for the socket is of type SOCK_DGRAM. */
static struct sock_filter syns[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 5, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct ip, ip_p)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 7),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
	BPF_STMT(BPF_JMP | BPF_JA, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct ip6_hdr, ip6_nxt)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 2),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(struct ip6_hdr) + 13),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
	BPF_STMT(BPF_RET | BPF_K, 0xffff),
};

int sightings_open(struct sightings *sightings, uint16_t port)
{
	struct sock_fprog filter = { sizeof(syns) / sizeof(syns[0]), syns };
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	/* Protocol 0: nothing comes before the filter is there. */
	autoclose int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*sightings = (struct sightings){ .fd = -1, .port = port };
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    bind(fd, (struct sockaddr *)&all, sizeof(all)))
		return -errno;
	sightings->fd = steal_fd(fd);
	return 0;
}

void sightings_close(struct sightings *sightings)
{
	cleanup_close(&sightings->fd);
	sightings->fd = -1;
}

/* Note the TCP segment of @length bytes if it is to or from the port. */
static void note(struct sightings *sightings, const uint8_t *segment, size_t length)
{
	struct sighting *seen = &sightings->seen[sightings->n % SIGHTINGS_MAX];
	struct tcphdr header;

	if (length < sizeof(header))
		return;
	memcpy(&header, segment, sizeof(header));
	if (ntohs(header.ack ? header.source : header.dest) != sightings->port ||
	    header.doff * 4u < sizeof(header) || header.doff * 4u > length)
		return;
	*seen = (struct sighting){
		.isn = header.ack ? ntohl(header.ack_seq) - 1 : ntohl(header.seq),
		.client_port = ntohs(header.ack ? header.dest : header.source),
		.synack = header.ack,
		.option = option_find(segment + sizeof(header), header.doff * 4u - sizeof(header),
				      OPTION_MAGIC)
				  .wanted,
	};
	sightings->n++;
}

/* Note all that has passed. */
static void collect(struct sightings *sightings)
{
	uint8_t packet[256];
	ssize_t length;

	while ((length = recv(sightings->fd, packet, sizeof(packet), 0)) > 0) {
		size_t skip = packet[0] >> 4 == 6 ? sizeof(struct ip6_hdr) : (packet[0] & 15u) * 4;

		if ((size_t)length > skip)
			note(sightings, packet + skip, (size_t)length - skip);
	}
}

/* The last sightings, the newest first. */
#define for_each_sighting(seen, sightings)                                                   \
	for (unsigned int i_ = 0;                                                            \
	     i_ < SIGHTINGS_MAX && i_ < (sightings)->n &&                                    \
	     ((seen) = &(sightings)->seen[((sightings)->n - 1 - i_) % SIGHTINGS_MAX], true); \
	     i_++)

bool sightings_isn(struct sightings *sightings, uint16_t client_port, uint32_t *isn)
{
	const struct sighting *seen;

	collect(sightings);
	for_each_sighting(seen, sightings)
	{
		if (!seen->synack && seen->client_port == client_port) {
			*isn = seen->isn;
			return true;
		}
	}
	return false;
}

enum facts_answer sightings_option(struct sightings *sightings, uint32_t isn, bool synack)
{
	const struct sighting *seen;

	collect(sightings);
	for_each_sighting(seen, sightings) if (seen->isn == isn &&
					       seen->synack == synack) return seen->option
		? FACTS_YES
		: FACTS_NO;
	return FACTS_UNKNOWN;
}
