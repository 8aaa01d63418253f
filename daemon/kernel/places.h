/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of network namespaces and cgroups for the numbers that the kernel tells. */
#ifndef SMC_POLICY_PLACES_H
#define SMC_POLICY_PLACES_H

#include <stdint.h>

struct places;

/* NULL: out of memory. */
struct places *places_new(void);
void places_free(struct places *places);

/*
 * The path of the cgroup v2 with this id, from the root of its hierarchy, "/system.slice"; NULL: there is
 * none, or no more.  Valid until the next call.
 */
const char *places_cgroup(struct places *places, uint64_t id);

/*
 * The name, as in struct netns, of the network namespace with this @inum or, where that is 0, @cookie;
 * NULL: unknown.  Valid until the next call.
 */
const char *places_netns(struct places *places, uint32_t inum, uint64_t cookie);

#endif
