/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a socket is: its network namespace and its cgroup.  For what needs no speed. */
#ifndef SMC_POLICY_PLACES_BPF_H
#define SMC_POLICY_PLACES_BPF_H

#include "core.h"
#include "smc_policy_seen.h"

/* The id of the cgroup v2 of @sk; 0: none. */
static __always_inline __u64 smc_policy_cgroup(const struct sock *sk)
{
	const struct cgroup *cgroup = 0;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	else if (bpf_core_field_exists(((struct sock_cgroup_data___old *)0)->val))
		/* Up to 5.14: a pointer, unless its lowest bit says that it is something else. */
		cgroup = (void *)BPF_CORE_READ((const struct sock___old *)sk, sk_cgrp_data.val);
	if ((unsigned long)cgroup & 1)
		return 0;
	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

static __always_inline void event_place(struct smc_policy_event *event, const struct sock *sk)
{
	const struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);

	event->netns_cookie = 0;
	/* A number of its own up to 5.11, which user space does not get to see. */
	if (bpf_core_field_exists(net->net_cookie))
		event->netns_cookie = BPF_CORE_READ(net, net_cookie);
	event->netns = BPF_CORE_READ(net, ns.inum);
	event->cgroup = smc_policy_cgroup(sk);
}

#endif
