/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parser of one configuration file, in config.c, and that of its keys, in keys.c, share. */
#ifndef SMC_POLICY_PARSER_H
#define SMC_POLICY_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/settings.h"

#define KEYS_MAX 64 /* keys that are remembered as seen: all of them fit */

struct parser {
	struct policy_config *config;
	struct policy_errors *errors;
	const char *file;
	const char *next, *end; /* text not yet read */
	unsigned int line; /* number of the line that inih is given now */
	bool failed; /* there was an error, even if no memory to list it */
	enum settings_section section;
	struct policy_rule *rule; /* being filled, owned */
	struct policy_named_file list; /* its peers-file */
	struct policy_peers peers; /* that it lists */
	bool rule_nameless; /* its name was refused, it is not kept */
	bool rule_unclear; /* a line of it was refused that may have been its action */
	size_t rule_errors; /* number of errors before its own */
	struct {
		enum settings_section section;
		const char *key;
		unsigned int line;
		bool refused; /* its value was */
	} seen[KEYS_MAX]; /* keys of this rule, and of all sections but rules */
	size_t n_seen;
	struct policy rules; /* of this file, to notice the same name twice */
};

/* Add an error about @line of the file. */
__attribute__((format(printf, 3, 4))) void parser_complain(struct parser *parser, unsigned int line,
							   const char *format, ...);

/* inih's handler: one call for each line that is not blank, comment or section. */
int parser_handle_key(void *user, const char *section, const char *name, const char *value);

/* Check what must hold of the settings together, where this file has changed them. */
void parser_check_settings(struct parser *parser);

#endif
