// SPDX-License-Identifier: GPL-2.0-or-later
/* top: services and rules, live. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/top.h"
#include "cli/top_source.h"
#include "cli/top_terminal.h"
#include "common/clock.h"
#include "common/json.h"

#define INTERVAL_US 2000000u

struct top {
	struct cli *cli;
	struct top_filter filter;
	struct top_view view;
	struct top_source source;
	struct top_reading reading;
	bool read; /* there is a reading */
	struct terminal terminal;
	double next; /* when the daemon is asked again */
	double asked; /* when it was asked last */
};

static double now(void)
{
	return (double)clock_ns(CLOCK_MONOTONIC) / NSEC_PER_SEC;
}

/* ---- readings ---- */

static void set_clock(struct top_reading *reading)
{
	time_t seconds = time(NULL);
	struct tm local;

	if (localtime_r(&seconds, &local))
		strftime(reading->clock, sizeof(reading->clock), "%H:%M:%S", &local);
}

/* A new reading of @answers in place of the one before, which its rates are against. */
static int note_answers(struct top *top, json_t *const answers[TOP_REQUESTS])
{
	struct top_reading reading;

	if (top_read(&reading, answers, &top->filter, now(), top->read ? &top->reading : NULL)) {
		top_reading_clear(&reading);
		return -ENOMEM;
	}
	set_clock(&reading);
	top_reading_clear(&top->reading);
	top->reading = reading;
	top->read = true;
	return 0;
}

/* A reading that is waited for, before the terminal is taken: whoever cannot read is told so. */
static int read_once(struct top *top)
{
	json_t *answers[TOP_REQUESTS] = { NULL };
	int rc = CLI_DONE;

	for (unsigned int i = 0; !rc && i < top_requests(&top->filter); i++)
		rc = cli_request(top->cli, top_commands[i], top_arguments(&top->filter, i),
				 &answers[i]);
	if (!rc && note_answers(top, answers))
		rc = cli_fail("out of memory");
	for (int i = 0; i < TOP_REQUESTS; i++)
		json_decref(answers[i]);
	return rc;
}

/* ---- the daemon ---- */

/* The daemon is gone, or refuses.  What it said last stays on the screen, and it is asked again. */
static void note_failure(struct top *top, int rc, const char *why)
{
	top_source_drop(&top->source);
	if (rc == -EACCES && *why)
		snprintf(top->view.notice, TOP_NOTICE_SIZE, "smc-policyd refuses: %.200s", why);
	else
		snprintf(top->view.notice, TOP_NOTICE_SIZE,
			 "smc-policyd does not answer: %s; trying again", strerror(-rc));
}

/* Ask, unless it has not answered yet. */
static void ask(struct top *top)
{
	double time = now();
	int rc;

	if (top->source.fd >= 0) {
		snprintf(top->view.notice, TOP_NOTICE_SIZE,
			 "smc-policyd has not answered for %.0f seconds", time - top->asked);
	} else {
		top->asked = time;
		rc = top_source_ask(&top->source);
		if (rc)
			note_failure(top, rc, "");
	}
	top->next += top->view.interval;
	/* Time that was missed is not made up for. */
	if (top->next < time)
		top->next = time + top->view.interval;
}

static void take(struct top *top)
{
	char why[TOP_NOTICE_SIZE] = "";
	int rc = top_source_take(&top->source, why);

	if (rc == 1) {
		top->view.notice[0] = '\0';
		rc = note_answers(top, top->source.answers);
		top_source_drop(&top->source);
	}
	if (rc < 0)
		note_failure(top, rc, why);
}

/* ---- the loop ---- */

/* Whether a key asks to quit. */
static bool take_keys(struct top *top)
{
	bool paused = top->view.paused;
	wint_t key;

	while (terminal_key(&key)) {
		switch (top_press(&top->view, key)) {
		case TOP_QUIT:
			return true;
		case TOP_REPAINT:
			terminal_repaint(&top->terminal);
			break;
		case TOP_STAY:
			break;
		}
	}
	/* What is paused stands still; what goes on does so at once. */
	if (top->view.paused)
		top_source_drop(&top->source);
	else if (paused)
		top->next = now();
	return false;
}

static void loop(struct top *top)
{
	unsigned int what = TERMINAL_SIGNAL;

	for (;;) {
		double left;

		if (what & TERMINAL_GONE || terminal_signals(&top->terminal) ||
		    (what & TERMINAL_KEY && take_keys(top)))
			return;
		if (what & TERMINAL_FD)
			take(top);
		if (!top->view.paused && now() >= top->next)
			ask(top);
		terminal_show(&top->terminal, &top->view, top->read ? &top->reading : NULL);
		left = top->next - now();
		left = left > 0 ? left : 0;
		what = terminal_wait(top->source.fd, top->view.paused ? -1 : left);
	}
}

