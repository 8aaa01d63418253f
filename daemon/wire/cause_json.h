/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Codes of fallbacks as all JSON has them. */
#ifndef SMC_POLICY_CAUSE_JSON_H
#define SMC_POLICY_CAUSE_JSON_H

#include <jansson.h>

#include "policy/causes.h"

/* "0x03010000"; null for 0, which is no fallback.  New; NULL: out of memory. */
static inline json_t *cause_json_code(uint32_t code)
{
	char text[CAUSE_CODE_SIZE];

	cause_format_code(code, text);
	return code ? json_string(text) : json_null();
}

#endif
