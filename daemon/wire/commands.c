// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "wire/commands.h"
#include "wire/protocol.h"

#define SHOWN 60 /* bytes of what came that a message repeats */

static int check_prefix(const char *text, struct value_error *error)
{
	struct policy_prefix prefix;
	int rc = value_prefix(text, &prefix, error);

	if (!rc && prefix.except)
		rc = value_refuse(error, "\"!\" makes no sense here; name the prefix itself");
	return rc;
}

static int check_duration(const char *text, struct value_error *error)
{
	uint64_t seconds;

	return value_duration(text, &seconds, error);
}

#define INTERVAL_MIN_US 100000u

static int check_interval(const char *text, struct value_error *error)
{
	uint32_t us;
	int rc = value_time_us(text, &us, error);

	if (!rc && us < INTERVAL_MIN_US)
		rc = value_refuse(error, "interval %s is too short; the shortest is 100ms", text);
	return rc;
}

const struct command commands[COMMANDS] = {
#define REQUEST(id, ...) [COMMAND_##id] = { __VA_ARGS__ },
#define COMMAND(id, ...) [COMMAND_##id] = { .local = true, __VA_ARGS__ },
#include "wire/command_table.h"
#undef REQUEST
#undef COMMAND
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

const struct command_argument *command_find_argument(const struct command *command,
						     const char *name)
{
	const struct command_argument *argument;

	command_for_each_argument(argument, command)
		if (!(argument->flags & ARGUMENT_LOCAL) && !strcmp(argument->name, name))
			return argument;
	return NULL;
}

/* ---- for people ---- */

/* Append to @text of @size bytes; what does not fit is cut off. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
							 const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

void command_words(const struct command *command, char *words)
{
	char *dash;

	snprintf(words, COMMAND_USAGE_SIZE, "%s", command->name);
	dash = strchr(words, '-');
	if (dash)
		*dash = ' ';
}

static void append_argument(char *usage, const struct command_argument *argument)
{
	bool required = argument->flags & ARGUMENT_REQUIRED, word = argument->flags & ARGUMENT_WORD;

	append(usage, COMMAND_USAGE_SIZE, "%s%s%s%s%s%s%s%s", *usage ? " " : "",
	       required ? "" : "[", word ? "" : "--", word ? "" : argument->name,
	       argument->value && !word ? " " : "", argument->value ? argument->value : "",
	       argument->kind == ARGUMENT_TEXTS ? "..." : "", required ? "" : "]");
}

void command_usage(const struct command *command, char *usage)
{
	const struct command_argument *argument;

	*usage = '\0';
	command_for_each_argument(argument, command)
		if (!(argument->flags & ARGUMENT_SENT))
			append_argument(usage, argument);
}

/* ---- what came ---- */

/* @json, or the beginning of it, as ASCII without control characters. */
static void show(const json_t *json, char *shown)
{
	char text[SHOWN + 1] = "";
	autofree char *all = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

	snprintf(text, sizeof(text), "%s", all ? all : "?");
	snprintf(shown, SHOWN + 4, "%s%s", text, all && strlen(all) > SHOWN ? "..." : "");
}

/* "a text", as in "send a text". */
static void describe_kind(const struct command_argument *argument, char *text, size_t size)
{
	long long min = argument->min, max = argument->max;

	switch (argument->kind) {
	case ARGUMENT_TEXT:
		snprintf(text, size, "a text");
		break;
	case ARGUMENT_BOOLEAN:
		snprintf(text, size, "true or false");
		break;
	case ARGUMENT_NUMBER:
		snprintf(text, size, "a whole number from %lld to %lld", min, max);
		break;
	case ARGUMENT_TEXTS:
		snprintf(text, size, "a list of %lld to %lld texts", min, max);
		break;
	case ARGUMENT_QUERIES:
		snprintf(text, size, "a list of %lld to %lld queries [SIDE, PEER, PORT]", min, max);
		break;
	}
}

/* Refuse @value for @argument; @index: of the item that is wrong, -1: all of it. */
static int refuse_value(const struct command *command, const struct command_argument *argument,
			const json_t *value, int index, struct value_error *error)
{
	char kind[96], shown[SHOWN + 4], item[32] = "";

	describe_kind(argument, kind, sizeof(kind));
	if (index >= 0)
		snprintf(item, sizeof(item), "item %d of ", index + 1);
	show(value, shown);
	return value_refuse(error, "%s: %sargument \"%s\" is %s; send %s: %s", command->name, item,
			    argument->name, shown, kind, argument->help);
}

/* ---- checks ---- */

static bool in_range(const struct command_argument *argument, json_int_t number)
{
	return number >= argument->min && number <= argument->max;
}

static bool is_query(const json_t *json)
{
	const json_t *port = json_array_get(json, 2);

	return json_array_size(json) == 3 && json_is_string(json_array_get(json, 0)) &&
	       json_is_string(json_array_get(json, 1)) && json_is_integer(port) &&
	       json_integer_value(port) >= 0 && json_integer_value(port) <= UINT16_MAX;
}

static int check_text(const struct command *command, const struct command_argument *argument,
		      const json_t *value, struct value_error *error)
{
	struct value_error why;

	if (!argument->check || !argument->check(json_string_value(value), &why))
		return 0;
	return value_refuse(error, "%s: argument \"%s\": %.280s", command->name, argument->name,
			    why.text);
}

static int check_list(const struct command *command, const struct command_argument *argument,
		      const json_t *list, struct value_error *error)
{
	bool queries = argument->kind == ARGUMENT_QUERIES;
	const json_t *item;
	size_t i;
	int rc = 0;

	if (!json_is_array(list) || !in_range(argument, (json_int_t)json_array_size(list)))
		return refuse_value(command, argument, list, -1, error);
	json_array_foreach(list, i, item) {
		if (queries ? !is_query(item) : !json_is_string(item))
			return refuse_value(command, argument, item, (int)i, error);
		rc = queries ? 0 : check_text(command, argument, item, error);
		if (rc)
			return rc;
	}
	return 0;
}

static int check_value(const struct command *command, const struct command_argument *argument,
		       const json_t *value, struct value_error *error)
{
	bool fits = false;

	switch (argument->kind) {
	case ARGUMENT_TEXT:
		if (json_is_string(value))
			return check_text(command, argument, value, error);
		break;
	case ARGUMENT_BOOLEAN:
		fits = json_is_boolean(value);
		break;
	case ARGUMENT_NUMBER:
		fits = json_is_integer(value) && in_range(argument, json_integer_value(value));
		break;
	case ARGUMENT_TEXTS:
	case ARGUMENT_QUERIES:
		return check_list(command, argument, value, error);
	}
	return fits ? 0 : refuse_value(command, argument, value, -1, error);
}

/* Refuse the member @name, where only @known are. */
static int refuse_name(const char *where, const char *name, const char *known,
		       struct value_error *error)
{
	autojson json_t *json = json_string(name);
	char shown[SHOWN + 4];

	show(json, shown);
	return value_refuse(error,
			    "%s: the daemon does not know %s; it takes %s; use the smc-ebpf of its "
			    "release",
			    where, shown, known);
}

static int refuse_unknown(const struct command *command, const char *name,
			  struct value_error *error)
{
	const struct command_argument *argument;
	char known[256] = "";

	command_for_each_argument(argument, command)
		if (!(argument->flags & ARGUMENT_LOCAL))
			append(known, sizeof(known), "%s%s", *known ? ", " : "", argument->name);
	return refuse_name(command->name, name, *known ? known : "no arguments", error);
}

static int check_arguments(const struct command *command, json_t *arguments,
			   struct value_error *error)
{
	const struct command_argument *argument;
	const char *name;
	json_t *value;
	int rc = 0;

	json_object_foreach(arguments, name, value) {
		argument = command_find_argument(command, name);
		rc = argument ? check_value(command, argument, value, error)
			      : refuse_unknown(command, name, error);
		if (rc)
			return rc;
	}
	command_for_each_argument(argument, command)
		if (argument->flags & ARGUMENT_REQUIRED && !(argument->flags & ARGUMENT_LOCAL) &&
		    !json_object_get(arguments, argument->name))
			return value_refuse(error, "%s: argument \"%s\" is missing; send %s",
					    command->name, argument->name, argument->help);
	return 0;
}

/* Check that @request is an object with no other members than a request has. */
static int check_members(json_t *request, struct value_error *error)
{
	const json_t *protocol = json_object_get(request, "protocol");
	const char *name;
	json_t *value;

	if (!json_is_object(request))
		return value_refuse(error, "a request is an object; send one");
	/* First, since a request of another version may have other members. */
	if (!json_is_integer(protocol) || json_integer_value(protocol) != PROTOCOL_VERSION)
		return value_refuse(
			error, "the daemon speaks protocol %d; use the smc-ebpf of its release",
			PROTOCOL_VERSION);
	json_object_foreach(request, name, value)
		if (strcmp(name, "protocol") && strcmp(name, "command") &&
		    strcmp(name, "arguments"))
			return refuse_name("request", name, "protocol, command and arguments",
					   error);
	return 0;
}

/* The command that @request names, or NULL and @error. */
static const struct command *read_command(const json_t *request, struct value_error *error)
{
	const json_t *name = json_object_get(request, "command");
	const struct command *command =
		json_is_string(name) ? command_find(json_string_value(name)) : NULL;
	char shown[SHOWN + 4];

	if (command && !command->local)
		return command;
	show(name, shown);
	value_refuse(error, "the daemon does not know command %s; use the smc-ebpf of its release",
		     shown);
	return NULL;
}

int command_read_request(json_t *request, const struct command **command, const json_t **arguments,
			 struct value_error *error)
{
	json_t *sent = json_object_get(request, "arguments");
	char shown[SHOWN + 4];

	if (check_members(request, error))
		return -EINVAL;
	*command = read_command(request, error);
	if (!*command)
		return -EINVAL;
	if (sent && !json_is_object(sent)) {
		show(sent, shown);
		return value_refuse(error, "%s: \"arguments\" is %s; send an object",
				    (*command)->name, shown);
	}
	*arguments = sent;
	return check_arguments(*command, sent, error);
}
