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
		"{s:I, s:{s:I, s:I}, s:o, s:o, s:o, s:o, s:o}", "generation",
		(json_int_t)server->generation, "verdicts", "smc", (json_int_t)all.smc, "tcp",
		(json_int_t)count_tcp(&all), "reasons", reasons, "rules", rules, "default",
		report_counters(&unmatched, smc_reason_of(server->in_force.default_action,
							  SMC_POLICY_REASON_DEFAULT)),
		"retired", report_counters(&gone, "rule"), "module", report_module_counters());
}

/* ---- status ---- */

static size_t count_netns(const struct netns_list *list, enum netns_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < list->n; i++)
		count += list->items[i].state == state;
	return count;
}

/* Whether the program that enforces is attached where connections are decided. */
static bool is_enforcing(const struct server *server, const struct backend_hooks *hooks)
{
	if (server->backend == POLICY_BACKEND_OBSERVE)
		return false;
	for (size_t i = 0; i < hooks->n; i++)
		if (hooks->items[i].state == HOOK_WAITING || hooks->items[i].state == HOOK_IN_FORCE)
			return true;
	return false;
}

static bool is_waiting(const struct backend_hooks *hooks)
{
	for (size_t i = 0; i < hooks->n; i++)
		if (hooks->items[i].state == HOOK_WAITING)
			return true;
	return false;
}

/* What enforces, and what does not and what would change that, in one line. */
static void summarize(const struct server *server, const struct backend_hooks *hooks,
		      const struct netns_list *netns, char *buf, size_t size)
{
	size_t out = netns->n - count_netns(netns, NETNS_ENFORCED);
	const char *who =
		server->backend == POLICY_BACKEND_NATIVE ? "smc_hs_ctrl" : "module smc_policy";

	if (server->backend == POLICY_BACKEND_OBSERVE && server->backend_note[0])
		snprintf(buf, size, "nothing is enforced: %s", server->backend_note);
	else if (server->backend == POLICY_BACKEND_OBSERVE)
		snprintf(
			buf, size,
			"nothing is enforced, as [daemon] backend = observe says; set it to auto and "
			"restart to enforce");
	else if (!is_enforcing(server, hooks))
		snprintf(buf, size, "nothing is enforced: no program is attached; see hooks");
	else if (server->suspension.active)
		snprintf(buf, size, "%s keeps every new connection on TCP: suspended", who);
	else if (is_waiting(hooks))
		snprintf(
			buf, size,
			"%s is ready; SMC is not loaded, so no connection can ask for it (it is loaded "
			"with the first SMC socket, or \"modprobe smc\")",
			who);
	else if (out)
		snprintf(buf, size,
			 "%s enforces the policy on every connection that asks for SMC, but not in "
			 "%zu of %zu network %s; see degraded",
			 who, out, netns->n, plural(netns->n, "namespace", "namespaces"));
	else
		snprintf(buf, size, "%s enforces the policy on every connection that asks for SMC",
			 who);
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

static json_t *report_hooks(const struct backend_hooks *hooks)
{
	static const char *const states[] = { [HOOK_ABSENT] = "absent",
					      [HOOK_READY] = "not attached",
					      [HOOK_WAITING] = "waiting",
					      [HOOK_IN_FORCE] = "in force" };
	json_t *list = json_array();

	for (size_t i = 0; i < hooks->n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o}", "name", hooks->items[i].name,
						"state", states[hooks->items[i].state], "detail",
						json_text(hooks->items[i].detail)));
	return list;
}

static const char *const netns_states[] = { [NETNS_ENFORCED] = "enforced",
					    [NETNS_FOREIGN] = "other controller",
					    [NETNS_OFF] = "off",
					    [NETNS_FAILED] = "unknown" };

