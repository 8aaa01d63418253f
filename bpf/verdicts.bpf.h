/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting verdicts where nothing else decides. */
#ifndef SMC_POLICY_VERDICTS_BPF_H
#define SMC_POLICY_VERDICTS_BPF_H

#include "connection.bpf.h"

/*
 * Count what the connections that this one stands for would get, where nothing else decides.
 * @netns: cookie of its namespace.
 */
GLOBAL int count_verdict(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 netns)
{
	struct smc_auto_connection connection;
	struct smc_policy_query query = { .netns_cookie = netns };
	struct smc_policy_asking asking = { .cookie = cookie };
	struct smc_policy_answer answer;

	fill(&connection, high, low, what);
	query.peer[0] = connection.peer[0];
	query.peer[1] = connection.peer[1];
	query.peer[2] = connection.peer[2];
	query.peer[3] = connection.peer[3];
	query.port = connection.port;
	query.side = connection.side;
	smc_policy_decide(&query, &asking, &answer);
	smc_policy_count(&answer, query.side, times_of(what));
	return 0;
}

#endif
