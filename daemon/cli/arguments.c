// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of a command, read and checked by the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "common/options.h"

#define OPTION_SOCKET 1000
#define OPTION_OWN 2000 /* and the index of the argument */
#define OPTIONS_MAX (2 * COMMAND_ARGUMENTS_MAX + 4)

int cli_take_socket(struct cli *cli, const char *path)
{
	if (!*path)
		return cli_usage(cli,
				 "--socket is empty; give a path, or leave it out for the default");
	cli->socket = path;
	return CLI_DONE;
}

/* ---- values ---- */

static size_t find_argument(const struct cli *cli, const char *name)
{
	size_t i = 0;

	while (strcmp(cli->command->arguments[i].name, name))
		i++;
	return i;
}

const char *cli_value(const struct cli *cli, const char *name)
{
	return cli->values[find_argument(cli, name)];
}

uint64_t cli_value_number(const struct cli *cli, const char *name)
{
	return cli->numbers[find_argument(cli, name)];
}

/* "--side", or "NAME" for a word, to @label. */
static const char *label(const struct command_argument *argument, char *buf, size_t size)
{
	bool word = argument->flags & ARGUMENT_WORD;

	snprintf(buf, size, "%s%s", word ? "" : "--", word ? argument->value : argument->name);
	return buf;
}

static int note_sent(struct cli *cli, const struct command_argument *argument, json_t *json)
{
	char buf[64];

	if (!json || json_object_set_new(cli->arguments, argument->name, json))
		return cli_usage(cli, "%s: not valid UTF-8", label(argument, buf, sizeof(buf)));
	return CLI_DONE;
}

static int note_text(struct cli *cli, const struct command_argument *argument, const char *text)
{
	const char *before;
	json_t *joined;

	cli->values[argument - cli->command->arguments] = text;
	if (argument->flags & ARGUMENT_LOCAL)
		return CLI_DONE;
	before = json_string_value(json_object_get(cli->arguments, argument->name));
	joined = before ? json_sprintf("%s,%s", before, text) : json_string(text);
	return note_sent(cli, argument, joined);
}

static int note_number(struct cli *cli, const struct command_argument *argument, const char *text)
{
	size_t i = (size_t)(argument - cli->command->arguments);
	struct value_error error;
	char buf[64];

	if (value_number(label(argument, buf, sizeof(buf)), text, (uint64_t)argument->min,
			 (uint64_t)argument->max, &cli->numbers[i], &error))
		return cli_usage(cli, "%s", error.text);
	cli->values[i] = text;
	if (argument->flags & ARGUMENT_LOCAL)
		return CLI_DONE;
	return note_sent(cli, argument, json_integer((json_int_t)cli->numbers[i]));
}

static int note_flag(struct cli *cli, const struct command_argument *argument)
{
	cli->values[argument - cli->command->arguments] = "yes";
	return argument->flags & ARGUMENT_LOCAL ? CLI_DONE : note_sent(cli, argument, json_true());
}

/* Take @text for @argument, one of several if it is a list. */
static int note_value(struct cli *cli, const struct command_argument *argument, const char *text)
{
	const char *before = cli->values[argument - cli->command->arguments];
	struct value_error error;
	char buf[64];

	/* Of two values one would be lost. */
	if (before && argument->kind != ARGUMENT_BOOLEAN && !(argument->flags & ARGUMENT_PARTS))
		return cli_usage(cli, "%s is given twice", label(argument, buf, sizeof(buf)));
	if (argument->check && argument->check(text, &error))
		return cli_usage(cli, "%s", error.text);
	switch (argument->kind) {
	case ARGUMENT_BOOLEAN:
		return note_flag(cli, argument);
	case ARGUMENT_NUMBER:
		return note_number(cli, argument, text);
	case ARGUMENT_TEXT:
	case ARGUMENT_TEXTS:
	case ARGUMENT_QUERIES:
		break;
	}
	return note_text(cli, argument, text);
}

/* ---- options ---- */

static void add_option(struct option *options, size_t *n, const char *name, bool value, int number)
{
	options[(*n)++] = (struct option){
		.name = name,
		.has_arg = value ? required_argument : no_argument,
		.val = number,
	};
}

static void list_options(const struct command *command, struct option *options)
{
	const struct command_argument *argument;
	size_t n = 0;

	command_for_each_argument(argument, command) {
		bool value = argument->kind != ARGUMENT_BOOLEAN;
		int number = OPTION_OWN + (int)(argument - command->arguments);

		if (argument->flags & (ARGUMENT_WORD | ARGUMENT_SENT))
			continue;
		add_option(options, &n, argument->name, value, number);
		if (argument->alias)
			add_option(options, &n, argument->alias, value, number);
	}
	add_option(options, &n, "json", false, 'j');
	add_option(options, &n, "socket", true, OPTION_SOCKET);
	add_option(options, &n, "help", false, 'h');
	options[n] = (struct option){ 0 };
}

static int take_option(struct cli *cli, int option)
{
	switch (option) {
	case 'j':
		cli->json = true;
		return CLI_DONE;
	case OPTION_SOCKET:
		return cli_take_socket(cli, optarg);
	case 'h':
		cli_print_help(cli->command);
		return cli_finish(CLI_HELPED);
	default:
		return note_value(cli, &cli->command->arguments[option - OPTION_OWN], optarg);
	}
}

/* ---- words ---- */

/* Take all of the @n words for the list @argument. */
static int take_list(struct cli *cli, const struct command_argument *argument, char **words, int n)
{
	json_t *list;
	struct value_error error;

	cli->words = words;
	cli->n_words = n;
	if (argument->flags & ARGUMENT_LOCAL || !n)
		return CLI_DONE;
	list = json_array();
	for (int i = 0; i < n; i++) {
		bool bad = argument->check && argument->check(words[i], &error);

		if (bad || json_array_append_new(list, json_string(words[i]))) {
			json_decref(list);
			return bad ? cli_usage(cli, "%s", error.text)
				   : cli_usage(cli, "%s: not valid UTF-8", argument->value);
		}
	}
	return note_sent(cli, argument, list);
}

static int take_words(struct cli *cli, char **words, int n)
{
	const struct command_argument *argument;
	char usage[COMMAND_USAGE_SIZE];
	int at = 0, rc = CLI_DONE;

	command_for_each_argument(argument, cli->command) {
		if (!(argument->flags & ARGUMENT_WORD) || rc)
			continue;
		if (at == n && argument->flags & ARGUMENT_REQUIRED) {
			command_usage(cli->command, usage);
			return cli_usage(cli, "an argument is missing: %s", usage);
		}
		if (argument->kind == ARGUMENT_TEXTS) {
			rc = take_list(cli, argument, words + at, n - at);
			at = n;
		} else if (at < n) {
			rc = note_value(cli, argument, words[at++]);
		}
	}
	if (!rc && at < n)
		return cli_usage(cli, "unexpected argument \"%.64s\"", words[at]);
	return rc;
}

int cli_read_arguments(struct cli *cli, int argc, char **argv)
{
	struct option options[OPTIONS_MAX];
	char error[OPTIONS_ERROR_SIZE];
	int option, index, rc;

	list_options(cli->command, options);
	while ((option = options_next(argc, argv, ":jh", options, &index, error)) != -1) {
		rc = option == '?' ? cli_usage(cli, "%s", error) : take_option(cli, option);
		if (rc)
			return rc;
	}
	return take_words(cli, argv + optind, argc - optind);
}
