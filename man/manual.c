// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * manual < smc-ebpf.8.scd: the same with what the table of commands says.  A line that is the words of a
 * command in bold, *policy add*, gets its arguments.  Commands without such a line are added at the end of
 * the section COMMANDS, with their help.  The line @causes@ becomes the causes of fallbacks.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/causes.h"
#include "wire/commands.h"

static bool described[COMMANDS];

static void print_argument(const struct command_argument *argument)
{
	bool word = argument->flags & ARGUMENT_WORD, required = argument->flags & ARGUMENT_REQUIRED;
	const char *value = argument->value ? argument->value : "";
	int length = (int)strcspn(value, "|"); /* FILE|- is a word of its own and a "-" as it is */

	printf(" %s", required ? "" : "[");
	if (!word)
		printf("*--%s*%s", argument->name, *value ? " " : "");
	if (*value)
		printf("_%.*s_", length, value);
	if (value[length])
		printf("|*%s*", value + length + 1);
	printf("%s%s", argument->kind == ARGUMENT_TEXTS ? "..." : "", required ? "" : "]");
}

static void print_heading(const struct command *command)
{
	const struct command_argument *argument;
	char words[COMMAND_USAGE_SIZE];

	command_words(command, words);
	printf("*%s*", words);
	command_for_each_argument(argument, command)
		if (!(argument->flags & ARGUMENT_SENT))
			print_argument(argument);
	putchar('\n');
}

/* @help in one line, special characters of scdoc escaped. */
static void print_help(const char *help)
{
	for (; *help; help++) {
		if (strchr("\\*_[#", *help))
			putchar('\\');
		putchar(*help == '\n' ? ' ' : *help);
	}
}

static void print_undescribed(const struct command *command)
{
	const struct command_argument *argument;

	print_heading(command);
	putchar('\t');
	print_help(command->summary);
	putchar('.');
	command_for_each_argument(argument, command) {
		if (argument->flags & ARGUMENT_SENT)
			continue;
		printf(argument->flags & ARGUMENT_WORD ? " _%s_: " : " *--%s*: ",
		       argument->flags & ARGUMENT_WORD ? argument->value : argument->name);
		print_help(argument->help);
		putchar('.');
	}
	puts("\n");
}

/* The command whose words in bold are @line, or NULL. */
static const struct command *find_heading(const char *line)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		char words[COMMAND_USAGE_SIZE], heading[COMMAND_USAGE_SIZE + 4];

		command_words(&commands[i], words);
		snprintf(heading, sizeof(heading), "*%s*\n", words);
		if (!strcmp(line, heading))
			return &commands[i];
	}
	return NULL;
}

static bool is_first_of_its_word(const struct cause *cause)
{
	return cause_by_text(cause->word) == cause;
}

/* Each word, the codes that have it, and what happened. */
static void print_causes(void)
{
	const struct cause *cause, *other;

	cause_for_each(cause) {
		if (!is_first_of_its_word(cause))
			continue;
		printf("*%s*", cause->word);
		for (other = cause; other < causes + causes_n; other++) {
			if (strcmp(other->word, cause->word) || !other->name)
				continue;
			printf(other->origin == CAUSE_ERRNO ? ", -" : ", 0x%08x ", other->code);
			print_help(other->name);
			if (other->origin == CAUSE_ALIBABA)
				printf(" (Alibaba's kernels)");
		}
		printf("\n\t");
		print_help(cause->text);
		puts("\n");
	}
}

static void print_line(const char *line, bool *in_commands)
{
	const struct command *command = *in_commands ? find_heading(line) : NULL;

	if (*in_commands && !strncmp(line, "# ", 2)) {
		for (size_t i = 0; i < COMMANDS; i++)
			if (!described[i])
				print_undescribed(&commands[i]);
		*in_commands = false;
	}
	*in_commands |= !strcmp(line, "# COMMANDS\n");
	if (!strcmp(line, "@causes@\n")) {
		print_causes();
		return;
	}
	if (!command) {
		fputs(line, stdout);
		return;
	}
	described[command - commands] = true;
	print_heading(command);
}

int main(void)
{
	bool in_commands = false;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0)
		print_line(line, &in_commands);
	free(line);
	return ferror(stdin) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
