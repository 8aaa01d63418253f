// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "policy/causes.h"
#include "policy/value.h"
#include "server/fallbacks.h"
#include "server/lessons.h"
#include "server/report.h"
#include "server/seen.h"
#include "server/server.h"

/* The share is that of the last one or two of these. */
#define WINDOW (300 * NSEC_PER_SEC)
/* Of fewer connections nothing is concluded. */
#define ENOUGH 20

/* ---- the share of unexpected ones ---- */

static uint64_t unexpected(const struct smc_policy_seen_counts *counts)
{
	return counts->fallbacks - counts->expected;
}

/* Connections that were not left to TCP by our verdict. */
static uint64_t hopeful(const struct smc_policy_seen_counts *counts)
{
	return counts->connections - counts->expected;
}

void fallbacks_read_share(const struct server *server, struct fallbacks_share *share)
{
	const struct fallbacks_mark *from = &server->fallbacks.old;
	struct smc_policy_seen_counts now;

	kernel_read_seen_counts(server->kernel, &now);
	*share = (struct fallbacks_share){
		.unexpected = unexpected(&now) - unexpected(&from->counts),
		.connections = hopeful(&now) - hopeful(&from->counts),
		.seconds = (clock_ns(CLOCK_MONOTONIC) - from->time) / NSEC_PER_SEC,
	};
}

/* What most of the unexpected ones of all time fell back for. */
struct most {
	uint64_t count;
	const char *cause;
};

static int find_most(void *arg, const void *key, const void *value)
{
	const struct smc_policy_fallback_key *of = key;
	const struct smc_policy_told nobody = { 0 };
	const uint64_t *count = value;
	struct most *most = arg;

	if (!of->expected && *count > most->count)
		*most = (struct most){ *count, seen_cause(&nobody, of->code, of->speaks) };
	return 0;
}

bool fallbacks_exceed(const struct server *server, char *text, size_t size)
{
	uint32_t limit = server->config.settings.warn_unexpected;
	struct most most = { .cause = CAUSE_UNKNOWN };
	struct fallbacks_share share;

	fallbacks_read_share(server, &share);
	if (!limit || share.connections < ENOUGH ||
	    share.unexpected * 100 <= share.connections * limit)
		return false;
	kernel_each(server->kernel, KERNEL_FALLBACKS, find_most, &most);
	snprintf(text, size,
		 "%" PRIu64 " of %" PRIu64
		 " connections that might use SMC fell back unexpectedly in "
		 "the last %" PRIu64 " s, more than [metrics] warn-unexpected = %" PRIu32
		 "%% allows; most fall back because of %s; \"smc-ebpf stats\" counts them",
		 share.unexpected, share.connections, share.seconds, limit, most.cause);
	return true;
}

static void take_mark(const struct server *server, struct fallbacks_mark *mark)
{
	mark->time = clock_ns(CLOCK_MONOTONIC);
	kernel_read_seen_counts(server->kernel, &mark->counts);
}

void fallbacks_check(struct server *server)
{
	struct fallbacks *fallbacks = &server->fallbacks;
	struct smc_policy_host host;
	bool exceeded;
	char text[384];

	if (!fallbacks->old.time) {
		kernel_read_host(server->kernel, &host);
		fallbacks->records_lost_before = host.lost[SMC_POLICY_LOST_RING];
		take_mark(server, &fallbacks->old);
		fallbacks->recent = fallbacks->old;
	} else if (clock_ns(CLOCK_MONOTONIC) - fallbacks->recent.time > WINDOW) {
		fallbacks->old = fallbacks->recent;
		take_mark(server, &fallbacks->recent);
	}
	exceeded = fallbacks_exceed(server, text, sizeof(text));
	if (exceeded && !fallbacks->warned)
		log_warning("%s", text);
	else if (!exceeded && fallbacks->warned)
		log_info("fallbacks are within [metrics] warn-unexpected again");
	fallbacks->warned = exceeded;
}

/* ---- reports ---- */

struct listing_job {
	const struct server *server;
	json_t *list;
};

