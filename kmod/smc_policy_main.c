// SPDX-License-Identifier: GPL-2.0-only
/*
 * smc_policy - lets a BPF program decide which TCP connections may ask for SMC,
 * on kernels without smc_hs_ctrl (before 6.19).
 *
 * Each connection that asks for SMC fires the writable tracepoint
 * smc_policy_verdict with a struct smc_policy_hook.  An attached program
 * (raw_tracepoint.w/smc_policy_verdict) writes the verdict.  A denied connection is
 * plain TCP from its first packet on.  Without a program the module changes nothing.
 * A connection that does not ask for SMC costs a function call and one test.
 *
 * /sys/module/smc_policy/version             version of the module
 * /sys/module/smc_policy/parameters/, all read-only, refused at load time:
 *   abi               SMC_POLICY_HOOK_ABI; the program's loader compares it
 *   hooked            1 while SMC is present and the hooks see its connections
 *   connects_asked    outgoing connections that asked for SMC
 *   connects_denied   those of them that the module turned into plain TCP
 *   accepts_asked     incoming connections of SMC peers to SMC listeners
 *   accepts_denied    those of them that the module turned into plain TCP
 *
 * net.smc_policy.cookie    per network namespace, read-only: the cookie that the
 *   program gets for the namespace, which is the kernel's own if it has one.
 * net.smc_policy.enabled   per network namespace, 0 or 1, default 1.  0: the module
 *   leaves the namespace alone and does not count there, so every connection that asks
 *   for SMC may have it.  Read-only in a network namespace whose user namespace is not
 *   the initial one.
 *
 * While a program is attached the module cannot be removed.  A program cannot be
 * attached before the module is loaded.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include <net/tcp.h>
#include "compat.h"
#include "smc_policy.h"

/* Serialises registering and unregistering the hooks; nests inside module_notify_list's lock. */
static DEFINE_MUTEX(smc_policy_hooks_mutex);
static int smc_policy_hooked; /* written under smc_policy_hooks_mutex */

/* A set operation must exist: parse_one() of kernel/params.c calls it without a check. */
static int smc_policy_param_refuse(const char *val, const struct kernel_param *kp)
{
	return -EPERM;
}

static int smc_policy_param_get_count(char *buffer, const struct kernel_param *kp)
{
	return scnprintf(buffer, PAGE_SIZE, "%lld\n", (long long)atomic64_read(kp->arg));
}

static const struct kernel_param_ops smc_policy_param_int = {
	.set = smc_policy_param_refuse,
	.get = param_get_int,
};

static const struct kernel_param_ops smc_policy_param_count = {
	.set = smc_policy_param_refuse,
	.get = smc_policy_param_get_count,
};

static int smc_policy_abi = SMC_POLICY_HOOK_ABI;

module_param_cb(abi, &smc_policy_param_int, &smc_policy_abi, 0444);
MODULE_PARM_DESC(abi, "Number of the interface to the BPF program (read-only)");
module_param_cb(hooked, &smc_policy_param_int, &smc_policy_hooked, 0444);
MODULE_PARM_DESC(hooked, "1 while SMC is present and its connections are seen (read-only)");
module_param_cb(connects_asked, &smc_policy_param_count,
		&smc_policy_count[SMC_POLICY_CONNECT].asked, 0444);
MODULE_PARM_DESC(connects_asked, "Outgoing connections that asked for SMC (read-only)");
module_param_cb(connects_denied, &smc_policy_param_count,
		&smc_policy_count[SMC_POLICY_CONNECT].denied, 0444);
MODULE_PARM_DESC(connects_denied, "Outgoing connections turned into plain TCP (read-only)");
module_param_cb(accepts_asked, &smc_policy_param_count,
		&smc_policy_count[SMC_POLICY_ACCEPT].asked, 0444);
MODULE_PARM_DESC(accepts_asked, "Incoming connections that asked for SMC (read-only)");
module_param_cb(accepts_denied, &smc_policy_param_count,
		&smc_policy_count[SMC_POLICY_ACCEPT].denied, 0444);
