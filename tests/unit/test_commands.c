// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of commands, and requests that are checked by it: what conforms is accepted, and everything
 * else is refused with the name of the argument, what came and what would be right.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "policy/rule.h"
#include "random.h"
#include "unit.h"
#include "wire/commands.h"
#include "wire/protocol.h"

#define ROUNDS 20000 /* of a seed */
#define LINE_MAX_CHARS 80

#define for_each_request(command)                                                \
	for ((command) = commands; (command) < commands + COMMANDS; (command)++) \
		if (!(command)->local)

static bool is_sent(const struct command_argument *argument)
{
	return !(argument->flags & ARGUMENT_LOCAL);
}

/* ---- the table ---- */

static void assert_word(const char *word)
{
	assert_true(*word);
	for (; *word; word++)
		assert_true(islower((unsigned char)*word) || *word == '-');
}

static void assert_lines_fit(const char *text, size_t indent)
{
	for (size_t length; *text; text += length + !!text[length]) {
		length = strcspn(text, "\n");
		if (length + indent > LINE_MAX_CHARS)
			fail_msg("longer than %d columns: %s", LINE_MAX_CHARS, text);
	}
}

static void commands_have_names_of_their_own_and_a_summary(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMANDS; i++) {
		assert_word(commands[i].name);
		assert_ptr_equal(command_find(commands[i].name), &commands[i]);
		assert_lines_fit(commands[i].summary, strlen("  policy export  "));
		assert_int_equal(!commands[i].result, commands[i].local);
	}
	assert_null(command_find("policy"));
	assert_null(command_find(""));
}

/* Columns before the help of an argument: the longest label, and blanks. */
static size_t help_indent(const struct command *command)
{
	const struct command_argument *argument;
	size_t widest = strlen("--socket PATH");

	command_for_each_argument(argument, command) {
		size_t word = argument->value ? strlen(argument->value) : 0;
		size_t label = argument->flags & ARGUMENT_WORD
				       ? word
				       : strlen("--") + strlen(argument->name) + !!word + word;

		if (!(argument->flags & ARGUMENT_SENT) && label > widest)
			widest = label;
	}
	return strlen("  ") + widest + strlen("  ");
}

static void assert_argument(const struct command *command, const struct command_argument *argument)
{
	const struct command_argument *other;
	bool ranged = argument->kind != ARGUMENT_TEXT && argument->kind != ARGUMENT_BOOLEAN &&
		      is_sent(argument);

	assert_word(argument->name);
	assert_non_null(argument->help);
	assert_lines_fit(argument->help, help_indent(command));
	assert_true(!ranged || argument->min <= argument->max);
	assert_true(!ranged || argument->max > 0);
	/* A word of the command line is shown by what stands for it. */
	assert_true(!(argument->flags & ARGUMENT_WORD) || argument->value);
	command_for_each_argument(other, command)
		assert_true(other == argument || strcmp(other->name, argument->name));
}

static void arguments_can_be_told_apart_and_have_help(void **state)
{
	const struct command_argument *argument;

	(void)state;
	for (size_t i = 0; i < COMMANDS; i++)
		command_for_each_argument(argument, &commands[i])
			assert_argument(&commands[i], argument);
}

static void policy_add_takes_every_key_of_a_rule(void **state)
{
	const struct command *add = command_find("policy-add");

	(void)state;
	for (size_t i = 0; policy_rule_keys[i]; i++)
		if (!command_find_argument(add, policy_rule_keys[i]))
			fail_msg("%s is no argument of policy-add", policy_rule_keys[i]);
}

static void usage_shows_words_options_and_what_is_optional(void **state)
{
	char words[COMMAND_USAGE_SIZE], usage[COMMAND_USAGE_SIZE];

	(void)state;
	command_words(command_find("auto-forget"), words);
	assert_string_equal(words, "auto forget");
	command_usage(command_find("auto-show"), usage);
	assert_string_equal(usage, "[PREFIX] [--all]");
	command_usage(command_find("record"), usage);
	assert_string_equal(usage, "FILE|- [--seconds N] [--force]");
	command_usage(command_find("policy-del"), usage);
	assert_string_equal(usage, "NAME...");
}

/* ---- requests that are refused, one by one ---- */

