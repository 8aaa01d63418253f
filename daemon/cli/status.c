// SPDX-License-Identifier: GPL-2.0-or-later
/* reload, suspend, resume, status, stats, metrics */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/json.h"
#include "common/plural.h"

static void print_reloaded(const json_t *result)
{
	printf("generation %lld%s\n", (long long)cli_number(result, "generation"),
	       json_is_true(json_object_get(result, "changed")) ? "" : ", nothing changed");
	cli_warn_all(json_object_get(result, "warnings"));
}

int cli_reload(struct cli *cli)
{
	return cli_ask(cli, print_reloaded);
}

/* ---- suspend, resume ---- */

static void print_suspended(const json_t *result)
{
	const char *until =
		json_string_value(json_object_get(json_object_get(result, "suspended"), "until"));

	printf("suspended%s%s\n", until ? " until " : "", until ? until : "");
	cli_warn_all(json_object_get(result, "warnings"));
}

int cli_suspend(struct cli *cli)
{
	return cli_ask(cli, print_suspended);
}

static void print_resumed(const json_t *result)
{
	bool changed = json_is_true(json_object_get(result, "changed"));

	printf("%s, generation %lld\n", changed ? "resumed" : "was not suspended",
	       (long long)cli_number(result, "generation"));
}

int cli_resume(struct cli *cli)
{
	return cli_ask(cli, print_resumed);
}

/* ---- status ---- */

static void print_suspension(const json_t *suspended)
{
	const char *since = json_string_value(json_object_get(suspended, "since"));
	const char *until = json_string_value(json_object_get(suspended, "until"));

	if (json_is_object(suspended))
		table_field("suspended", "since %s, until %s", since ? since : "?",
			    until ? until : "\"smc-ebpf resume\"");
}

static void print_module(const json_t *kernel)
{
	const json_t *module = json_object_get(kernel, "module");

	if (json_is_object(module))
		table_field("module", "smc_policy %s, ABI %lld, %s", cli_text(module, "version"),
			    (long long)cli_number(module, "abi"),
			    json_is_true(json_object_get(module, "hooked")) ? "hooked"
									    : "waiting for SMC");
	else
		table_field("module", "smc_policy is not loaded");
}

#define WARNINGS_SHOWN 5

static void print_warnings(const json_t *warnings)
{
	size_t n = json_array_size(warnings);

	for (size_t i = 0; i < n && i < WARNINGS_SHOWN; i++)
		table_field(i ? "" : "warnings", "%s", cli_string(json_array_get(warnings, i)));
	if (n > WARNINGS_SHOWN)
		table_field("", "%zu more %s; \"smc-ebpf policy list\" marks them",
			    n - WARNINGS_SHOWN,
			    plural(n - WARNINGS_SHOWN, "rule never decides", "rules never decide"));
}

static void print_lists(const json_t *status)
{
	const json_t *hook, *line, *netns = json_object_get(status, "netns");
	size_t i;

	json_array_foreach(json_object_get(status, "hooks"), i, hook)
		table_field(i ? "" : "hooks", "%s: %s (%s)", cli_text(hook, "name"),
			    cli_text(hook, "state"), cli_text(hook, "detail"));
	table_field("netns", "%s; enforced in %lld of %lld %s", cli_text(netns, "mode"),
		    (long long)cli_number(netns, "enforced"), (long long)cli_number(netns, "found"),
		    cli_plural(netns, "found", "namespace", "namespaces"));
	json_array_foreach(json_object_get(netns, "names"), i, line)
		table_field("", "%s", cli_string(line));
	json_array_foreach(json_object_get(status, "degraded"), i, line)
		table_field(i ? "" : "degraded", "%s", cli_string(line));
	print_warnings(json_object_get(status, "warnings"));
}

static void print_learned(const json_t *learned)
{
	const json_t *service;
	size_t i;

	table_field("learned", "%lld %s, %lld %s, %lld %s; %lld %s SMC",
		    (long long)cli_number(learned, "services"),
		    cli_plural(learned, "services", "service", "services"),
		    (long long)cli_number(learned, "subnets"),
		    cli_plural(learned, "subnets", "subnet", "subnets"),
		    (long long)cli_number(learned, "peers"),
		    cli_plural(learned, "peers", "peer", "peers"),
		    (long long)cli_number(learned, "smc_connections"),
		    cli_plural(learned, "smc_connections", "connection is", "connections are"));
	json_array_foreach(json_object_get(learned, "top"), i, service)
		table_field("", "%s %lld: %s, %lld of %lld %s worth it, %.1f set-ups gained",
			    cli_text(service, "side"), (long long)cli_number(service, "port"),
			    cli_text(service, "reason"),
			    (long long)cli_number(service, "worthwhile"),
			    (long long)cli_number(service, "connections"),
			    cli_plural(service, "connections", "connection is", "connections are"),
			    json_real_value(json_object_get(service, "gained")));
	cli_print_lost(learned, "");
	cli_print_obstacles(learned);
}

