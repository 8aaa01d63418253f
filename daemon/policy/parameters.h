/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parameters of `auto` and of the breaker: row 1 of an image, in its order and units. */
#ifndef SMC_POLICY_PARAMETERS_H
#define SMC_POLICY_PARAMETERS_H

#include <stdint.h>

/* As enum smc_policy_image_parameters says; times in seconds. */
struct policy_parameters {
	uint32_t setup_bytes;
	uint32_t half_life;
	uint32_t peer, peer_max;
	uint32_t cooldown, cooldown_max;
	uint32_t votes;
	uint32_t backoff, backoff_max;
	uint32_t prefix_v4, prefix_v6;
	uint32_t message_bytes;
};

extern const struct policy_parameters policy_parameters_default;

/* Write @parameters as words of row 1. */
void policy_parameters_words(const struct policy_parameters *parameters, uint32_t words[]);

#endif
