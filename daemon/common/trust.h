/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a path is safe from others: where somebody who is not root may rename, replace or
 * write what the daemon keeps, he decides what the policy is.
 */
#ifndef SMC_POLICY_TRUST_H
#define SMC_POLICY_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#define TRUST_WHY_SIZE 768

/*
 * Whether only root, its group and the caller's user may put something else at @path, which
 * exists: its directories up to the root, symbolic links followed, belong to them and are not
 * writable by others, or are sticky.  @path itself may be sticky only if @shared, for one in
 * whose directory others may make entries of their own.  If not, @why (TRUST_WHY_SIZE) says
 * which part it is and how to mend it.
 */
bool trust_path(const char *path, bool shared, char *why);

#endif
