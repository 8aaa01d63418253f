/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * [smc] of the configuration: the UEID of this host, and net.smc.wmem and net.smc.rmem of each network
 * namespace where the policy is in force.  What was there before is kept in STATE_DIR/smc.json, and put
 * back when a key goes or when everything is released.
 */
#ifndef SMC_POLICY_SMC_SETTINGS_H
#define SMC_POLICY_SMC_SETTINGS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/config.h"

struct server;

enum smc_sysctl {
	SMC_WMEM,
	SMC_RMEM,
	SMC_SYSCTLS
};

/* What this daemon or an earlier one has changed in one network namespace. */
struct smc_changed {
	uint32_t inum;
	bool seen; /* in the walk that is under way */
	uint32_t before[SMC_SYSCTLS], now[SMC_SYSCTLS]; /* bytes; now 0: not changed */
};

/* Zero-initialised: nothing is changed. */
struct smc_settings {
	char ueid[POLICY_UEID_SIZE]; /* that was added, "": none */
	struct smc_changed *changed;
	size_t n, room;
	bool dirty; /* differs from the file */
	struct policy_errors problems; /* one line each */
};

/* Read what an earlier daemon has changed since this host started. */
void smc_settings_read(struct server *server);

/*
 * Make it as server->config says, wherever the policy is in force; what cannot be done is logged and in
 * server->smc.problems.  Nothing is done, but for putting back, on backend observe.
 */
void smc_settings_apply(struct server *server);

/* Put everything back. */
void smc_settings_release(struct server *server);

void smc_settings_clear(struct smc_settings *smc);

#endif
