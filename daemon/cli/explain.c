// SPDX-License-Identifier: GPL-2.0-or-later
/* explain: a cause of fallbacks, offline; or the story of one connection, asked of the daemon. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/plural.h"
#include "policy/causes.h"
#include "wire/cause_json.h"

#define WIDTH 79 /* of text */
#define LABEL 15 /* of what is before it */

/* ---- text ---- */

/* Print @text, of which a line has @column columns already, in lines that begin at column @indent. */
static void print_lines(const char *text, int column, int indent)
{
	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column + 1 + length > WIDTH && column > indent)
			column = printf("\n%*s", indent, "") - 1;
		column += printf("%s%.*s", column ? " " : "", length, text);
		text += length;
		text += strspn(text, " ");
	}
	putchar('\n');
}

/* Print @text behind @label. */
static void print_wrapped(const char *label, const char *text)
{
	print_lines(text, printf("%-*s", LABEL, label), LABEL);
}

/* ---- causes ---- */

/* A cause, with the code and the name that were asked for where the table has one for many. */
struct shown {
	const struct cause *cause;
	uint32_t code;
	const char *name;
};

/* @cause, of which @code was asked for; 0: it was not asked for by code. */
static struct shown show(const struct cause *cause, uint32_t code)
{
	struct shown shown = { cause, cause->code, cause->name };

	if (!shown.code && code) {
		shown.code = code;
		shown.name = strerrorname_np((int)-code);
	}
	return shown;
}

static const char *const origins[] = {
	[CAUSE_UPSTREAM] = "upstream", [CAUSE_ALIBABA] = "alibaba", [CAUSE_DIFFERS] = "differs",
	[CAUSE_ERRNO] = "errno",       [CAUSE_OURS] = "smc-policy",
};

static const char *const origin_texts[] = {
	[CAUSE_UPSTREAM] = "upstream, and kernels made from it",
	[CAUSE_ALIBABA] = "Alibaba's only (Alibaba Cloud Linux, Anolis OS)",
	[CAUSE_ERRNO] = "any, as a negative errno",
	[CAUSE_OURS] = "none: smc-policy finds it itself",
};

static const char *const places[] = {
	[CAUSE_THIS_END] = "this-end",
	[CAUSE_OTHER_END] = "other-end",
	[CAUSE_BOTH_ENDS] = "both-ends",
	[CAUSE_PATH] = "path",
};

static const char *const place_texts[] = {
	[CAUSE_THIS_END] = "the end that gives this code",
	[CAUSE_OTHER_END] = "the other end than the one that gives this code",
	[CAUSE_BOTH_ENDS] = "both ends",
	[CAUSE_PATH] = "the path between the ends",
};

static json_t *cause_json(const struct shown *shown)
{
	const struct cause *cause = shown->cause;
	json_t *likely = json_array(), *remedies = json_array();

	for (size_t i = 0; i < CAUSE_LINES && cause->likely[i]; i++)
		json_array_append_new(likely, json_string(cause->likely[i]));
	for (size_t i = 0; i < CAUSE_LINES && cause->remedies[i].text; i++)
		json_array_append_new(remedies,
				      json_pack("{s:s, s:o}", "text", cause->remedies[i].text,
						"command",
						json_text_or_null(cause->remedies[i].command)));
	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "code",
			 cause_json_code(shown->code), "name", json_text_or_null(shown->name),
			 "other_name", json_text_or_null(cause->other_name), "cause", cause->word,
			 "kernels", origins[cause->origin], "place", places[cause->place], "text",
			 cause->text, "differs", json_text_or_null(cause->differs), "likely",
			 likely, "remedies", remedies);
}

static void print_cause(const struct shown *shown)
{
	const struct cause *cause = shown->cause;
	bool errno_name = cause->origin == CAUSE_ERRNO;
	char code[CAUSE_CODE_SIZE];

	cause_format_code(shown->code, code);
	table_field("cause", "%s", cause->word);
	if (shown->code)
		table_field("code", "%s%s%s%s%s%s", code, shown->name ? ", " : "",
			    shown->name && !errno_name ? "SMC_CLC_DECL_" : "",
			    shown->name ? shown->name : "", cause->other_name ? " or " : "",
			    cause->other_name ? cause->other_name : "");
	print_wrapped("kernels", cause->differs ? cause->differs : origin_texts[cause->origin]);
	print_wrapped("what happened", cause->text);
	print_wrapped("where to look", place_texts[cause->place]);
	for (size_t i = 0; i < CAUSE_LINES && cause->likely[i]; i++)
		print_wrapped(i ? "" : "likely", cause->likely[i]);
	for (size_t i = 0; i < CAUSE_LINES && cause->remedies[i].text; i++) {
		print_wrapped(i ? "" : "what to do", cause->remedies[i].text);
		if (cause->remedies[i].command)
			printf("%*s   $ %s\n", LABEL, "", cause->remedies[i].command);
	}
}

/* ---- which causes ---- */

/* The table, a line for each cause. */
static void print_all(void)
{
	autojson json_t *rows = json_pack("[[s, s, s, s]]", "CODE", "CAUSE", "NAME", "KERNELS");
	const struct cause *cause;
	char code[CAUSE_CODE_SIZE];

	cause_for_each(cause) {
		cause_format_code(cause->code, code);
		json_array_append_new(rows, json_pack("[s, s, s, s]", cause->code ? code : "-",
						      cause->word, cause->name ? cause->name : "-",
						      origins[cause->origin]));
	}
	table_print(rows);
	puts("\"smc-ebpf explain CODE\" tells more; a name or a word does as well.");
}

