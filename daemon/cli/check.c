// SPDX-License-Identifier: GPL-2.0-or-later
/* The check commands: what each finds is a report of daemon/check. */
#include <errno.h>
#include <string.h>

#include "check/report.h"
#include "check/syn.h"
#include "cli/cli.h"
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
