/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of this pin-dir's SMC controllers (struct smc_hs_ctrl) are registered in the kernel, by name. */
#ifndef KERNEL_CONTROLLERS_H
#define KERNEL_CONTROLLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "hs_ctrl.h"
#include "kernel/internal.h"

#define CONTROLLERS_MAP "smc_policy_ops" /* the struct_ops map of native.bpf.c */

/* Whether @name is one that a daemon with this pin-dir gives. */
bool controllers_ours(const struct kernel *kernel, const char *name);

/* Write a name that is not registered yet to @name, of SMC_HS_CTRL_NAME_MAX bytes.  0 or -EBUSY. */
int controllers_free_name(const struct kernel *kernel, char *name);

/* Whether one is registered. */
bool controllers_any(const struct kernel *kernel);

/* Write the name under which the struct_ops map with @id is registered to @name; false if it is not. */
bool controllers_find(const struct kernel *kernel, uint32_t id, char *name);

/* Remove all but the one called @keep (NULL: all).  0 or negative errno. */
int controllers_unregister(const struct kernel *kernel, const char *keep);

#endif
