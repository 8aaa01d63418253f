// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/json.h"
#include "kernel/listing.h"
#include "policy/causes.h"
#include "policy/value.h"
#include "server/seen.h"

const char *seen_cause(const struct smc_policy_told *told, uint32_t code, bool speaks)
{
	if (told->asked && told->verdict == SMC_POLICY_TCP)
		return CAUSE_POLICY;
	if (code == SMC_POLICY_PEERNOSMC && speaks)
		return CAUSE_PEER_POLICY;
	return code ? cause_word(code) : NULL;
}

const char *seen_rule(const struct server *server, const struct smc_policy_told *told,
		      uint32_t epoch)
{
	if (!told->asked || told->slot < SMC_POLICY_SLOT_FIRST || told->slot >= server->slots.n ||
	    !kernel_is_told_by(server->kernel, told, epoch))
		return NULL;
	return server->slots.owners[told->slot].name;
}

json_t *seen_verdict(const struct smc_policy_told *told)
{
	return told->asked ? json_string(word_name(&words_verdict, told->verdict)) : json_null();
}

json_t *seen_reason(const struct smc_policy_told *told)
{
	return told->asked ? json_string(word_name(&words_reason, told->reason)) : json_null();
}

json_t *seen_address(const uint8_t addr[16])
{
	char text[VALUE_TEXT_SIZE];

	value_format_address(addr, text);
	return json_string(text);
}

json_t *seen_mode(uint8_t mode)
{
	return mode == SMC_POLICY_MODE_UNKNOWN ? json_null()
					       : json_string(word_name(&words_mode, mode));
}