MODULE_PARM_DESC(accepts_denied, "Incoming connections turned into plain TCP (read-only)");

/* Both are idempotent.  Context: process, may sleep. */

static int smc_policy_hook_in(void)
{
	int rc = 0;

	mutex_lock(&smc_policy_hooks_mutex);
	if (!smc_policy_hooked) {
		rc = smc_policy_hooks_register();
		WRITE_ONCE(smc_policy_hooked, !rc);
	}
	mutex_unlock(&smc_policy_hooks_mutex);
	return rc;
}

static void smc_policy_hook_out(void)
{
	mutex_lock(&smc_policy_hooks_mutex);
	if (smc_policy_hooked) {
		WRITE_ONCE(smc_policy_hooked, 0);
		smc_policy_hooks_unregister();
	}
	mutex_unlock(&smc_policy_hooks_mutex);
}

/* Report that hooking failed, what this means and what to do. */
static void smc_policy_report(const char *meaning, int rc)
{
	pr_err("%s: cannot hook tcp_connect and security_inet_conn_request, error %d; %s\n",
	       meaning, rc,
	       rc == -EBUSY ?
		       "set sysctl kernel.ftrace_enabled to 1, then load the module again" :
		       "see whether tracefs has both in available_filter_functions");
}

/*
 * Follow the module "smc".  COMING arrives before its init runs, so the hooks are
 * registered before the first SMC connection.  LIVE arrives after its init; it serves
 * an smc that was between the two when this notifier was registered, and it retries
 * and reports what failed at COMING.  GOING arrives after its exit, or after its init
 * has failed.
 *
 * Context: process.  The caller (load_module(), delete_module()) holds the chain's
 * rwsem for reading, but not module_mutex.  So ftrace's locks can be taken here and
 * waiting for RCU is allowed; kernel/livepatch does both from the same place.
 */
static int smc_policy_module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct module *mod = data;
	int rc;

	if (strcmp(mod->name, "smc"))
		return NOTIFY_DONE;

	switch (event) {
	case MODULE_STATE_COMING:
		smc_policy_hook_in();
		break;
	case MODULE_STATE_LIVE:
		rc = smc_policy_hook_in();
		if (rc)
			smc_policy_report("SMC is present, but the policy is not applied to it", rc);
		break;
	case MODULE_STATE_GOING:
		smc_policy_hook_out();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block smc_policy_module_notifier = {
	.notifier_call = smc_policy_module_event,
};

/*
 * smc_init() sets the key last and smc_exit() clears it first.  The notifier is
 * registered before the key is read, so no coming or going is missed.  A built-in SMC
 * sets the key at boot.
 */
static bool smc_policy_smc_present(void)
{
	return static_key_enabled(&tcp_have_smc);
}

static int __init smc_policy_init(void)
{
	int rc;

	rc = smc_policy_netns_init();
	if (rc)
		goto failed;
	rc = register_module_notifier(&smc_policy_module_notifier);
	if (rc)
		goto failed_notifier;
	if (smc_policy_smc_present()) {
		rc = smc_policy_hook_in();
		if (rc)
			goto failed_hook;
	}
	return 0;

failed_hook:
	smc_policy_report("not loaded", rc);
	unregister_module_notifier(&smc_policy_module_notifier);
	smc_policy_hook_out();
failed_notifier:
	smc_policy_netns_exit();
failed:
	return rc;
}

/*
 * Once the notifier is unregistered no notification is under way, so nothing
 * registers the hooks again.  Once the hooks are unregistered none is running, so the
 * data that they read can be freed.
 */
static void __exit smc_policy_exit(void)
{
	unregister_module_notifier(&smc_policy_module_notifier);
	smc_policy_hook_out();
	smc_policy_netns_exit();
}

module_init(smc_policy_init);
module_exit(smc_policy_exit);

MODULE_AUTHOR("smc-policy authors");
MODULE_DESCRIPTION("Lets a BPF program decide which TCP connections may ask for SMC");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
