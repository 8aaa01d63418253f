// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the daemon does for each command.  Arguments have the types and forms of
 * wire/command_table.h; what those do not say is checked here before anything is changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "kernel/netns.h"
#include "server/advice.h"
#include "server/explain.h"
#include "server/lessons.h"
#include "server/metrics.h"
#include "server/monitoring.h"
#include "server/recording.h"
#include "server/report.h"
#include "server/requests.h"
#include "server/rollback.h"
#include "server/saved.h"
#include "server/seen.h"
#include "server/server.h"
#include "wire/rule_json.h"

static json_int_t generation(const struct request *request)
{
	return (json_int_t)request->server->generation;
}

static const char *text_argument(const struct request *request, const char *name)
{
	return json_string_value(json_object_get(request->arguments, name));
}

static bool is_given(const struct request *request, const char *name)
{
	return json_is_true(json_object_get(request->arguments, name));
}

/* ---- policy add ---- */

static const char *const add_flags[] = { "replace", "runtime", NULL };

/* The rule of the request; NULL and the error. */
static struct policy_rule *read_rule(struct request *request)
{
	struct policy_rule *rule;
	struct value_error error;
	int rc = rule_from_json(request->arguments, add_flags, &rule, &error);

	if (rc) {
		kernel_fail(&request->error, rc, "%s", error.text);
		return NULL;
	}
	rule->origin = is_given(request, "runtime") ? POLICY_ORIGIN_RUNTIME : POLICY_ORIGIN_COMMAND;
	return rule;
}

json_t *answer_policy_add(struct request *request)
{
	struct server *server = request->server;
	struct policy_rule *rule = read_rule(request);
	bool changed;

	if (!rule ||
	    server_add_rule(server, rule, is_given(request, "replace"), &changed, &request->error))
		return NULL;
	rule = policy_find(&server->in_force, text_argument(request, "name"));
	return json_pack("{s:I, s:b, s:o, s:o}", "generation", generation(request), "changed",
			 changed, "rule", rule ? report_rule(server, rule) : json_null(),
			 "warnings", warnings_report(server, text_argument(request, "name")));
}

/* ---- policy del, policy flush ---- */

static json_t *delete_rules(struct request *request, json_t *names)
{
	size_t n = json_array_size(names), i;
	autofree const char **list = calloc(n + 1, sizeof(*list));
	json_t *name;

	if (!list)
		return NULL;
	json_array_foreach(names, i, name)
		list[i] = json_string_value(name);
	if (server_del_rules(request->server, list, n, &request->error))
		return NULL;
	return json_pack("{s:I, s:O}", "generation", generation(request), "deleted", names);
}

json_t *answer_policy_del(struct request *request)
{
	return delete_rules(request, json_object_get(request->arguments, "names"));
}

json_t *answer_policy_flush(struct request *request)
{
	autojson json_t *names = json_array();
	const struct policy_rule *rule;

	policy_for_each(rule, &request->server->added)
		json_array_append_new(names, json_string(rule->name));
	return delete_rules(request, names);
}

/* ---- reading ---- */

json_t *answer_policy_list(struct request *request)
{
	return report_rules(request->server);
}

json_t *answer_policy_show(struct request *request)
{
	struct server *server = request->server;
	const char *name = text_argument(request, "name");
	const struct policy_rule *rule = policy_find(&server->in_force, name);
	json_t *json;

	if (!rule) {
		kernel_fail(&request->error, -ENOENT,
			    "there is no rule \"%.64s\"; \"smc-ebpf policy list\" lists the rules",
			    name);
		return NULL;
	}
	json = report_rule(server, rule);
	if (json && rule->action == SMC_POLICY_AUTO)
		json_object_set_new(json, "learned", lessons_of_rule(server, rule));
	return json_pack("{s:I, s:o}", "generation", generation(request), "rule", json);
}

json_t *answer_policy_export(struct request *request)
{
	autofree char *text = report_export(request->server);

	return text ? json_pack("{s:s}", "text", text) : NULL;
}

json_t *answer_status(struct request *request)
{
	return report_status(request->server);
}

