/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYNs and SYN-ACKs as they pass this host, by a packet socket: whether they carry SMC's option. */
#ifndef SMC_POLICY_CHECK_SIGHTINGS_H
#define SMC_POLICY_CHECK_SIGHTINGS_H

#include "check/facts.h"

#define SIGHTINGS_MAX 512

/* One packet.  Addresses and ports may be translated on the way, so the ISN tells connections apart. */
struct sighting {
	uint32_t isn; /* of the SYN, host byte order */
	uint16_t client_port; /* host byte order */
	bool synack, option;
};

/* Of one port.  Not thread-safe. */
struct sightings {
	int fd;
	uint16_t port; /* service port, host byte order */
	struct sighting seen[SIGHTINGS_MAX]; /* a ring */
	unsigned int n; /* ever seen */
};

/* Begin.  Needs CAP_NET_RAW.  0 or a negative errno. */
int sightings_open(struct sightings *sightings, uint16_t port);
void sightings_close(struct sightings *sightings);

/* The ISN of the last SYN from @client_port; false: none was seen. */
bool sightings_isn(struct sightings *sightings, uint16_t client_port, uint32_t *isn);

/* Whether the SYN of @isn, or its SYN-ACK, had SMC's option when it passed; FACTS_UNKNOWN: not seen. */
enum facts_answer sightings_option(struct sightings *sightings, uint32_t isn, bool synack);

#endif
