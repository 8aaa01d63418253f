/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMC sockets of the network namespace that this thread is in, by NETLINK_SOCK_DIAG. */
#ifndef SMC_POLICY_SMC_DIAG_H
#define SMC_POLICY_SMC_DIAG_H

#include <stddef.h>

#include "kernel/listing.h"

struct smc_diag {
	struct listing_smc *items;
	size_t n, room;
	int error; /* -ENOMEM: some are missing */
};

/*
 * Add those that are connected to @diag.  Returns 0, or a negative errno: -ENOENT without module
 * smc_diag.
 */
int smc_diag_read(struct smc_diag *diag);

#endif
