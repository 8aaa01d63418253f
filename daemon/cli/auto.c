// SPDX-License-Identifier: GPL-2.0-or-later
/* auto show, auto forget, recommend: what is learned; and as status and policy show tell it. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/plural.h"
#include "policy/value.h"

#define SHOWN 20 /* peers, and subnets, without --all */

/* ---- services, subnets, peers ---- */

static json_t *real(const json_t *object, const char *key)
{
	return json_real(json_real_value(json_object_get(object, key)));
}

/* The columns that all tables of contexts end with. */
static void add_counts(json_t *row, const json_t *context)
{
	char bytes[VALUE_TEXT_SIZE];

	value_format_bytes((uint64_t)cli_number(context, "bytes"), bytes);
	json_array_append_new(row, real(context, "gain"));
	json_array_append_new(row, real(context, "gained"));
	json_array_append_new(row, json_integer(cli_number(context, "connections")));
	json_array_append_new(row, json_integer(cli_number(context, "worthwhile")));
	json_array_append_new(row, json_string(bytes));
	json_array_append_new(row, json_integer(cli_number(context, "messages")));
}

void cli_print_services(const json_t *services)
{
	autojson json_t *rows = json_pack("[[s, s, s, s, s, s, s, s, s, s]]", "SIDE", "PORT",
					  "REASON", "DECIDED BY", "EXPECTED", "GAINED",
					  "CONNECTIONS", "WORTHWHILE", "BYTES", "MESSAGES");
	const json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		json_t *row = json_pack("[s, I, s, s]", cli_text(service, "side"),
					cli_number(service, "port"), cli_text(service, "reason"),
					cli_text(service, "decides"));

		add_counts(row, service);
		json_array_append_new(rows, row);
	}
	table_print(rows);
}

/* What auto's decisions gained and lost, service by service. */
static void print_decisions(const json_t *services)
{
	autojson json_t *rows = json_pack("[[s, s, s, s, s, s, s]]", "SIDE", "PORT", "LESSONS",
					  "GAINED", "LOST", "NET", "SMC FOR ALL");
	const json_t *service, *decisions;
	size_t i;

	json_array_foreach(services, i, service) {
		decisions = json_object_get(service, "decisions");
		json_array_append_new(
			rows,
			json_pack("[s, I, I, o, o, f, o]", cli_text(service, "side"),
				  cli_number(service, "port"), cli_number(decisions, "lessons"),
				  real(decisions, "gained"), real(decisions, "lost"),
				  json_real_value(json_object_get(decisions, "gained")) -
					  json_real_value(json_object_get(decisions, "lost")),
				  real(decisions, "smc_for_all")));
	}
	if (json_array_size(rows) < 2)
		return;
	puts("\nWhat auto's decisions gained and lost in the last lessons; TCP for all would have 0.");
	table_print(rows);
}

