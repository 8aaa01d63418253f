// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "common/buffers.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "server/fallbacks.h"
#include "server/lessons.h"
#include "server/metrics_text.h"
#include "server/report.h"

#define SERVICES 20 /* in JSON */

#define LABELS(...) OPENMETRICS_LABELS(__VA_ARGS__)

#define GAUGE(to, name, unit, help) \
	openmetrics_family(to, "smc_policy_" name, OPENMETRICS_GAUGE, unit, help)
#define COUNTER(to, name, unit, help) \
	openmetrics_family(to, "smc_policy_" name, OPENMETRICS_COUNTER, unit, help)

/* ---- the policy ---- */

static void put_build(struct openmetrics *to, const struct server *server)
{
	openmetrics_family(to, "smc_policy_build", OPENMETRICS_INFO, NULL,
			   "Version of the daemon, and what enforces the policy");
	openmetrics_count(to,
			  LABELS({ "version", SMC_POLICY_VERSION },
				 { "backend", word_name(&words_backend, server->backend) }),
			  1);
	GAUGE(to, "start_time_seconds", "seconds", "When the daemon started, since the epoch");
	openmetrics_real(to, NULL, (double)server->started / 1e6);
}

static void put_policy(struct openmetrics *to, const struct server *server)
{
	GAUGE(to, "generation", NULL, "Generation of the policy in force");
	openmetrics_count(to, NULL, server->generation);
	GAUGE(to, "rules", NULL, "Rules in force");
	openmetrics_count(to, NULL, server->in_force.n_rules);
	GAUGE(to, "enforcing", NULL, "1 while a program decides about connections, else 0");
	openmetrics_count(to, NULL, report_enforcing(server));
	GAUGE(to, "suspended", NULL, "1 while smc-ebpf suspend makes every connection TCP, else 0");
	openmetrics_count(to, NULL, server->suspension.active);
	GAUGE(to, "degraded", NULL, "Lines under degraded in smc-ebpf status");
	openmetrics_count(to, NULL, report_count_degraded(server));
	GAUGE(to, "config_reload_success", NULL,
	      "1 if the last try to read the configuration succeeded, else 0");
	openmetrics_count(to, NULL, server->reload_succeeded);
	GAUGE(to, "config_reload_success_timestamp_seconds", "seconds",
	      "When the configuration was read with success last, since the epoch");
	openmetrics_real(to, NULL, (double)server->reloaded / 1e6);
}

/* ---- decisions ---- */

/* The reason of an smc, from the action that says so. */
static const char *smc_reason(int action, const char *other)
{
	return action == SMC_POLICY_AUTO ? word_name(&words_reason, SMC_POLICY_REASON_LONG_LIVED)
					 : other;
}

static void put_decision(struct openmetrics *to, unsigned int side, const char *rule,
			 enum smc_policy_verdict verdict, const char *reason, uint64_t count)
{
	if (count)
		openmetrics_count(to,
				  LABELS({ "side", word_name(&words_side, side) }, { "rule", rule },
					 { "verdict", word_name(&words_verdict, verdict) },
					 { "reason", reason }),
				  count);
}

static void put_decisions_of(struct openmetrics *to, const char *rule, const char *reason,
			     const struct collection_counts *counts)
{
	for (unsigned int side = 0; side < SMC_POLICY_SIDES; side++) {
		put_decision(to, side, rule, SMC_POLICY_SMC, reason, counts->side[side].smc);
		for (unsigned int i = 0; i < SMC_POLICY_REASONS; i++)
			put_decision(to, side, rule, SMC_POLICY_TCP, word_name(&words_reason, i),
				     counts->side[side].tcp[i]);
	}
}

/* The rule in force of @slot, NULL: it has just gone. */
static const struct policy_rule *rule_of(const struct server *server, uint32_t slot)
{
	return server->slots.in_use[slot]
		       ? policy_find(&server->in_force, server->slots.owners[slot].name)
		       : NULL;
}

