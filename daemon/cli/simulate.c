// SPDX-License-Identifier: GPL-2.0-or-later
/* simulate: a recorded trace through the policy and the estimator; needs no daemon and no root. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "common/buffers.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/plural.h"
#include "files/config_files.h"
#include "policy/replay.h"

#define LINE_MAX_BYTES 4096

struct simulation {
	const char *trace, *verdicts, *config; /* paths; the last two may be NULL */
	FILE *in, *out;
	struct replay *replay;
	uint64_t connection_memory; /* bytes */
	uint64_t line;
};

/* ---- reading ---- */

static int bad_line(const struct simulation *simulation, const char *text)
{
	return cli_fail("%s:%llu: %s", simulation->trace, (unsigned long long)simulation->line,
			text);
}

/* The next line without its end; 0 at the end of the file, -1 after telling what is wrong. */
static int next_line(struct simulation *simulation, char *line)
{
	size_t length;

	if (!fgets(line, LINE_MAX_BYTES, simulation->in)) {
		if (ferror(simulation->in))
			return cli_fail("cannot read %s: %s; name a file", simulation->trace,
					strerror(errno)),
			       -1;
		return 0;
	}
	simulation->line++;
	length = strlen(line);
	if (length == LINE_MAX_BYTES - 1 && line[length - 1] != '\n')
		return bad_line(simulation, "the line is too long; see smc-ebpf simulate --help"),
		       -1;
	line[strcspn(line, "\r\n")] = '\0';
	return 1;
}

static int read_header(struct simulation *simulation)
{
	char line[LINE_MAX_BYTES];
	int rc = next_line(simulation, line);

	if (rc < 0)
		return CLI_FAILED;
	if (rc && (!strcmp(line, TRACE_HEADER) || !strcmp(line, TRACE_HEADER_PLAIN)))
		return CLI_DONE;
	simulation->line = 1;
	return bad_line(simulation, "the first line must be " TRACE_HEADER_PLAIN "[,messages]");
}

static void write_verdict(const struct simulation *simulation, const struct replay_verdict *verdict)
{
	if (simulation->out)
		fprintf(simulation->out, "%s,%s,%s\n", verdict->smc ? "smc" : "tcp",
			word_name(&words_reason, (unsigned int)verdict->reason),
			verdict->rule ? verdict->rule->name : "");
}

static int replay_line(struct simulation *simulation, char *line)
{
	struct replay_verdict verdict;
	struct value_error error;
	struct trace_row row;
	int rc;

	if (trace_parse(line, &row, &error))
		return bad_line(simulation, error.text);
	rc = replay_row(simulation->replay, &row, &verdict);
	if (rc == -EINVAL)
		return bad_line(
			simulation,
			"it opened before the row above; sort the rows by the first column");
	if (rc)
		return cli_fail("cannot replay %s: %s; free memory or shorten the trace",
				simulation->trace, strerror(-rc));
	write_verdict(simulation, &verdict);
	return CLI_DONE;
}

static int replay_all(struct simulation *simulation)
{
	char line[LINE_MAX_BYTES];
	int status = read_header(simulation), rc;

	while (status == CLI_DONE && (rc = next_line(simulation, line)))
		status = rc < 0 ? CLI_FAILED : replay_line(simulation, line);
	return status;
}

/* ---- printing ---- */

static double share(const struct replay_totals *totals)
{
	return totals->bytes ? (double)totals->bytes_smc / (double)totals->bytes : 0;
}

static int print_json(const struct replay_totals *totals, uint64_t peak_memory)
{
	json_t *reasons = json_object();
	autojson json_t *json = NULL;

	for (unsigned int i = 0; i < SMC_POLICY_REASONS; i++)
		if (totals->reasons[i])
			json_object_set_new(reasons, word_name(&words_reason, i),
					    json_integer((json_int_t)totals->reasons[i]));
	json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:o}", "connections",
			 (json_int_t)totals->connections, "smc", (json_int_t)totals->smc, "tcp",
			 (json_int_t)(totals->connections - totals->smc), "bytes",
			 (json_int_t)totals->bytes, "bytes_smc", (json_int_t)totals->bytes_smc,
			 "share", share(totals), "setups_avoided", (json_int_t)totals->avoided,
			 "setups_wasted", (json_int_t)totals->wasted, "peak_connections",
			 (json_int_t)totals->smc_peak, "peak_memory", (json_int_t)peak_memory,
			 "reasons", reasons);
	return cli_print_json(json);
}