static int watch(struct top *top)
{
	int rc;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli_fail(
			"top needs a terminal; without one \"smc-ebpf auto show\" and \"smc-ebpf stats\" show "
			"the same numbers, and \"smc-ebpf top -j\" shows rates as JSON");
	rc = read_once(top);
	if (rc)
		return rc;
	rc = terminal_open(&top->terminal);
	if (!rc) {
		top->next = now() + top->view.interval;
		loop(top);
	}
	terminal_close(&top->terminal);
	return rc;
}

/* ---- JSON ---- */

static json_t *number_json(double value)
{
	if (isnan(value))
		return json_null();
	return value == (double)(json_int_t)value ? json_integer((json_int_t)value)
						  : json_real(value);
}

/* Put number @number of @row and its rate into @json as @name and @name_rate. */
static void add_number(json_t *json, const struct top_row *row, enum top_number number,
		       const char *name)
{
	char rate[64];

	snprintf(rate, sizeof(rate), "%s_rate", name);
	json_object_set_new(json, name, number_json(row->values[number]));
	json_object_set_new(json, rate,
			    isnan(row->rates[number]) ? json_null()
						      : json_real(row->rates[number]));
}

static json_t *service_json(const struct top_row *row)
{
	json_t *json = json_pack("{s:s, s:i, s:s}", "side", row->side, "port", (int)row->port,
				 "reason", row->reason);

	add_number(json, row, TOP_CONNECTIONS, "connections");
	add_number(json, row, TOP_BYTES, "bytes");
	add_number(json, row, TOP_MESSAGES, "messages");
	add_number(json, row, TOP_GAINED, "gained");
	return json;
}

static json_t *rule_json(const struct top_row *row)
{
	json_t *json = json_pack("{s:s}", "name", row->name);

	add_number(json, row, TOP_SMC, "smc");
	add_number(json, row, TOP_TCP, "tcp");
	add_number(json, row, TOP_FALLBACKS, "fallbacks");
	add_number(json, row, TOP_UNEXPECTED, "unexpected");
	return json;
}

static json_t *rows_json(const struct top *top, enum top_list list,
			 json_t *(*make)(const struct top_row *row))
{
	struct top_view view = top->view;
	const struct top_row **rows;
	json_t *json = json_array();
	size_t n;

	view.list = list;
	rows = top_select(&view, &top->reading, &n);
	for (size_t i = 0; rows && i < n; i++)
		json_array_append_new(json, make(rows[i]));
	free(rows);
	return json;
}

static void wait_interval(double seconds)
{
	struct timespec time = { .tv_sec = (time_t)seconds };

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

/* Two readings, and what came between them. */
static int print_json(struct top *top)
{
	autojson json_t *json = NULL;
	double first;
	int rc = read_once(top);

	if (rc)
		return rc;
	first = top->reading.time;
	wait_interval(top->view.interval);
	rc = read_once(top);
	if (rc)
		return rc;
	json = json_pack("{s:f, s:o, s:o}", "seconds", top->reading.time - first, "services",
			 rows_json(top, TOP_SERVICES, service_json), "rules",
			 rows_json(top, TOP_RULES, rule_json));
	return json ? cli_print_json(json) : cli_fail("out of memory");
}

/* ---- the command ---- */

static int read_options(struct top *top)
{
	struct cli *cli = top->cli;
	const char *side = cli_value(cli, "side"), *ports = cli_value(cli, "port");
	const char *interval = cli_value(cli, "interval");
	struct value_error error;
	uint32_t us = INTERVAL_US;

	top->filter.side = -1;
	top->filter.peer = cli_value(cli, "peer");
	top->filter.rule = cli_value(cli, "rule");
	if ((side && value_word(&words_side, side, &top->filter.side, &error)) ||
	    (ports && top_filter_ports(&top->filter, ports, &error)) ||
	    (interval && value_time_us(interval, &us, &error)))
		return cli_usage(cli, "%s", error.text);
	top->view.interval = us / 1e6;
	return CLI_DONE;
}

int cli_top(struct cli *cli)
{
	struct top top = { .cli = cli };
	int rc = read_options(&top);

	top_source_init(&top.source, cli, &top.filter);
	if (!rc)
		rc = cli->json ? print_json(&top) : watch(&top);
	top_source_drop(&top.source);
	top_reading_clear(&top.reading);
	free(top.filter.ports);
	return rc;
}