static const struct {
	const char *request, *error; /* error: part of it */
} refused[] = {
	/* A rule that would have been wider, unlimited or permanent. */
	{ "'policy-add','arguments':{'name':'a','action':'allow','ports':80}",
	  "policy-add: argument \"ports\" is 80; send a text: ports and ranges" },
	{ "'policy-add','arguments':{'name':'a','action':'allow','port':'80'}",
	  "policy-add: the daemon does not know \"port\"; it takes name, side, ports" },
	{ "'policy-add','arguments':{'name':'a','action':'allow','peers':{'a':1}}",
	  "argument \"peers\" is {\"a\":1}; send a text" },
	{ "'policy-add','arguments':{'name':'a','action':'allow','ttl':60}",
	  "argument \"ttl\" is 60; send a text: remove the rule after T, for example 90s" },
	{ "'policy-add','arguments':{'name':'a','action':'allow','max-rate':100}",
	  "argument \"max-rate\" is 100; send a text: limit of new SMC connections: 100/s" },
	{ "'policy-add','arguments':{'name':'a','action':'allow','runtime':'yes'}",
	  "argument \"runtime\" is \"yes\"; send true or false" },
	{ "'policy-add','arguments':{'name':'a','action':'allow','ports':null}",
	  "argument \"ports\" is null; send a text" },
	{ "'policy-add','arguments':{'action':'allow'}", "argument \"name\" is missing" },
	{ "'policy-add','arguments':{'name':'-a','action':'allow'}", "argument \"name\": " },
	{ "'policy-del','arguments':{'names':[]}",
	  "argument \"names\" is []; send a list of 1 to" },
	{ "'policy-del','arguments':{'names':['a',1]}", "item 2 of argument \"names\" is 1" },
	{ "'policy-del','arguments':{'names':['a','b c']}", "argument \"names\": " },
	{ "'policy-del'", "argument \"names\" is missing" },
	/* All would have been forgotten. */
	{ "'auto-forget','arguments':{'prefix':['10.0.0.0/8','192.0.2.0/24']}",
	  "argument \"prefix\" is [\"10.0.0.0/8\",\"192.0.2.0/24\"]; send a text" },
	{ "'auto-forget','arguments':{'prefix':'!10.0.0.0/8'}", "\"!\" makes no sense here" },
	{ "'auto-forget','arguments':{'prefix':'10.1.0.0/8'}", "write 10.0.0.0/8" },
	{ "'auto-forget','arguments':[]", "auto-forget: \"arguments\" is []; send an object" },
	{ "'status','arguments':[]", "status: \"arguments\" is []; send an object" },
	{ "'status','arguments':{'x':1}",
	  "status: the daemon does not know \"x\"; it takes no arguments" },
	{ "'status','arguments':null", "\"arguments\" is null" },
	{ "'status','argument':{}",
	  "request: the daemon does not know \"argument\"; it takes protocol" },
	{ "'auto-show','arguments':{'most':-1}",
	  "argument \"most\" is -1; send a whole number from 0 to" },
	{ "'auto-show','arguments':{'most':1.5}", "argument \"most\" is 1.5; send a whole number" },
	{ "'auto-show','arguments':{'all':true}", "does not know \"all\"; it takes prefix, most" },
	{ "'policy-test','arguments':{'queries':[['connect','192.0.2.7',65536]]}",
	  "item 1 of argument \"queries\" is [\"connect\",\"192.0.2.7\",65536]; send a list" },
	{ "'policy-test','arguments':{'queries':[['connect','192.0.2.7']]}", "item 1 of" },
	{ "'policy-test','arguments':{'queries':[['connect','192.0.2.7',1,2]]}", "item 1 of" },
	{ "'policy-check'",
	  "does not know command \"policy-check\"; use the smc-ebpf of its release" },
	{ "'nothing'", "does not know command \"nothing\"" },
	{ "7", "does not know command 7" },
};

/* {"protocol":1,"command":TEXT} with its single quotes made double. */
static json_t *make_request(const char *text)
{
	autofree char *json = NULL;
	json_t *request;

	if (asprintf(&json, "{\"protocol\":%d,\"command\":%s}", PROTOCOL_VERSION, text) < 0)
		abort();
	for (char *at = json; *at; at++)
		*at = *at == '\'' ? '"' : *at;
	request = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(request);
	return request;
}

static int read_request(json_t *request, struct value_error *error)
{
	const struct command *command;
	const json_t *arguments;

	return command_read_request(request, &command, &arguments, error);
}

static void what_does_not_conform_is_refused_with_the_way_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		autojson json_t *request = make_request(refused[i].request);
		struct value_error error = { "" };

		assert_int_equal(read_request(request, &error), -EINVAL);
		if (!strstr(error.text, refused[i].error))
			fail_msg("%s: %s", refused[i].request, error.text);
	}
}

static void messages_repeat_little_of_what_came_and_no_control_characters(void **state)
{
	autojson json_t *request = make_request("'policy-show','arguments':{'name':[]}");
	json_t *list = json_object_get(json_object_get(request, "arguments"), "name");
	struct value_error error;

	(void)state;
	for (int i = 0; i < 1000; i++)
		json_array_append_new(list, json_string("\n\x1b[31m"));
	assert_int_equal(read_request(request, &error), -EINVAL);
	assert_true(strlen(error.text) < 200);
	for (const char *at = error.text; *at; at++)
		assert_true(isprint((unsigned char)*at));
	assert_non_null(strstr(error.text, "...; send a text"));
}

