/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user-defined EIDs of this host (SMC_GEN_NETLINK, Linux 5.16): two hosts speak SMC version 2 only if they
 * have one in common.  They are the same in all network namespaces.
 */
#ifndef SMC_POLICY_KERNEL_UEID_H
#define SMC_POLICY_KERNEL_UEID_H

#include <stdbool.h>

/*
 * Each returns 0 or a negative errno: -ENOENT if SMC is not loaded, -EOPNOTSUPP if this kernel's SMC has no
 * UEIDs, -EPERM without CAP_NET_ADMIN.  @ueid: up to 32 characters, NUL-terminated.
 */

/* Whether the kernel has @ueid, into @there. */
int ueid_find(const char *ueid, bool *there);

/* -ERANGE: there is no room, the kernel takes 8. */
int ueid_add(const char *ueid);
int ueid_remove(const char *ueid);

#endif
