/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From rules to a policy image (include/smc_policy_image.h), and reading one in
 * user space with the very code that the kernel runs.
 */
#ifndef SMC_POLICY_COMPILE_H
#define SMC_POLICY_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/limits.h"
#include "policy/parameters.h"
#include "policy/rule.h"
#include "smc_policy_image.h"

struct policy_image {
	struct smc_policy_row *rows;
	uint32_t n_rows;
	uint32_t n_slots; /* of @decides */
	bool *decides; /* by counter slot: whether the rule decides any connection */
};

/* What does not come from the rules. */
struct policy_image_options {
	uint64_t generation;
	uint32_t flags; /* SMC_POLICY_IMAGE_F_* */
	const struct policy_parameters *parameters; /* NULL: policy_parameters_default */
	const struct policy_limits *budget; /* of the host; NULL: none */
	uint64_t connection_memory; /* bytes that one SMC connection takes here, 0: 128 KiB */
};

/*
 * Compile @policy; each rule's slot must be set.  Returns 0 and an image to be
 * given to policy_image_free(), -E2BIG if it would not fit the layout, or
 * -ENOMEM.  The same policy and options always give the same bytes.
 */
int policy_compile(const struct policy *policy, const struct policy_image_options *options,
		   struct policy_image *image);
void policy_image_free(struct policy_image *image);

/*
 * Look up @peer (as in struct policy_prefix), @side and @port in @image: the
 * counter slot of the rule and the action.  Returns 0, or -EBADMSG if the image
 * is damaged.
 */
int policy_image_lookup(const struct policy_image *image, const uint8_t peer[16], int side,
			uint16_t port, uint32_t *slot, int *action);

/*
 * The limits that @image has for counter slot @slot, or for the host
 * (SMC_POLICY_SLOT_DEFAULT), into @words as enum smc_policy_image_limits; all zero
 * where there are none.
 */
void policy_image_limits(const struct policy_image *image, uint32_t slot,
			 uint32_t words[SMC_POLICY_LIMIT_WORDS]);

#endif
