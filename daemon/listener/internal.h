/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the listener share. */
#ifndef LISTENER_INTERNAL_H
#define LISTENER_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/openmetrics.h"
#include "listener/listener.h"

/* ---- ask.c ---- */

/*
 * The daemon's answer to `metrics` (wire/protocol.h), at most a second old; borrowed until the next
 * call.  NULL: the daemon does not answer, and the listener is to end.
 */
const json_t *ask_metrics(enum openmetrics_format format);

/* ---- history.c ---- */

#define HISTORY_SAMPLES 361 /* an hour */
#define HISTORY_STEP 10 /* seconds between two */
#define HISTORY_CAUSES 6 /* of fallbacks that are told apart; the last one is all others */

/* Counts as they were at one time. */
struct sample {
	uint64_t time; /* CLOCK_MONOTONIC, s */
	uint64_t smc, tcp; /* verdicts */
	uint64_t fallbacks[HISTORY_CAUSES]; /* unexpected ones */
	uint64_t open; /* SMC connections */
};

struct history {
	struct sample samples[HISTORY_SAMPLES]; /* the oldest first */
	size_t n;
	char causes[HISTORY_CAUSES][32]; /* "": none yet */
};

/* Add what @metrics says now. */
void history_add(struct history *history, const json_t *metrics);

/* ---- page.c ---- */

/* The page for people, HTML to be freed.  NULL: out of memory. */
char *page_write(const struct history *history, const json_t *metrics, size_t *size);

/* ---- plot.c ---- */

#define PLOT_SERIES 6

struct plot {
	const char *title, *unit;
	const char *names[PLOT_SERIES];
	size_t n; /* series */
	/* What is drawn of series @i at sample @at, which has one before it if it is a rate. */
	double (*value)(const struct history *history, size_t i, size_t at);
};

/* Draw it, with a legend and a table, to @out. */
void plot_write(FILE *out, const struct history *history, const struct plot *plot);

/* ---- html.c ---- */

/* Write @text as text, whatever it contains. */
void html_text(FILE *out, const char *text);

/* Write @number for people: with blanks between thousands. */
void html_number(FILE *out, uint64_t number);

/* ---- http.c ---- */

/* Begin to answer on LISTENER_FD_SOCKET.  0 or a negative errno. */
int http_start(struct listener_counts *counts, struct history *history);

/* What is to be polled for input, and for how many ms at most; -1: no limit. */
int http_fd(void);
int http_timeout(void);

/* Do what there is to do.  False: the daemon does not answer any more. */
bool http_run(void);

#endif
