// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What simulate replays: a configuration, a byte NUL, the rows of a trace.  Each connection gets one
 * verdict, and the sums agree.
 */
#include "fuzz.h"
#include "policy/replay.h"

#define PEERS 1024 /* least that [auto] peers can say: the tables are allocated each time */

static uint64_t sum(const uint64_t *counts, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += counts[i];
	return all;
}

static void replay_rows(struct replay *replay, struct input *input)
{
	const struct replay_totals *totals = replay_totals(replay);
	uint64_t rows = 0;

	while (input->left) {
		struct replay_verdict verdict;
		struct value_error error;
		struct trace_row row;
		size_t length;
		char *line = input_until(input, '\n', &length);

		if (!trace_parse(line, &row, &error) && !replay_row(replay, &row, &verdict)) {
			must(row.opened <= row.closed);
			must(verdict.reason >= 0 && verdict.reason < SMC_POLICY_REASONS);
			rows++;
		}
		free(line);
	}
	must(totals->connections == rows);
	must(sum(totals->reasons, SMC_POLICY_REASONS) == rows);
	must(totals->smc <= rows && totals->smc_peak <= totals->smc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct policy_errors errors = { 0 };
	struct policy_config config;
	struct replay *replay;
	size_t length;
	char *text = input_until(&input, '\0', &length);

	policy_config_init(&config);
	config.policy.default_action = SMC_POLICY_AUTO;
	if (!policy_config_parse(&config, "fuzz.conf", text, length, &errors)) {
		config.settings.auto_peers = PEERS;
		replay = replay_new(&config, 0);
		must(replay);
		replay_rows(replay, &input);
		replay_free(replay);
	}
	free(text);
	policy_errors_clear(&errors);
	policy_config_clear(&config);
	return 0;
}
