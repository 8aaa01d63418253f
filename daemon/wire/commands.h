/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of smc-ebpf and the requests to smc-policyd, described once, in
 * wire/command_table.h.  The daemon checks and answers requests by it, smc-ebpf reads its command
 * line and prints its help by it, and the manual page gets its headings from it.
 *
 * A new command is an entry there, answer_ID() in daemon/server and cli_ID() in daemon/cli.
 */
#ifndef SMC_POLICY_COMMANDS_H
#define SMC_POLICY_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/value.h"

#define COMMAND_ARGUMENTS_MAX 24
#define COMMAND_USAGE_SIZE 512
#define COMMAND_NAMES_MAX 1048576 /* rules that one request can name */

/* What a client of the daemon may do. */
enum command_access {
	ACCESS_NONE,
	ACCESS_READ,
	ACCESS_CHANGE,
};

enum argument_kind {
	ARGUMENT_TEXT,
	ARGUMENT_BOOLEAN,
	ARGUMENT_NUMBER, /* an integer from @min to @max */
	ARGUMENT_TEXTS, /* a list of @min to @max texts */
	ARGUMENT_QUERIES, /* a list of @min to @max [SIDE, PEER, PORT]: two texts, an integer */
};

/* Flags of an argument. */
#define ARGUMENT_REQUIRED 1u
#define ARGUMENT_WORD 2u /* on the command line a word by its position, not an option */
#define ARGUMENT_LOCAL 4u /* of the command line only: it is not sent */
#define ARGUMENT_SENT 8u /* of the request only: smc-ebpf derives it from the others */
#define ARGUMENT_PARTS 16u /* the option may be repeated: its texts are joined by commas */

struct command_argument {
	const char *name; /* in a request, and as option with "--" before it */
	enum argument_kind kind;
	unsigned int flags;
	const char *value; /* what stands for its value in a usage line, "PREFIX" */
	const char *alias; /* another name of the option, NULL: none */
	/* What each text must be besides a text: 0, or -EINVAL and the error.  NULL: anything. */
	int (*check)(const char *text, struct value_error *error);
	json_int_t min, max;
	/*
	 * How shells complete it: words separated by blanks, or "@rules" (all), "@added" (those by
	 * command), "@generations", "@files".  NULL: files if @value says so, else nothing.
	 */
	const char *complete;
	const char
		*help; /* what it is, for people; lines after the first are indented by smc-ebpf */
};

struct command {
	const char *name; /* "policy-add" in a request; the first "-" is a blank for smc-ebpf */
	bool local; /* smc-ebpf does it alone: there is no request of this name */
	enum command_access access; /* that a request needs */
	const char *summary; /* one line */
	const char *result; /* fields of the answer, in alphabetical order, separated by blanks */
	const char *stream; /* fields of each answer that follows without a request, NULL: none */
	struct command_argument arguments[COMMAND_ARGUMENTS_MAX]; /* up to one without name */
};

enum {
#define REQUEST(id, ...) COMMAND_##id,
#define COMMAND(id, ...) COMMAND_##id,
#include "wire/command_table.h"
#undef REQUEST
#undef COMMAND
	COMMANDS
};

extern const struct command commands[COMMANDS];

#define command_for_each_argument(argument, command) \
	for ((argument) = (command)->arguments; (argument)->name; (argument)++)

/* The command of this name, or NULL. */
const struct command *command_find(const char *name);

/* The argument of this name that a request of @command has, or NULL. */
const struct command_argument *command_find_argument(const struct command *command,
						     const char *name);

/* The words of @command, "policy add", to @words of COMMAND_USAGE_SIZE bytes. */
void command_words(const struct command *command, char *words);

/* Its arguments as in a usage line, "NAME [--side S]", to @usage of COMMAND_USAGE_SIZE bytes. */
void command_usage(const struct command *command, char *usage);

/*
 * Check @request, any JSON, as a whole: what it is called, and each of its arguments by name, type
 * and form.  Returns 0 and @command and @arguments (borrowed; NULL: none were sent), or -EINVAL and
 * in @error what is wrong, with the argument, what came and what would be right.
 */
int command_read_request(json_t *request, const struct command **command, const json_t **arguments,
			 struct value_error *error);

#endif
