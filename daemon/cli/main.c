// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/options.h"
#include "policy/config.h"
#include "smc_policy_version.h"

static int (*const functions[COMMANDS])(struct cli *cli) = {
#define COMMAND(id, ...) [COMMAND_##id] = cli_##id,
#define REQUEST(id, ...) [COMMAND_##id] = cli_##id,
#include "wire/command_table.h"
#undef COMMAND
#undef REQUEST
};

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

void cli_warn(const char *text)
{
	fprintf(stderr, "warning: %s\n", text);
}

void cli_warn_all(const json_t *warnings)
{
	const json_t *text;
	size_t i;

	json_array_foreach(warnings, i, text)
		cli_warn(cli_string(text));
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	char text[640], words[COMMAND_USAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (cli->command) {
		command_words(cli->command, words);
		fprintf(stderr, "smc-ebpf %s: %s (see smc-ebpf %s --help)\n", words, text, words);
	} else {
		fprintf(stderr, "smc-ebpf: %s (see smc-ebpf --help)\n", text);
	}
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

/* The command whose words @argv begins with; how many words it has into @n. */
static const struct command *find_command(int argc, char **argv, int *n)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		char words[COMMAND_USAGE_SIZE], *second = words, *first;

		command_words(&commands[i], words);
		first = strsep(&second, " ");
		if (strcmp(argv[0], first) || (second && (argc < 2 || strcmp(argv[1], second))))
			continue;
		*n = second ? 2 : 1;
		return &commands[i];
	}
	return NULL;
}

/* The second word of @command if its first of two is @word, else NULL; @words is where it is. */
static const char *second_word(const struct command *command, const char *word, char *words)
{
	char *second = words, *first;

	command_words(command, words);
	first = strsep(&second, " ");
	return second && !strcmp(first, word) ? second : NULL;
}

/*
 * Whether @word begins commands of two words; their second ones into @choices, "add, del or list".
 */
static bool is_family(const char *word, char *choices, size_t size)
{
	char words[COMMAND_USAGE_SIZE];
	size_t n = 0, left, used = 0;

	for (size_t i = 0; i < COMMANDS; i++)
		n += !!second_word(&commands[i], word, words);
	left = n;
	for (size_t i = 0; i < COMMANDS && used < size; i++) {
		const char *second = second_word(&commands[i], word, words);

		if (second)
			used += (size_t)snprintf(choices + used, size - used, "%s%s", second,
						 --left > 1 ? ", "
						 : left     ? " or "
							    : "");
	}
	return n;
}

/* No command begins with these words: help for "policy --help", else an error. */
static int no_command(const struct cli *cli, int argc, char **argv)
{
	char choices[128];
	bool family = is_family(argv[0], choices, sizeof(choices));

	if (family && argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		cli_print_commands(argv[0]);
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
	char error[OPTIONS_ERROR_SIZE];
	int option, index;

	while ((option = options_next(argc, argv, "+:jh", options, &index, error)) != -1) {
		switch (option) {
		case 'j':
			cli->json = true;
			break;
		case 1000:
			if (cli_take_socket(cli, optarg))
				return CLI_USAGE;
			break;
		case 'h':
			cli_print_commands("");
			return cli_finish(CLI_DONE);
		case 'V':
			puts("smc-ebpf " SMC_POLICY_VERSION);
			return cli_finish(CLI_DONE);
		default:
			return cli_usage(cli, "%s", error);
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	autojson json_t *arguments = json_object();
	struct cli cli = { .arguments = arguments };
	struct policy_config defaults;
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
	optind = 0; /* getopt starts anew; the last word of the command is its argv[0] */
	rc = cli_read_arguments(&cli, argc - words + 1, argv + words - 1);
	if (!rc)
		rc = functions[cli.command - commands](&cli);
	return rc == CLI_HELPED ? CLI_DONE : rc;
}
