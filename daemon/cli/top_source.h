/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of the daemon for top, as they come: nobody waits for a daemon that is busy, stopped or gone. */
#ifndef SMC_POLICY_CLI_TOP_SOURCE_H
#define SMC_POLICY_CLI_TOP_SOURCE_H

#include "cli/cli.h"
#include "cli/top.h"

struct top_source {
	const struct cli *cli;
	const struct top_filter *filter;
	int fd; /* readable when something has come; -1: nothing was asked */
	unsigned int came; /* answers */
	json_t *answers[TOP_REQUESTS]; /* borrowed by whoever reads; NULL: refused, or not come */
};

/* Fill @source, which asks the daemon of @cli what a reading with @filter needs; both stay where they are. */
void top_source_init(struct top_source *source, const struct cli *cli,
		     const struct top_filter *filter);

/*
 * Ask for a reading, all of it at once, by a connection of its own.  Returns 0 or a negative errno; then
 * nothing is asked.
 */
int top_source_ask(struct top_source *source);

/*
 * Take an answer; to be called when the fd is readable.  Returns 1 when it was the last one, 0 when more
 * will come, or a negative errno; -EACCES: refused, @why (TOP_NOTICE_SIZE) says why.
 */
int top_source_take(struct top_source *source, char *why);

/* Drop the answers, and the connection. */
void top_source_drop(struct top_source *source);

#endif