static void request_must_be_an_object_of_this_protocol(void **state)
{
	static const char *const requests[] = {
		"[]",
		"1",
		"\"status\"",
		"{}",
		"{\"command\":\"status\"}",
		"{\"protocol\":2,\"command\":\"status\"}",
		"{\"protocol\":\"1\",\"command\":\"status\"}",
		"{\"protocol\":1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		autojson json_t *request = json_loads(requests[i], JSON_DECODE_ANY, NULL);
		struct value_error error;

		assert_int_equal(read_request(request, &error), -EINVAL);
	}
}

/* ---- requests at random ---- */

static const char *const names[] = { "a", "web-1", "0", "", "-a", "a b", "!" };
static const char *const durations[] = { "90", "15m", "0", "", "1w", "-1s" };
static const char *const prefixes[] = { "10.0.0.0/8", "::1", "", "10.0.0.1/8", "!::1", "x" };

#define GOOD_NAMES 3
#define GOOD_PREFIXES 2
#define GOOD_DURATIONS 2

/* Which list of texts an argument has; the texts of it that are right come first. */
static const char *const *texts_of(const struct command_argument *argument, uint32_t *n,
				   uint32_t *good)
{
	if (!strcmp(argument->name, "prefix") ||
	    (!strcmp(argument->name, "peer") && argument->check)) {
		*n = sizeof(prefixes) / sizeof(*prefixes);
		*good = GOOD_PREFIXES;
		return prefixes;
	}
	if (!strcmp(argument->name, "for")) {
		*n = sizeof(durations) / sizeof(*durations);
		*good = GOOD_DURATIONS;
		return durations;
	}
	*n = *good = sizeof(names) / sizeof(*names);
	if (argument->check)
		*good = GOOD_NAMES;
	return names;
}

static json_t *draw_text(struct rng *rng, const struct command_argument *argument)
{
	uint32_t n, good;
	const char *const *texts = texts_of(argument, &n, &good);

	return json_string(texts[random_below(rng, random_once_in(rng, 6) ? n : good)]);
}

static json_t *draw_query(struct rng *rng)
{
	json_t *query = json_pack("[s, s, i]", "connect", "::1", (int)random_below(rng, 65536));

	if (random_once_in(rng, 8))
		json_array_set_new(query, 2, json_integer(65536 + random_below(rng, 9)));
	if (random_once_in(rng, 8))
		json_array_set_new(query, random_below(rng, 2), json_null());
	if (random_once_in(rng, 8))
		json_array_append_new(query, json_true());
	return query;
}

/* A value of @kind that may be one for @argument. */
static json_t *draw_value(struct rng *rng, const struct command_argument *argument,
			  enum argument_kind kind)
{
	json_t *list;

	switch (kind) {
	case ARGUMENT_TEXT:
		return draw_text(rng, argument);
	case ARGUMENT_BOOLEAN:
		return json_boolean(random_once_in(rng, 2));
	case ARGUMENT_NUMBER:
		return json_integer((json_int_t)(random_u64(rng) >> random_below(rng, 64)));
	case ARGUMENT_TEXTS:
	case ARGUMENT_QUERIES:
		break;
	}
	list = json_array();
	for (uint32_t n = random_below(rng, 4); n; n--)
		json_array_append_new(list, kind == ARGUMENT_TEXTS ? draw_text(rng, argument)
								   : draw_query(rng));
	return list;
}

/* Anything: of the type of @argument mostly. */
static json_t *draw_any(struct rng *rng, const struct command_argument *argument)
{
	if (!random_once_in(rng, 10))
		return draw_value(rng, argument, argument->kind);
	switch (random_below(rng, 4)) {
	case 0:
		return json_null();
	case 1:
		return json_object();
	case 2:
		return json_real(1.5);
	default:
		return draw_value(rng, argument, (enum argument_kind)random_below(rng, 5));
	}
}

static json_t *draw_arguments(struct rng *rng, const struct command *command)
{
	const struct command_argument *argument;
	json_t *arguments = json_object();

	command_for_each_argument(argument, command) {
		bool wanted = is_sent(argument) &&
			      (argument->flags & ARGUMENT_REQUIRED ? !random_once_in(rng, 20)
								   : random_once_in(rng, 3));

		if (wanted || random_once_in(rng, 60))
			json_object_set_new(arguments, argument->name, draw_any(rng, argument));
	}
	if (random_once_in(rng, 20))
		json_object_set_new(arguments, "unheard-of", json_true());
	return arguments;
}

