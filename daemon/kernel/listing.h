/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SMC sockets of this host, as TCP, smc_diag and the watcher's tables tell of them. */
#ifndef SMC_POLICY_LISTING_H
#define SMC_POLICY_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"

#define LISTING_DEVICE_SIZE 65

/* What smc_diag tells of a socket (struct smc_diag_msg and its attributes). */
struct listing_smc {
	uint8_t local[16], peer[16]; /* network byte order, IPv4 as ::ffff:a.b.c.d; zero: untold */
	uint16_t local_port, peer_port; /* host byte order */
	uint8_t state; /* enum smc_state of net/smc/smc.h, as a number */
	uint8_t mode; /* enum smc_policy_mode */
	uint32_t code, peer_code; /* of a fallback, else 0 */
	uint32_t uid;
	uint64_t inode;
	char device[LISTING_DEVICE_SIZE]; /* "": none is told */
	bool matched; /* with a TCP socket */
};

/* One SMC socket; at least one of the two is there. */
struct listing {
	const struct smc_policy_listed *tcp; /* the TCP socket below */
	const struct listing_smc *smc; /* what smc_diag says; NULL where it does not list it */
	const char *netns; /* as in struct netns */
};

typedef void (*listing_visit)(void *arg, const struct listing *listing);

/*
 * Call @visit for each SMC socket that is connected or connecting, in each network namespace.  Changes
 * this thread's namespace meanwhile, as netns_for_each().  Returns 0 or a negative errno and @error.
 */
int kernel_list_connections(struct kernel *kernel, listing_visit visit, void *arg,
			    struct kernel_error *error);

/* Whether the slot of @told is still the one of the rule that told it; @epoch: of the connection. */
bool kernel_is_told_by(const struct kernel *kernel, const struct smc_policy_told *told,
		       uint32_t epoch);

#endif
