// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switch of each network namespace, sysctl net.smc_policy.enabled, and its cookie,
 * sysctl net.smc_policy.cookie.
 */
#include <linux/ktime.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "compat.h"
#include "smc_policy.h"

/**
 * struct smc_policy_netns - what the module keeps for one network namespace
 * @enabled: 0 or 1, the sysctl's value; written by proc_dointvec_minmax() with
 *           WRITE_ONCE(), read by the hooks
 * @cookie: the kernel's, or one that the module has made
 * @header: of the registered table
 * @table: the entries, and the empty one that ends a table before 6.6
 */
struct smc_policy_netns {
	int enabled;
	unsigned long cookie;
	struct ctl_table_header *header;
	struct ctl_table table[3];
};

/* The last cookie that the module has made; used where the kernel has none. */
static atomic_long_t smc_policy_last_cookie;

static unsigned int smc_policy_netns_id;

/*
 * The memory behind net_generic() outlives the hooks' use of it.  It is freed after
 * all pernet exits, when the namespace has no device and no socket left, or by
 * unregister_pernet_subsys(), when the hooks are unregistered.
 */
bool smc_policy_netns_enabled(const struct net *net)
{
	const struct smc_policy_netns *ns = net_generic(net, smc_policy_netns_id);

	return READ_ONCE(ns->enabled);
}

u64 smc_policy_netns_cookie(const struct net *net)
{
	const struct smc_policy_netns *ns = net_generic(net, smc_policy_netns_id);

	return ns->cookie;
}

/*
 * The creator of a user namespace is root in the network namespaces made in it, and
 * net_ctl_permissions() allows that root what the owner may do.  The policy is the
 * host's, so in such namespaces the switch is read-only.
 */
static umode_t smc_policy_netns_mode(const struct net *net)
{
	return net->user_ns == &init_user_ns ? 0644 : 0444;
}

static int __net_init smc_policy_netns_up(struct net *net)
{
	struct smc_policy_netns *ns = net_generic(net, smc_policy_netns_id);

	ns->enabled = 1;
	ns->cookie = smc_policy_own_cookie(net);
	if (!ns->cookie)
		ns->cookie = atomic_long_inc_return(&smc_policy_last_cookie);
	ns->table[0] = (struct ctl_table){
		.procname = "enabled",
		.data = &ns->enabled,
		.maxlen = sizeof(ns->enabled),
		.mode = smc_policy_netns_mode(net),
		.proc_handler = proc_dointvec_minmax,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_ONE,
	};
	ns->table[1] = (struct ctl_table){
		.procname = "cookie",
		.data = &ns->cookie,
		.maxlen = sizeof(ns->cookie),
		.mode = 0444,
		.proc_handler = proc_doulongvec_minmax,
	};
	ns->header = register_net_sysctl_sz(net, "net/smc_policy", ns->table, 2);
	return ns->header ? 0 : -ENOMEM;
}

static void __net_exit smc_policy_netns_down(struct net *net)
{
	struct smc_policy_netns *ns = net_generic(net, smc_policy_netns_id);

	unregister_net_sysctl_table(ns->header);
}

static struct pernet_operations smc_policy_netns_ops = {
	.init = smc_policy_netns_up,
	.exit = smc_policy_netns_down,
	.id = &smc_policy_netns_id,
	.size = sizeof(struct smc_policy_netns),
};

int __init smc_policy_netns_init(void)
{
	/* Beyond every cookie made before the module was unloaded and loaded again. */
	atomic_long_set(&smc_policy_last_cookie, ktime_get_boottime_ns());
	return register_pernet_subsys(&smc_policy_netns_ops);
}

void smc_policy_netns_exit(void)
{
	unregister_pernet_subsys(&smc_policy_netns_ops);
}
