/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that the daemon goes on answering, until a time is over or SIGINT or SIGTERM comes. */
#ifndef SMC_POLICY_CLI_STREAM_H
#define SMC_POLICY_CLI_STREAM_H

#include <signal.h>

#include "cli/cli.h"

struct cli_stream {
	int fd; /* to the daemon, -1: not open */
	uint64_t start, deadline; /* CLOCK_MONOTONIC, ns; deadline 0: none */
	sigset_t signals; /* as they were before */
	bool stopping; /* what comes now is on its way already */
};

/*
 * Ask for @command with @arguments (taken over, may be NULL), for @seconds (0: no limit).  From here on the
 * signals end the stream and nothing else.  Returns CLI_DONE or another status after telling why.
 */
int cli_stream_open(struct cli *cli, struct cli_stream *stream, const char *command,
		    json_t *arguments, uint64_t seconds);

/*
 * Wait for the next result, to be released; *@result NULL: that was all.  @what goes with errors: "the
 * trace ends here".
 */
int cli_stream_next(struct cli_stream *stream, const char *what, json_t **result);

void cli_stream_close(struct cli_stream *stream);

#endif
