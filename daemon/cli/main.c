// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "common/options.h"
#include "policy/config.h"
#include "smc_policy_version.h"

static const struct cli_command commands[] = {
	{ "policy add",
	  "NAME [--side S] [--ports P] [--peers C] [--action A] [--ttl T] [LIMITS] [--replace] [--runtime]",
	  "add a rule; in force before this returns",
	  "  --side S     connect, accept or both (default)\n"
	  "  --ports P    ports and ranges, for example 80,443,8000-9000 (default: any); also --port\n"
	  "  --peers C    IPv4 and IPv6 prefixes, \"!\" before one takes it out (default: any);\n"
	  "               also --peer\n"
	  "  --action A   allow (default), deny or auto\n"
	  "  --ttl T      remove the rule after T, for example 90s, 15m, 2h or 7d\n"
	  "  --replace    change a rule of this name that has other content\n"
	  "  --runtime    do not keep the rule over a restart of the daemon\n"
	  "LIMITS, beyond which a connection stays TCP:\n"
	  "  --max-rate R         new SMC connections: 100/s, 30/m, 5/h, or \"100/s burst 20\"\n"
	  "  --max-connections N  SMC connections at a time\n"
	  "  --max-memory SIZE    bytes of their buffers on this host, for example 512M\n"
	  "  --max-rtt TIME       round-trip time to the peer, for example 500us or 2ms\n",
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
	{ "auto show", "[PREFIX] [--all]", "what is learned, and what keeps SMC off",
	  "  PREFIX  only what concerns this peer or prefix, for example 10.1.2.0/24\n"
	  "  --all   all peers and subnets, not only the 20 of each that gained most\n",
	  cli_auto_show },
	{ "auto forget", "[PREFIX]", "forget what is learned, and breakers",
	  "  PREFIX  only peers, subnets and breakers inside it, for example 10.1.2.0/24;\n"
	  "          without it all services, peers, subnets, breakers and the cool-down\n",
	  cli_auto_forget },
	{ "recommend", "",
	  "rules in configuration syntax, from what was learned, with their evidence", NULL,
	  cli_recommend },
	{ "record", "FILE|- [--seconds N] [--force]",
	  "write a trace of this host's connections, for simulate, until Ctrl-C",
	  "  FILE         written when the recording ends (\"-\": standard output)\n"
	  "  --seconds N  end after N seconds\n"
	  "  --force      replace FILE if it is there\n",
	  cli_record },
	{ "simulate", "TRACE [--verdicts FILE] [--config FILE]",
	  "replay a recorded trace through rules and estimator; needs no daemon and no root",
	  "  TRACE            CSV (\"-\": standard input): the header\n"
	  "                   open,close,side,peer,port,sent,received\n"
	  "                   and a row a connection, sorted by open: seconds, seconds, connect or\n"
	  "                   accept, remote address, service port, bytes, bytes\n"
	  "  --verdicts FILE  write a line a row: smc or tcp, reason, rule\n"
	  "  --config FILE    policy (default: auto for everything, no rules)\n",
	  cli_simulate },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void tell(const char *format, va_list args)
{
	fputs("smc-ebpf: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int cli_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(format, args);
	va_end(args);
	return CLI_FAILED;
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	char text[640];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (cli->command)
		fprintf(stderr, "smc-ebpf %s: %s (see smc-ebpf %s --help)\n", cli->command->words,
			text, cli->command->words);
	else
		fprintf(stderr, "smc-ebpf: %s (see smc-ebpf --help)\n", text);
	return CLI_USAGE;
}

int cli_finish(int status)
{
	if (fflush(stdout) || ferror(stdout))
		return cli_fail("cannot write to standard output: %s", strerror(errno));
	return status;
}

int cli_print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	return cli_finish(CLI_DONE);
}

int cli_print(const struct cli *cli, const json_t *result, void (*print)(const json_t *result))
{
	if (cli->json)
		return cli_print_json(result);
	print(result);
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

/* Whether @option, of which one value would be lost, has come before. */
static bool is_repeated(struct cli *cli, const struct option *option)
{
	size_t letter = (size_t)option->val;
	bool before;

	if (!option->has_arg || letter >= sizeof(cli->given) ||
	    (cli->lists && strchr(cli->lists, option->val)))
		return false;
	before = cli->given[letter];
	cli->given[letter] = true;
	return before;
}

/* As options_next(); '?' after telling what is wrong, with cli->status set. */
static int next_option(struct cli *cli, int argc, char **argv, const char *letters,
		       const struct option *options)
{
	char error[OPTIONS_ERROR_SIZE];
	int index, option = options_next(argc, argv, letters, options, &index, error);

	if (option == '?') {
		cli->status = cli_usage(cli, "%s", error);
	} else if (option != -1 && index >= 0 && is_repeated(cli, &options[index])) {
		cli->status = cli_usage(cli, "--%s is given twice", options[index].name);
		option = '?';
	}
	return option;
}

int cli_option(struct cli *cli, int argc, char **argv, const struct option *options)
{
	struct option all[OPTIONS_MAX];
	int option;

	merge_options(options, all);
	while ((option = next_option(cli, argc, argv, ":jh", all)) != -1) {
		if (option == 'j') {
			cli->json = true;
		} else if (option == 1000) {
			cli->socket = optarg;
		} else if (option == 'h') {
			print_command_help(cli->command);
			cli->status = cli_finish(CLI_HELPED);
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
		return cli->status;
	if (argc - optind < min)
		return cli_usage(cli, "an argument is missing: %s", cli->command->arguments);
	if (argc - optind > max)
		return cli_usage(cli, "unexpected argument \"%.64s\"", argv[optind + max]);
	return CLI_DONE;
}

/* The command whose words @argv begins with; how many words into @n. */
static const struct cli_command *find_command(int argc, char **argv, int *n)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const char *second = strchr(commands[i].words, ' ');
		size_t first =
			second ? (size_t)(second - commands[i].words) : strlen(commands[i].words);

		if (strlen(argv[0]) != first || strncmp(argv[0], commands[i].words, first))
			continue;
		if (second && (argc < 2 || strcmp(argv[1], second + 1)))
			continue;
		*n = second ? 2 : 1;
		return &commands[i];
	}
	return NULL;
}

/*
 * Whether @word begins commands of two words; their second ones into @choices, "add, del or list".
 */
static bool is_family(const char *word, char *choices, size_t size)
{
	size_t length = strlen(word), n = 0, left = 0, used = 0;

#define IN_FAMILY(i) (!strncmp(commands[i].words, word, length) && commands[i].words[length] == ' ')
	for (size_t i = 0; i < COMMANDS; i++)
		n += IN_FAMILY(i);
	left = n;
	for (size_t i = 0; i < COMMANDS && used < size; i++)
		if (IN_FAMILY(i))
			used += (size_t)snprintf(choices + used, size - used, "%s%s",
						 commands[i].words + length + 1,
						 --left > 1 ? ", "
						 : left     ? " or "
							    : "");
#undef IN_FAMILY
	return n;
}

/* No command begins with these words: help for "policy --help", else an error. */
static int no_command(const struct cli *cli, int argc, char **argv)
{
	char choices[128];
	bool family = is_family(argv[0], choices, sizeof(choices));

	if (family && argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_help(argv[0]);
		return cli_finish(CLI_DONE);
	}
	if (family && argc < 2)
		return cli_usage(cli, "\"%s\" needs a command: %s", argv[0], choices);
	return cli_usage(cli, "unknown command \"%.64s%s%.64s\"", argv[0], family ? " " : "",
			 family ? argv[1] : "");
}

/* The options before the command.  -1: go on, else an exit status. */
static int read_global_options(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 1000 },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	while ((option = next_option(cli, argc, argv, "+:jh", options)) != -1) {
		switch (option) {
		case 'j':
			cli->json = true;
			break;
		case 1000:
			cli->socket = optarg;
			break;
		case 'h':
			print_help("");
			return cli_finish(CLI_DONE);
		case 'V':
			puts("smc-ebpf " SMC_POLICY_VERSION);
			return cli_finish(CLI_DONE);
		default:
			return cli->status;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct policy_config defaults;
	struct cli cli = { 0 };
	int rc, words;

	signal(SIGPIPE, SIG_IGN);
	policy_config_init(&defaults);
	cli.socket = getenv("SMC_POLICY_SOCKET");
	if (!cli.socket || !*cli.socket)
		cli.socket = defaults.settings.socket;
	rc = read_global_options(&cli, argc, argv);
	if (rc >= 0)
		return rc;
	if (optind == argc)
		return cli_usage(&cli, "which command?");
	argc -= optind;
	argv += optind;
	cli.command = find_command(argc, argv, &words);
	if (!cli.command)
		return no_command(&cli, argc, argv);
	optind = 0; /* start over, in glibc's words; argv[0] of the command is its last word */
	rc = cli.command->run(&cli, argc - words + 1, argv + words - 1);
	return rc == CLI_HELPED ? CLI_DONE : rc;
}
