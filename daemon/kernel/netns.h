/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SMC_POLICY_NETNS_H
#define SMC_POLICY_NETNS_H

#include <stdint.h>

/*
 * Cookie of the network namespace @name as in `ip netns`, of the initial one
 * (that of process 1) for NULL.  Returns 0 or a negative errno: -ENOENT if there
 * is none of that name, -ENOPROTOOPT if the kernel tells no cookies (before 5.14).
 * Changes this thread's namespace for a moment.
 */
int netns_cookie(const char *name, uint64_t *cookie);

#endif
