// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "server/report.h"

/* "2026-11-21T10:00:00Z", or null for 0. */
static json_t *report_time(uint64_t seconds)
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

static json_t *report_peers(const struct policy_rule *rule)
{
	json_t *list = json_array();
	char text[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < rule->n_peers; i++) {
		value_format_prefix(&rule->peers[i], text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *report_origin(const struct policy_rule *rule)
{
	autofree char *text = NULL;

	if (rule->origin == POLICY_ORIGIN_FILE)
		return asprintf(&text, "%s:%u", rule->file, rule->line) < 0 ? json_null()
									    : json_text(text);
	return json_string(rule->origin == POLICY_ORIGIN_COMMAND ? "command" : "runtime");
}

json_t *report_rule(const struct server *server, const struct policy_rule *rule)
{
	struct smc_policy_counters counters;
	uint64_t tcp;

	kernel_read_counters(server->kernel, rule->slot, &counters);
	tcp = count_tcp(&counters);
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "name",
			 rule->name, "side", word_name(&words_rule_side, (unsigned int)rule->side),
			 "ports", report_ports(rule), "peers", report_peers(rule), "action",
			 word_name(&words_action, (unsigned int)rule->action), "ttl",
			 rule->ttl ? json_integer((json_int_t)rule->ttl) : json_null(), "expires",
			 report_time(rule->expires / 1000000000), "origin", report_origin(rule),
			 "hits", (json_int_t)(counters.smc + tcp), "allowed",
			 (json_int_t)counters.smc, "denied", (json_int_t)tcp, "reasons",
			 report_reasons(&counters, "rule"));
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
		json = report_counters(&one, "rule");
		json_object_set_new(json, "name", json_string(rule->name));
		json_array_append_new(rules, json);
		gone.smc -= one.smc;
		for (int i = 0; i < SMC_POLICY_REASONS; i++)
			gone.tcp[i] -= one.tcp[i];
	}
	reasons = report_reasons(&all, "");
	return json_pack("{s:I, s:{s:I, s:I}, s:o, s:o, s:o, s:o, s:o}", "generation",
			 (json_int_t)server->generation, "verdicts", "smc", (json_int_t)all.smc,
			 "tcp", (json_int_t)count_tcp(&all), "reasons", reasons, "rules", rules,
			 "default", report_counters(&unmatched, "default"), "retired",
			 report_counters(&gone, "rule"), "module", report_module_counters());
}

/* ---- status ---- */

static const char *summarize(const struct server *server, const struct module_state *module,
			     char *buf, size_t size)
{
	if (server->backend == POLICY_BACKEND_KMOD)
		snprintf(
			buf, size,
			module->hooked
				? "module smc_policy enforces the policy on every connection that asks "
				  "for SMC"
				: "module smc_policy is ready; SMC is not loaded, so no connection can "
				  "ask for it (it is loaded with the first SMC socket, or \"modprobe "
				  "smc\")");
	else if (server->config.settings.backend == POLICY_BACKEND_OBSERVE)
		snprintf(
			buf, size,
			"nothing is enforced, as [daemon] backend = observe says; set it to auto and "
			"restart to enforce");
	else
		snprintf(buf, size, "nothing is enforced: %s", server->backend_note);
	return buf;
}

static json_t *report_rule_counts(const struct server *server)
{
	json_int_t origins[3] = { 0 };
	const struct policy_rule *rule;

	policy_for_each(rule, &server->in_force)
		origins[rule->origin]++;
	return json_pack("{s:I, s:I, s:I, s:I}", "total", (json_int_t)server->in_force.n_rules,
			 "file", origins[POLICY_ORIGIN_FILE], "command",
			 origins[POLICY_ORIGIN_COMMAND], "runtime", origins[POLICY_ORIGIN_RUNTIME]);
}

static json_t *report_hooks(const struct server *server, const struct module_state *module)
{
	bool enforcing = server->backend == POLICY_BACKEND_KMOD;
	const char *state = !enforcing ? "not attached" : module->hooked ? "in force" : "waiting";
	const char *detail = !module->loaded  ? "module smc_policy is not loaded"
			     : module->hooked ? "program attached, module hooked"
					      : "the module hooks in when SMC is loaded";

	return json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "name", "kmod connect (tcp_connect)",
			 "state", state, "detail", detail, "name",
			 "kmod accept (security_inet_conn_request)", "state", state, "detail",
			 detail);
}

