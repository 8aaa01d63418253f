/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smc-ebpf: one table of commands (main.c), a function each.  A command gets
 * its words, without the global options, and returns an exit status.
 */
#ifndef SMC_POLICY_CLI_H
#define SMC_POLICY_CLI_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

enum cli_status {
	CLI_DONE = 0,
	CLI_FAILED = 1, /* refused or failed */
	CLI_USAGE = 2, /* wrong usage */
	CLI_UNREACHABLE = 3, /* the daemon does not answer */
	CLI_HELPED = 4, /* help was printed and nothing more is to be done: exits as CLI_DONE */
};

struct cli {
	const char *socket;
	bool json; /* -j */
	const struct cli_command *command; /* the one that runs */
	int status; /* to return once cli_option() has said '?' */
	const char *lists; /* letters of the command's options that may come again, or NULL */
	bool given[128]; /* by letter: other options with a value that came already */
};

struct cli_command {
	const char *words; /* "policy add" */
	const char *arguments; /* "NAME [--side S]", for the usage line */
	const char *summary; /* one line */
	const char *details; /* lines about options, or NULL */
	int (*run)(struct cli *cli, int argc, char **argv);
};

/* One line on stderr, "smc-ebpf: ...".  Return CLI_FAILED and CLI_USAGE. */
__attribute__((format(printf, 1, 2))) int cli_fail(const char *format, ...);
__attribute__((format(printf, 2, 3))) int cli_usage(const struct cli *cli, const char *format, ...);

/*
 * The next option of a command by getopt_long(), the global ones (-j, --socket)
 * taken care of; -1 at the end, '?' when there is nothing more to do: cli->status is what to
 * return, CLI_HELPED or that of an error that was told.
 */
int cli_option(struct cli *cli, int argc, char **argv, const struct option *options);

/* Parse the options of a command that has none of its own and takes @min to @max arguments. */
int cli_arguments(struct cli *cli, int argc, char **argv, int min, int max);

/*
 * Ask the daemon: @arguments (taken over, may be NULL) of @command, the result
 * into @result, to be released.  Returns CLI_DONE, or another status after
 * telling why.
 */
int cli_request(struct cli *cli, const char *command, json_t *arguments, json_t **result);

/* A connection for more than one request; -1 after telling why (CLI_UNREACHABLE). */
int cli_connect(const struct cli *cli);

/* Check a response and take its result, as cli_request() does. */
int cli_result(json_t *response, json_t **result);

/* Print @json as one document and return CLI_DONE, or CLI_FAILED if stdout does not take it. */
int cli_print_json(const json_t *json);

/* Print @result: as JSON if that was asked for, else by @print.  Returns as cli_finish() does. */
int cli_print(const struct cli *cli, const json_t *result, void (*print)(const json_t *result));

/*
 * All of a command that has no arguments: ask the daemon for @command, and cli_print() the result.
 */
int cli_ask(struct cli *cli, int argc, char **argv, const char *command,
	    void (*print)(const json_t *result));

/* Flush stdout; CLI_FAILED if that does not work, else @status. */
int cli_finish(int status);

/* Print @services of auto-show (wire/protocol.h) as a table. */
void cli_print_services(const json_t *services);

/* Print the breakers and the cool-down of auto-show or of "learned" in status, if there are any. */
void cli_print_obstacles(const json_t *learned);

/* Commands, by file. */
int cli_policy_add(struct cli *cli, int argc, char **argv);
int cli_policy_del(struct cli *cli, int argc, char **argv);
int cli_policy_list(struct cli *cli, int argc, char **argv);
int cli_policy_show(struct cli *cli, int argc, char **argv);
int cli_policy_flush(struct cli *cli, int argc, char **argv);
int cli_policy_export(struct cli *cli, int argc, char **argv);
int cli_policy_test(struct cli *cli, int argc, char **argv);
int cli_policy_check(struct cli *cli, int argc, char **argv);
int cli_policy_diff(struct cli *cli, int argc, char **argv);
int cli_reload(struct cli *cli, int argc, char **argv);
int cli_status(struct cli *cli, int argc, char **argv);
int cli_stats(struct cli *cli, int argc, char **argv);
int cli_auto_show(struct cli *cli, int argc, char **argv);
int cli_auto_forget(struct cli *cli, int argc, char **argv);
int cli_recommend(struct cli *cli, int argc, char **argv);
int cli_record(struct cli *cli, int argc, char **argv);
int cli_simulate(struct cli *cli, int argc, char **argv);

#endif
