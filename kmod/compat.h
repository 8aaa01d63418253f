/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between the kernels that this module builds for; 5.10, 6.1 and 6.12
 * are tested.  No other file tests the version or a configuration option.
 */
#ifndef SMC_POLICY_COMPAT_H
#define SMC_POLICY_COMPAT_H

#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/ftrace.h>
#include <linux/ptrace.h>
#include <linux/sysctl.h>
#include <linux/version.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#if !IS_ENABLED(CONFIG_SMC)
#error "smc_policy: this kernel is built without SMC (CONFIG_SMC); there is nothing to decide"
#endif
#if !defined(CONFIG_SECURITY_NETWORK)
#error "smc_policy: the accept side needs CONFIG_SECURITY_NETWORK (security_inet_conn_request)"
#endif
#if !defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) && !defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#error "smc_policy: needs CONFIG_DYNAMIC_FTRACE with access to function arguments"
#endif

/*
 * ftrace callbacks are written for 6.12.  Before 5.11 a callback gets pt_regs, and
 * ftrace guards each callback against recursion without being asked.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define ftrace_regs pt_regs
#define ftrace_get_regs(fregs) (fregs)
#define FTRACE_OPS_FL_RECURSION 0
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
static inline unsigned long ftrace_regs_get_argument(struct ftrace_regs *fregs, unsigned int n)
{
	return regs_get_kernel_argument(ftrace_get_regs(fregs), n);
}
#endif

/* The flag that makes arguments readable.  6.5 added it; most architectures need none there. */
#ifndef FTRACE_OPS_FL_SAVE_ARGS
#define FTRACE_OPS_FL_SAVE_ARGS FTRACE_OPS_FL_SAVE_REGS
#endif

/* Since 6.6 a table has a size; before, an empty entry ends it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define register_net_sysctl_sz(net, path, table, size) register_net_sysctl(net, path, table)
#endif

/*
 * smc_policy_own_cookie - the kernel's cookie of a namespace, 0 if it has none.
 *
 * Since 5.12 every namespace has a cookie from the start.  Before, net->net_cookie is
 * an atomic64_t that __net_gen_cookie() fills on demand.  Modules cannot call that
 * function, and no socket option returns the cookie.  This tests the type and not the
 * version, because vendors have backported the change.
 */
static inline u64 smc_policy_own_cookie(const struct net *net)
{
	const void *cookie = &net->net_cookie;

	return __same_type(net->net_cookie, atomic64_t) ? 0 : *(const u64 *)cookie;
}

/*
 * smc_policy_cgroup_id - cgroup v2 id of a socket, 0 if it has none.
 *
 * A socket holds a reference on its cgroup, so the caller needs no RCU
 * (cgroup_sk_alloc/cgroup_sk_free).  Before 5.15 the field also holds cgroup v1's
 * net_prio and net_cls marks.  On a host that uses these, sock_cgroup_ptr() returns
 * the root cgroup, as bpf_skb_cgroup_id() does.
 */
static inline u64 smc_policy_cgroup_id(struct sock *sk)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct cgroup *cgrp = sock_cgroup_ptr(&sk->sk_cgrp_data);

	return cgrp ? cgroup_id(cgrp) : 0;
#else
	return 0;
#endif
}

#endif
