// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands of wire/protocol.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "wire/protocol.h"
#include "wire/rule_json.h"
#include "kernel/netns.h"
#include "server/advice.h"
#include "server/control.h"
#include "server/lessons.h"
#include "server/report.h"
#include "server/saved.h"
#include "server/server.h"

/* What a command refuses with; lines are optional. */
struct refusal {
	struct kernel_error error;
	struct policy_errors lines;
};

json_t *commands_respond(json_t *result)
{
	return json_pack("{s:i, s:b, s:o}", "protocol", PROTOCOL_VERSION, "ok", 1, "result",
			 result);
}

json_t *commands_refuse(const char *text)
{
	return json_pack("{s:i, s:b, s:o}", "protocol", PROTOCOL_VERSION, "ok", 0, "error",
			 json_text(text));
}

static json_t *refuse(struct refusal *refusal)
{
	json_t *response = commands_refuse(refusal->error.text), *lines;

	if (response && refusal->lines.count) {
		lines = json_array();
		for (size_t i = 0; i < refusal->lines.count; i++)
			json_array_append_new(lines, json_text(refusal->lines.lines[i]));
		json_object_set_new(response, "lines", lines);
	}
	policy_errors_clear(&refusal->lines);
	return response;
}

static json_int_t generation(const struct server *server)
{
	return (json_int_t)server->generation;
}

/* A text argument, or NULL.  @what the argument is called goes to messages. */
static const char *text_argument(const json_t *arguments, const char *name)
{
	return json_string_value(json_object_get(arguments, name));
}

/* ---- policy add ---- */

static int parse_rule(const json_t *arguments, struct policy_rule **rule,
		      struct kernel_error *error)
{
	struct value_error why;
	int rc = rule_from_json(arguments, rule, &why);

	if (rc)
		return kernel_fail(error, rc, "%s", why.text);
	(*rule)->origin = json_is_true(json_object_get(arguments, "runtime"))
				  ? POLICY_ORIGIN_RUNTIME
				  : POLICY_ORIGIN_COMMAND;
	return 0;
}

static json_t *policy_add(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	bool replace = json_is_true(json_object_get(arguments, "replace")), changed;
	char name[SMC_POLICY_NAME_SIZE];
	struct policy_rule *rule;

	if (parse_rule(arguments, &rule, &refusal->error) || !rule)
		return refuse(refusal);
	strcpy(name, rule->name);
	if (server_add_rule(server, rule, replace, &changed, &refusal->error))
		return refuse(refusal);
	rule = policy_find(&server->in_force, name);
	return commands_respond(json_pack("{s:I, s:b, s:o}", "generation", generation(server),
					  "changed", changed, "rule",
					  rule ? report_rule(server, rule) : json_null()));
}

/* ---- policy del, flush ---- */

static json_t *delete_rules(struct server *server, json_t *names, struct refusal *refusal)
{
	size_t n = json_array_size(names), i;
	autofree const char **list = calloc(n + 1, sizeof(*list));
	json_t *name;

	if (!list)
		return NULL;
	json_array_foreach(names, i, name)
		list[i] = json_string_value(name) ? json_string_value(name) : "";
	if (server_del_rules(server, list, n, &refusal->error))
		return refuse(refusal);
	return commands_respond(
		json_pack("{s:I, s:O}", "generation", generation(server), "deleted", names));
}

static json_t *policy_del(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	json_t *names = json_object_get(arguments, "names");

	if (!json_array_size(names))
		return commands_refuse("policy-del needs the names of rules");
	return delete_rules(server, names, refusal);
}

static json_t *policy_flush(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	autojson json_t *names = json_array();
	const struct policy_rule *rule;

	(void)arguments;
	policy_for_each(rule, &server->added)
		json_array_append_new(names, json_string(rule->name));
	return delete_rules(server, names, refusal);
}

/* ---- reading ---- */

static json_t *policy_list(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	(void)arguments;
	(void)refusal;
	return commands_respond(report_rules(server));
}

