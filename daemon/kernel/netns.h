/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network namespaces of this host: finding them, entering them, naming them. */
#ifndef SMC_POLICY_NETNS_H
#define SMC_POLICY_NETNS_H

#include <stddef.h>
#include <stdint.h>

/* How the policy stands in one namespace. */
enum netns_state {
	NETNS_ENFORCED, /* the policy decides there */
	NETNS_FOREIGN, /* somebody else's controller decides there */
	NETNS_OFF, /* switched off there by sysctl */
	NETNS_FAILED, /* could not be found out, or not be changed */
};

struct netns {
	uint32_t inum; /* as in /proc/PID/ns/net */
	char name[64]; /* as in `ip netns`, "init", or "process PID" for one without a name */
	enum netns_state state; /* what the visitor found */
	char detail[64]; /* name of the foreign controller, or why it failed; else "" */
};

struct netns_list {
	struct netns *items;
	size_t n;
};

/* Called inside the namespace @netns.  Must not change the thread's namespace. */
typedef void netns_visit(void *arg, struct netns *netns);

/*
 * Visit each namespace that has a process, a name below /run/netns or another
 * mount that this process sees; the initial one (that of process 1) first.  Namespaces that only a
 * descriptor holds cannot be found.  What was visited goes into @list, to be
 * freed with netns_list_clear(), unless it is NULL.  Changes the namespace of this thread
 * meanwhile; if it cannot come back it ends the process, lest it go on in the
 * wrong one.  Returns 0 or a negative errno: -EPERM without CAP_SYS_ADMIN.
 */
int netns_for_each(netns_visit *visit, void *arg, struct netns_list *list);
void netns_list_clear(struct netns_list *list);

/*
 * Cookie of the network namespace @name as in `ip netns`, of the initial one
 * (that of process 1) for NULL.  Returns 0 or a negative errno: -ENOENT if there
 * is none of that name, -ENOPROTOOPT if neither the kernel (before 5.14) nor the
 * module tells cookies.  Changes this thread's namespace for a moment.
 */
int netns_cookie(const char *name, uint64_t *cookie);

/* Cookie of the network namespace that this thread is in.  Returns 0 or a negative errno, as above. */
int netns_own_cookie(uint64_t *cookie);

#endif
