// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "common/cleanup.h"
#include "policy/config.h"
#include "smc_policy_version.h"

static const struct cli_command commands[] = {
	{ "policy add",
	  "NAME --action A [--side S] [--ports P] [--peers C] [--ttl T] [--replace] [--runtime]",
	  "add a rule; in force before this returns",
	  "  --action A   allow, deny or auto\n"
	  "  --side S     connect, accept or both (default)\n"
	  "  --ports P    ports and ranges, for example 80,443,8000-9000 (default: any)\n"
	  "  --peers C    IPv4 and IPv6 prefixes, \"!\" before one takes it out (default: any)\n"
	  "  --ttl T      remove the rule after T, for example 90s, 15m, 2h or 7d\n"
	  "  --replace    change a rule of this name that has other content\n"
	  "  --runtime    do not keep the rule over a restart of the daemon\n",
	  cli_policy_add },
	{ "policy del", "NAME...", "delete rules that were added by command, all or none", NULL,
	  cli_policy_del },
	{ "policy list", "", "the rules in force, with their counts", NULL, cli_policy_list },
	{ "policy show", "NAME", "everything about one rule", NULL, cli_policy_show },
	{ "policy test", "--side S --peer IP --port N | --batch FILE|-",
	  "ask the program in the kernel for a verdict, reason and rule",
	  "  --side S       connect or accept\n"
	  "  --peer IP      remote address\n"
	  "  --port N       service port: remote on the connect side, local on the accept side\n"
	  "  --batch FILE   lines SIDE PEER PORT (\"-\": standard input); one JSON line each\n",
	  cli_policy_test },
	{ "policy check", "FILE...", "validate configuration files; needs no daemon and no root",
	  NULL, cli_policy_check },
	{ "policy diff", "[FILE...]", "what a reload would change, with FILEs as configuration",
	  NULL, cli_policy_diff },
	{ "policy flush", "", "delete every rule that was added by command", NULL,
	  cli_policy_flush },
	{ "policy export", "", "the policy in force as configuration text", NULL,
	  cli_policy_export },
	{ "reload", "", "read the configuration files again", NULL, cli_reload },
	{ "status", "", "what enforces, generation, limits, what is degraded", NULL, cli_status },
	{ "stats", "", "counts of verdicts by reason and rule", NULL, cli_stats },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* "PREFIX: text HINT" on stderr, in one line whatever @text contains. */
static void tell(const char *prefix, char *text, const char *hint)
{
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	fprintf(stderr, "%s%s%s\n", prefix, text, hint);
}

int cli_fail(const char *format, ...)
{
	autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		tell("smc-ebpf: ", text, "");
	return CLI_FAILED;
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	const char *words = cli->command ? cli->command->words : "";
	const char *space = cli->command ? " " : "";
	char text[640], prefix[64], hint[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(prefix, sizeof(prefix), "smc-ebpf%s%s: ", space, words);
	snprintf(hint, sizeof(hint), " (see smc-ebpf%s%s --help)", space, words);
	tell(prefix, text, hint);
	return CLI_USAGE;
}

void cli_line(const char *text)
{
	autofree char *copy = text ? strdup(text) : NULL;

	if (copy)
		tell("", copy, "");
}

json_t *cli_json_text(const char *text)
{
	autofree char *copy = NULL;
	json_t *json = json_string(text);

	if (json)
		return json;
	copy = strdup(text);
	for (char *c = copy; c && *c; c++)
		if (!isascii((unsigned char)*c))
			*c = '?';
	return json_string(copy);
}

int cli_finish(int status)
{
	if (fflush(stdout) || ferror(stdout))
		return cli_fail("cannot write to standard output: %s", strerror(errno));
	return status;
}

int cli_print_json(const json_t *json)
{
	if (!json)
		return cli_fail("out of memory; close other programs and try again");
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	return cli_finish(CLI_DONE);
}

static void print_command_help(const struct cli_command *command)
{
	printf("Usage: smc-ebpf %s%s%s\n%s.\n\n%s"
	       "  -j, --json     one JSON document on standard output\n"
	       "  --socket PATH  where the daemon listens (or SMC_POLICY_SOCKET)\n"
	       "  -h, --help     this text\n",
	       command->words, *command->arguments ? " " : "", command->arguments, command->summary,
	       command->details ? command->details : "");
}

static void print_help(const char *prefix)
{
	puts("Usage: smc-ebpf [-j] [--socket PATH] COMMAND [ARGUMENT...]\n"
	     "Decide which connections of this host may speak SMC.\n");
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strncmp(commands[i].words, prefix, strlen(prefix)))
			printf("  %-14s %s\n", commands[i].words, commands[i].summary);
	puts("\n\"smc-ebpf COMMAND --help\" tells more.  Exit status: 0 done, 1 refused or failed,\n"
	     "2 wrong usage, 3 daemon not reachable.");
}

/* Options that every command has; the command's own come before them in the merged list. */
static const struct option global_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "socket", required_argument, NULL, 1000 },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

