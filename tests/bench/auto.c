// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * auto: the estimator of `auto` beside other algorithms on made-up traces.  Each figure is the
 * worst of all seeds: the share of the bound's utility (of an oracle's where there is no bound) and
 * the share of the short connections that set up SMC.  The bound is a share of the oracle's.  Late:
 * what auto gains after 2,000 lessons over the better of the two constant answers, in bounds.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "smc_policy_verdict.h"
#include "traces.h"

#define SEEDS 5

/* A connection that is open: when it closes, and which row it is. */
struct open {
	uint64_t closes;
	size_t row;
};

/* ---- what ends before a row opens, in order: both algorithms learn from ended connections ---- */

static int by_closing(const void *a, const void *b)
{
	const struct open *x = a, *y = b;

	return (x->closes > y->closes) - (x->closes < y->closes);
}

static struct open *endings(const struct trace *trace)
{
	struct open *all = calloc(trace->n, sizeof(*all));

	for (size_t i = 0; i < trace->n; i++)
		all[i] = (struct open){ trace->connections[i].row.closed, i };
	qsort(all, trace->n, sizeof(*all), by_closing);
	return all;
}

/* ---- one credit counter a port, on the server's side ---- */

#define CREDITS 16
#define LAST 16

struct port {
	unsigned int credits,
		most; /* SMC connections that may still be opened; that may be at all */
	unsigned int ended, good; /* of the last SMC connections that ended */
};

/*
 * A connection takes a credit.  When LAST of SMC have ended, the credits are filled up to
 * their most, which doubles if at least half were long, and else is halved.  The client's side
 * always asks for SMC.
 */
static void credits(const struct trace *trace, bool *verdicts)
{
	struct port *ports = calloc(65536, sizeof(*ports));
	struct open *ended = endings(trace);
	size_t e = 0;

	for (size_t i = 0; i < 65536; i++)
		ports[i] = (struct port){ .credits = CREDITS, .most = CREDITS };
	for (size_t i = 0; i < trace->n; i++) {
		const struct trace_row *row = &trace->connections[i].row;
		struct port *port = &ports[row->port];

		for (; e < trace->n && ended[e].closes <= row->opened; e++) {
			const struct trace_row *end = &trace->connections[ended[e].row].row;
			struct port *at = &ports[end->port];

			if (!verdicts[ended[e].row])
				continue;
			at->good += trace_utility(end) >= 0;
			if (++at->ended < LAST && at->ended < at->most)
				continue;
			at->most = 2 * at->good >= at->ended ? at->most * 2 : at->most / 2;
			at->most = at->most < 1 ? 1 : at->most > 1024 ? 1024 : at->most;
			at->credits = at->most;
			at->ended = at->good = 0;
		}
		verdicts[i] = row->side == SMC_POLICY_CONNECT || port->credits;
		if (port->credits)
			port->credits--;
	}
	free(ended);
	free(ports);
}

/* ---- one switch for the host ---- */

#define WINDOW 100

/* SMC for all while at least half of the last WINDOW connections that ended were long. */
static void global_switch(const struct trace *trace, bool *verdicts)
{
	struct open *ended = endings(trace);
	bool last[WINDOW] = { false };
	unsigned int good = WINDOW;
	size_t e = 0;

	for (int i = 0; i < WINDOW; i++)
		last[i] = true;
	for (size_t i = 0; i < trace->n; i++) {
		for (; e < trace->n && ended[e].closes <= trace->connections[i].row.opened; e++) {
			bool is_good = trace_utility(&trace->connections[ended[e].row].row) >= 0;

			good = good - last[e % WINDOW] + is_good;
			last[e % WINDOW] = is_good;
		}
		verdicts[i] = 2 * good >= WINDOW;
	}
	free(ended);
}

/* ---- the mean gain of a port ---- */

/* SMC where the connections of the port that ended have gained something, all in all. */
static void port_means(const struct trace *trace, bool *verdicts)
{
	double *gains = calloc(2 * 65536, sizeof(*gains));
	struct open *ended = endings(trace);
	size_t e = 0;

	for (size_t i = 0; i < trace->n; i++) {
		const struct trace_row *row = &trace->connections[i].row;

		for (; e < trace->n && ended[e].closes <= row->opened; e++) {
			const struct trace_row *end = &trace->connections[ended[e].row].row;

			gains[end->side << 16 | end->port] += trace_utility(end);
		}
		verdicts[i] = gains[row->side << 16 | row->port] > 0;
	}
	free(ended);
	free(gains);
}

/* ---- SMC for all ---- */

static void smc_for_all(const struct trace *trace, bool *verdicts)
{
	for (size_t i = 0; i < trace->n; i++)
		verdicts[i] = true;
}

/* ---- ours ---- */

static void estimator(const struct trace *trace, bool *verdicts)
{
	if (trace_replay(trace, verdicts))
		abort();
}

/* ---- the table ---- */