static void put_decisions(struct openmetrics *to, const struct server *server,
			  const struct collection *collection)
{
	COUNTER(to, "decisions", NULL,
		"Verdicts of rules in force; (default): no rule matched; (others): of rules beyond "
		"the 500 with series of their own");
	for (size_t i = 0; i < collection->n_rules; i++) {
		const struct policy_rule *rule = rule_of(server, collection->rules[i].slot);

		if (rule)
			put_decisions_of(to, rule->name, smc_reason(rule->action, "rule"),
					 &collection->rules[i].counts);
	}
	put_decisions_of(to, "(default)", smc_reason(server->in_force.default_action, "default"),
			 &collection->unmatched);
	put_decisions_of(to, "(others)", "rule", &collection->others);
}

static uint64_t count_tcp(const struct collection_counts *counts)
{
	uint64_t sum = 0;

	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		for (int i = 0; i < SMC_POLICY_REASONS; i++)
			sum += counts->side[side].tcp[i];
	return sum;
}

static uint64_t count_smc(const struct collection_counts *counts)
{
	return counts->side[SMC_POLICY_CONNECT].smc + counts->side[SMC_POLICY_ACCEPT].smc;
}

static void put_verdicts(struct openmetrics *to, const struct collection *collection)
{
	COUNTER(to, "verdicts", NULL,
		"All verdicts, those of rules that are gone too, as in smc-ebpf stats");
	openmetrics_count(to, LABELS({ "verdict", "smc" }), count_smc(&collection->all));
	openmetrics_count(to, LABELS({ "verdict", "tcp" }), count_tcp(&collection->all));
}

/* ---- the host ---- */

static void put_obstacles(struct openmetrics *to, const struct collection *collection,
			  const struct smc_policy_host *host)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	GAUGE(to, "breakers", NULL, "Breakers by state, as in smc-ebpf auto show");
	for (unsigned int state = 0; state < SMC_POLICY_PATH_STATES; state++)
		openmetrics_count(to, LABELS({ "state", word_name(&words_path_state, state) }),
				  collection->known.breakers[state]);
	GAUGE(to, "cooldown_seconds", "seconds",
	      "How long no connection uses SMC after a resource error, from now on");
	openmetrics_real(to, NULL,
			 host->cooldown_until > now ? (double)(host->cooldown_until - now) / 1e9
						    : 0);
	COUNTER(to, "cooldowns", NULL, "Pauses of SMC after resource errors");
	openmetrics_count(to, NULL, host->cooldown_times);
}

/* Open SMC connections of the host. */
static uint64_t count_open(const struct server *server)
{
	struct smc_policy_rule_state state;

	kernel_read_rule_state(server->kernel, SMC_POLICY_SLOT_DEFAULT, &state);
	return state.live > 0 ? (uint64_t)state.live : 0;
}

/* Of a connection that has carried nothing on SMC yet nobody knows the mode. */
static const char *mode_word(unsigned int mode)
{
	return mode == SMC_POLICY_MODE_UNKNOWN ? "unknown" : word_name(&words_mode, mode);
}

static void put_connections(struct openmetrics *to, const struct server *server,
			    const struct collection *collection)
{
	struct smc_policy_totals totals;

	GAUGE(to, "connections", NULL,
	      "SMC sockets that are connected, by what carries them, as in smc-ebpf connections");
	for (unsigned int mode = 0; mode < SMC_POLICY_MODES; mode++)
		openmetrics_count(to, LABELS({ "mode", mode_word(mode) }),
				  collection->known.connections[mode]);
	GAUGE(to, "buffer_bytes", "bytes",
	      "Memory of the buffers of all SMC connections, as max-memory counts it");
	openmetrics_count(to, NULL, count_open(server) * smc_connection_memory());
	kernel_read_totals(server->kernel, &totals);
	COUNTER(to, "bytes", NULL,
		"Bytes that SMC sockets have carried; on TCP when they have ended");
	for (unsigned int mode = 0; mode < SMC_POLICY_MODES; mode++) {
		openmetrics_count(to, LABELS({ "mode", mode_word(mode) }, { "direction", "sent" }),
				  totals.sent[mode]);
		openmetrics_count(to,
				  LABELS({ "mode", mode_word(mode) }, { "direction", "received" }),
				  totals.received[mode]);
	}
}

