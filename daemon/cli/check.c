// SPDX-License-Identifier: GPL-2.0-or-later
/* The check commands: what each finds is a report of daemon/check. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "check/basic.h"
#include "check/connect.h"
#include "check/report.h"
#include "check/serve.h"
#include "check/syn.h"
#include "check/talk.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/plural.h"
#include "policy/causes.h"
#include "wire/cause_json.h"

/* Print @report; of its document @more, which is taken over, are further fields; NULL: none. */
static int print_report(const struct cli *cli, const struct check_report *report, json_t *more)
{
	static const int statuses[CHECK_STATES] = {
		[CHECK_OK] = CLI_DONE,
		[CHECK_WARNING] = CLI_WARNED,
		[CHECK_PROBLEM] = CLI_FAILED,
	};
	int rc = CLI_DONE;

	if (cli->json) {
		autojson json_t *json = check_report_json(report);

		json_object_update(json, more);
		rc = cli_print_json(json);
	} else {
		check_report_print(report);
	}
	json_decref(more);
	return rc ? rc : cli_finish(statuses[report->state]);
}

/* The argument HOST:PORT. */
static int resolve(const struct cli *cli, struct check_target *target)
{
	const char *text = cli_value(cli, "target");
	struct value_error error;

	if (check_target_form(text, &error))
		return cli_usage(cli, "%s", error.text);
	return check_target_resolve(text, target, &error) ? cli_fail("%s", error.text) : CLI_DONE;
}

/* ---- check basic ---- */

/* Whether the item @name of @report is there and not ok. */
static bool is_told(const struct check_report *report, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(report->items, i, item)
		if (!strcmp(cli_text(item, "name"), name) &&
		    strcmp(cli_text(item, "state"), check_state_words[CHECK_OK]))
			return true;
	return false;
}

/* The first line of @degraded that the item "hook" of @report has not told already, or NULL. */
static const char *first_untold(const json_t *degraded, const struct check_report *report)
{
	bool told = is_told(report, "hook");
	const json_t *line;
	size_t i;

	json_array_foreach(degraded, i, line)
		if (!told || !strstr(cli_string(line), ": not enforced"))
			return cli_string(line);
	return NULL;
}

/* The item "daemon", by the answer of status; NULL: it does not answer. */
static void check_daemon(const json_t *status, struct check_report *report)
{
	const char *degraded = first_untold(json_object_get(status, "degraded"), report);

	if (!status)
		check_add(report, "daemon", CHECK_WARNING, "run \"systemctl start smc-policyd\"",
			  "smc-policyd does not answer: the policy stays as it was, nothing is "
			  "learned, and \"auto\" knows nothing new");
	else if (degraded)
		check_add(report, "daemon", CHECK_WARNING, "run \"smc-ebpf status\"",
			  "smc-policyd says: %s", degraded);
	else
		check_add(report, "daemon", CHECK_OK, NULL, "smc-policyd: %s",
			  cli_text(status, "summary"));
}

int cli_check_basic(struct cli *cli)
{
	autojson json_t *status = NULL;
	struct check_report report;
	struct utsname kernel;
	struct facts facts;
	int rc;

	uname(&kernel);
	facts_read_files("", kernel.release, &facts);
	facts_read_netlink(&facts);
	check_report_init(&report);
	check_basic(&facts, &report);
	if (facts.smc == FACTS_SMC_LOADED) {
		status = cli_try_request(cli, "status", NULL);
		check_daemon(status, &report);
	}
	rc = print_report(cli, &report, NULL);
	check_report_free(&report);
	return rc;
}

/* ---- check syn ---- */

int cli_check_syn(struct cli *cli)
{
	struct syn_answer answers[SYN_KINDS];
	struct check_target target;
	struct check_report report;
	enum syn_path path;
	int rc;

	rc = resolve(cli, &target);
	if (rc)
		return rc;
	rc = syn_probe(&target, answers);
	if (rc == -EPERM)
		return cli_fail("check syn sends raw SYNs, which needs root or CAP_NET_RAW; run it "
				"as root");
	if (rc)
		return cli_fail("cannot send SYNs to %s: %s; check address and route", target.text,
				strerror(-rc));
	path = syn_judge(answers);
	check_report_init(&report);
	syn_describe(&target, answers, path, &report);
	rc = print_report(cli, &report, json_pack("{s:s}", "path", syn_path_words[path]));
	check_report_free(&report);
	return rc;
}

/* ---- check connect ---- */