static json_t *report_netns(const struct server *server)
{
	const struct policy_settings *settings = &server->config.settings;
	static const char *const modes[] = { [POLICY_NETNS_ALL] = "all",
					     [POLICY_NETNS_INIT] = "init",
					     [POLICY_NETNS_LIST] = "list" };
	json_t *names = json_array();

	for (size_t i = 0; i < settings->n_netns_names; i++)
		json_array_append_new(names, json_string(settings->netns_names[i]));
	return json_pack("{s:s, s:o}", "mode", modes[settings->netns], "names", names);
}

static json_t *report_degraded(const struct server *server)
{
	json_t *list = json_array();

	if (server->backend_note[0])
		json_array_append_new(list, json_string(server->backend_note));
	for (size_t i = 0; i < server->degraded.count; i++)
		json_array_append_new(list, json_text(server->degraded.lines[i]));
	return list;
}

static json_t *report_kernel(const struct module_state *module)
{
	struct utsname name;
	json_t *json;

	uname(&name);
	json = json_pack("{s:s, s:s}", "release", name.release, "smc",
			 smc_present() ? "loaded" : "not loaded");
	json_object_set_new(
		json, "module",
		module->loaded ? json_pack("{s:s, s:I, s:b}", "version", module->version, "abi",
					   (json_int_t)module->abi, "hooked", module->hooked)
			       : json_null());
	return json;
}

static json_t *report_limits(const struct server *server)
{
	return json_pack("{s:I, s:I, s:I}", "rules_max",
			 (json_int_t)(kernel_slots(server->kernel) - SMC_POLICY_SLOT_FIRST),
			 "rules_used", (json_int_t)server->in_force.n_rules, "image_bytes",
			 (json_int_t)kernel_image_rows(server->kernel) *
				 (json_int_t)sizeof(struct smc_policy_row));
}

static json_t *report_daemon(const struct server *server)
{
	const struct policy_settings *settings = &server->config.settings;

	return json_pack(
		"{s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "version", SMC_POLICY_VERSION, "pid",
		(json_int_t)getpid(), "since", report_time(server->started / 1000000), "config",
		json_text(server->config_file), "state_dir", json_text(settings->state_dir),
		"pin_dir", json_text(settings->pin_dir), "socket", json_text(settings->socket));
}

json_t *report_status(const struct server *server)
{
	struct module_state module;
	char summary[640];
	bool enforcing;

	module_read(&module);
	enforcing = server->backend == POLICY_BACKEND_KMOD && module.loaded;
	summarize(server, &module, summary, sizeof(summary));
	return json_pack("{s:s, s:b, s:s, s:I, s:s, s:o, s:o, s:o, s:{s:s}, s:o, s:o, s:o, s:o}",
			 "backend", word_name(&words_backend, server->backend), "enforcing",
			 enforcing, "summary", summary, "generation",
			 (json_int_t)server->generation, "default",
			 word_name(&words_action, (unsigned int)server->in_force.default_action),
			 "rules", report_rule_counts(server), "hooks",
			 report_hooks(server, &module), "netns", report_netns(server), "learned",
			 "state", "nothing is learned yet: auto rules give tcp, reason unproven",
			 "limits", report_limits(server), "degraded", report_degraded(server),
			 "daemon", report_daemon(server), "kernel", report_kernel(&module));
}

/* ---- export ---- */

static void export_rule(FILE *out, const struct policy_rule *rule)
{
	fprintf(out, "\n[rule %s]\n", rule->name);
	for (int i = 0; policy_rule_keys[i]; i++) {
		autofree char *text = policy_rule_get(rule, policy_rule_keys[i]);

		if (text && *text)
			fprintf(out, "%s = %s\n", policy_rule_keys[i], text);
	}
}

char *report_export(const struct server *server)
{
	const struct policy_rule *rule;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "# Policy of generation %" PRIu64 "\n[policy]\ndefault = %s\n",
		server->generation,
		word_name(&words_action, (unsigned int)server->in_force.default_action));
	policy_for_each(rule, &server->in_force)
		export_rule(out, rule);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
