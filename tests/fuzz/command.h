/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running smc-ebpf's main() again and again, in a directory of its own.  Words that lead out of the
 * directory are not run: a command may write where it is told.
 */
#ifndef SMC_POLICY_FUZZ_COMMAND_H
#define SMC_POLICY_FUZZ_COMMAND_H

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>

#include "fuzz.h"

#define WORDS_MAX 32

int cli_main(int argc, char **argv); /* main() of daemon/cli/main.c */

/* Enter the directory, away from the corpus: paths of libFuzzer's options are made absolute before. */
static inline void command_begin(void)
{
	fuzz_dir_make();
	if (chdir(fuzz_dir_path) || !freopen("/dev/null", "re", stdin) ||
	    setenv("SMC_POLICY_SOCKET", "socket", 1))
		abort();
}

static inline bool leads_out(const char *word)
{
	return word[0] == '/' || strstr(word, "=/") || strstr(word, "..");
}

/* The check commands reach out to the network; of "policy check" only the second word is theirs. */
static inline bool reaches_out(const char *before, const char *word)
{
	return !strcmp(before, "check") &&
	       (!strcmp(word, "syn") || !strcmp(word, "connect") || !strcmp(word, "serve"));
}

/* Run it with the words of @text, each on a line of its own; @text is changed. */
static inline void command_run(char *text)
{
	char name[] = "smc-ebpf", *words[WORDS_MAX + 2] = { name }, *rest = text, *word;
	struct sigaction interrupt, terminate;
	sigset_t signals;
	int n = 1, status;

	while (n <= WORDS_MAX && (word = strsep(&rest, "\n"))) {
		if (leads_out(word) || reaches_out(words[n - 1], word))
			return;
		words[n++] = word;
	}
	/* record takes both signals and leaves them so: it is the last that its process does. */
	sigaction(SIGINT, NULL, &interrupt);
	sigaction(SIGTERM, NULL, &terminate);
	sigprocmask(SIG_BLOCK, NULL, &signals);
	optind = 0;
	status = cli_main(n, words);
	must(status >= 0 && status <= 4);
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGTERM, &terminate, NULL);
	sigprocmask(SIG_SETMASK, &signals, NULL);
}

#endif