#define OPTIONS_MAX 24

static void merge_options(const struct option *own, struct option *all)
{
	size_t n = 0;

	for (; own && own->name && n < OPTIONS_MAX - 4; own++)
		all[n++] = *own;
	memcpy(all + n, global_options, sizeof(global_options));
}

int cli_option(struct cli *cli, int argc, char **argv, const struct option *options)
{
	struct option all[OPTIONS_MAX];
	int option;

	merge_options(options, all);
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":jh", all, NULL)) != -1) {
		if (option == 'j') {
			cli->json = true;
		} else if (option == 1000) {
			cli->socket = optarg;
		} else if (option == 'h') {
			print_command_help(cli->command);
			exit(cli_finish(CLI_DONE));
		} else if (option == ':') {
			cli_usage(cli, "option %s needs a value", argv[optind - 1]);
			return '?';
		} else if (option == '?') {
			cli_usage(cli, "option %s is unknown or takes no value", argv[optind - 1]);
			return '?';
		} else {
			return option;
		}
	}
	return -1;
}

int cli_arguments(struct cli *cli, int argc, char **argv, int min, int max)
{
	if (cli_option(cli, argc, argv, NULL) != -1)
		return CLI_USAGE;
	if (argc - optind < min)
		return cli_usage(cli, "an argument is missing: %s", cli->command->arguments);
	if (argc - optind > max)
		return cli_usage(cli, "unexpected argument \"%.64s\"", argv[optind + max]);
	return CLI_DONE;
}

/* The command of these words; @second is NULL where there is only one. */
static const struct cli_command *find_command(const char *first, const char *second)
{
	char words[64];

	snprintf(words, sizeof(words), "%s%s%s", first, second ? " " : "", second ? second : "");
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].words, words))
			return &commands[i];
	return NULL;
}

/*
 * The options before a word of the command; optind is the word's place then.
 * @prefix is what the commands begin with that --help lists.  -1: go on, else
 * an exit status.
 */
static int read_global_options(struct cli *cli, int argc, char **argv, const char *prefix)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 1000 },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	opterr = 0;
	optind = 0; /* start over, in glibc's words */
	while ((option = getopt_long(argc, argv, "+:jh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			cli->json = true;
			break;
		case 1000:
			cli->socket = optarg;
			break;
		case 'h':
			print_help(prefix);
			return cli_finish(CLI_DONE);
		case 'V':
			puts("smc-ebpf " SMC_POLICY_VERSION);
			return cli_finish(CLI_DONE);
		default:
			return cli_usage(cli, "option %s is unknown or lacks its value",
					 argv[optind - 1]);
		}
	}
	return -1;
}

/* Run the command whose last word is argv[0], after the word @first if that is not it. */
static int run(struct cli *cli, const char *first, int argc, char **argv)
{
	cli->command = first ? find_command(first, argv[0]) : find_command(argv[0], NULL);
	if (!cli->command)
		return cli_usage(cli, "unknown command \"%.64s%s%.64s\"", first ? first : "",
				 first ? " " : "", argv[0]);
	optind = 0;
	return cli->command->run(cli, argc, argv);
}

int main(int argc, char **argv)
{
	const char *group = NULL;
	struct policy_config defaults;
	struct cli cli = { 0 };
	int rc;

	signal(SIGPIPE, SIG_IGN);
	unsetenv("POSIXLY_CORRECT"); /* options may come after arguments, as the contract says */
	policy_config_init(&defaults);
	cli.socket = getenv("SMC_POLICY_SOCKET");
	if (!cli.socket || !*cli.socket)
		cli.socket = defaults.settings.socket;
	rc = read_global_options(&cli, argc, argv, "");
	if (rc < 0 && optind < argc && !strcmp(argv[optind], "policy")) {
		group = "policy";
		argc -= optind;
		argv += optind;
		rc = read_global_options(&cli, argc, argv, "policy ");
	}
	if (rc >= 0)
		return rc;
	if (optind == argc)
		return group ? cli_usage(&cli, "\"policy\" needs a command: add, del, list, show, "
					       "test, check, diff, flush or export")
			     : cli_usage(&cli, "which command?");
	return run(&cli, group, argc - optind, argv + optind);
}