static int print_text(const struct replay_totals *totals, uint64_t peak_memory)
{
	printf("connections      %llu: %llu on SMC, %llu on TCP\n",
	       (unsigned long long)totals->connections, (unsigned long long)totals->smc,
	       (unsigned long long)(totals->connections - totals->smc));
	printf("accelerated      %.1f %% of the bytes\n", 100 * share(totals));
	printf("set-ups avoided  %llu that would not have paid\n",
	       (unsigned long long)totals->avoided);
	printf("set-ups wasted   %llu that did not pay\n", (unsigned long long)totals->wasted);
	printf("peak             %llu SMC %s, %.1f MiB of buffers on this host\n",
	       (unsigned long long)totals->smc_peak,
	       plural(totals->smc_peak, "connection", "connections"),
	       (double)peak_memory / (1 << 20));
	for (unsigned int i = 0; i < SMC_POLICY_REASONS; i++)
		if (totals->reasons[i])
			printf("%-16s %llu\n", word_name(&words_reason, i),
			       (unsigned long long)totals->reasons[i]);
	return cli_finish(CLI_DONE);
}

/* ---- the command ---- */

/* The policy: of --config, or default = auto and no rules. */
static int read_policy(const struct simulation *simulation, struct policy_config *config)
{
	struct policy_errors errors = { 0 };
	int rc;

	policy_config_init(config);
	config->policy.default_action = SMC_POLICY_AUTO;
	if (!simulation->config)
		return CLI_DONE;
	config->policy.default_action = SMC_POLICY_DENY;
	rc = config_files_load(simulation->config, config, &errors);
	for (size_t i = 0; i < errors.count; i++)
		fprintf(stderr, "%s\n", errors.lines[i]);
	policy_errors_clear(&errors);
	return rc ? CLI_FAILED : CLI_DONE;
}

static FILE *open_trace(const char *path)
{
	return strcmp(path, "-") ? fopen(path, "re") : stdin;
}

static int simulate(struct cli *cli, struct simulation *simulation)
{
	const struct replay_totals *totals;
	uint64_t peak_memory;
	int status;

	simulation->in = open_trace(simulation->trace);
	if (!simulation->in)
		return cli_fail("cannot read %s: %s; name another file, or \"-\" for standard "
				"input",
				simulation->trace, strerror(errno));
	if (simulation->verdicts) {
		simulation->out = fopen(simulation->verdicts, "we");
		if (!simulation->out)
			return cli_fail("cannot write %s: %s; name another file",
					simulation->verdicts, strerror(errno));
	}
	status = replay_all(simulation);
	if (simulation->out && fflush(simulation->out))
		status = cli_fail("cannot write %s: %s; free space or name another file",
				  simulation->verdicts, strerror(errno));
	if (status != CLI_DONE)
		return status;
	totals = replay_totals(simulation->replay);
	peak_memory = totals->smc_peak * simulation->connection_memory;
	return cli->json ? print_json(totals, peak_memory) : print_text(totals, peak_memory);
}

int cli_simulate(struct cli *cli)
{
	struct simulation simulation = {
		.trace = cli_value(cli, "trace"),
		.verdicts = cli_value(cli, "verdicts"),
		.config = cli_value(cli, "config"),
	};
	struct policy_config config;
	int status = read_policy(&simulation, &config);

	if (status == CLI_DONE) {
		simulation.connection_memory = smc_connection_memory();
		simulation.replay = replay_new(&config, simulation.connection_memory);
		status = simulation.replay ? simulate(cli, &simulation)
					   : cli_fail("the policy does not fit into memory");
	}
	if (simulation.in && simulation.in != stdin)
		fclose(simulation.in);
	if (simulation.out)
		fclose(simulation.out);
	replay_free(simulation.replay);
	policy_config_clear(&config);
	return status;
}
