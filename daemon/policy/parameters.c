// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/parameters.h"
#include "smc_policy_image.h"

const struct policy_parameters policy_parameters_default = {
	.setup_bytes = 100 * 1024,
	.half_life = 600,
	.peer = 10,
	.peer_max = 3600,
	.cooldown = 5,
	.cooldown_max = 300,
	.votes = 2,
	.backoff = 30,
	.backoff_max = 3600,
	.prefix_v4 = 24,
	.prefix_v6 = 64,
	.message_bytes = 1024,
};

void policy_parameters_words(const struct policy_parameters *parameters, uint32_t words[])
{
	words[SMC_POLICY_PAR_SETUP_BYTES] = parameters->setup_bytes;
	words[SMC_POLICY_PAR_HALF_LIFE] = parameters->half_life;
	words[SMC_POLICY_PAR_PEER] = parameters->peer;
	words[SMC_POLICY_PAR_PEER_MAX] = parameters->peer_max;
	words[SMC_POLICY_PAR_COOLDOWN] = parameters->cooldown;
	words[SMC_POLICY_PAR_COOLDOWN_MAX] = parameters->cooldown_max;
	words[SMC_POLICY_PAR_VOTES] = parameters->votes;
	words[SMC_POLICY_PAR_BACKOFF] = parameters->backoff;
	words[SMC_POLICY_PAR_BACKOFF_MAX] = parameters->backoff_max;
	words[SMC_POLICY_PAR_PREFIX_V4] = parameters->prefix_v4;
	words[SMC_POLICY_PAR_PREFIX_V6] = parameters->prefix_v6;
	words[SMC_POLICY_PAR_MESSAGE_BYTES] = parameters->message_bytes;
}
