// SPDX-License-Identifier: GPL-2.0-or-later
/* policy history and policy rollback */
#include <pwd.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"

/* The name of the user of @change, or null: looked up here, where it may take its time. */
static json_t *user_of(const json_t *change)
{
	const json_t *uid = json_object_get(change, "uid");
	const struct passwd *entry =
		json_is_integer(uid) ? getpwuid((uid_t)json_integer_value(uid)) : NULL;

	return entry ? json_text(entry->pw_name) : json_null();
}

static json_t *history_row(const json_t *change)
{
	const char *user = json_string_value(json_object_get(change, "user"));
	bool known = json_is_integer(json_object_get(change, "uid"));
	json_t *who = json_string("");

	if (known) {
		json_decref(who);
		who = user ? json_sprintf("%s (%lld)", user, (long long)cli_number(change, "pid"))
			   : json_sprintf("uid %lld (%lld)", (long long)cli_number(change, "uid"),
					  (long long)cli_number(change, "pid"));
	}
	return json_pack("[I, s, o, s, I, s]", cli_number(change, "generation"),
			 cli_text(change, "time"), who, cli_text(change, "way"),
			 cli_number(change, "rules"), cli_text(change, "text"));
}

static void print_history(const json_t *result)
{
	autojson json_t *rows = json_pack("[[s, s, s, s, s, s]]", "GENERATION", "TIME", "WHO (PID)",
					  "WAY", "RULES", "CHANGE");
	const json_t *changes = json_object_get(result, "changes"), *change;
	size_t i;

	json_array_foreach(changes, i, change)
		json_array_append_new(rows, history_row(change));
	if (json_array_size(changes))
		table_print(rows);
	else
		puts("no changes are known");
}

int cli_policy_history(struct cli *cli)
{
	autojson json_t *result = NULL;
	json_t *change;
	size_t i;
	int rc = cli_request(cli, "policy-history", NULL, &result);

	if (rc)
		return rc;
	json_array_foreach(json_object_get(result, "changes"), i, change)
		json_object_set_new(change, "user", user_of(change));
	return cli_print(cli, result, print_history);
}

static void print_rolled_back(const json_t *result)
{
	cli_print_rollback(result);
	printf("generation %lld%s\n", (long long)cli_number(result, "generation"),
	       json_is_true(json_object_get(result, "applied")) ? "" : ", nothing changed");
	cli_warn_all(json_object_get(result, "warnings"));
}

int cli_policy_rollback(struct cli *cli)
{
	return cli_ask(cli, print_rolled_back);
}
