// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/plural.h"
#include "server/lessons.h"
#include "server/costs.h"
#include "server/metrics.h"
#include "server/report.h"

json_t *report_time(uint64_t seconds)
{
	time_t time = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (!seconds || !gmtime_r(&time, &tm))
		return json_null();
	strftime(text, sizeof(text), "%FT%TZ", &tm);
	return json_string(text);
}

/* ---- counters ---- */

static uint64_t count_tcp(const struct smc_policy_counters *counters)
{
	uint64_t sum = 0;

	for (int i = 0; i < SMC_POLICY_REASONS; i++)
		sum += counters->tcp[i];
	return sum;
}

/* The reasons for tcp that have counts, and those for smc. */
static json_t *report_reasons(const struct smc_policy_counters *counters, const char *smc_reason)
{
	json_t *reasons = json_object();

	for (unsigned int i = 0; i < SMC_POLICY_REASONS; i++) {
		const char *name = word_name(&words_reason, i);
		uint64_t count = counters->tcp[i];

		if (!strcmp(name, smc_reason))
			count += counters->smc;
		if (count)
			json_object_set_new(reasons, name, json_integer((json_int_t)count));
	}
	return reasons;
}

/* Why connections get smc where @action says so. */
static const char *smc_reason_of(int action, enum smc_policy_reason other)
{
	return word_name(&words_reason,
			 action == SMC_POLICY_AUTO ? SMC_POLICY_REASON_LONG_LIVED : other);
}

static json_t *report_counters(const struct smc_policy_counters *counters, const char *smc_reason)
{
	return json_pack("{s:I, s:I, s:o}", "smc", (json_int_t)counters->smc, "tcp",
			 (json_int_t)count_tcp(counters), "reasons",
			 report_reasons(counters, smc_reason));
}

static void add_up(struct smc_policy_counters *sum, const struct smc_policy_counters *one)
{
	sum->smc += one->smc;
	for (int i = 0; i < SMC_POLICY_REASONS; i++)
		sum->tcp[i] += one->tcp[i];
}

/* ---- rules ---- */

