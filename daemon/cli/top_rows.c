// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon answered, as rows with rates. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/table.h"
#include "cli/top.h"
#include "common/array.h"

const char *const top_commands[TOP_REQUESTS] = {
	[TOP_LEARNED] = "auto-show",
	[TOP_STATS] = "stats",
	[TOP_STATUS] = "status",
	[TOP_RULE] = "policy-show",
};

unsigned int top_requests(const struct top_filter *filter)
{
	return filter->rule ? TOP_REQUESTS : TOP_RULE;
}

json_t *top_arguments(const struct top_filter *filter, enum top_request request)
{
	if (request == TOP_RULE)
		return json_pack("{s:s}", "name", filter->rule);
	if (request != TOP_LEARNED)
		return json_object();
	/* The services of a peer are the sum of what it did: all of its contexts are needed. */
	return filter->peer ? json_pack("{s:s}", "prefix", filter->peer)
			    : json_pack("{s:i}", "most", 0);
}

/* ---- filter ---- */

static int add_ports(void *arg, const char *word, struct value_error *error)
{
	struct top_filter *filter = arg;
	struct policy_range range;
	int rc = value_range(word, &range, error);

	if (rc)
		return rc;
	if (array_grow(filter->ports, filter->n_ports, filter->ports_room))
		return -ENOMEM;
	filter->ports[filter->n_ports++] = range;
	return 0;
}

int top_filter_ports(struct top_filter *filter, const char *text, struct value_error *error)
{
	return value_list(text, add_ports, filter, error);
}

static bool covers_port(const struct top_filter *filter, unsigned int port)
{
	for (size_t i = 0; i < filter->n_ports; i++)
		if (filter->ports[i].first <= port && port <= filter->ports[i].last)
			return true;
	return !filter->n_ports;
}

static bool covers(const struct top_filter *filter, const struct top_row *row)
{
	return (filter->side < 0 || filter->side == word_find(&words_side, row->side)) &&
	       covers_port(filter, row->port);
}

/* Which services are on the side and the ports of @rule, a RULE; ports that are none are left out. */
static int filter_of_rule(struct top_filter *filter, const json_t *rule)
{
	const json_t *port;
	struct value_error error;
	int rc = 0;
	size_t i;

	filter->side = word_find(&words_side, cli_text(rule, "side"));
	json_array_foreach(json_object_get(rule, "ports"), i, port)
		if (rc != -ENOMEM)
			rc = top_filter_ports(filter, cli_string(port), &error);
	return rc == -ENOMEM ? rc : 0;
}

/* ---- rows ---- */

static void copy_text(char *to, size_t size, const json_t *object, const char *key)
{
	snprintf(to, size, "%s", cli_text(object, key));
}

static double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static void clear_row(struct top_row *row)
{
	*row = (struct top_row){ 0 };
	for (int i = 0; i < TOP_NUMBERS; i++)
		row->values[i] = row->rates[i] = NAN;
}

static int add_row(struct top_rows *rows, const struct top_row *row)
{
	if (array_grow(rows->items, rows->n, rows->room))
		return -ENOMEM;
	rows->items[rows->n++] = *row;
	return 0;
}

/* A CONTEXT: a service or, for the services of peers, a peer. */
static void read_context(struct top_row *row, const json_t *context)
{
	clear_row(row);
	copy_text(row->side, sizeof(row->side), context, "side");
	copy_text(row->reason, sizeof(row->reason), context, "reason");
	copy_text(row->decides, sizeof(row->decides), context, "decides");
	row->port = (unsigned int)cli_number(context, "port") & UINT16_MAX;
	row->values[TOP_CONNECTIONS] = number(context, "connections");
	row->values[TOP_BYTES] = number(context, "bytes");
	row->values[TOP_MESSAGES] = number(context, "messages");
	row->values[TOP_GAINED] = number(context, "gained");
	row->values[TOP_EXPECTED] = number(context, "gain");
	row->values[TOP_WORTHWHILE] = number(context, "worthwhile");
}