static void print_status(const json_t *status)
{
	const json_t *rules = json_object_get(status, "rules");
	const json_t *limits = json_object_get(status, "limits");
	const json_t *daemon = json_object_get(status, "daemon");
	const json_t *kernel = json_object_get(status, "kernel");

	table_field("backend", "%s", cli_text(status, "backend"));
	table_field("", "%s", cli_text(status, "summary"));
	table_field("generation", "%lld, default %s", (long long)cli_number(status, "generation"),
		    cli_text(status, "default"));
	print_suspension(json_object_get(status, "suspended"));
	table_field("rules", "%lld: %lld of files, %lld by command, %lld until restart",
		    (long long)cli_number(rules, "total"), (long long)cli_number(rules, "file"),
		    (long long)cli_number(rules, "command"),
		    (long long)cli_number(rules, "runtime"));
	print_learned(json_object_get(status, "learned"));
	table_field("limits", "%lld %s at most; image %lld bytes",
		    (long long)cli_number(limits, "rules_max"),
		    cli_plural(limits, "rules_max", "rule", "rules"),
		    (long long)cli_number(limits, "image_bytes"));
	print_lists(status);
	table_field("kernel", "%s, SMC %s", cli_text(kernel, "release"), cli_text(kernel, "smc"));
	print_module(kernel);
	table_field("daemon", "version %s, pid %lld, since %s", cli_text(daemon, "version"),
		    (long long)cli_number(daemon, "pid"), cli_text(daemon, "since"));
	table_field("files", "%s, %s, %s", cli_text(daemon, "config"),
		    cli_text(daemon, "state_dir"), cli_text(daemon, "pin_dir"));
}

int cli_status(struct cli *cli)
{
	return cli_ask(cli, print_status);
}

/* ---- stats ---- */

static json_t *stats_row(const char *name, const json_t *counters)
{
	return json_pack("[s, I, I]", name, cli_number(counters, "smc"),
			 cli_number(counters, "tcp"));
}

static void print_fallbacks(const json_t *fallbacks)
{
	autojson json_t *rows =
		json_pack("[[s, s, s, s, s]]", "FALLBACK", "SIDE", "RULE", "EXPECTED", "COUNT");
	const json_t *cause;
	size_t i;

	json_array_foreach(json_object_get(fallbacks, "causes"), i, cause) {
		bool expected = json_is_true(json_object_get(cause, "expected"));

		json_array_append_new(
			rows, json_pack("[s, s, s, s, I]", cli_text(cause, "cause"),
					cli_text(cause, "side"), cli_text(cause, "rule"),
					expected ? "yes" : "no", cli_number(cause, "count")));
	}
	if (i) {
		putchar('\n');
		table_print(rows);
	}
}

static void print_stages(const json_t *stages)
{
	const json_t *stage;
	size_t i;

	json_array_foreach(stages, i, stage)
		if (cli_number(stage, "lost"))
			printf("%s: %lld of %lld lost\n", cli_text(stage, "name"),
			       (long long)cli_number(stage, "lost"),
			       (long long)cli_number(stage, "received"));
}

static void print_stats(const json_t *stats)
{
	autojson json_t *rows = json_pack("[[s, s, s]]", "RULE", "SMC", "TCP");
	const json_t *verdicts = json_object_get(stats, "verdicts"), *rule;
	json_t *reasons = json_object_get(stats, "reasons"), *count;
	const char *reason;
	size_t i;

	json_array_foreach(json_object_get(stats, "rules"), i, rule)
		json_array_append_new(rows, stats_row(cli_text(rule, "name"), rule));
	json_array_append_new(rows, stats_row("(default)", json_object_get(stats, "default")));
	json_array_append_new(rows, stats_row("(gone)", json_object_get(stats, "retired")));
	json_array_append_new(rows, stats_row("(all)", verdicts));
	table_print(rows);
	json_object_foreach(reasons, reason, count)
		printf("tcp because of %s: %lld\n", reason, (long long)json_integer_value(count));
	print_fallbacks(json_object_get(stats, "fallbacks"));
	print_stages(json_object_get(stats, "stages"));
}

int cli_stats(struct cli *cli)
{
	return cli_ask(cli, print_stats);
}

/* ---- metrics ---- */

static void print_metrics(const json_t *metrics)
{
	fputs(cli_text(metrics, "text"), stdout);
}

int cli_metrics(struct cli *cli)
{
	return cli_ask(cli, print_metrics);
}
