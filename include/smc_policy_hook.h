/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract between smc_policy.ko and the BPF program that decides for it.
 *
 * The module fires the writable raw tracepoint "smc_policy_verdict" once for
 * each connection that asks for SMC.  The first argument is a pointer to this
 * structure; the program writes @verdict.  Without a program @verdict keeps its
 * initial value and the module changes nothing.
 *
 * Any change of size, order or meaning raises SMC_POLICY_HOOK_ABI.  The daemon
 * reads the module's number from /sys/module/smc_policy/parameters/abi and
 * refuses another one.
 */
#ifndef SMC_POLICY_HOOK_H
#define SMC_POLICY_HOOK_H

#include <linux/types.h>

#define SMC_POLICY_HOOK_ABI 1
#define SMC_POLICY_HOOK_TRACEPOINT "smc_policy_verdict"

struct smc_policy_hook {
	__u32 verdict; /* enum smc_policy_verdict; in: SMC_POLICY_SMC, out: the verdict */
	__u8 side; /* enum smc_policy_side */
	__u8 family; /* AF_INET or AF_INET6, as the socket has it */
	__u16 reserved; /* zero */
	__u16 local_port; /* host byte order */
	__u16 peer_port; /* host byte order */
	__u32 uid; /* owner of the connecting or listening socket, in the initial user namespace */
	__be32 local[4]; /* network byte order; IPv4 as ::ffff:a.b.c.d */
	__be32 peer[4]; /* likewise */
	__u64 netns_cookie; /* of SO_NETNS_COOKIE or net.smc_policy.cookie */
	__u64 cgroup_id; /* cgroup v2 id of the (listening) socket, 0 if it has none */
	__u32 mark; /* SO_MARK of the socket, or of the request on the accept side */
	__u32 reserved2; /* zero */
};

_Static_assert(sizeof(struct smc_policy_hook) == 72, "hook ABI size");
_Static_assert(__builtin_offsetof(struct smc_policy_hook, peer) == 32, "hook ABI offset of peer");
_Static_assert(__builtin_offsetof(struct smc_policy_hook, netns_cookie) == 48,
	       "hook ABI offset of netns_cookie");

#endif
