// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands that change and show rules. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/plural.h"
#include "policy/check.h"
#include "wire/rule_json.h"

#define LIST_WIDTH 28 /* of ports and peers in the table */

/* ---- add ---- */

/* What the daemon would refuse is refused here, in the same words, as wrong usage. */
static int check_rule(struct cli *cli)
{
	static const char *const flags[] = { "replace", "runtime", NULL };
	struct policy_rule *rule;
	struct value_error error;

	/* The command's default alone: a configuration file and the protocol want it written. */
	if (!json_object_get(cli->arguments, "action"))
		json_object_set_new(cli->arguments, "action", json_string("allow"));
	if (rule_from_json(cli->arguments, flags, &rule, &error))
		return cli_usage(cli, "%s", error.text);
	policy_rule_free(rule);
	return CLI_DONE;
}

int cli_policy_add(struct cli *cli)
{
	autojson json_t *result = NULL;
	int rc = check_rule(cli);

	if (!rc)
		rc = cli_request(cli, "policy-add", json_incref(cli->arguments), &result);
	if (rc)
		return rc;
	if (cli->json)
		return cli_print_json(result);
	printf("rule %s %s, generation %lld\n", cli_value(cli, "name"),
	       json_is_true(json_object_get(result, "changed")) ? "in force" : "unchanged",
	       (long long)cli_number(result, "generation"));
	cli_warn_all(json_object_get(result, "warnings"));
	return cli_finish(CLI_DONE);
}

/* ---- del, flush ---- */

static void print_deleted(const json_t *result)
{
	const json_t *deleted = json_object_get(result, "deleted"), *name;
	size_t i;

	json_array_foreach(deleted, i, name)
		printf("rule %s deleted\n", cli_string(name));
	if (!json_array_size(deleted))
		printf("no rules were added by command\n");
	printf("generation %lld\n", (long long)cli_number(result, "generation"));
}

int cli_policy_del(struct cli *cli)
{
	return cli_ask(cli, print_deleted);
}

int cli_policy_flush(struct cli *cli)
{
	return cli_ask(cli, print_deleted);
}

/* ---- list, show, export ---- */

/* Peers of RULE as table_list() writes them, then what its peers-file adds.  To be freed. */
static char *list_peers(const json_t *rule, size_t width)
{
	const json_t *own = json_object_get(rule, "peers");
	const json_t *file = json_object_get(rule, POLICY_PEERS_FILE);
	autofree char *list = table_list(own, width);
	char *text;

	if (!json_is_object(file) || !list)
		return steal_ptr(list);
	return asprintf(&text, "%s%s%lld in %s", json_array_size(own) ? list : "",
			json_array_size(own) ? ", " : "", (long long)cli_number(file, "peers"),
			cli_text(file, "path")) < 0
		       ? NULL
		       : text;
}

/* Why @rule never decides into @text; false if it does. */
static bool never_text(const json_t *rule, char text[POLICY_NEVER_SIZE])
{
	const json_t *never = json_object_get(rule, "never");

	if (!json_is_object(never))
		return false;
	policy_describe_never(cli_text(rule, "name"),
			      json_string_value(json_object_get(never, "beaten_by")), text);
	return true;
}

static json_t *list_row(const json_t *rule)
{
	autofree char *ports = table_list(json_object_get(rule, "ports"), LIST_WIDTH);
	autofree char *peers = list_peers(rule, LIST_WIDTH);
	bool never = json_is_object(json_object_get(rule, "never"));

	return json_pack("[s, s, s, s, o, s, I, I, I]", cli_text(rule, "name"),
			 cli_text(rule, "side"), ports, peers,
			 json_sprintf("%s%s", cli_text(rule, "action"), never ? " (never)" : ""),
			 cli_text(rule, "origin"), cli_number(rule, "hits"),
			 cli_number(rule, "allowed"), cli_number(rule, "denied"));
}

static void print_list(const json_t *result)
{
	autojson json_t *rows = json_pack("[[s, s, s, s, s, s, s, s, s]]", "NAME", "SIDE", "PORTS",
					  "PEERS", "ACTION", "ORIGIN", "HITS", "SMC", "TCP");
	const json_t *rules = json_object_get(result, "rules"), *rule;
	size_t i, n = json_array_size(rules);
	char text[POLICY_NEVER_SIZE];

	json_array_foreach(rules, i, rule)
		json_array_append_new(rows, list_row(rule));
	if (n)
		table_print(rows);
	printf("%zu %s, default %s, generation %lld\n", n, plural(n, "rule", "rules"),
	       cli_text(result, "default"), (long long)cli_number(result, "generation"));
	json_array_foreach(rules, i, rule)
		if (never_text(rule, text))
			cli_warn(text);
}

int cli_policy_list(struct cli *cli)
{
	return cli_ask(cli, print_list);
}

/* The limits, and what of them is used. */
static void print_limits(const json_t *rule)
{
	bool limited = false;

	for (int i = 0; policy_limit_keys[i]; i++) {
		autofree char *text = cli_property(rule, policy_limit_keys[i]);

		if (!text || !*text)
			continue;
		table_field(policy_limit_keys[i], "%s", text);
		limited = true;
	}
	if (limited)
		table_field("live", "%lld SMC %s", (long long)cli_number(rule, "live"),
			    cli_plural(rule, "live", "connection", "connections"));
}

static void print_learned(const json_t *learned)
{
	const json_t *top = json_object_get(learned, "top");
	json_int_t more = cli_number(learned, "services") - (json_int_t)json_array_size(top);

	if (!json_is_object(learned))
		return;
	if (!json_array_size(top)) {
		table_field("learned", "nothing yet");
		return;
	}
	puts("\nLearned, of a peer that is not known yet; expected and gained in set-ups:");
	cli_print_services(top);
	if (more > 0)
		printf("and %lld more %s\n", (long long)more,
		       plural((unsigned long long)more, "service: \"smc-ebpf auto show\" lists it",
			      "services: \"smc-ebpf auto show\" lists them"));
}

static void print_rule(const json_t *result)
{
	const json_t *rule = json_object_get(result, "rule");
	autofree char *ports = table_list(json_object_get(rule, "ports"), SIZE_MAX);
	autofree char *peers = list_peers(rule, SIZE_MAX);
	json_t *reasons = json_object_get(rule, "reasons"), *count;
	char never[POLICY_NEVER_SIZE];
	const char *reason;

	table_field("rule", "%s", cli_text(rule, "name"));
	table_field("side", "%s", cli_text(rule, "side"));
	table_field("ports", "%s", ports);
	table_field("peers", "%s", peers);
	table_field("action", "%s", cli_text(rule, "action"));
	if (cli_number(rule, "ttl"))
		table_field("ttl", "%llds, until %s", (long long)cli_number(rule, "ttl"),
			    cli_text(rule, "expires"));
	print_limits(rule);
	table_field("origin", "%s", cli_text(rule, "origin"));
	if (never_text(rule, never))
		table_field("warning", "%s", never);
	table_field("hits", "%lld: %lld smc, %lld tcp", (long long)cli_number(rule, "hits"),
		    (long long)cli_number(rule, "allowed"), (long long)cli_number(rule, "denied"));
	json_object_foreach(reasons, reason, count)
		table_field("", "%s %lld", reason, (long long)json_integer_value(count));
	print_learned(json_object_get(rule, "learned"));
}

int cli_policy_show(struct cli *cli)
{
	return cli_ask(cli, print_rule);
}

int cli_policy_export(struct cli *cli)
{
	return cli_ask(cli, cli_print_text);
}
