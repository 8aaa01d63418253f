/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules that can never decide a connection: others win wherever they match. */
#ifndef SMC_POLICY_SHADOW_H
#define SMC_POLICY_SHADOW_H

#include <stddef.h>

#include "policy/compile.h"

#define POLICY_SHADOW_NO_PEERS SIZE_MAX

struct policy_shadow {
	size_t rule; /* index in the policy of the rule that never decides */
	/*
	 * Index of a rule that wins for some connection that @rule matches, or
	 * POLICY_SHADOW_NO_PEERS: the exceptions of @rule take out all of its peers.
	 */
	size_t winner;
};

/*
 * List the rules of @policy that never decide, ascending by index.  @image: what policy_compile()
 * made of @policy, with the slots of its rules as they were then.  The answer is exact: it says
 * so of a rule if and only if there is no peer, side and port for which the image gives its
 * slot.
 *
 * Returns 0, with @shadows to be freed (NULL if there are none) and their number in @n; or
 * -ENOMEM, or -EBADMSG if @image is damaged, with no list.
 */
int policy_shadow_list(const struct policy *policy, const struct policy_image *image,
		       struct policy_shadow **shadows, size_t *n);

#endif