/* This host's answer to policy-test about @target, [VERDICT, REASON, ...]; NULL: nobody says. */
static json_t *ask_policy(const struct cli *cli, const struct check_target *target)
{
	char peer[VALUE_TEXT_SIZE];
	json_t *arguments, *answer;
	autojson json_t *result = NULL;

	check_address_text(&target->address, peer);
	arguments = json_pack("{s:[[s, s, i]]}", "queries", "connect", peer, (int)target->port);
	result = cli_try_request(cli, "policy-test", arguments);
	answer = json_array_get(json_object_get(result, "answers"), 0);
	return json_is_array(answer) ? json_incref(answer) : NULL;
}

static json_t *cause_json(uint32_t code)
{
	return code ? json_string(cause_word(code)) : json_null();
}

/* Times in ns; null: not measured. */
static json_t *pair_json(uint64_t smc, uint64_t tcp)
{
	return json_pack("{s:o, s:o}", "smc", smc ? json_integer((json_int_t)smc) : json_null(),
			 "tcp", tcp ? json_integer((json_int_t)tcp) : json_null());
}

/* What check connect has besides the items. */
static json_t *connect_json(const struct connect_result *result, const char *lines)
{
	const struct connect_times *smc = &result->smc, *tcp = &result->tcp;

	return json_pack(
		"{s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?}", "mode", result->here.word,
		"code", cause_json_code(result->here.code), "cause", cause_json(result->here.code),
		"peer_code", cause_json_code(result->there.code), "peer_cause",
		cause_json(result->there.code), "setup_ns", pair_json(smc->setup, tcp->setup),
		"round_trip_ns", pair_json(smc->round_trip, tcp->round_trip), "kib_ns",
		pair_json(smc->kib, tcp->kib), "auto", lines);
}

static int print_connect(struct cli *cli, const struct check_target *target,
			 const struct connect_result *result)
{
	autojson json_t *answer = ask_policy(cli, target);
	autofree char *lines = connect_auto_lines(result);
	struct check_report report;
	int rc;

	check_report_init(&report);
	connect_describe(target, result, json_string_value(json_array_get(answer, 0)),
			 cli_string(json_array_get(answer, 1)), &report);
	rc = print_report(cli, &report, cli->json ? connect_json(result, lines) : NULL);
	if (lines && !cli->json)
		printf("\n%s", lines);
	check_report_free(&report);
	return rc == CLI_DONE ? cli_finish(rc) : rc;
}

static int needs_raw(const char *what)
{
	return cli_fail("%s watches SYNs pass, which needs root or CAP_NET_RAW; run it as root",
			what);
}

int cli_check_connect(struct cli *cli)
{
	struct connect_result result;
	struct check_target target = { 0 };
	int rc = resolve(cli, &target);

	if (rc)
		return rc;
	rc = connect_try(&target, &result);
	if (rc == -EPERM)
		return needs_raw("check connect");
	return rc ? cli_fail("%s", strerror(-rc)) : print_connect(cli, &target, &result);
}

/* ---- check serve ---- */

static struct serve serve;

static void tell_ready(bool smc)
{
	fprintf(stderr, "check serve listens on port %u%s\n", serve.port,
		smc ? "" : ", with TCP only: this kernel opens no SMC socket");
}

static void tell_ended(const char *peer, const struct mode *mode, unsigned int requests)
{
	printf("%s: %s, %u %s", peer, mode->word ? mode->word : "mode not known", requests,
	       plural(requests, "request", "requests"));
	if (mode->code)
		printf(", %s", cause_word(mode->code));
	putchar('\n');
	fflush(stdout);
}

/* A document a line, as other streams. */
static void tell_ended_json(const char *peer, const struct mode *mode, unsigned int requests)
{
	autojson json_t *json = json_pack("{s:s, s:s?, s:o, s:o, s:i}", "peer", peer, "mode",
					  mode->word, "code", cause_json_code(mode->code), "cause",
					  cause_json(mode->code), "requests", (int)requests);
	autofree char *text = json_dumps(json, JSON_COMPACT);

	printf("%s\n", text ? text : "");
	fflush(stdout);
}

int cli_check_serve(struct cli *cli)
{
	int rc;

	serve = (struct serve){
		.port = cli_value(cli, "port") ? (uint16_t)cli_value_number(cli, "port")
					       : TALK_PORT,
		.seconds = cli_value_number(cli, "seconds"),
		.ready = tell_ready,
		.ended = cli->json ? tell_ended_json : tell_ended,
	};
	rc = check_serve(&serve);
	if (rc == -EPERM)
		return needs_raw("check serve");
	if (rc)
		return cli_fail("cannot listen on port %u: %s; name another one with --port",
				serve.port, strerror(-rc));
	return cli_finish(CLI_DONE);
}
