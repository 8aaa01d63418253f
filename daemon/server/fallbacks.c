// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "kernel/accounts.h"
#include "policy/causes.h"
#include "policy/value.h"
#include "server/fallbacks.h"
#include "server/lessons.h"
#include "server/metrics.h"
#include "server/report.h"
#include "server/seen.h"
#include "server/server.h"
#include "wire/cause_json.h"

/* The share is that of the last one or two of these. */
#define WINDOW (300 * NSEC_PER_SEC)
/* Of fewer connections nothing is concluded. */
#define ENOUGH 20

/* ---- the share of unexpected ones ---- */

static uint64_t unexpected(const struct smc_policy_totals *counts)
{
	return counts->fallbacks - counts->expected;
}

/* Connections that were not left to TCP by our verdict. */
static uint64_t hopeful(const struct smc_policy_totals *counts)
{
	return counts->connections - counts->expected;
}

void fallbacks_read_share(const struct server *server, struct fallbacks_share *share)
{
	const struct fallbacks_mark *from = &server->fallbacks.old;
	struct smc_policy_totals now;

	kernel_read_totals(server->kernel, &now);
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
	kernel_read_totals(server->kernel, &mark->counts);
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
						   cause_json_code(of->code), "side",
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
					cause_json_code(prefix->code), "last", report_time(then)));
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
	struct smc_policy_totals counts;
	struct fallbacks_share share;

	kernel_read_totals(server->kernel, &counts);
	fallbacks_read_share(server, &share);
	return json_pack("{s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:o, s:o}", "connections",
			 (json_int_t)counts.connections, "expected", (json_int_t)counts.expected,
			 "unexpected", (json_int_t)unexpected(&counts), "lately", "unexpected",
			 (json_int_t)share.unexpected, "connections", (json_int_t)share.connections,
			 "seconds", (json_int_t)share.seconds, "causes",
			 list_table(server, KERNEL_FALLBACKS, add_cause), "prefixes",
			 list_table(server, KERNEL_FALLBACK_PREFIXES, add_prefix));
}

void fallbacks_list_stages(const struct server *server, struct fallbacks_named *stages)
{
	const struct fallbacks *fallbacks = &server->fallbacks;
	struct listener_counts listener = metrics_listener_counts(server->metrics);
	uint64_t ring, lessons_lost = 0;
	struct smc_policy_totals totals;
	struct smc_policy_host host;

	kernel_read_totals(server->kernel, &totals);
	kernel_read_host(server->kernel, &host);
	for (int i = 0; i < SMC_POLICY_LOSSES; i++)
		lessons_lost += i == SMC_POLICY_LOST_RING ? 0 : host.lost[i];
	ring = host.lost[SMC_POLICY_LOST_RING] - fallbacks->records_lost_before;
	stages[0] = (struct fallbacks_named){ "connections",
					      { totals.connections, totals.connections_lost } };
	stages[1] = (struct fallbacks_named){ "fallbacks",
					      { totals.fallbacks, totals.fallbacks_lost } };
	stages[2] = (struct fallbacks_named){ "lessons",
					      { totals.lessons + lessons_lost, lessons_lost } };
	stages[3] =
		(struct fallbacks_named){ "records", { fallbacks->records.received + ring, ring } };
	stages[4] = (struct fallbacks_named){ "events", fallbacks->events };
	stages[5] = (struct fallbacks_named){ "readers", fallbacks->readers };
	stages[6] = (struct fallbacks_named){
		"listener", { listener.answered + listener.failed, listener.failed }
	};
}

json_t *fallbacks_report_stages(const struct server *server)
{
	struct fallbacks_named stages[FALLBACKS_STAGES];
	json_t *list = json_array();

	fallbacks_list_stages(server, stages);
	for (int i = 0; i < FALLBACKS_STAGES; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "name", stages[i].name,
						      "received", (json_int_t)stages[i].of.received,
						      "lost", (json_int_t)stages[i].of.lost));
	return list;
}

/* ---- causes ---- */

struct cause_list {
	struct fallbacks_cause *items;
	size_t n, room;
};

static int list_cause(void *arg, const void *key, const void *value)
{
	const struct smc_policy_fallback_key *of = key;
	struct smc_policy_told told = { .asked = of->expected, .verdict = SMC_POLICY_TCP };
	struct fallbacks_cause new = {
		.cause = seen_cause(&told, of->code, of->speaks),
		.side = of->side,
		.expected = of->expected != 0,
		.count = *(const uint64_t *)value,
	};
	struct cause_list *list = arg;

	for (size_t i = 0; i < list->n; i++) {
		struct fallbacks_cause *old = &list->items[i];

		if (old->side != new.side || old->expected != new.expected ||
		    strcmp(old->cause, new.cause))
			continue;
		old->count += new.count;
		return 0;
	}
	if (array_grow(list->items, list->n, list->room))
		return -ENOMEM;
	list->items[list->n++] = new;
	return 0;
}

static int compare_causes(const void *a, const void *b)
{
	const struct fallbacks_cause *one = a, *other = b;

	if (one->side != other->side)
		return one->side < other->side ? -1 : 1;
	if (one->expected != other->expected)
		return one->expected ? -1 : 1;
	return strcmp(one->cause, other->cause);
}

size_t fallbacks_list_causes(const struct server *server, struct fallbacks_cause **found)
{
	struct cause_list list = { 0 };

	if (kernel_each(server->kernel, KERNEL_FALLBACKS, list_cause, &list))
		list.n = 0;
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), compare_causes);
	*found = list.items;
	return list.n;
}
