// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/options.h"

/* Whether the word that getopt_long() has just taken for @option is its whole name. */
static bool is_whole_name(const struct option *option, char **argv)
{
	bool value_apart = optarg && optarg == argv[optind - 1];
	const char *name = argv[optind - 1 - value_apart] + 2;

	return strcspn(name, "=") == strlen(option->name);
}

/*
 * What is wrong where getopt_long() has stopped: optopt is 0 if a name is unknown, else the letter, or
 * the value of a long option that was given an argument it does not take.
 */
static void describe_error(char **argv, const struct option *options, char *error)
{
	const char *word = argv[optind - 1];
	int length = (int)strcspn(word, "=");

	snprintf(error, OPTIONS_ERROR_SIZE, "option -%c is unknown", optopt);
	if (!optopt)
		snprintf(error, OPTIONS_ERROR_SIZE, "option %.*s is unknown",
			 length < 64 ? length : 64, word);
	for (; optopt && word[length] && options->name; options++)
		if (options->val == optopt)
			snprintf(error, OPTIONS_ERROR_SIZE, "option --%s takes no value",
				 options->name);
}

int options_next(int argc, char **argv, const char *letters, const struct option *options,
		 int *index, char error[OPTIONS_ERROR_SIZE])
{
	int option;

	*index = -1;
	opterr = 0;
	option = getopt_long(argc, argv, letters, options, index);
	if (option == ':')
		snprintf(error, OPTIONS_ERROR_SIZE, "option %.64s needs a value", argv[optind - 1]);
	else if (option == '?')
		describe_error(argv, options, error);
	else if (option != -1 && *index >= 0 && !is_whole_name(&options[*index], argv))
		snprintf(error, OPTIONS_ERROR_SIZE, "option names are not abbreviated; write --%s",
			 options[*index].name);
	else
		return option;
	return '?';
}
