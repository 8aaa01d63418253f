// SPDX-License-Identifier: GPL-2.0-or-later
/* reload, status, stats */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/json.h"

int cli_reload(struct cli *cli, int argc, char **argv)
{
	autojson json_t *result = NULL;
	int rc = cli_arguments(cli, argc, argv, 0, 0);

	if (!rc)
		rc = cli_request(cli, "reload", NULL, &result);
	if (rc)
		return rc;
	if (cli->json)
		return cli_print_json(result);
	printf("generation %lld%s\n", (long long)cli_number(result, "generation"),
	       json_is_true(json_object_get(result, "changed")) ? "" : ", nothing changed");
	return cli_finish(CLI_DONE);
}

/* ---- status ---- */

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

static void print_lists(const json_t *status)
{
	const json_t *hook, *line, *netns = json_object_get(status, "netns");
	size_t i;

	json_array_foreach(json_object_get(status, "hooks"), i, hook)
		table_field(i ? "" : "hooks", "%s: %s (%s)", cli_text(hook, "name"),
			    cli_text(hook, "state"), cli_text(hook, "detail"));
	table_field("netns", "%s", cli_text(netns, "mode"));
	json_array_foreach(json_object_get(netns, "names"), i, line)
		table_field("", "%s", json_string_value(line));
	json_array_foreach(json_object_get(status, "degraded"), i, line)
		table_field(i ? "" : "degraded", "%s", json_string_value(line));
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
	table_field("rules", "%lld: %lld of files, %lld by command, %lld until restart",
		    (long long)cli_number(rules, "total"), (long long)cli_number(rules, "file"),
		    (long long)cli_number(rules, "command"),
		    (long long)cli_number(rules, "runtime"));
	table_field("learned", "%s", cli_text(json_object_get(status, "learned"), "state"));
	table_field("limits", "%lld rules at most; image %lld bytes",
		    (long long)cli_number(limits, "rules_max"),
		    (long long)cli_number(limits, "image_bytes"));
	print_lists(status);
	table_field("kernel", "%s, SMC %s", cli_text(kernel, "release"), cli_text(kernel, "smc"));
	print_module(kernel);
	table_field("daemon", "version %s, pid %lld, since %s", cli_text(daemon, "version"),
		    (long long)cli_number(daemon, "pid"), cli_text(daemon, "since"));
	table_field("files", "%s, %s, %s", cli_text(daemon, "config"),
		    cli_text(daemon, "state_dir"), cli_text(daemon, "pin_dir"));
}

int cli_status(struct cli *cli, int argc, char **argv)
{
	autojson json_t *result = NULL;
	int rc = cli_arguments(cli, argc, argv, 0, 0);

	if (!rc)
		rc = cli_request(cli, "status", NULL, &result);
	if (rc)
		return rc;
	if (cli->json)
		return cli_print_json(result);
	print_status(result);
	return cli_finish(CLI_DONE);
}

/* ---- stats ---- */

static json_t *stats_row(const char *name, const json_t *counters)
{
	return json_pack("[s, I, I]", name, cli_number(counters, "smc"),
			 cli_number(counters, "tcp"));
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
}

int cli_stats(struct cli *cli, int argc, char **argv)
{
	autojson json_t *result = NULL;
	int rc = cli_arguments(cli, argc, argv, 0, 0);

	if (!rc)
		rc = cli_request(cli, "stats", NULL, &result);
	if (rc)
		return rc;
	if (cli->json)
		return cli_print_json(result);
	print_stats(result);
	return cli_finish(CLI_DONE);
}