static json_t *policy_show(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	const char *name = text_argument(arguments, "name");
	const struct policy_rule *rule = name ? policy_find(&server->in_force, name) : NULL;
	json_t *json;

	if (!rule) {
		kernel_fail(
			&refusal->error, -ENOENT,
			"there is no rule \"%.64s\"; \"smc-ebpf policy list\" shows those that are",
			name ? name : "");
		return refuse(refusal);
	}
	json = report_rule(server, rule);
	if (json && rule->action == SMC_POLICY_AUTO)
		json_object_set_new(json, "learned", lessons_of_rule(server, rule));
	return commands_respond(
		json_pack("{s:I, s:o}", "generation", generation(server), "rule", json));
}

static json_t *policy_export(struct server *server, const json_t *arguments,
			     struct refusal *refusal)
{
	autofree char *text = report_export(server);

	(void)arguments;
	(void)refusal;
	return text ? commands_respond(json_pack("{s:s}", "text", text)) : NULL;
}

static json_t *status(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	(void)arguments;
	(void)refusal;
	return commands_respond(report_status(server));
}

static json_t *stats(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	(void)arguments;
	(void)refusal;
	return commands_respond(report_stats(server));
}

/* ---- policy test ---- */

static int parse_query(const json_t *json, struct smc_policy_query *query,
		       struct value_error *error)
{
	const char *side = json_string_value(json_array_get(json, 0));
	const char *peer = json_string_value(json_array_get(json, 1));
	const json_t *port = json_array_get(json, 2);
	uint8_t addr[16];
	int number, rc;

	if (!side || !peer || !json_is_integer(port))
		return value_refuse(error, "a query is [SIDE, PEER, PORT]");
	if (json_integer_value(port) < 0 || json_integer_value(port) > UINT16_MAX)
		return value_refuse(error, "port %lld is out of range; use 0 to 65535",
				    (long long)json_integer_value(port));
	rc = value_word(&words_side, side, &number, error);
	if (!rc)
		rc = value_address(peer, addr, error);
	if (rc)
		return rc;
	query->side = (__u8)number;
	query->port = (__u16)json_integer_value(port);
	memcpy(query->peer, addr, sizeof(addr));
	return 0;
}

/* The name of the rule that owns @slot, or null. */
static json_t *slot_name(const struct server *server, uint32_t slot)
{
	if (slot < SMC_POLICY_SLOT_FIRST || slot >= server->slots.n)
		return json_null();
	return json_string(server->slots.owners[slot].name);
}

static json_t *test_one(struct server *server, const json_t *json, uint64_t cookie,
			struct kernel_error *error)
{
	struct smc_policy_query query = { .netns_cookie = cookie };
	struct smc_policy_answer answer;
	struct value_error why;

	if (parse_query(json, &query, &why)) {
		kernel_fail(error, -EINVAL, "%s", why.text);
		return NULL;
	}
	if (kernel_test(server->kernel, &query, &answer, error))
		return NULL;
	return json_pack("[s, s, o, I]", word_name(&words_verdict, answer.verdict),
			 word_name(&words_reason, answer.reason), slot_name(server, answer.slot),
			 (json_int_t)answer.generation);
}

static json_t *policy_test(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	const json_t *queries = json_object_get(arguments, "queries"), *query;
	autojson json_t *answers = json_array();
	uint64_t cookie = 0;
	size_t i;

	if (!json_is_array(queries) || json_array_size(queries) > PROTOCOL_QUERIES_MAX)
		return commands_refuse("policy-test needs up to 2048 queries [SIDE, PEER, PORT]");
	netns_cookie(NULL, &cookie); /* the test is asked for the initial namespace */
	json_array_foreach(queries, i, query) {
		json_t *answer = test_one(server, query, cookie, &refusal->error);

		if (!answer)
			return refuse(refusal);
		json_array_append_new(answers, answer);
	}
	return commands_respond(json_pack("{s:s, s:O}", "backend",
					  word_name(&words_backend, server->backend), "answers",
					  answers));
}

/* ---- auto ---- */

/*
 * The prefix of @arguments into @prefix, and @given: there is one.  Returns 0 or a negative errno
 * and @error.
 */
static int prefix_argument(const json_t *arguments, struct policy_prefix *prefix, bool *given,
			   struct kernel_error *error)
{
	const char *text = text_argument(arguments, "prefix");
	struct value_error why;
	int rc;

	*given = text;
	if (!text)
		return 0;
	rc = value_prefix(text, prefix, &why);
	if (!rc && prefix->except)
		rc = value_refuse(&why, "\"!\" makes no sense here; name the prefix itself");
	return rc ? kernel_fail(error, rc, "%s", rc == -ENOMEM ? "out of memory" : why.text) : 0;
}

