// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/plural.h"
#include "server/server.h"
#include "server/warnings.h"

#define LOGGED 20 /* warnings of one policy; the other ones are counted */

void warnings_find(struct warnings *warnings, const struct policy *policy,
		   const struct policy_image *image)
{
	int rc = policy_shadow_list(policy, image, &warnings->never, &warnings->n);

	if (rc)
		log_warning("cannot find out which rules never decide: %s", strerror(-rc));
}

void warnings_clear(struct warnings *warnings)
{
	free(warnings->never);
	*warnings = (struct warnings){ 0 };
}

void warnings_log(const struct server *server)
{
	const struct warnings *warnings = &server->warnings;
	struct policy_errors lines = { 0 };

	for (size_t i = 0; i < warnings->n && i < LOGGED; i++)
		policy_warn_never(&server->in_force, &warnings->never[i], &lines);
	for (size_t i = 0; i < lines.count; i++)
		log_warning("%s", lines.lines[i]);
	if (warnings->n > LOGGED)
		log_warning(
			"%zu more %s; \"smc-ebpf policy list\" marks them", warnings->n - LOGGED,
			plural(warnings->n - LOGGED, "rule never decides", "rules never decide"));
	policy_errors_clear(&lines);
}

static const char *name_of(const struct server *server, size_t index)
{
	return index == POLICY_SHADOW_NO_PEERS ? NULL : server->in_force.rules[index]->name;
}

static bool concerns(const struct server *server, const struct policy_shadow *shadow,
		     const char *name)
{
	const char *winner = name_of(server, shadow->winner);

	return !strcmp(name_of(server, shadow->rule), name) || (winner && !strcmp(winner, name));
}

json_t *warnings_report(const struct server *server, const char *name)
{
	struct policy_errors lines = { 0 };
	json_t *list = json_array();
	char line[256];

	if (suspension_warning(server, line, sizeof(line)))
		json_array_append_new(list, json_text(line));
	for (size_t i = 0; i < server->warnings.n; i++)
		if (!name || concerns(server, &server->warnings.never[i], name))
			policy_warn_never(&server->in_force, &server->warnings.never[i], &lines);
	for (size_t i = 0; i < lines.count; i++)
		json_array_append_new(list, json_text(lines.lines[i]));
	policy_errors_clear(&lines);
	return list;
}

json_t *warnings_never(const struct server *server, const struct policy_rule *rule)
{
	const struct policy_shadow *never = server->warnings.never;
	size_t low = 0, high = server->warnings.n;
	const char *winner;

	/* Both are in the order of names. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(name_of(server, never[middle].rule), rule->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == server->warnings.n || strcmp(name_of(server, never[low].rule), rule->name))
		return json_null();
	winner = name_of(server, never[low].winner);
	return json_pack("{s:o}", "beaten_by", winner ? json_string(winner) : json_null());
}