json_t *answer_stats(struct request *request)
{
	return report_stats(request->server);
}

/* ---- policy history, policy diff, policy rollback ---- */

json_t *answer_policy_history(struct request *request)
{
	return json_pack("{s:I, s:o}", "generation", generation(request), "changes",
			 history_report(&request->server->state.history));
}

static uint64_t generation_argument(const struct request *request)
{
	return (uint64_t)json_integer_value(json_object_get(request->arguments, "generation"));
}

json_t *answer_policy_diff(struct request *request)
{
	return rollback_preview(request->server, generation_argument(request), &request->error);
}

json_t *answer_policy_rollback(struct request *request)
{
	json_t *json =
		rollback_preview(request->server, generation_argument(request), &request->error);
	bool changed;

	if (!json)
		return NULL;
	if (rollback_do(request->server, generation_argument(request), &changed, &request->error)) {
		json_decref(json);
		return NULL;
	}
	json_object_set_new(json, "generation", json_integer(generation(request)));
	json_object_set_new(json, "applied", json_boolean(changed));
	json_object_set_new(json, "warnings", warnings_report(request->server, NULL));
	return json;
}

json_t *answer_metrics(struct request *request)
{
	const char *text = text_argument(request, "format");
	int format = OPENMETRICS, rc = 0;
	struct value_error error;
	json_t *json = NULL;

	if (text && value_word(&words_metrics_format, text, &format, &error)) {
		kernel_fail(&request->error, -EINVAL, "%s", error.text);
		return NULL;
	}
	rc = metrics_answer(request->server->metrics, (enum openmetrics_format)format, &json,
			    &request->error);
	request->later = rc > 0;
	return json;
}

json_t *answer_connections(struct request *request)
{
	return seen_connections(request->server, request->arguments, &request->error);
}

/* ---- suspend, resume ---- */

json_t *answer_suspend(struct request *request)
{
	const char *text = text_argument(request, "for");
	struct server *server = request->server;
	json_t *warnings, *json;
	uint64_t seconds = 0;
	bool saved;

	if (text)
		value_duration(text, &seconds, &(struct value_error){ 0 });
	if (suspension_begin(server, seconds, &saved, &request->error))
		return NULL;
	warnings = warnings_report(server, NULL);
	if (!saved)
		json_array_append_new(warnings,
				      json_string("it cannot be saved: a restart of "
						  "smc-policyd will resume; see the log"));
	json = json_pack("{s:I, s:o, s:o}", "generation", generation(request), "suspended",
			 suspension_report(server), "warnings", warnings);
	return json;
}

json_t *answer_resume(struct request *request)
{
	bool changed = request->server->suspension.active;

	if (suspension_end(request->server, &request->error))
		return NULL;
	return json_pack("{s:I, s:b}", "generation", generation(request), "changed", changed);
}

/* ---- policy test ---- */

static int parse_query(const json_t *json, struct smc_policy_query *query,
		       struct value_error *error)
{
	const char *side = json_string_value(json_array_get(json, 0));
	const char *peer = json_string_value(json_array_get(json, 1));
	int number, rc = value_word(&words_side, side, &number, error);

	if (!rc)
		rc = value_address(peer, (uint8_t *)query->peer, error);
	if (rc)
		return rc;
	query->side = (__u8)number;
	query->port = (__u16)json_integer_value(json_array_get(json, 2));
	return 0;
}

static json_t *test_one(struct request *request, const json_t *json, uint64_t cookie)
{
	struct smc_policy_query query = { .netns_cookie = cookie };
	struct smc_policy_answer answer;
	struct value_error error;

	if (parse_query(json, &query, &error)) {
		kernel_fail(&request->error, -EINVAL, "%s", error.text);
		return NULL;
	}
	if (kernel_test(request->server->kernel, &query, &answer, &request->error))
		return NULL;
	return json_pack("[s, s, o, I]", word_name(&words_verdict, answer.verdict),
			 word_name(&words_reason, answer.reason),
			 report_slot(request->server, answer.slot), (json_int_t)answer.generation);
}

