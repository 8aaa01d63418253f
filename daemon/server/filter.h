/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What listings and the monitor are narrowed to: --side --peer --port --rule --mode --cause. */
#ifndef SMC_POLICY_FILTER_H
#define SMC_POLICY_FILTER_H

#include <jansson.h>

#include "policy/value.h"
#include "server/server.h"

struct filter {
	int side; /* enum smc_policy_side, -1: any */
	int mode; /* enum smc_policy_mode, -1: any */
	int port; /* service port, -1: any */
	bool by_peer;
	struct policy_prefix peer;
	char rule[SMC_POLICY_NAME_SIZE]; /* "": any */
	const char *cause; /* a word of policy/causes.h, NULL: any */
};

/* What a filter compares. */
struct filter_subject {
	int side, mode; /* -1: unknown */
	int port;
	const uint8_t *peer; /* as in struct policy_prefix */
	const char *rule, *cause; /* NULL: none, or unknown */
};

/*
 * The filter that @arguments of a request describe.  Returns 0 or a negative errno and @error: a word
 * that is none, a rule that there is not and was not.
 */
int filter_read(const struct server *server, const json_t *arguments, struct filter *filter,
		struct kernel_error *error);

/* Whether there is none. */
bool filter_is_empty(const struct filter *filter);

bool filter_matches(const struct filter *filter, const struct filter_subject *subject);

/* The same for the programs in the kernel, by the rules in force. */
void filter_for_kernel(const struct server *server, const struct filter *filter,
		       struct smc_policy_filter *kernel);

#endif
