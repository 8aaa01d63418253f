/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command line options: getopt_long() without guesses. */
#ifndef SMC_POLICY_OPTIONS_H
#define SMC_POLICY_OPTIONS_H

#include <getopt.h>

#define OPTIONS_ERROR_SIZE 160

/*
 * The next option of @argv by getopt_long(), with @letters, which has ":" first (after "+", if that is
 * there), and @options; its place in @options, or -1 for a letter, into @index.  An abbreviation is
 * refused: it may mean another option in the next release.  Returns -1 at the end, and '?' with what is
 * wrong in @error, one line without the program's name.
 */
int options_next(int argc, char **argv, const char *letters, const struct option *options,
		 int *index, char error[OPTIONS_ERROR_SIZE]);

#endif
