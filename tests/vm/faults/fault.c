// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes a mistake when it is loaded, one that a kernel built to find mistakes
 * must find.  For test guests only.
 *
 *   insmod fault.ko kind=memory    reads memory that it has freed (KASAN)
 *                   kind=order     takes two locks in either order (PROVE_LOCKING)
 *                   kind=sleep     may sleep where it holds a spin lock (DEBUG_ATOMIC_SLEEP)
 *                   kind=rcu       is no reader of what RCU protects (PROVE_RCU)
 *                   kind=leak      forgets memory that it has allocated (kmemleak)
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *kind = "";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "memory, order, sleep, rcu or leak");

static void fault_memory(void)
{
	unsigned char *freed = kzalloc(64, GFP_KERNEL);

	kfree(freed);
	/* The compiler must not know that this is freed. */
	OPTIMIZER_HIDE_VAR(freed);
	if (freed)
		READ_ONCE(*freed);
}

static DEFINE_MUTEX(fault_first);
static DEFINE_MUTEX(fault_second);

static void fault_order(void)
{
	mutex_lock(&fault_first);
	mutex_lock(&fault_second);
	mutex_unlock(&fault_second);
	mutex_unlock(&fault_first);

	mutex_lock(&fault_second);
	mutex_lock(&fault_first);
	mutex_unlock(&fault_first);
	mutex_unlock(&fault_second);
}

static DEFINE_SPINLOCK(fault_lock);

static void fault_sleep(void)
{
	void *memory;

	spin_lock(&fault_lock);
	memory = kmalloc(64, GFP_KERNEL);
	spin_unlock(&fault_lock);
	kfree(memory);
}

static void __rcu *fault_pointer;

static void fault_rcu(void)
{
	if (rcu_dereference(fault_pointer))
		pr_info("fault: never\n");
}

/* Several: a copy of one address may be left somewhere by chance. */
static void fault_leak(void)
{
	void *memory;
	int i;

	for (i = 0; i < 8; i++) {
		memory = kmalloc(64, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(memory);
	}
}

static const struct {
	const char *kind;
	void (*make)(void);
} faults[] = {
	{ "memory", fault_memory }, { "order", fault_order }, { "sleep", fault_sleep },
	{ "rcu", fault_rcu },	    { "leak", fault_leak },
};

static int __init fault_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (!strcmp(kind, faults[i].kind)) {
			faults[i].make();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit fault_exit(void)
{
}

module_init(fault_init);
module_exit(fault_exit);
MODULE_DESCRIPTION("Mistakes that a test kernel must find");
MODULE_LICENSE("GPL");