static bool text_conforms(const struct command_argument *argument, const json_t *json)
{
	uint32_t n, good;
	const char *const *texts = texts_of(argument, &n, &good);

	for (uint32_t i = 0; json_is_string(json) && i < good; i++)
		if (!strcmp(texts[i], json_string_value(json)))
			return true;
	return false;
}

static bool query_conforms(const json_t *json)
{
	const char *side, *peer;
	json_int_t port;

	return !json_unpack((json_t *)json, "[s, s, I!]", &side, &peer, &port) && port >= 0 &&
	       port < 65536;
}

static bool list_conforms(const struct command_argument *argument, const json_t *list)
{
	size_t i, n = json_array_size(list);
	const json_t *item;
	bool conforms =
		json_is_array(list) && n >= (size_t)argument->min && n <= (size_t)argument->max;

	json_array_foreach(list, i, item)
		conforms &= argument->kind == ARGUMENT_TEXTS ? text_conforms(argument, item)
							     : query_conforms(item);
	return conforms;
}

static bool value_conforms(const struct command_argument *argument, const json_t *json)
{
	switch (argument->kind) {
	case ARGUMENT_TEXT:
		return text_conforms(argument, json);
	case ARGUMENT_BOOLEAN:
		return json_is_true(json) || json_is_false(json);
	case ARGUMENT_NUMBER:
		return json_is_integer(json) && json_integer_value(json) >= argument->min &&
		       json_integer_value(json) <= argument->max;
	case ARGUMENT_TEXTS:
	case ARGUMENT_QUERIES:
		return list_conforms(argument, json);
	}
	return false;
}

/* What is wrong with @arguments: names, separated by blanks, "" if nothing is. */
static void list_wrong(const struct command *command, json_t *arguments, char *wrong)
{
	const struct command_argument *argument;
	size_t known = 0;

	*wrong = '\0';
	command_for_each_argument(argument, command) {
		const json_t *value = json_object_get(arguments, argument->name);
		bool missing = !value && argument->flags & ARGUMENT_REQUIRED;

		known += value && is_sent(argument);
		if (is_sent(argument) ? missing || (value && !value_conforms(argument, value))
				      : !!value)
			sprintf(wrong + strlen(wrong), "\"%s\" ", argument->name);
	}
	if (json_object_get(arguments, "unheard-of"))
		strcat(wrong, "\"unheard-of\" ");
}

/* @text has one of the quoted names of @wrong. */
static bool names_one(const char *text, char *wrong)
{
	for (char *rest = wrong, *name; (name = strsep(&rest, " "));)
		if (*name && strstr(text, name))
			return true;
	return false;
}

static void check_drawn(const struct command *command, json_t *arguments, unsigned int *accepted)
{
	autojson json_t *request = json_pack("{s:i, s:s, s:O}", "protocol", PROTOCOL_VERSION,
					     "command", command->name, "arguments", arguments);
	autojson json_t *before = json_deep_copy(request);
	const struct command *found;
	const json_t *read;
	struct value_error error = { "" };
	char wrong[512];
	int rc = command_read_request(request, &found, &read, &error);

	list_wrong(command, arguments, wrong);
	if (rc != (*wrong ? -EINVAL : 0)) {
		json_dumpf(request, stderr, JSON_COMPACT);
		fail_msg("returned %d, \"%s\"; wrong is %s", rc, error.text, wrong);
	}
	assert_true(json_equal(request, before));
	if (!rc) {
		assert_ptr_equal(found, command);
		assert_ptr_equal(read, arguments);
		(*accepted)++;
	} else if (!names_one(error.text, wrong)) {
		fail_msg("\"%s\" names none of %s", error.text, wrong);
	}
}

static void accepted_is_what_conforms_and_nothing_else(void **state)
{
	unsigned int n, rounds = random_rounds(ROUNDS);
	const uint64_t *seeds = random_seeds(&n);

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		struct rng rng = { seeds[i] };
		unsigned int accepted[COMMANDS] = { 0 };
		const struct command *command;

		for (unsigned int round = 0; round < rounds / COMMANDS; round++)
			for_each_request(command) {
				autojson json_t *arguments = draw_arguments(&rng, command);

				check_drawn(command, arguments, &accepted[command - commands]);
			}
		for_each_request(command)
			assert_in_range(accepted[command - commands], rounds / COMMANDS / 20,
					rounds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_names_of_their_own_and_a_summary),
		cmocka_unit_test(arguments_can_be_told_apart_and_have_help),
		cmocka_unit_test(policy_add_takes_every_key_of_a_rule),
		cmocka_unit_test(usage_shows_words_options_and_what_is_optional),
		cmocka_unit_test(what_does_not_conform_is_refused_with_the_way_out),
		cmocka_unit_test(messages_repeat_little_of_what_came_and_no_control_characters),
		cmocka_unit_test(request_must_be_an_object_of_this_protocol),
		cmocka_unit_test(accepted_is_what_conforms_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
