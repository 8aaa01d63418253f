// SPDX-License-Identifier: GPL-2.0-or-later
/* Help, from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define LABEL_SIZE 64

/* "--side S", or "NAME" for a word. */
static void argument_label(const struct command_argument *argument, char *label)
{
	bool word = argument->flags & ARGUMENT_WORD, value = argument->value;

	snprintf(label, LABEL_SIZE, "%s%s%s%s", word ? "" : "--", word ? "" : argument->name,
		 value && !word ? " " : "", value ? argument->value : "");
}

/* Print @label and @help, whose lines after the first are indented like it. */
static void print_argument(const char *label, int width, const char *help)
{
	for (size_t length; *help; help += length + !!help[length]) {
		length = strcspn(help, "\n");
		printf("  %-*s  %.*s\n", width, label, (int)length, help);
		label = "";
	}
}

/* Print @usage after @words, in lines of 79 columns that break between its arguments. */
static void print_usage(const char *words, const char *usage)
{
	int indent = printf("Usage: smc-ebpf %s", words), column = indent;

	while (*usage) {
		int length = (int)strcspn(usage, " ");

		/* "[--side S]" and "[PREFIX]" are not broken. */
		if (*usage == '[' && usage[length - 1] != ']' && usage[length - 1] != '.')
			length = (int)strcspn(usage, "]") + 1;
		if (column + 1 + length > 79)
			column = printf("\n%*s", indent, "") - 1;
		column += printf(" %.*s", length, usage);
		usage += length + !!usage[length];
	}
	putchar('\n');
}

static int label_width(const struct command *command)
{
	const struct command_argument *argument;
	int width = (int)strlen("--socket PATH");

	command_for_each_argument(argument, command) {
		char label[LABEL_SIZE];

		argument_label(argument, label);
		if (!(argument->flags & ARGUMENT_SENT) && (int)strlen(label) > width)
			width = (int)strlen(label);
	}
	return width;
}

void cli_print_help(const struct command *command)
{
	char words[COMMAND_USAGE_SIZE], usage[COMMAND_USAGE_SIZE];
	const struct command_argument *argument;
	int width = label_width(command);

	command_words(command, words);
	command_usage(command, usage);
	print_usage(words, usage);
	printf("%s.\n\n", command->summary);
	command_for_each_argument(argument, command) {
		char label[LABEL_SIZE];

		argument_label(argument, label);
		if (!(argument->flags & ARGUMENT_SENT))
			print_argument(label, width, argument->help);
	}
	print_argument("-j, --json", width, "one JSON document on standard output");
	print_argument("--socket PATH", width, "where the daemon listens (or SMC_POLICY_SOCKET)");
	print_argument("-h, --help", width, "this text");
}

/* Of the words of the longest command. */
static int words_width(void)
{
	size_t width = 0;

	for (size_t i = 0; i < COMMANDS; i++)
		if (strlen(commands[i].name) > width)
			width = strlen(commands[i].name);
	return (int)width;
}

void cli_print_commands(const char *prefix)
{
	int width = words_width();

	puts("Usage: smc-ebpf [-j] [--socket PATH] COMMAND [ARGUMENT...]\n"
	     "Decide which connections of this host may speak SMC.\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		char words[COMMAND_USAGE_SIZE];

		command_words(&commands[i], words);
		if (!strncmp(words, prefix, strlen(prefix)))
			print_argument(words, width, commands[i].summary);
	}
	puts("\n\"smc-ebpf COMMAND --help\" tells more.  Exit status: 0 done, 1 refused or failed,\n"
	     "2 wrong usage, 3 daemon not reachable, 4 only warnings of a check.");
}
