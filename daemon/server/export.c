// SPDX-License-Identifier: GPL-2.0-or-later
/* The policy in force as configuration text. */
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "server/report.h"

static void export_rule(FILE *out, const struct policy_rule *rule)
{
	fprintf(out, "\n[rule %s]\n", rule->name);
	for (int i = 0; policy_rule_keys[i]; i++) {
		autofree char *text = policy_rule_get(rule, policy_rule_keys[i]);

		if (text && *text)
			fprintf(out, "%s = %s\n", policy_rule_keys[i], text);
	}
	if (rule->peers_file)
		fprintf(out, POLICY_PEERS_FILE " = %s\n", rule->peers_file);
}

char *report_export(const struct server *server)
{
	const struct policy_rule *rule;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "# Policy of generation %" PRIu64 "\n[policy]\ndefault = %s\n",
		server->generation,
		word_name(&words_action, (unsigned int)server->in_force.default_action));
	policy_for_each(rule, &server->in_force)
		export_rule(out, rule);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
