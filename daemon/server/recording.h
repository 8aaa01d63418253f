/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closed connections on their way to one client that records. */
#ifndef SMC_POLICY_RECORDING_H
#define SMC_POLICY_RECORDING_H

#include <jansson.h>

#include "kernel/kernel.h"

#define RECORDING_ROWS_MAX 4096 /* that wait for a client; what comes then is lost to it */

struct recording;

/* Begins now.  NULL: out of memory. */
struct recording *recording_new(const struct kernel *kernel);
void recording_free(struct recording *recording);

/* CLOCK_MONOTONIC in ns when it began. */
uint64_t recording_start(const struct recording *recording);

/* False: too many wait for the client, and this one is lost to it. */
bool recording_add(struct recording *recording, const struct smc_policy_record *record);

/* Whether anything waits to be told. */
bool recording_waits(const struct recording *recording);

/*
 * Take what waits: {"rows", "lost", "end"} of wire/protocol.h; @end: it is the last.  NULL: out
 * of memory.
 */
json_t *recording_take(struct recording *recording, bool end);

#endif
