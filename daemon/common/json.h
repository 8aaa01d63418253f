/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SMC_POLICY_JSON_H
#define SMC_POLICY_JSON_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}

#define autojson __attribute__((cleanup(cleanup_json)))

/*
 * @text as JSON.  What came from a file or a path need not be UTF-8: then every
 * byte that is not ASCII becomes "?".  NULL: out of memory.
 */
static inline json_t *json_text(const char *text)
{
	json_t *json = json_string(text);
	char *copy = json ? NULL : strdup(text);

	if (!copy)
		return json;
	for (char *at = copy; *at; at++)
		if (*at & 0x80)
			*at = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

/* The same; null for NULL. */
static inline json_t *json_text_or_null(const char *text)
{
	return text ? json_text(text) : json_null();
}

#endif