json_t *answer_policy_test(struct request *request)
{
	const json_t *queries = json_object_get(request->arguments, "queries"), *query;
	autojson json_t *answers = json_array();
	uint64_t cookie = 0;
	size_t i;

	netns_cookie(NULL, &cookie); /* the test is asked for the initial namespace */
	json_array_foreach(queries, i, query) {
		json_t *answer = test_one(request, query, cookie);

		if (!answer)
			return NULL;
		json_array_append_new(answers, answer);
	}
	return json_pack("{s:s, s:O}", "backend",
			 word_name(&words_backend, request->server->backend), "answers", answers);
}

/* ---- explain ---- */

json_t *answer_explain(struct request *request)
{
	const json_t *queries = json_object_get(request->arguments, "queries");
	struct smc_policy_query query = { 0 };
	struct smc_policy_answer answer;
	struct value_error error;
	uint64_t cookie = 0;

	if (parse_query(json_array_get(queries, 0), &query, &error)) {
		kernel_fail(&request->error, -EINVAL, "%s", error.text);
		return NULL;
	}
	netns_cookie(NULL, &cookie);
	query.netns_cookie = cookie;
	if (kernel_test(request->server->kernel, &query, &answer, &request->error))
		return NULL;
	return explain_connection(request->server, &query, &answer);
}

/* ---- auto, recommend ---- */

/*
 * The prefix of the request: @prefix, filled, or NULL in *@wanted if there is none.  Returns 0 or a
 * negative errno and the error.
 */
static int read_prefix(struct request *request, struct policy_prefix *prefix,
		       struct policy_prefix **wanted)
{
	const char *text = text_argument(request, "prefix");
	struct value_error error;
	int rc = text ? value_prefix(text, prefix, &error) : 0;

	*wanted = text ? prefix : NULL;
	return rc ? kernel_fail(&request->error, rc, "%s",
				rc == -ENOMEM ? "out of memory" : error.text)
		  : 0;
}

json_t *answer_auto_show(struct request *request)
{
	const json_t *most = json_object_get(request->arguments, "most");
	struct policy_prefix prefix, *wanted;

	if (read_prefix(request, &prefix, &wanted))
		return NULL;
	return lessons_show(request->server, wanted,
			    most ? (size_t)json_integer_value(most) : SIZE_MAX);
}

json_t *answer_auto_forget(struct request *request)
{
	struct policy_prefix prefix, *wanted;
	json_t *counts;

	if (read_prefix(request, &prefix, &wanted) ||
	    lessons_forget(request->server, wanted, &counts, &request->error))
		return NULL;
	saved_write(request->server); /* or the host's next start would bring it back */
	return counts;
}

json_t *answer_recommend(struct request *request)
{
	return advice_report(request->server);
}

/* ---- record ---- */

json_t *answer_record(struct request *request)
{
	struct kernel *kernel = request->server->kernel;
	const char *why;

	if (!kernel_watches(kernel, &why)) {
		kernel_fail(&request->error, -EOPNOTSUPP, "connections are not watched: %.400s",
			    why);
		return NULL;
	}
	request->stream.recording = recording_new(kernel);
	return request->stream.recording
		       ? json_pack("{s:I}", "start",
				   (json_int_t)recording_start(request->stream.recording))
		       : NULL;
}

/* ---- monitor ---- */

json_t *answer_monitor(struct request *request)
{
	struct server *server = request->server;
	struct filter filter;

	if (filter_read(server, request->arguments, &filter, &request->error))
		return NULL;
	request->stream.monitoring = monitoring_new(server, &filter, &request->error);
	return request->stream.monitoring
		       ? json_pack("{s:I}", "generation", (json_int_t)server->generation)
		       : NULL;
}

/* ---- reload ---- */

json_t *answer_reload(struct request *request)
{
	bool changed;

	if (server_reload(request->server, &changed, &request->lines, &request->error))
		return NULL;
	return json_pack("{s:I, s:b, s:o}", "generation", generation(request), "changed", changed,
			 "warnings", warnings_report(request->server, NULL));
}