static int read_services(struct top_reading *reading, const json_t *contexts,
			 const struct top_filter *filter, const struct top_filter *of_rule)
{
	const json_t *context;
	struct top_row row;
	int rc = 0;
	size_t i;

	json_array_foreach(contexts, i, context) {
		read_context(&row, context);
		if (!rc && covers(filter, &row) && (!of_rule || covers(of_rule, &row)))
			rc = add_row(&reading->lists[TOP_SERVICES], &row);
	}
	return rc;
}

static void read_verdicts(struct top_row *row, const char *name, const json_t *counters)
{
	clear_row(row);
	snprintf(row->name, sizeof(row->name), "%s", name);
	row->values[TOP_SMC] = number(counters, "smc");
	row->values[TOP_TCP] = number(counters, "tcp");
	row->values[TOP_CONNECTIONS] = row->values[TOP_SMC] + row->values[TOP_TCP];
}

static int read_rule(struct top_reading *reading, const char *name, const json_t *counters,
		     const struct top_filter *filter)
{
	struct top_row row;

	if (filter->rule && strcmp(filter->rule, name) != 0)
		return 0;
	read_verdicts(&row, name, counters);
	return add_row(&reading->lists[TOP_RULES], &row);
}

static int read_rules(struct top_reading *reading, const json_t *stats,
		      const struct top_filter *filter)
{
	const json_t *rule;
	int rc = 0;
	size_t i;

	json_array_foreach(json_object_get(stats, "rules"), i, rule)
		if (!rc)
			rc = read_rule(reading, cli_text(rule, "name"), rule, filter);
	if (!rc)
		rc = read_rule(reading, "(default)", json_object_get(stats, "default"), filter);
	if (!rc)
		rc = read_rule(reading, "(gone)", json_object_get(stats, "retired"), filter);
	return rc;
}

/* ---- the order of keys: side, port, name ---- */

static int compare_keys(const void *a, const void *b)
{
	const struct top_row *one = a, *other = b;
	int side = strcmp(one->side, other->side);

	if (side)
		return side;
	if (one->port != other->port)
		return one->port < other->port ? -1 : 1;
	return strcmp(one->name, other->name);
}

static void sort_rows(struct top_rows *rows)
{
	if (rows->n)
		qsort(rows->items, rows->n, sizeof(*rows->items), compare_keys);
}

/* Peers of one service are one row. */
static void add_up(struct top_row *sum, const struct top_row *row)
{
	for (int i = 0; i < TOP_NUMBERS; i++)
		sum->values[i] += row->values[i];
	/* That of a sum is not the sum of theirs. */
	sum->values[TOP_EXPECTED] = NAN;
	if (strcmp(sum->reason, row->reason) != 0)
		strcpy(sum->reason, "mixed");
}

static void merge_rows(struct top_rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (n && !compare_keys(&rows->items[n - 1], &rows->items[i]))
			add_up(&rows->items[n - 1], &rows->items[i]);
		else
			rows->items[n++] = rows->items[i];
	}
	rows->n = n;
}

/* ---- fallbacks ---- */

static void add_fallbacks(struct top_row *row, const json_t *cause)
{
	double count = number(cause, "count");

	row->values[TOP_FALLBACKS] += count;
	if (json_is_false(json_object_get(cause, "expected")))
		row->values[TOP_UNEXPECTED] += count;
}

/*
 * The fallbacks of stats to those of all and to the rules, which are sorted.  Those without a rule are of
 * connections that no rule matched, and of rules that are gone: nobody knows which.
 */
static void read_fallbacks(struct top_reading *reading, const json_t *stats)
{
	const json_t *causes = json_object_get(json_object_get(stats, "fallbacks"), "causes");
	struct top_rows *rules = &reading->lists[TOP_RULES];
	const json_t *cause;
	size_t i;

	if (!json_is_array(causes))
		return;
	for (i = 0; i < rules->n; i++)
		if (rules->items[i].name[0] != '(')
			rules->items[i].values[TOP_FALLBACKS] =
				rules->items[i].values[TOP_UNEXPECTED] = 0;
	reading->verdicts.values[TOP_FALLBACKS] = reading->verdicts.values[TOP_UNEXPECTED] = 0;
	json_array_foreach(causes, i, cause) {
		struct top_row key = { 0 }, *row;

		copy_text(key.name, sizeof(key.name), cause, "rule");
		row = rules->n ? bsearch(&key, rules->items, rules->n, sizeof(key), compare_keys)
			       : NULL;
		add_fallbacks(&reading->verdicts, cause);
		if (row)
			add_fallbacks(row, cause);
	}
}

