/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `policy test` asks. */
#ifndef SMC_POLICY_QUESTION_H
#define SMC_POLICY_QUESTION_H

#include "cli/cli.h"
#include "policy/value.h"

struct question {
	const char *side, *peer, *port; /* as on the command line */
};

/* ["connect", "192.0.2.7", 443] as the daemon takes it, or NULL and @error. */
json_t *question_query(const struct question *question, struct value_error *error);

/* Ask the lines SIDE PEER PORT of @file ("-": standard input).  Returns an exit status. */
int cli_batch(struct cli *cli, const char *file);

#endif
