/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module's files offer each other. */
#ifndef SMC_POLICY_H
#define SMC_POLICY_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include "smc_policy_hook.h"
#include "smc_policy_verdict.h"

/**
 * struct smc_policy_count - how many connections of one side came by
 * @asked: connections that both had asked for SMC and were in a namespace with
 *         the switch on, whether or not a program was attached
 * @denied: those of them that were turned into plain TCP here
 *
 * Atomics and not per-CPU counters: SMC connections come in thousands a second
 * at most, and the sums are exact at any time.
 */
struct smc_policy_count {
	atomic64_t asked;
	atomic64_t denied;
};

extern struct smc_policy_count smc_policy_count[SMC_POLICY_SIDES];

/* smc_policy_hooks.c; callers serialise these two */

/**
 * smc_policy_hooks_register() - let the hooks see connections
 *
 * Context: process, may sleep, takes ftrace's locks.
 * Return: 0, or a negative errno after which no hook is registered.
 */
int smc_policy_hooks_register(void);

/**
 * smc_policy_hooks_unregister() - take the hooks away again
 *
 * When it returns no CPU is inside a hook and none will enter one.
 * Context: process, sleeps until every task has passed a voluntary context switch.
 */
void smc_policy_hooks_unregister(void);

/* smc_policy_netns.c */

int smc_policy_netns_init(void);
void smc_policy_netns_exit(void);

/**
 * smc_policy_netns_cookie() - number of a network namespace that no other has or will have
 * @net: namespace of a living socket
 *
 * What SO_NETNS_COOKIE returns, on kernels that have it (5.14); net.smc_policy.cookie
 * tells it on any.  Context: any.
 */
u64 smc_policy_netns_cookie(const struct net *net);

/**
 * smc_policy_netns_enabled() - is the switch of this network namespace on?
 * @net: namespace of a living socket
 *
 * Context: any.
 */
bool smc_policy_netns_enabled(const struct net *net);

#endif
