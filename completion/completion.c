// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * completion bash|zsh|fish: what the table of commands says, as that shell's completion of smc-ebpf.  For
 * bash and zsh that is two functions, which go before completion/engine.sh:
 *
 *	_smc_ebpf_options COMMAND    what may follow it: for "" and for the first of two words commands, else
 *	                             options, all into $smc_ebpf_found
 *	_smc_ebpf_values COMMAND OPTION
 *	                             what the value of OPTION can be, or for "@" its next word; 1: it has none
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/commands.h"

#define GLOBAL_OPTIONS "-j --json --socket -h --help"

#define for_each_command(command) \
	for ((command) = commands; (command) < commands + COMMANDS; (command)++)

/* Where the values of @argument come from, as struct command_argument has it; "" for nothing. */
static const char *values_of(const struct command_argument *argument)
{
	const char *value = argument->value ? argument->value : "";

	if (argument->complete)
		return argument->complete;
	return !strncmp(value, "FILE", 4) || !strcmp(value, "TRACE") ? "@files" : "";
}

static bool is_option(const struct command_argument *argument)
{
	return !(argument->flags & (ARGUMENT_WORD | ARGUMENT_SENT));
}

/* The first of two words of @command into @first.  False: it has one word. */
static bool first_word(const struct command *command, char *first)
{
	char *blank;

	command_words(command, first);
	blank = strchr(first, ' ');
	if (blank)
		*blank = '\0';
	return blank;
}

/* Whether an earlier command than @command has the same first word @first. */
static bool is_known(const struct command *command, const char *first)
{
	char other[COMMAND_USAGE_SIZE];

	for (const struct command *c = commands; c < command; c++)
		if (first_word(c, other) && !strcmp(other, first))
			return true;
	return false;
}

/* ---- bash and zsh ---- */

static void print_first_words(void)
{
	const struct command *command;
	char first[COMMAND_USAGE_SIZE];

	printf("\t'') smc_ebpf_found='");
	for_each_command(command) if (!first_word(command, first) || !is_known(command, first))
		printf("%s ", first);
	printf(GLOBAL_OPTIONS " --version' ;;\n");
}

static void print_second_words(const char *first)
{
	const struct command *command;
	char other[COMMAND_USAGE_SIZE];

	printf("\t'%s') smc_ebpf_found='", first);
	for_each_command(command) if (first_word(command, other) && !strcmp(first, other))
		printf("%s ", strchr(command->name, '-') + 1);
	printf("--help' ;;\n");
}

static void print_options(const struct command *command)
{
	const struct command_argument *argument;
	char words[COMMAND_USAGE_SIZE];

	command_words(command, words);
	printf("\t'%s') smc_ebpf_found='", words);
	command_for_each_argument(argument, command)
		if (is_option(argument))
			printf("--%s ", argument->name);
	printf(GLOBAL_OPTIONS "' ;;\n");
}

static void print_all_options(void)
{
	const struct command *command;
	char first[COMMAND_USAGE_SIZE];

	puts("_smc_ebpf_options()\n{\n\tcase $1 in");
	print_first_words();
	for_each_command(command)
	{
		if (first_word(command, first) && !is_known(command, first))
			print_second_words(first);
		print_options(command);
	}
	puts("\tesac\n}\n");
}

static void print_values(const struct command *command, const struct command_argument *argument)
{
	bool word = argument->flags & ARGUMENT_WORD;
	char words[COMMAND_USAGE_SIZE];

	command_words(command, words);
	printf("\t'%s %s%s'", words, word ? "" : "--", word ? "@" : argument->name);
	if (!word && argument->alias)
		printf(" | '%s --%s'", words, argument->alias);
	printf(") smc_ebpf_found='%s' ;;\n", values_of(argument));
}

static void print_all_values(void)
{
	const struct command_argument *argument;
	const struct command *command;

	puts("_smc_ebpf_values()\n{\n\tcase \"$1 $2\" in\n\t*' --socket') smc_ebpf_found='@files' ;;");
	for_each_command(command) command_for_each_argument(
		argument, command) if (!(argument->flags & ARGUMENT_SENT) && argument->value)
		print_values(command, argument);
	puts("\t*) return 1 ;;\n\tesac\n}\n");
}

static void print_shell(void)
{
	puts("# SPDX-License-Identifier: GPL-2.0-or-later\n"
	     "# Made of the table of commands by completion/completion.c; engine.sh follows.\n");
	print_all_options();
	print_all_values();
}

/* ---- fish ---- */

/* @text up to its first line's end, quoted. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text && *text != '\n'; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

/* What follows -a, or -F for files, of an argument with such values. */
static void print_fish_values(const char *values)
{
	if (!strcmp(values, "@files"))
		printf(" -F");
	else if (*values == '@')
		printf(" -a '(__smc_ebpf_%s)'", values + 1);
	else if (*values)
		printf(" -a '%s'", values);
}

static void print_fish_argument(const char *words, const struct command_argument *argument)
{
	const char *values = values_of(argument);
	bool files = !strcmp(values, "@files");

	if (argument->flags & ARGUMENT_SENT || (!is_option(argument) && !*values))
		return;
	printf("complete -c smc-ebpf -n '__smc_ebpf_is \"%s\"'", words);
	if (is_option(argument))
		printf(" -l %s%s", argument->name, !argument->value ? "" : files ? " -r" : " -x");
	print_fish_values(values);
	printf(" -d ");
	print_quoted(argument->help);
	putchar('\n');
}

static void print_fish_command(const struct command *command)
{
	const struct command_argument *argument;
	char words[COMMAND_USAGE_SIZE], first[COMMAND_USAGE_SIZE];
	bool two = first_word(command, first);

	command_words(command, words);
	if (two && !is_known(command, first))
		printf("complete -c smc-ebpf -n '__smc_ebpf_is \"\"' -a %s\n", first);
	printf("complete -c smc-ebpf -n '__smc_ebpf_is \"%s\"' -a %s -d ", two ? first : "",
	       two ? strchr(command->name, '-') + 1 : first);
	print_quoted(command->summary);
	putchar('\n');
	command_for_each_argument(argument, command)
		print_fish_argument(words, argument);
}

static void print_fish(void)
{
	const struct command *command;
	char first[COMMAND_USAGE_SIZE];

	printf("# SPDX-License-Identifier: GPL-2.0-or-later\n"
	       "# Made of the table of commands by completion/completion.c; engine.fish comes first.\n"
	       "set -g __smc_ebpf_families");
	for_each_command(command) if (first_word(command, first) && !is_known(command, first))
		printf(" %s", first);
	puts("\ncomplete -c smc-ebpf -f\n"
	     "complete -c smc-ebpf -s j -l json -d 'one JSON document on standard output'\n"
	     "complete -c smc-ebpf -s h -l help -d 'help'\n"
	     "complete -c smc-ebpf -l socket -r -F -d 'where the daemon listens'\n"
	     "complete -c smc-ebpf -n '__smc_ebpf_is \"\"' -l version -d 'the version'");
	for_each_command(command) print_fish_command(command);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("Usage: completion bash|zsh|fish\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "fish"))
		print_fish();
	else
		print_shell();
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