/* ---- rates ---- */

/*
 * Counts that became less have been halved, forgotten or begun anew: what came since is unknown.  A
 * row that was not there counted nothing.
 */
static void set_rates(struct top_row *row, const struct top_row *before, double seconds)
{
	for (int i = 0; i < TOP_NUMBERS; i++) {
		double more = row->values[i] - (before ? before->values[i] : 0);

		row->rates[i] = more >= 0 && seconds > 0 ? more / seconds : NAN;
	}
}

static void set_all_rates(struct top_rows *rows, const struct top_rows *before, double seconds)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct top_row *same =
			before->n ? bsearch(&rows->items[i], before->items, before->n,
					    sizeof(*before->items), compare_keys)
				  : NULL;

		set_rates(&rows->items[i], same, seconds);
	}
}

/* ---- readings ---- */

static void read_host(struct top_reading *reading, json_t *const answers[TOP_REQUESTS])
{
	const json_t *learned = answers[TOP_LEARNED], *status = answers[TOP_STATUS];
	const json_t *degraded = json_object_get(status, "degraded");

	copy_text(reading->backend, sizeof(reading->backend), status, "backend");
	reading->generation = cli_number(status, "generation");
	reading->rules = cli_number(json_object_get(status, "rules"), "total");
	reading->n_degraded = json_array_size(degraded);
	if (reading->n_degraded)
		snprintf(reading->degraded, sizeof(reading->degraded), "%s",
			 cli_string(json_array_get(degraded, 0)));
	reading->suspended = json_is_object(json_object_get(status, "suspended"));
	copy_text(reading->until, sizeof(reading->until), json_object_get(status, "suspended"),
		  "until");
	reading->smc_connections = cli_number(learned, "smc_connections");
	reading->lost = cli_number(learned, "lost");
	read_verdicts(&reading->verdicts, "", json_object_get(answers[TOP_STATS], "verdicts"));
}

static int read_lists(struct top_reading *reading, json_t *const answers[TOP_REQUESTS],
		      const struct top_filter *filter)
{
	const json_t *rule = filter->rule ? json_object_get(answers[TOP_RULE], "rule") : NULL;
	struct top_filter of_rule = { .side = -1 };
	int rc = rule ? filter_of_rule(&of_rule, rule) : 0;

	reading->no_rule = filter->rule && !rule;
	if (!rc && !reading->no_rule)
		rc = read_services(
			reading,
			json_object_get(answers[TOP_LEARNED], filter->peer ? "peers" : "services"),
			filter, rule ? &of_rule : NULL);
	free(of_rule.ports);
	return rc ? rc : read_rules(reading, answers[TOP_STATS], filter);
}

int top_read(struct top_reading *reading, json_t *const answers[TOP_REQUESTS],
	     const struct top_filter *filter, double time, const struct top_reading *before)
{
	int rc;

	*reading = (struct top_reading){ .time = time };
	read_host(reading, answers);
	rc = read_lists(reading, answers, filter);
	for (int i = 0; i < TOP_LISTS; i++) {
		sort_rows(&reading->lists[i]);
		merge_rows(&reading->lists[i]);
	}
	read_fallbacks(reading, answers[TOP_STATS]);
	for (int i = 0; before && i < TOP_LISTS; i++)
		set_all_rates(&reading->lists[i], &before->lists[i], time - before->time);
	if (before)
		set_rates(&reading->verdicts, &before->verdicts, time - before->time);
	return rc;
}

void top_reading_clear(struct top_reading *reading)
{
	for (int i = 0; i < TOP_LISTS; i++)
		free(reading->lists[i].items);
	*reading = (struct top_reading){ 0 };
}
