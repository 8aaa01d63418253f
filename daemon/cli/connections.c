// SPDX-License-Identifier: GPL-2.0-or-later
/* connections: the SMC sockets of this host as a table. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "policy/value.h"

/* "10.0.0.2:40000", "[fd00::2]:40000". */
static json_t *end_text(const char *address, json_int_t port)
{
	return json_sprintf(strchr(address, ':') ? "[%s]:%lld" : "%s:%lld", address,
			    (long long)port);
}

/* "smc-r", "tcp: no-device", "-". */
static json_t *runs_text(const json_t *connection)
{
	const char *cause = json_string_value(json_object_get(connection, "cause"));

	return cause ? json_sprintf("%s: %s", cli_text(connection, "mode"), cause)
		     : json_string(cli_text(connection, "mode"));
}

/* The rule, else the reason that stands for none. */
static json_t *rule_text(const json_t *connection)
{
	const char *rule = json_string_value(json_object_get(connection, "rule"));
	const char *reason = json_string_value(json_object_get(connection, "reason"));

	if (!reason)
		return json_string("-");
	if (!rule || !strcmp(reason, "rule"))
		return json_sprintf(rule ? "%s" : "(%s)", rule ? rule : reason);
	return json_sprintf("%s (%s)", rule, reason);
}

static json_t *bytes_text(const json_t *connection, const char *key)
{
	const json_t *bytes = json_object_get(connection, key);
	char text[VALUE_TEXT_SIZE];

	if (!json_is_integer(bytes))
		return json_string("-");
	value_format_bytes((uint64_t)json_integer_value(bytes), text);
	return json_string(text);
}

static void print_connections(const json_t *result)
{
	static const bool shrinks[TABLE_COLUMNS_MAX] = { [2] = true, [3] = true, [4] = true };
	autojson json_t *rows = json_pack("[[s, s, s, s, s, s, s]]", "SIDE", "PORT", "PEER", "RUNS",
					  "RULE", "SENT", "RECEIVED");
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(result, "connections"), i, c)
		json_array_append_new(
			rows, json_pack("[s, O, o, o, o, o, o]", cli_text(c, "side"),
					json_object_get(c, "port"),
					end_text(cli_text(c, "peer"), cli_number(c, "peer_port")),
					runs_text(c), rule_text(c), bytes_text(c, "sent"),
					bytes_text(c, "received")));
	table_print_fitting(rows, shrinks);
	if (cli_number(result, "lost"))
		printf("%lld %s since the start had no room in the tables and may be missing\n",
		       (long long)cli_number(result, "lost"),
		       cli_plural(result, "lost", "connection", "connections"));
}

int cli_connections(struct cli *cli)
{
	return cli_ask(cli, print_connections);
}
