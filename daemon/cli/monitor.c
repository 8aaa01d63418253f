// SPDX-License-Identifier: GPL-2.0-or-later
/* monitor: what happens to SMC sockets, as it happens, a line for each event. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/stream.h"
#include "cli/table.h"
#include "common/json.h"
#include "policy/value.h"

/* " from 10.0.0.2:40000 to port 80" as seen from here. */
static void print_ends(const json_t *event)
{
	const char *peer = cli_text(event, "peer");
	bool v6 = strchr(peer, ':');

	printf(" %-7s %lld %s%s%s:%lld", cli_text(event, "side"),
	       (long long)cli_number(event, "port"), v6 ? "[" : "", peer, v6 ? "]" : "",
	       (long long)cli_number(event, "peer_port"));
}

/* "smc, rule web", "tcp, default"; nothing where nobody was asked. */
static void print_verdict(const json_t *event)
{
	const char *reason = cli_text(event, "reason"), *rule = cli_text(event, "rule");

	if (!json_is_string(json_object_get(event, "verdict")))
		return;
	printf(" %s, %s", cli_text(event, "verdict"), reason);
	if (json_is_string(json_object_get(event, "rule")))
		printf(strcmp(reason, "rule") ? " of rule %s" : " %s", rule);
}

static void print_bytes(const json_t *event, const char *key)
{
	const json_t *bytes = json_object_get(event, key);
	char text[VALUE_TEXT_SIZE] = "?";

	if (json_is_integer(bytes))
		value_format_bytes((uint64_t)json_integer_value(bytes), text);
	printf(", %s %s", text, key);
}

static void print_rest(const char *name, const json_t *event)
{
	if (!strcmp(name, "fallback")) {
		printf(" because of %s (%s)", cli_text(event, "cause"), cli_text(event, "code"));
	} else if (!strcmp(name, "close")) {
		printf(" after %.3f s on %s", json_real_value(json_object_get(event, "seconds")),
		       cli_text(event, "mode"));
		print_bytes(event, "sent");
		print_bytes(event, "received");
	}
}

static void print_event(const json_t *event)
{
	const char *name = cli_text(event, "event");

	printf("%s %-8s", cli_text(event, "time"), name);
	if (!strcmp(name, "lost")) {
		printf(" %lld %s", (long long)cli_number(event, "count"),
		       cli_plural(event, "count", "event", "events"));
	} else if (!strcmp(name, "policy")) {
		const char *by = json_string_value(json_object_get(event, "by"));

		printf(" generation %lld, %lld %s: %s%s%s",
		       (long long)cli_number(event, "generation"),
		       (long long)cli_number(event, "rules"),
		       cli_plural(event, "rules", "rule", "rules"), cli_text(event, "way"),
		       by ? " by " : "", by ? by : "");
	} else if (!strcmp(name, "breaker")) {
		printf(" %s %s is %s", cli_text(event, "side"), cli_text(event, "prefix"),
		       cli_text(event, "state"));
	} else if (!strcmp(name, "cooldown")) {
		printf(" no SMC until %s (%s)", cli_text(event, "until"), cli_text(event, "code"));
	} else {
		print_ends(event);
		print_verdict(event);
		print_rest(name, event);
	}
	putchar('\n');
}

static int print_events(const struct cli *cli, const json_t *events)
{
	const json_t *event;
	size_t i;

	json_array_foreach(events, i, event) {
		if (!cli->json) {
			print_event(event);
			continue;
		}
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	}
	/* At once: it may be read line by line. */
	return cli_finish(CLI_DONE);
}

int cli_monitor(struct cli *cli)
{
	struct cli_stream stream;
	int rc = cli_stream_open(cli, &stream, "monitor", json_incref(cli->arguments),
				 cli_value_number(cli, "seconds"));

	while (!rc) {
		autojson json_t *result = NULL;

		rc = cli_stream_next(&stream, "start monitor again", &result);
		if (!result)
			break;
		rc = print_events(cli, json_object_get(result, "events"));
	}
	cli_stream_close(&stream);
	return rc;
}
