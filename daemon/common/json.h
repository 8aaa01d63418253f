/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SMC_POLICY_JSON_H
#define SMC_POLICY_JSON_H

#include <jansson.h>

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}

#define autojson __attribute__((cleanup(cleanup_json)))

#endif