static json_t *report_ports(const struct policy_rule *rule)
{
	json_t *list = json_array();
	char text[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < rule->n_ports; i++) {
		value_format_range(&rule->ports[i], text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

json_t *report_prefixes(const struct policy_prefix *prefixes, size_t n)
{
	json_t *list = json_array();
	char text[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < n; i++) {
		value_format_prefix(&prefixes[i], text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

/* A list may have a million peers: its place, how many it adds, and what tells it from another. */
static json_t *report_peers_file(const struct policy_rule *rule)
{
	char digest[17];

	if (!rule->peers_file)
		return json_null();
	snprintf(digest, sizeof(digest), "%016" PRIx64, rule->peers_digest);
	return json_pack("{s:o, s:I, s:s}", "path", json_text(rule->peers_file), "peers",
			 (json_int_t)(rule->n_peers - rule->own_peers.n), "digest", digest);
}

json_t *report_origin(const struct policy_rule *rule)
{
	autofree char *text = NULL;

	if (rule->origin == POLICY_ORIGIN_FILE)
		return asprintf(&text, "%s:%u", rule->file, rule->line) < 0 ? json_null()
									    : json_text(text);
	return json_string(rule->origin == POLICY_ORIGIN_COMMAND ? "command" : "runtime");
}

json_t *report_slot(const struct server *server, uint32_t slot)
{
	if (slot < SMC_POLICY_SLOT_FIRST || slot >= server->slots.n)
		return json_null();
	return json_string(server->slots.owners[slot].name);
}

/* Put the limits into @json, null where there is none. */
static void report_limits_of(const struct policy_limits *limits, json_t *json)
{
	char rate[VALUE_TEXT_SIZE];

	policy_limits_get(limits, "max-rate", rate);
	json_object_set_new(json, "max-rate", *rate ? json_string(rate) : json_null());
	json_object_set_new(json, "max-connections",
			    limits->connections ? json_integer(limits->connections - 1)
						: json_null());
	json_object_set_new(json, "max-memory",
			    limits->memory ? json_integer((json_int_t)limits->memory)
					   : json_null());
	json_object_set_new(json, "max-rtt",
			    limits->rtt_us ? json_integer(limits->rtt_us) : json_null());
}

json_t *report_rule(const struct server *server, const struct policy_rule *rule)
{
	struct smc_policy_counters counters;
	struct policy_peers peers = policy_rule_own_peers(rule);
	struct smc_policy_rule_state state;
	json_t *json;
	uint64_t tcp;

	kernel_read_counters(server->kernel, rule->slot, &counters);
	kernel_read_rule_state(server->kernel, rule->slot, &state);
	tcp = count_tcp(&counters);
	json = json_pack(
		"{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:I}", "name",
		rule->name, "side", word_name(&words_rule_side, (unsigned int)rule->side), "ports",
		report_ports(rule), "peers", report_prefixes(peers.items, peers.n), "action",
		word_name(&words_action, (unsigned int)rule->action), "ttl",
		rule->ttl ? json_integer((json_int_t)rule->ttl) : json_null(), "expires",
		report_time(rule->expires / NSEC_PER_SEC), "origin", report_origin(rule), "hits",
		(json_int_t)(counters.smc + tcp), "allowed", (json_int_t)counters.smc, "denied",
		(json_int_t)tcp, "reasons",
		report_reasons(&counters, smc_reason_of(rule->action, SMC_POLICY_REASON_RULE)),
		"live", (json_int_t)(state.live > 0 ? state.live : 0));
	json_object_set_new(json, "never", warnings_never(server, rule));
	json_object_set_new(json, POLICY_PEERS_FILE, report_peers_file(rule));
	report_limits_of(&rule->limits, json);
	return json;
}

json_t *report_rules(const struct server *server)
{
	json_t *rules = json_array();
	const struct policy_rule *rule;

	policy_for_each(rule, &server->in_force)
		json_array_append_new(rules, report_rule(server, rule));
	return json_pack("{s:I, s:s, s:o}", "generation", (json_int_t)server->generation, "default",
			 word_name(&words_action, (unsigned int)server->in_force.default_action),
			 "rules", rules);
}

/* ---- stats ---- */

static json_t *report_module_counters(void)
{
	struct module_state module;

	module_read(&module);
	if (!module.loaded)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "connects_asked",
			 (json_int_t)module.connects_asked, "connects_denied",
			 (json_int_t)module.connects_denied, "accepts_asked",
			 (json_int_t)module.accepts_asked, "accepts_denied",
			 (json_int_t)module.accepts_denied);
}

/* Every slot's counts: also those of rules that are gone. */
static void sum_all(const struct server *server, struct smc_policy_counters *sum)
{
	struct smc_policy_counters one;

	*sum = (struct smc_policy_counters){ 0 };
	for (uint32_t slot = 0; slot < server->slots.n; slot++) {
		if (slot >= SMC_POLICY_SLOT_FIRST && !server->slots.owners[slot].name[0])
			continue;
		if (!kernel_read_counters(server->kernel, slot, &one))
			add_up(sum, &one);
	}
}

json_t *report_stats(const struct server *server)
{
	struct smc_policy_counters all, unmatched, gone;
	json_t *rules = json_array(), *reasons;
	const struct policy_rule *rule;

	sum_all(server, &all);
	gone = all;
	kernel_read_counters(server->kernel, SMC_POLICY_SLOT_DEFAULT, &unmatched);
	gone.smc -= unmatched.smc;
	for (int i = 0; i < SMC_POLICY_REASONS; i++)
		gone.tcp[i] -= unmatched.tcp[i];
	policy_for_each(rule, &server->in_force) {
		struct smc_policy_counters one;
		json_t *json;

		kernel_read_counters(server->kernel, rule->slot, &one);
		json = report_counters(&one, smc_reason_of(rule->action, SMC_POLICY_REASON_RULE));
		json_object_set_new(json, "name", json_string(rule->name));
		json_array_append_new(rules, json);
		gone.smc -= one.smc;
		for (int i = 0; i < SMC_POLICY_REASONS; i++)
			gone.tcp[i] -= one.tcp[i];
	}
	reasons = report_reasons(&all, "");
	return json_pack(
		"{s:I, s:{s:I, s:I}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "generation",
		(json_int_t)server->generation, "verdicts", "smc", (json_int_t)all.smc, "tcp",
		(json_int_t)count_tcp(&all), "reasons", reasons, "rules", rules, "default",
		report_counters(&unmatched, smc_reason_of(server->in_force.default_action,
							  SMC_POLICY_REASON_DEFAULT)),
		"retired", report_counters(&gone, "rule"), "module", report_module_counters(),
		"fallbacks", fallbacks_report(server), "stages", fallbacks_report_stages(server));
}
