// SPDX-License-Identifier: GPL-2.0-or-later
/* status: what enforces the policy, where, and what is degraded. */
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

bool report_enforcing(const struct server *server)
{
	struct backend_hooks hooks;

	kernel_describe(server->kernel, &hooks);
	return is_enforcing(server, &hooks);
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
void report_note_netns(struct server *server, const struct netns_list *netns)
{
	struct policy_errors *lines = &server->netns_degraded;

	policy_errors_clear(lines);
	for (size_t i = 0; i < netns->n && server->backend != POLICY_BACKEND_OBSERVE; i++) {
		const struct netns *one = &netns->items[i];

		if (one->state == NETNS_ENFORCED)
			continue;
		if (one->state == NETNS_FOREIGN)
			policy_errors_add(
				lines,
				"network namespace %s: not enforced, controller %s is selected "
				"there; [daemon] take-over = yes replaces it",
				one->name, one->detail);
		else
			policy_errors_add(
				lines,
				"network namespace %s: not enforced: %s; \"smc-ebpf reload\" tries "
				"again",
				one->name, one->detail);
	}
}

static void append_lines(json_t *list, const struct policy_errors *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		json_array_append_new(list, json_text(lines->lines[i]));
}

json_t *report_degraded(const struct server *server)
{
	json_t *list = json_array();
	char line[384];

	if (server->backend_note[0])
		json_array_append_new(list, json_text(server->backend_note));
	append_lines(list, &server->degraded);
	append_lines(list, &server->smc.problems);
	append_lines(list, &server->netns_degraded);
	if (fallbacks_exceed(server, line, sizeof(line)))
		json_array_append_new(list, json_text(line));
	metrics_append_degraded(server->metrics, list);
	return list;
}

size_t report_count_degraded(const struct server *server)
{
	autojson json_t *list = report_degraded(server);

	return json_array_size(list);
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

json_t *report_status(struct server *server)
{
	struct netns_list netns = { 0 };
	struct module_state module;
	struct backend_hooks hooks;
	char summary[640];
	json_t *json;

	module_read(&module);
	kernel_describe(server->kernel, &hooks);
	kernel_enforce_netns(server->kernel, false, &netns);
	report_note_netns(server, &netns);
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
		report_degraded(server), "warnings", report_warnings(server), "daemon",
		report_daemon(server), "kernel", report_kernel(&module));
	netns_list_clear(&netns);
	return json;
}
