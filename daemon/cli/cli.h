/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smc-ebpf: each command of wire/command_table.h is a function here, which runs when the words of
 * the command have been read and returns an exit status.
 */
#ifndef SMC_POLICY_CLI_H
#define SMC_POLICY_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/commands.h"

enum cli_status {
	CLI_DONE = 0,
	CLI_FAILED = 1, /* refused or failed */
	CLI_USAGE = 2, /* wrong usage */
	CLI_UNREACHABLE = 3, /* the daemon does not answer */
	CLI_WARNED = 4, /* of a check: warnings, but no problem */
	CLI_HELPED = 5, /* help was printed and nothing more is to be done: exits as CLI_DONE */
};

struct cli {
	const char *socket;
	bool json; /* -j */
	const struct command *command; /* the one that runs */
	json_t *arguments; /* of its request */
	/* By the index of the argument, as they were given last; NULL, 0: not given. */
	const char *values[COMMAND_ARGUMENTS_MAX];
	uint64_t numbers[COMMAND_ARGUMENTS_MAX];
	char **words; /* of its list */
	int n_words;
};

/* One line on stderr, "smc-ebpf: ...".  Return CLI_FAILED and CLI_USAGE. */
__attribute__((format(printf, 1, 2))) int cli_fail(const char *format, ...);
__attribute__((format(printf, 2, 3))) int cli_usage(const struct cli *cli, const char *format, ...);

/* One line on stderr: "warning: ...". */
void cli_warn(const char *text);

/* The same for each text of @warnings, an array of the daemon's answer. */
void cli_warn_all(const json_t *warnings);

/* The text of argument @name of the command, NULL if it is not given; of a flag any text. */
const char *cli_value(const struct cli *cli, const char *name);

/* The number of argument @name of the command, 0 if it is not given. */
uint64_t cli_value_number(const struct cli *cli, const char *name);

void cli_print_help(const struct command *command);

/* Print the list of commands that begin with @prefix. */
void cli_print_commands(const char *prefix);

/*
 * Ask the daemon: @arguments (taken over, may be NULL) of @command, the result
 * into @result, to be released.  Returns CLI_DONE, or another status after
 * telling why.
 */
int cli_request(struct cli *cli, const char *command, json_t *arguments, json_t **result);

/*
 * Connect to the daemon and print nothing.  Returns a blocking socket whose calls end with -ETIMEDOUT
 * after @seconds without progress, or a negative errno; without @wait -EAGAIN where more clients wait
 * for the daemon than there is room for.
 */
int cli_open(const struct cli *cli, unsigned int seconds, bool wait);

/*
 * A request, to be released: @arguments (taken over, NULL: none) of @command.  NULL: no memory, or a
 * text is not UTF-8.
 */
json_t *cli_pack_request(const char *command, json_t *arguments);

/*
 * The same for what can do without the daemon: the result, to be released, or NULL if it does not answer
 * or refuses, without telling why.
 */
json_t *cli_try_request(const struct cli *cli, const char *command, json_t *arguments);

/* A connection for more than one request; -1 after telling why (CLI_UNREACHABLE). */
int cli_connect(const struct cli *cli);

/* Check a response and take its result, as cli_request() does. */
int cli_result(json_t *response, json_t **result);

/* Print @json as one document and return CLI_DONE, or CLI_FAILED if stdout does not take it. */
int cli_print_json(const json_t *json);

/* Print @result: as JSON if that was asked for, else by @print.  Returns as cli_finish() does. */
int cli_print(const struct cli *cli, const json_t *result, void (*print)(const json_t *result));

/* Ask the daemon for the command that runs, with its arguments, and cli_print() the result. */
int cli_ask(struct cli *cli, void (*print)(const json_t *result));

/* Flush stdout; CLI_FAILED if that does not work, else @status. */
int cli_finish(int status);

/* Print what policy-diff answers, or policy-rollback (wire/protocol.h). */
void cli_print_rollback(const json_t *diff);
/*
 * A query as the daemon takes it, ["connect", "192.0.2.7", 443], of the texts of its three parts.  NULL
 * and @error: one of them is wrong.
 */
json_t *cli_query(const char *side, const char *peer, const char *port, struct value_error *error);

/* Print the verdict, reason, rule, generation and backend of @answer in one line. */
void cli_print_verdict(const json_t *answer);

/* Print @services of auto-show (wire/protocol.h) as a table. */
void cli_print_services(const json_t *services);

/* Print the breakers and the cool-down of auto-show or of "learned" in status, if there are any. */
void cli_print_obstacles(const json_t *learned);

/* Print how many lessons @learned says are lost, and how; nothing if none are. */
void cli_print_lost(const json_t *learned, const char *label);

#define COMMAND(id, ...) int cli_##id(struct cli *cli);
#define REQUEST(id, ...) int cli_##id(struct cli *cli);
#include "wire/command_table.h"
#undef COMMAND
#undef REQUEST

#endif