static json_t *auto_show(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	const json_t *most = json_object_get(arguments, "most");
	struct policy_prefix prefix;
	bool given;

	if (prefix_argument(arguments, &prefix, &given, &refusal->error))
		return refuse(refusal);
	if (most && (!json_is_integer(most) || json_integer_value(most) < 0))
		return commands_refuse("most is how many peers are wanted; send a number");
	return commands_respond(lessons_show(server, given ? &prefix : NULL,
					     most ? (size_t)json_integer_value(most) : SIZE_MAX));
}

static json_t *auto_forget(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	struct policy_prefix prefix;
	json_t *counts;
	bool given;

	if (prefix_argument(arguments, &prefix, &given, &refusal->error) ||
	    lessons_forget(server, given ? &prefix : NULL, &counts, &refusal->error))
		return refuse(refusal);
	saved_write(server); /* or the host's next start would bring it back */
	return commands_respond(counts);
}

static json_t *recommendations(struct server *server, const json_t *arguments,
			       struct refusal *refusal)
{
	(void)arguments;
	(void)refusal;
	return commands_respond(advice_report(server));
}

/* ---- reload ---- */

static json_t *reload(struct server *server, const json_t *arguments, struct refusal *refusal)
{
	bool changed;

	(void)arguments;
	if (server_reload(server, &changed, &refusal->lines, &refusal->error))
		return refuse(refusal);
	return commands_respond(
		json_pack("{s:I, s:b}", "generation", generation(server), "changed", changed));
}

/* ---- dispatch ---- */

static const struct command {
	const char *name;
	enum access access;
	json_t *(*run)(struct server *server, const json_t *arguments, struct refusal *refusal);
} commands[] = {
	{ "policy-add", ACCESS_CHANGE, policy_add },
	{ "policy-del", ACCESS_CHANGE, policy_del },
	{ "policy-flush", ACCESS_CHANGE, policy_flush },
	{ "reload", ACCESS_CHANGE, reload },
	{ "auto-forget", ACCESS_CHANGE, auto_forget },
	{ "auto-show", ACCESS_READ, auto_show },
	{ "policy-list", ACCESS_READ, policy_list },
	{ "policy-show", ACCESS_READ, policy_show },
	{ "policy-test", ACCESS_READ, policy_test },
	{ "policy-export", ACCESS_READ, policy_export },
	{ "recommend", ACCESS_READ, recommendations },
	{ "status", ACCESS_READ, status },
	{ "stats", ACCESS_READ, stats },
};

#define DENIED_READING                                                           \
	"permission denied; run as root, as a member of [daemon] group, or set " \
	"[daemon] read-access = all"

#define RECORD "record" /* answered by control.c, which knows the client */

static json_t *run(struct server *server, const struct command *command, const json_t *arguments,
		   enum access access)
{
	struct refusal refusal = { 0 };

	if (access < command->access)
		return commands_refuse(
			command->access == ACCESS_READ
				? DENIED_READING
				: "permission denied; run as root or as a member of [daemon] group");
	return command->run(server, arguments, &refusal);
}

static json_t *permit_recording(struct server *server, enum access access, bool *record)
{
	struct kernel_error error;
	const char *why;

	if (access < ACCESS_READ)
		return commands_refuse(DENIED_READING);
	if (!kernel_watches(server->kernel, &why)) {
		kernel_fail(&error, -EOPNOTSUPP, "connections are not watched: %.400s", why);
		return commands_refuse(error.text);
	}
	*record = true;
	return commands_respond(json_object());
}

json_t *commands_answer(struct server *server, const json_t *request, enum access access,
			bool *record)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const json_t *arguments = json_object_get(request, "arguments");

	if (json_integer_value(json_object_get(request, "protocol")) != PROTOCOL_VERSION)
		return commands_refuse(
			"the daemon speaks protocol 1; use the smc-ebpf of its release");
	if (name && !strcmp(name, RECORD))
		return permit_recording(server, access, record);
	for (size_t i = 0; name && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			return run(server, &commands[i], arguments, access);
	return commands_refuse(
		"the daemon does not know this command; use the smc-ebpf of its release");
}
