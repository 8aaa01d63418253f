/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is found out about a policy only as a whole. */
#ifndef SMC_POLICY_CHECK_H
#define SMC_POLICY_CHECK_H

#include "policy/compile.h"
#include "policy/errors.h"
#include "policy/shadow.h"

#define POLICY_NEVER_SIZE 256

/* Say into @text that the rule @name never decides: @winner beats it, NULL: it has no peers left. */
void policy_describe_never(const char *name, const char *winner, char text[POLICY_NEVER_SIZE]);

/* Add a line to @warnings: that rule @shadow of @policy never decides, with its place if a file has it. */
void policy_warn_never(const struct policy *policy, const struct policy_shadow *shadow,
		       struct policy_errors *warnings);

/*
 * Compile @policy as the daemon would, with slots of its own, and add what is wrong to @errors and a
 * line for each rule that never decides to @warnings.
 */
void policy_check(const struct policy *policy, struct policy_errors *errors,
		  struct policy_errors *warnings);

#endif
