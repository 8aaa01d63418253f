/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of all sections of the configuration but [rule NAME], which policy/rule.h has. */
#ifndef SMC_POLICY_SETTINGS_H
#define SMC_POLICY_SETTINGS_H

#include "policy/config.h"

#define SETTINGS_SECTIONS_TEXT \
	"[daemon], [policy], [auto], [budget], [breaker], [smc], [metrics] or [rule NAME]"

enum settings_section {
	SECTION_NONE, /* before the first one */
	SECTION_UNKNOWN,
	SECTION_DAEMON,
	SECTION_POLICY,
	SECTION_AUTO,
	SECTION_BUDGET,
	SECTION_BREAKER,
	SECTION_SMC,
	SECTION_METRICS,
	SECTION_RULE
};

/* The section called @name, SECTION_UNKNOWN if there is none; never SECTION_RULE. */
enum settings_section settings_find_section(const char *name);

/* The key called @name in @section, as the table has it, or NULL. */
const char *settings_find_key(enum settings_section section, const char *name);

/* Write the keys of @section, separated by commas, to @buf of @size bytes. */
void settings_list_keys(enum settings_section section, char *buf, size_t size);

/*
 * Set key @name of @section from its text.  -ENOENT: there is none; -EINVAL, -ENOMEM and @error as in
 * value.h.
 */
int settings_set(struct policy_config *config, enum settings_section section, const char *name,
		 const char *text, struct value_error *error);

#endif
