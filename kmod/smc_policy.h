/* SPDX-License-Identifier: GPL-2.0-only */
/* Declarations that the module's files share. */
#ifndef SMC_POLICY_H
#define SMC_POLICY_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include "smc_policy_hook.h"
#include "smc_policy_verdict.h"

/**
 * struct smc_policy_count - connections of one side that the hooks have seen
 * @asked: connections that asked for SMC in a namespace with the switch on, with or
 *         without a program attached
 * @denied: those of them that the module turned into plain TCP
 *
 * Atomics are cheap enough, since SMC connections come in thousands a second at
 * most; and unlike per-CPU counters they are exact at any time.
 */
struct smc_policy_count {
	atomic64_t asked;
	atomic64_t denied;
};

extern struct smc_policy_count smc_policy_count[SMC_POLICY_SIDES];

/* smc_policy_hooks.c; callers must serialise these two. */

/**
 * smc_policy_hooks_register() - make the hooks see connections
 *
 * Context: process, may sleep, takes ftrace's locks.
 * Return: 0, or a negative errno after which no hook is registered.
 */
int smc_policy_hooks_register(void);

/**
 * smc_policy_hooks_unregister() - undo smc_policy_hooks_register()
 *
 * When it returns, no CPU is inside a hook and none will enter one.
 * Context: process, sleeps until every task has passed a voluntary context switch.
 */
void smc_policy_hooks_unregister(void);

/* smc_policy_netns.c */

int smc_policy_netns_init(void);
void smc_policy_netns_exit(void);

/**
 * smc_policy_netns_cookie() - number that identifies a network namespace, never reused
 * @net: namespace of an open socket
 *
 * On kernels with SO_NETNS_COOKIE (5.14) it is the same cookie.  sysctl
 * net.smc_policy.cookie has it on every kernel.  Context: any.
 */
u64 smc_policy_netns_cookie(const struct net *net);

/**
 * smc_policy_netns_enabled() - is the switch of this network namespace on?
 * @net: namespace of an open socket
 *
 * Context: any.
 */
bool smc_policy_netns_enabled(const struct net *net);

#endif