static void put_fallbacks(struct openmetrics *to, const struct server *server)
{
	autofree struct fallbacks_cause *causes = NULL;
	size_t n = fallbacks_list_causes(server, &causes);

	COUNTER(to, "fallbacks", NULL,
		"SMC sockets that went on over TCP; expected: our own verdict was tcp");
	for (size_t i = 0; i < n; i++)
		openmetrics_count(to,
				  LABELS({ "side", word_name(&words_side, causes[i].side) },
					 { "cause", causes[i].cause },
					 { "expected", causes[i].expected ? "yes" : "no" }),
				  causes[i].count);
}

static void put_known(struct openmetrics *to, const struct collection *collection)
{
	GAUGE(to, "auto_known", NULL, "What auto remembers, by kind");
	openmetrics_count(to, LABELS({ "kind", "service" }), collection->known.services);
	openmetrics_count(to, LABELS({ "kind", "subnet" }), collection->known.subnets);
	openmetrics_count(to, LABELS({ "kind", "peer" }), collection->known.peers);
}

/* ---- what smc-policy knows of itself ---- */

static void put_stages(struct openmetrics *to, const struct server *server,
		       const struct smc_policy_host *host)
{
	struct fallbacks_named stages[FALLBACKS_STAGES];

	fallbacks_list_stages(server, stages);
	COUNTER(to, "events_received", NULL,
		"What each stage that can lose something has received");
	for (int i = 0; i < FALLBACKS_STAGES; i++)
		openmetrics_count(to, LABELS({ "stage", stages[i].name }), stages[i].of.received);
	COUNTER(to, "events_lost", NULL, "What of that got lost");
	for (int i = 0; i < FALLBACKS_STAGES; i++)
		openmetrics_count(to, LABELS({ "stage", stages[i].name }), stages[i].of.lost);
	COUNTER(to, "lessons_lost", NULL, "Lessons and records that got lost, by how");
	for (unsigned int i = 0; i < SMC_POLICY_LOSSES; i++)
		openmetrics_count(to, LABELS({ "how", word_name(&words_loss, i) }), host->lost[i]);
}

static void put_maps(struct openmetrics *to, const struct collection *collection)
{
	GAUGE(to, "map_entries", NULL, "Entries in use of each BPF map; of a ring buffer bytes");
	for (size_t i = 0; i < collection->n_fills; i++)
		openmetrics_count(to, LABELS({ "map", collection->fills[i].map }),
				  collection->fills[i].used);
	GAUGE(to, "map_max_entries", NULL, "Size of each BPF map, in the same units");
	for (size_t i = 0; i < collection->n_fills; i++)
		openmetrics_count(to, LABELS({ "map", collection->fills[i].map }),
				  collection->fills[i].size);
}

static void put_programs(struct openmetrics *to, const struct server *server)
{
	struct kernel_program programs[KERNEL_PROGRAMS_MAX];
	size_t n = kernel_list_programs(server->kernel, programs);

	COUNTER(to, "bpf_skipped", NULL,
		"Calls of each BPF program that the kernel has skipped, from Linux 5.12 on");
	for (size_t i = 0; i < n; i++)
		openmetrics_count(to, LABELS({ "program", programs[i].name }), programs[i].skipped);
	if (!kernel_times_programs())
		return;
	COUNTER(to, "bpf_run_seconds", "seconds",
		"Time that each BPF program has run, while kernel.bpf_stats_enabled is 1");
	for (size_t i = 0; i < n; i++)
		openmetrics_real(to, LABELS({ "program", programs[i].name }),
				 (double)programs[i].run_ns / 1e9);
	COUNTER(to, "bpf_runs", NULL,
		"How often each BPF program has run, while kernel.bpf_stats_enabled is 1");
	for (size_t i = 0; i < n; i++)
		openmetrics_count(to, LABELS({ "program", programs[i].name }), programs[i].runs);
}

