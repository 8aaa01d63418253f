/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The account of fallbacks: how many, why, of which rule and peers; and what every stage on the way to
 * those who look received and lost.  JSON: new, NULL when memory is short.
 */
#ifndef SMC_POLICY_FALLBACKS_H
#define SMC_POLICY_FALLBACKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "smc_policy_seen.h"

struct server;

/* What has been counted at one time. */
struct fallbacks_mark {
	uint64_t time; /* CLOCK_MONOTONIC, ns; 0: no mark */
	struct smc_policy_totals counts;
};

/* What this daemon received for others, and what of it got lost, since it started. */
struct fallbacks_stage {
	uint64_t received, lost;
};

/* The last minutes. */
struct fallbacks {
	struct fallbacks_mark old, recent;
	bool warned; /* [metrics] warn-unexpected is exceeded, and the log says so */
	/* The rings of record (what is lost in it, the kernel counts) and monitor, and their clients. */
	struct fallbacks_stage records, events, readers;
	uint64_t records_lost_before; /* the daemon started */
};

/* Fallbacks without our doing, of connections that might have been SMC, in the last minutes. */
struct fallbacks_share {
	uint64_t unexpected, connections;
	uint64_t seconds;
};

void fallbacks_read_share(const struct server *server, struct fallbacks_share *share);

/* Whether [metrics] warn-unexpected is exceeded; then why, to @text of @size bytes. */
bool fallbacks_exceed(const struct server *server, char *text, size_t size);

/* Note what is counted now and then, and warn in the log when the share comes to be too large. */
void fallbacks_check(struct server *server);

#define FALLBACKS_STAGES 7

/* What a stage received, what of it got lost, and its name. */
struct fallbacks_named {
	const char *name;
	struct fallbacks_stage of;
};

/* All stages, into @stages of FALLBACKS_STAGES. */
void fallbacks_list_stages(const struct server *server, struct fallbacks_named *stages);

/* How many connections fell back for one cause, on one side. */
struct fallbacks_cause {
	const char *cause;
	unsigned int side; /* enum smc_policy_side */
	bool expected;
	uint64_t count;
};

/* The causes there are, into *@found, to be freed.  How many, 0 too when memory is short. */
size_t fallbacks_list_causes(const struct server *server, struct fallbacks_cause **found);

/* "fallbacks" and "stages" of stats, as wire/protocol.h has them. */
json_t *fallbacks_report(const struct server *server);
json_t *fallbacks_report_stages(const struct server *server);

#endif