static const struct {
	const char *name;
	void (*decide)(const struct trace *trace, bool *verdicts);
} algorithms[] = {
	{ "auto", estimator },
	{ "credits a port", credits },
	{ "global switch", global_switch },
	{ "port means", port_means },
	{ "SMC for all", smc_for_all },
};

#define ALGORITHMS (sizeof(algorithms) / sizeof(*algorithms))

/* Of all seeds the worst of each figure. */
static struct trace_score worst_score(const struct trace_kind *kind, size_t algorithm,
				      unsigned int seeds, bool varied)
{
	struct trace_score worst = { .share = 1e9, .late = 1e9, .bound = 1e9 };

	for (unsigned int seed = 1; seed <= seeds; seed++) {
		struct trace_score score;
		struct trace trace;
		bool *verdicts;

		trace_make(&trace, kind, 1000 + seed, varied);
		verdicts = calloc(trace.n, sizeof(*verdicts));
		algorithms[algorithm].decide(&trace, verdicts);
		score = trace_score(&trace, verdicts);
		worst.bound = fmin(worst.bound, score.bound);
		worst.share = fmin(worst.share, score.share);
		worst.late = fmin(worst.late, score.late);
		worst.shorts = fmax(worst.shorts, score.shorts);
		free(verdicts);
		trace_clear(&trace);
	}
	return worst;
}

/* The head of a table that has a column for each algorithm between @before, @n_before columns, and @after. */
static void print_head(const char *before, size_t n_before, const char *after)
{
	printf("| %s |", before);
	for (size_t i = 0; i < ALGORITHMS; i++)
		printf(" %s |", algorithms[i].name);
	printf(" %s |\n|", after);
	for (size_t i = 0; i < n_before + ALGORITHMS + 1; i++)
		printf("---|");
	putchar('\n');
}

static void print_table(unsigned int seeds, bool varied)
{
	print_head("trace | bound", 2, "late");
	for (size_t k = 0; k < n_trace_kinds; k++) {
		double late = 0;

		for (size_t i = 0; i < ALGORITHMS; i++) {
			struct trace_score score = worst_score(&trace_kinds[k], i, seeds, varied);

			if (!i) {
				printf("| %s | %.2f |", trace_kinds[k].name, score.bound);
				late = score.late;
			}
			printf(" %.3f, %.1f %% |", score.share, 100 * score.shorts);
		}
		printf(" %+.3f |\n", late);
	}
}

/* ---- traces of files ---- */

static void read_trace(const char *path, struct trace *trace)
{
	FILE *file = fopen(path, "re");
	struct value_error error;
	char line[512];

	*trace = (struct trace){ 0 };
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!strcmp(line, TRACE_HEADER) || !strcmp(line, TRACE_HEADER_PLAIN))
			continue;
		if (array_grow(trace->connections, trace->n, trace->room))
			abort();
		trace->connections[trace->n].phase = 0;
		if (trace_parse(line, &trace->connections[trace->n].row, &error)) {
			fprintf(stderr, "%s: row %zu: %s\n", path, trace->n + 1, error.text);
			exit(1);
		}
		trace->n++;
	}
	if (!file || !trace->n) {
		fprintf(stderr, "%s: no trace; name a file that simulate takes\n", path);
		exit(1);
	}
	fclose(file);
}

/* What the best constant answer for each port has, as a share of hindsight. */
static double best_by_port(const struct trace *trace)
{
	double *gains = calloc(2 * 65536, sizeof(*gains)), best = 0, oracle = 0;

	for (size_t i = 0; i < trace->n; i++) {
		const struct trace_row *row = &trace->connections[i].row;

		gains[row->side << 16 | row->port] += trace_utility(row);
		oracle += fmax(trace_utility(row), 0);
	}
	for (size_t i = 0; i < (size_t)2 * 65536; i++)
		best += fmax(gains[i], 0);
	free(gains);
	return oracle > 0 ? best / oracle : 0;
}

/* Shares of hindsight. */
static void print_file(const char *path)
{
	struct trace_score score = { 0 };
	struct trace trace;
	bool *verdicts;

	read_trace(path, &trace);
	verdicts = calloc(trace.n, sizeof(*verdicts));
	printf("| %s | %zu | %.3f |", path, trace.n, best_by_port(&trace));
	for (size_t i = 0; i < ALGORITHMS; i++) {
		algorithms[i].decide(&trace, verdicts);
		score = trace_score(&trace, verdicts);
		printf(" %.3f, %.1f %% |", score.hindsight, 100 * score.shorts);
	}
	printf(" %.3f |\n", score.bound);
	free(verdicts);
	trace_clear(&trace);
}

static void print_files(char **paths, int n)
{
	print_head("trace | connections | best by port", 3, "best by peer");
	for (int i = 0; i < n; i++)
		print_file(paths[i]);
}

/*
 * A number: so many traces of each kind, with other rates, shares and sizes.  --files FILE...: the traces
 * in these files instead.
 */
int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--files"))
		print_files(argv + 2, argc - 2);
	else if (argc > 1)
		print_table((unsigned int)atoi(argv[1]), true);
	else
		print_table(SEEDS, false);
	return 0;
}