/* Last: it counts the other series. */
static void put_collecting(struct openmetrics *to, const struct collection *collection)
{
	GAUGE(to, "metrics_cpu_seconds", "seconds",
	      "CPU time that it took to gather these metrics");
	openmetrics_real(to, NULL, (double)collection->cpu_ns / 1e9);
	GAUGE(to, "metrics_held_seconds", "seconds",
	      "The longest time of the CPU that gathering has held the event loop since the start");
	openmetrics_real(to, NULL, (double)collection->held_ns / 1e9);
	GAUGE(to, "metrics_rules_shared", NULL, "Rules that share the name (others)");
	openmetrics_count(to, NULL, collection->n_others);
	GAUGE(to, "metrics_series", NULL, "Series before this one");
	openmetrics_count(to, NULL, to->samples);
}

char *metrics_text(const struct server *server, const struct collection *collection,
		   enum openmetrics_format format)
{
	struct openmetrics to = { .format = format };
	struct smc_policy_host host;
	char *text = NULL;
	size_t size;

	to.out = open_memstream(&text, &size);
	if (!to.out)
		return NULL;
	kernel_read_host(server->kernel, &host);
	put_build(&to, server);
	put_policy(&to, server);
	put_decisions(&to, server, collection);
	put_verdicts(&to, collection);
	put_connections(&to, server, collection);
	put_fallbacks(&to, server);
	put_obstacles(&to, collection, &host);
	put_known(&to, collection);
	put_stages(&to, server, &host);
	put_maps(&to, collection);
	put_programs(&to, server);
	put_collecting(&to, collection);
	openmetrics_end(&to);
	if (!fclose(to.out))
		return text;
	free(text);
	return NULL;
}

/* ---- JSON ---- */

static json_t *report_fallbacks(const struct server *server)
{
	autofree struct fallbacks_cause *causes = NULL;
	size_t n = fallbacks_list_causes(server, &causes);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:b, s:I}", "side",
						word_name(&words_side, causes[i].side), "cause",
						causes[i].cause, "expected", causes[i].expected,
						"count", (json_int_t)causes[i].count));
	return list;
}

static json_t *report_counts(const struct collection_counts *counts)
{
	return json_pack("{s:I, s:I}", "smc", (json_int_t)count_smc(counts), "tcp",
			 (json_int_t)count_tcp(counts));
}

/* Verdicts tcp by reason, of those that have any. */
static json_t *report_reasons(const struct collection_counts *counts)
{
	json_t *reasons = json_object();

	for (unsigned int i = 0; i < SMC_POLICY_REASONS; i++) {
		uint64_t count = counts->side[SMC_POLICY_CONNECT].tcp[i] +
				 counts->side[SMC_POLICY_ACCEPT].tcp[i];

		if (count)
			json_object_set_new(reasons, word_name(&words_reason, i),
					    json_integer((json_int_t)count));
	}
	return reasons;
}

static json_t *report_rules_of(const struct server *server, const struct collection *collection)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < collection->n_rules; i++) {
		const struct policy_rule *rule = rule_of(server, collection->rules[i].slot);
		json_t *json = rule ? report_counts(&collection->rules[i].counts) : NULL;

		if (!json)
			continue;
		json_object_set_new(json, "name", json_string(rule->name));
		json_array_append_new(rules, json);
	}
	return rules;
}

/* Put @value, NULL when memory is short, into @json. */
static void put(json_t *json, const char *name, json_t *value)
{
	json_object_set_new(json, name, value);
}

json_t *metrics_json(const struct server *server, const struct collection *collection,
		     const char *text)
{
	json_t *json = json_pack("{s:s, s:s, s:b, s:b, s:I, s:I, s:I}", "text", text, "backend",
				 word_name(&words_backend, server->backend), "enforcing",
				 report_enforcing(server), "suspended", server->suspension.active,
				 "generation", (json_int_t)server->generation, "rules_total",
				 (json_int_t)server->in_force.n_rules, "open",
				 (json_int_t)count_open(server));

	if (!json)
		return NULL;
	put(json, "degraded", report_degraded(server));
	put(json, "verdicts", report_counts(&collection->all));
	put(json, "reasons", report_reasons(&collection->all));
	put(json, "default", report_counts(&collection->unmatched));
	put(json, "others", report_counts(&collection->others));
	put(json, "rules", report_rules_of(server, collection));
	put(json, "fallbacks", report_fallbacks(server));
	put(json, "services", lessons_services(server, SERVICES));
	return json;
}