static json_t *subnet_rows(const json_t *subnets)
{
	json_t *rows =
		json_pack("[[s, s, s, s, s, s, s, s, s, s]]", "SUBNET", "SIDE", "PORT", "REASON",
			  "EXPECTED", "GAINED", "CONNECTIONS", "WORTHWHILE", "BYTES", "MESSAGES");
	const json_t *subnet;
	size_t i;

	json_array_foreach(subnets, i, subnet) {
		json_t *row = json_pack("[s, s, I, s]", cli_text(subnet, "subnet"),
					cli_text(subnet, "side"), cli_number(subnet, "port"),
					cli_text(subnet, "reason"));

		add_counts(row, subnet);
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *no_smc_text(const json_t *peer)
{
	const json_t *no_smc = json_object_get(peer, "no_smc");

	if (!json_is_object(no_smc))
		return json_string("");
	if (json_is_null(json_object_get(no_smc, "until")))
		return json_sprintf("%s, %lld %s", cli_text(no_smc, "code"),
				    (long long)cli_number(no_smc, "times"),
				    cli_plural(no_smc, "times", "time", "times"));
	return json_sprintf("%s, %lld %s, until %s", cli_text(no_smc, "code"),
			    (long long)cli_number(no_smc, "times"),
			    cli_plural(no_smc, "times", "time", "times"),
			    cli_text(no_smc, "until"));
}

static json_t *peer_rows(const json_t *peers)
{
	json_t *rows = json_pack("[[s, s, s, s, s, s, s, s, s, s, s, s]]", "PEER", "SIDE", "PORT",
				 "REASON", "EXPECTED", "GAINED", "CONNECTIONS", "WORTHWHILE",
				 "BYTES", "MESSAGES", "RTT US", "WITHOUT SMC");
	const json_t *peer;
	size_t i;

	json_array_foreach(peers, i, peer) {
		json_t *row =
			json_pack("[s, s, I, s]", cli_text(peer, "peer"), cli_text(peer, "side"),
				  cli_number(peer, "port"), cli_text(peer, "reason"));

		add_counts(row, peer);
		json_array_append_new(row, json_incref(json_object_get(peer, "rtt")));
		json_array_append_new(row, no_smc_text(peer));
		json_array_append_new(rows, row);
	}
	return rows;
}

/* Print @rows, a heading and the first of @known things, of which one is called @one. */
static void print_ranked(json_t *rows, const char *one, json_int_t known)
{
	autojson json_t *owned = rows;
	json_int_t more = known - (json_int_t)(json_array_size(owned) - 1);

	if (json_array_size(owned) < 2)
		return;
	putchar('\n');
	table_print(owned);
	if (more > 0)
		printf("and %lld more %s%s: --all shows %s\n", (long long)more, one,
		       plural((unsigned long long)more, "", "s"),
		       plural((unsigned long long)more, "it", "them"));
}

/* ---- breakers, cool-down ---- */

/* "3 timeout, 1 reset", to be freed. */
static char *evidence_text(json_t *evidence)
{
	char *text = NULL;
	const char *name;
	json_t *count;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	json_object_foreach(evidence, name, count)
		if (json_integer_value(count))
			fprintf(out, "%s%lld %s", ftell(out) > 0 ? ", " : "",
				(long long)json_integer_value(count), name);
	fclose(out);
	return text;
}

static void print_breaker(const char *label, const json_t *breaker)
{
	autofree char *evidence = evidence_text(json_object_get(breaker, "evidence"));
	const char *code = json_string_value(json_object_get(breaker, "code"));
	const char *until = json_string_value(json_object_get(breaker, "until"));
	char since[64] = "";

	if (json_is_string(json_object_get(breaker, "since")))
		snprintf(since, sizeof(since), " since %s", cli_text(breaker, "since"));
	table_field(label, "%s %s: %s%s%s%s; evidence %s%s%s", cli_text(breaker, "side"),
		    cli_text(breaker, "prefix"), cli_text(breaker, "state"), since,
		    until ? ", next probe after " : "", until ? until : "",
		    evidence && *evidence ? evidence : "none", code ? ", last code " : "",
		    code ? code : "");
}

void cli_print_obstacles(const json_t *learned)
{
	const json_t *cooldown = json_object_get(learned, "cooldown"), *breaker;
	size_t i;

	json_array_foreach(json_object_get(learned, "breakers"), i, breaker)
		print_breaker(i ? "" : "breakers", breaker);
	if (json_is_object(cooldown))
		table_field("cool-down",
			    "no SMC until %s: code %s, %llds this time, %lld %s so far",
			    cli_text(cooldown, "until"), cli_text(cooldown, "code"),
			    (long long)cli_number(cooldown, "seconds"),
			    (long long)cli_number(cooldown, "times"),
			    cli_plural(cooldown, "times", "time", "times"));
}

/* ---- the commands ---- */

/* Write "3 connections, 4 ring", of the ways @by in which lessons were lost, to @text of @size bytes. */
static void format_ways(const json_t *by, char *text, size_t size)
{
	const json_t *count;
	const char *way;
	size_t used = 0;

	text[0] = '\0';
	json_object_foreach((json_t *)by, way, count) {
		if (json_integer_value(count) && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%lld %s",
						 used ? ", " : "",
						 (long long)json_integer_value(count), way);
	}
}

void cli_print_lost(const json_t *learned, const char *label)
{
	const json_t *by = json_object_get(learned, "lost_by");
	long long lost = (long long)cli_number(learned, "lost");
	char ways[256];

	if (!lost)
		return;
	format_ways(by, ways, sizeof(ways));
	table_field(label, "%lld lesson%s lost: %s%s", lost, lost == 1 ? "" : "s", ways,
		    cli_number(by, "connections") || cli_number(by, "records")
			    ? "; raise connections or peers in [auto]"
			    : "");
}

/* What setting SMC up takes, as it is configured and as it is. */
static void print_costs(const json_t *costs)
{
	double configured = json_real_value(json_object_get(costs, "setup_cost"));
	long long setups = (long long)cli_number(costs, "setups");
	long long tcp = (long long)cli_number(costs, "tcp_setup");

	if (!setups) {
		table_field("set-up", "%.6gus by setup-cost; none was seen yet", configured);
		return;
	}
	table_field(
		"set-up",
		"%.6gus by setup-cost; clients here wait %lldus for SMC after %lldus for TCP (%lld "
		"seen)%s",
		configured, (long long)cli_number(costs, "smc_setup"), tcp, setups,
		json_is_true(json_object_get(costs, "differs")) ? ": more than 3 times apart" : "");
}

static void print_shown(const json_t *learned)
{
	const json_t *known = json_object_get(learned, "known");

	table_field("connections", "%lld %s SMC", (long long)cli_number(learned, "smc_connections"),
		    cli_plural(learned, "smc_connections", "is", "are"));
	print_costs(json_object_get(learned, "costs"));
	cli_print_obstacles(learned);
	cli_print_lost(learned, "lost");
	if (!json_array_size(json_object_get(learned, "services")) &&
	    !json_array_size(json_object_get(learned, "peers"))) {
		puts("nothing is learned");
		return;
	}
	puts("\nFor services, of a peer that is not known yet; expected and gained in set-ups.");
	cli_print_services(json_object_get(learned, "services"));
	print_decisions(json_object_get(learned, "services"));
	print_ranked(subnet_rows(json_object_get(learned, "subnets")), "subnet",
		     cli_number(known, "subnets"));
	print_ranked(peer_rows(json_object_get(learned, "peers")), "peer",
		     cli_number(known, "peers"));
}

int cli_auto_show(struct cli *cli)
{
	if (!cli_value(cli, "all") && !cli->json)
		json_object_set_new(cli->arguments, "most", json_integer(SHOWN));
	return cli_ask(cli, print_shown);
}

int cli_auto_forget(struct cli *cli)
{
	static const char *const kinds[] = { "services", "subnets", "peers", "breakers" };
	autojson json_t *result = NULL;
	const char *prefix = cli_value(cli, "prefix");
	json_int_t forgotten = 0;
	int rc = cli_request(cli, "auto-forget", json_incref(cli->arguments), &result);

	if (rc)
		return rc;
	if (cli->json)
		return cli_print_json(result);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		forgotten += cli_number(result, kinds[i]);
	if (!forgotten && prefix)
		printf("nothing is learned inside %s; \"smc-ebpf auto show %s\" tells what concerns it\n",
		       prefix, prefix);
	printf("forgot %lld %s, %lld %s, %lld %s, %lld %s\n",
	       (long long)cli_number(result, "services"),
	       cli_plural(result, "services", "service", "services"),
	       (long long)cli_number(result, "subnets"),
	       cli_plural(result, "subnets", "subnet", "subnets"),
	       (long long)cli_number(result, "peers"), cli_plural(result, "peers", "peer", "peers"),
	       (long long)cli_number(result, "breakers"),
	       cli_plural(result, "breakers", "breaker", "breakers"));
	return cli_finish(CLI_DONE);
}

int cli_recommend(struct cli *cli)
{
	return cli_ask(cli, cli_print_text);
}