/* Call @each for what @text asks for: every cause of a word, or one; their number. */
static size_t for_each_asked(const char *text, void (*each)(void *arg, const struct shown *shown),
			     void *arg)
{
	const struct cause *found = cause_by_text(text), *cause;
	bool all = !strcmp(text, "all"), word = found && !strcasecmp(found->word, text);
	uint32_t code = 0;
	struct shown shown;
	size_t n = 0;

	if (found && !word && cause_read_code(text, &code))
		code = 0;
	cause_for_each(cause) {
		if (!all && !(word ? !strcmp(cause->word, found->word) : cause == found))
			continue;
		shown = show(cause, code);
		each(arg, &shown);
		n++;
	}
	return n;
}

static void collect(void *arg, const struct shown *shown)
{
	json_array_append_new(arg, cause_json(shown));
}

static void print_next(void *arg, const struct shown *shown)
{
	bool *first = arg;

	if (!*first)
		putchar('\n');
	*first = false;
	print_cause(shown);
}

static int explain_cause(struct cli *cli, const char *text)
{
	autojson json_t *list = json_array();
	autojson json_t *result = json_pack("{s:O}", "causes", list);
	bool first = true, all = !strcmp(text, "all");

	if (!for_each_asked(text, collect, list))
		return cli_usage(cli,
				 "\"%.64s\" is no code, name or word of a fallback that this "
				 "version knows; \"smc-ebpf explain all\" lists them",
				 text);
	if (cli->json)
		return cli_print_json(result);
	if (all)
		print_all();
	else
		for_each_asked(text, print_next, &first);
	return cli_finish(CLI_DONE);
}

/* ---- the story of a connection ---- */

static const char *or_any(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "any";
}

static void print_candidates(const json_t *result)
{
	autojson json_t *rows = json_pack("[[s, s, s, s, s, s]]", "RULE", "ACTION", "SIDE", "PEERS",
					  "PORTS", "LOSES BY");
	const json_t *candidates = json_object_get(result, "candidates"), *one;
	json_int_t more = cli_number(result, "matching") - (json_int_t)json_array_size(candidates);
	size_t i;

	json_array_foreach(candidates, i, one)
		json_array_append_new(rows,
				      json_pack("[s, s, s, s, s, s]", cli_text(one, "name"),
						cli_text(one, "action"), cli_text(one, "side"),
						or_any(one, "prefix"), or_any(one, "range"),
						i ? cli_text(one, "loses_by") : "wins"));
	if (i) {
		putchar('\n');
		table_print(rows);
	}
	if (more > 0)
		printf("and %lld more %s\n", (long long)more,
		       plural((unsigned long long)more, "rule", "rules"));
}

static void print_steps(const json_t *steps)
{
	const json_t *step;
	char text[512];
	size_t i;

	puts("\nWhat was asked, in this order:");
	json_array_foreach(steps, i, step) {
		bool against = !strcmp(cli_text(step, "state"), "against");

		snprintf(text, sizeof(text), "%s%s", against ? "AGAINST SMC: " : "",
			 cli_text(step, "text"));
		print_wrapped(cli_text(step, "name"), text);
	}
}

static void print_changes(const json_t *result)
{
	const json_t *changes = json_object_get(result, "changes"), *change;
	bool smc = !strcmp(cli_text(result, "verdict"), "smc");
	size_t i;

	printf("\nWhat would make it %s:\n",
	       smc ? "tcp" : "smc, for everything that is against it");
	json_array_foreach(changes, i, change) {
		const char *command = json_string_value(json_object_get(change, "command"));

		print_wrapped(cli_text(change, "step"), cli_text(change, "text"));
		if (command)
			printf("%*s   $ %s\n", LABEL, "", command);
	}
}

static void print_story(const json_t *result)
{
	cli_print_verdict(result);
	if (!strcmp(cli_text(result, "backend"), "observe"))
		puts("Nothing enforces this verdict: \"smc-ebpf status\" tells why.");
	print_candidates(result);
	putchar('\n');
	print_lines(cli_text(result, "why"), 0, 0);
	print_steps(json_object_get(result, "steps"));
	print_changes(result);
}

static int explain_connection(struct cli *cli)
{
	autojson json_t *result = NULL;
	struct value_error error;
	json_t *query = cli_query(cli_value(cli, "side"), cli_value(cli, "peer"),
				  cli_value(cli, "port"), &error);
	int rc;

	if (!query)
		return cli_usage(cli, "%s", error.text);
	rc = cli_request(cli, "explain", json_pack("{s:[o]}", "queries", query), &result);
	return rc ? rc : cli_print(cli, result, print_story);
}

int cli_explain(struct cli *cli)
{
	const char *cause = cli_value(cli, "cause"), *side = cli_value(cli, "side");
	const char *peer = cli_value(cli, "peer"), *port = cli_value(cli, "port");

	if (cause && (side || peer || port))
		return cli_usage(cli, "a cause goes without --side, --peer and --port");
	if (cause)
		return explain_cause(cli, cause);
	if (!side || !peer || !port)
		return cli_usage(cli, "name a code, a name or a word of a fallback, or \"all\"; or "
				      "--side, --peer and --port of a connection");
	return explain_connection(cli);
}