static json_t *report_netns(const struct server *server, const struct netns_list *list)
{
	const struct policy_settings *settings = &server->config.settings;
	static const char *const modes[] = { [POLICY_NETNS_ALL] = "all",
					     [POLICY_NETNS_INIT] = "init",
					     [POLICY_NETNS_LIST] = "list" };
	json_t *names = json_array(), *found = json_array();

	for (size_t i = 0; i < settings->n_netns_names; i++)
		json_array_append_new(names, json_string(settings->netns_names[i]));
	for (size_t i = 0; i < list->n; i++) {
		const struct netns *netns = &list->items[i];

		json_array_append_new(found, json_pack("{s:I, s:o, s:s, s:o}", "inum",
						       (json_int_t)netns->inum, "name",
						       json_text(netns->name), "state",
						       netns_states[netns->state], "detail",
						       json_text(netns->detail)));
	}
	return json_pack("{s:s, s:o, s:I, s:I, s:o}", "mode", modes[settings->netns], "names",
			 names, "found", (json_int_t)list->n, "enforced",
			 (json_int_t)count_netns(list, NETNS_ENFORCED), "namespaces", found);
}

/* Namespaces where somebody's choice, not the backend's nature, keeps the policy out. */
static void add_netns_degraded(const struct server *server, const struct netns_list *netns,
			       json_t *list)
{
	char line[256];

	for (size_t i = 0; i < netns->n && server->backend != POLICY_BACKEND_OBSERVE; i++) {
		const struct netns *one = &netns->items[i];

		if (one->state == NETNS_ENFORCED)
			continue;
		if (one->state == NETNS_FOREIGN)
			snprintf(line, sizeof(line),
				 "network namespace %s: not enforced, controller %s is selected "
				 "there; [daemon] take-over = yes replaces it",
				 one->name, one->detail);
		else
			snprintf(
				line, sizeof(line),
				"network namespace %s: not enforced: %s; \"smc-ebpf reload\" tries "
				"again",
				one->name, one->detail);
		json_array_append_new(list, json_text(line));
	}
}

static json_t *report_degraded(const struct server *server, const struct netns_list *netns)
{
	json_t *list = json_array();

	if (server->backend_note[0])
		json_array_append_new(list, json_text(server->backend_note));
	for (size_t i = 0; i < server->degraded.count; i++)
		json_array_append_new(list, json_text(server->degraded.lines[i]));
	for (size_t i = 0; i < server->smc.problems.count; i++)
		json_array_append_new(list, json_text(server->smc.problems.lines[i]));
	add_netns_degraded(server, netns, list);
	return list;
}

static json_t *report_kernel(const struct module_state *module)
{
	static const char *const smc[] = {
		[SMC_LOADED] = "loaded", [SMC_LOADABLE] = "not loaded", [SMC_ABSENT] = "absent"
	};
	struct utsname name;
	json_t *json;

	uname(&name);
	json = json_pack("{s:s, s:s}", "release", name.release, "smc", smc[smc_state()]);
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

/* Rules that never decide, and a setup-cost that is far from what is seen. */
static json_t *report_warnings(const struct server *server)
{
	json_t *list = warnings_report(server, NULL);
	char text[256];

	costs_warning(server, text, sizeof(text));
	if (text[0])
		json_array_append_new(list, json_string(text));
	return list;
}

json_t *report_status(const struct server *server)
{
	struct netns_list netns = { 0 };
	struct module_state module;
	struct backend_hooks hooks;
	char summary[640];
	json_t *json;

	module_read(&module);
	kernel_describe(server->kernel, &hooks);
	kernel_enforce_netns(server->kernel, false, &netns);
	summarize(server, &hooks, &netns, summary, sizeof(summary));
	json = json_pack(
		"{s:s, s:b, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"backend", word_name(&words_backend, server->backend), "enforcing",
		is_enforcing(server, &hooks), "summary", json_text(summary), "generation",
		(json_int_t)server->generation, "default",
		word_name(&words_action, (unsigned int)server->in_force.default_action),
		"suspended", suspension_report(server), "rules", report_rule_counts(server),
		"hooks", report_hooks(&hooks), "netns", report_netns(server, &netns), "learned",
		lessons_summary(server), "limits", report_limits(server), "degraded",
		report_degraded(server, &netns), "warnings", report_warnings(server), "daemon",
		report_daemon(server), "kernel", report_kernel(&module));
	netns_list_clear(&netns);
	return json;
}