/* The rule that has counter slot @slot: also one that is gone; null: none, or forgotten ones. */
static json_t *slot_rule(const struct server *server, uint32_t slot)
{
	if (slot < SMC_POLICY_SLOT_FIRST || slot >= server->slots.n)
		return json_null();
	return json_string(server->slots.owners[slot].name);
}

static int add_cause(void *arg, const void *key, const void *value)
{
	const struct smc_policy_fallback_key *of = key;
	struct smc_policy_told told = { .asked = of->expected, .verdict = SMC_POLICY_TCP };
	const struct listing_job *job = arg;
	const uint64_t *count = value;

	json_array_append_new(job->list, json_pack("{s:s, s:o, s:s, s:o, s:b, s:I}", "cause",
						   seen_cause(&told, of->code, of->speaks), "code",
						   seen_code(of->code), "side",
						   word_name(&words_side, of->side), "rule",
						   slot_rule(job->server, of->slot), "expected",
						   of->expected != 0, "count", (json_int_t)*count));
	return 0;
}

static int add_prefix(void *arg, const void *key, const void *value)
{
	const struct smc_policy_fallback_prefix *prefix = value;
	const struct smc_policy_path_key *of = key;
	const struct listing_job *job = arg;
	struct policy_prefix peers = lessons_path_prefix(job->server, of);
	uint64_t now = clock_ns(CLOCK_MONOTONIC), then = clock_us(CLOCK_REALTIME);
	char text[VALUE_TEXT_SIZE];

	value_format_prefix(&peers, text);
	then = then / 1000000 - (now > prefix->last ? now - prefix->last : 0) / NSEC_PER_SEC;
	json_array_append_new(job->list,
			      json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "side",
					word_name(&words_side, of->side), "prefix", text,
					"expected", (json_int_t)prefix->expected, "unexpected",
					(json_int_t)prefix->unexpected, "code",
					seen_code(prefix->code), "last", report_time(then)));
	return 0;
}

static json_t *list_table(const struct server *server, enum kernel_table table, kernel_visit add)
{
	struct listing_job job = { server, json_array() };

	kernel_each(server->kernel, table, add, &job);
	return job.list;
}

json_t *fallbacks_report(const struct server *server)
{
	struct smc_policy_seen_counts counts;
	struct fallbacks_share share;

	kernel_read_seen_counts(server->kernel, &counts);
	fallbacks_read_share(server, &share);
	return json_pack("{s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:o, s:o}", "connections",
			 (json_int_t)counts.connections, "expected", (json_int_t)counts.expected,
			 "unexpected", (json_int_t)unexpected(&counts), "lately", "unexpected",
			 (json_int_t)share.unexpected, "connections", (json_int_t)share.connections,
			 "seconds", (json_int_t)share.seconds, "causes",
			 list_table(server, KERNEL_FALLBACKS, add_cause), "prefixes",
			 list_table(server, KERNEL_FALLBACK_PREFIXES, add_prefix));
}

static void add_stage(json_t *stages, const char *name, uint64_t received, uint64_t lost)
{
	json_array_append_new(stages, json_pack("{s:s, s:I, s:I}", "name", name, "received",
						(json_int_t)received, "lost", (json_int_t)lost));
}

json_t *fallbacks_report_stages(const struct server *server)
{
	const struct fallbacks *fallbacks = &server->fallbacks;
	struct smc_policy_seen_counts counts;
	json_t *stages = json_array();
	struct smc_policy_host host;
	uint64_t lost;

	kernel_read_seen_counts(server->kernel, &counts);
	kernel_read_host(server->kernel, &host);
	lost = host.lost[SMC_POLICY_LOST_RING] - fallbacks->records_lost_before;
	add_stage(stages, "connections", counts.connections, counts.connections_lost);
	add_stage(stages, "fallbacks", counts.fallbacks, counts.fallbacks_lost);
	add_stage(stages, "records", fallbacks->records.received + lost, lost);
	add_stage(stages, "events", fallbacks->events.received, fallbacks->events.lost);
	add_stage(stages, "readers", fallbacks->readers.received, fallbacks->readers.lost);
	return stages;
}
