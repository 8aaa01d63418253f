// SPDX-License-Identifier: GPL-2.0-or-later
/* The check commands: what each finds is a report of daemon/check. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "check/basic.h"
#include "check/report.h"
#include "check/syn.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "common/json.h"

static int print_report(const struct cli *cli, const struct check_report *report, const char *path)
{
	static const int statuses[CHECK_STATES] = {
		[CHECK_OK] = CLI_DONE,
		[CHECK_WARNING] = CLI_WARNED,
		[CHECK_PROBLEM] = CLI_FAILED,
	};
	int rc = CLI_DONE;

	if (cli->json) {
		autojson json_t *json = check_report_json(report);

		if (path)
			json_object_set_new(json, "path", json_string(path));
		rc = cli_print_json(json);
	} else {
		check_report_print(report);
	}
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
	rc = print_report(cli, &report, syn_path_words[path]);
	check_report_free(&report);
	return rc;
}
