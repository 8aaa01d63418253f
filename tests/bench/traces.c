// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "policy/replay.h"
#include "smc_policy_verdict.h"
#include "traces.h"

/* ---- chance ---- */

/* splitmix64 */
static unsigned long long draw(struct trace *trace)
{
	unsigned long long z = trace->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static double uniform(struct trace *trace, double from, double to)
{
	return from + (to - from) * ((double)(draw(trace) >> 11) / 9007199254740992.0);
}

static double exponential(struct trace *trace, double rate)
{
	return -log(1 - uniform(trace, 0, 1)) / rate;
}

static double lognormal(struct trace *trace, double median, double sigma)
{
	double u = 1 - uniform(trace, 0, 1), v = uniform(trace, 0, 1);

	return median * exp(sigma * sqrt(-2 * log(u)) * cos(2 * M_PI * v));
}

static unsigned int below(struct trace *trace, unsigned int n)
{
	return (unsigned int)(draw(trace) % n);
}

/* @value, or in a varied trace up to twice as much or as little. */
static double vary(struct trace *trace, double value)
{
	return trace->varied ? value * exp2(uniform(trace, -1, 1)) : value;
}

/* ---- connections ---- */

/* Where a connection goes to. */
struct target {
	int side;
	unsigned char peer[16]; /* as in struct trace_row */
	unsigned short port;
};

static struct trace_row *add(struct trace *trace, const struct target *target, double opened,
			     double seconds, double bytes)
{
	struct trace_connection *connection;
	struct trace_row *row;

	if (array_grow(trace->connections, trace->n, trace->room))
		abort();
	connection = &trace->connections[trace->n++];
	connection->phase = trace->phase;
	row = &connection->row;
	*row = (struct trace_row){
		.opened = (uint64_t)(opened * 1e9),
		.closed = (uint64_t)((opened + seconds) * 1e9),
		.side = target->side,
		.port = target->port,
		.bytes = (uint64_t)bytes,
	};
	memcpy(row->peer, target->peer, sizeof(row->peer));
	return row;
}

/* A minute or so and megabytes; or some milliseconds and kilobytes. */
static void add_one(struct trace *trace, const struct target *target, double opened, bool is_long)
{
	double seconds =
		is_long ? lognormal(trace, 60 * trace->scale, 0.8) : exponential(trace, 20);
	double bytes = is_long ? seconds * lognormal(trace, 300e3, 0.7) : lognormal(trace, 2000, 1);

	add(trace, target, opened, seconds, bytes);
}

/* The next arrival after *@t, at @rate a second; false if it is after @until. */
static bool arrives(struct trace *trace, double *t, double until, double rate)
{
	*t += exponential(trace, rate);
	return *t < until;
}

/* 10.0.SUBNET.HOST */
static struct target target(int side, unsigned int subnet, unsigned int host, unsigned short port)
{
	return (struct target){
		.side = side,
		.peer = { [10] = 0xff, 0xff, 10, 0, (unsigned char)subnet, (unsigned char)host },
		.port = port,
	};
}

/* fd00:0:0:SUBNET::/64, any host */
static struct target target_v6(struct trace *trace, int side, unsigned int subnet,
			       unsigned short port)
{
	struct target to = { .side = side,
			     .peer = { [0] = 0xfd, [7] = (unsigned char)subnet },
			     .port = port };
	unsigned long long host = draw(trace);

	memcpy(to.peer + 8, &host, sizeof(host));
	return to;
}

/* ---- kinds that can be told apart ---- */

/* Ten peers hold connections for long, ten others poll, all at one port. */
static void make_pools(struct trace *trace)
{
	double hold_rate = vary(trace, 0.15), poll_rate = vary(trace, 0.8);

	for (unsigned int peer = 1; peer <= 10; peer++) {
		struct target holds = target(SMC_POLICY_ACCEPT, 0, peer, 5432);
		struct target polls = target(SMC_POLICY_ACCEPT, 0, 100 + peer, 5432);

		for (double t = 0; arrives(trace, &t, 600, hold_rate);)
			add_one(trace, &holds, t, true);
		for (double t = 0; arrives(trace, &t, 600, poll_rate);)
			add_one(trace, &polls, t, false);
	}
}

static void make_services(struct trace *trace)
{
	static const struct {
		unsigned short port;
		bool is_long;
	} services[] = { { 80, false },  { 443, false },  { 3306, true },   { 5432, true },
			 { 9000, true }, { 8080, false }, { 11211, false }, { 22, true } };
	double rate = vary(trace, 2);

	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		for (double t = 0; arrives(trace, &t, 400, rate);) {
			struct target to = target((int)below(trace, 2), below(trace, 3),
						  below(trace, 20), services[i].port);

			add_one(trace, &to, t, services[i].is_long);
		}
	}
}

/* Connections to @port, @rate a second, short and long in turns of @period seconds. */
static void add_turns(struct trace *trace, unsigned short port, double until, double rate,
		      double period)
{
	for (double t = 0; arrives(trace, &t, until, rate);) {
		struct target to = target(SMC_POLICY_CONNECT, 0, below(trace, 5), port);

		trace->phase = (unsigned int)((int)(t / period) + port) % 2;
		add_one(trace, &to, t, trace->phase);
	}
}

/* Three services that turn every two and a half minutes. */
static void make_turns(struct trace *trace)
{
	double period = vary(trace, 150);

	for (unsigned short port = 7000; port < 7003; port++)
		add_turns(trace, port, fmax(600, 4 * period), 4, period);
}

/* One service that turns every two minutes. */
static void make_two_minutes(struct trace *trace)
{
	add_turns(trace, 7100, 1800, vary(trace, 4), 120);
}

/* One service that turns every ten minutes. */
static void make_ten_minutes(struct trace *trace)
{
	add_turns(trace, 7101, 3600, vary(trace, 2), 600);
}

/* An IPv4 peer that hardly comes twice. */
static struct target anyone(struct trace *trace, unsigned short port)
{
	struct target to = target(SMC_POLICY_ACCEPT, below(trace, 256), below(trace, 256), port);

	to.peer[12] = (unsigned char)(11 + below(trace, 180));
	to.peer[13] = (unsigned char)below(trace, 256);
	return to;
}

static void make_once(struct trace *trace)
{
	double rate = vary(trace, 8);

	for (int is_long = 0; is_long < 2; is_long++) {
		for (double t = 0; arrives(trace, &t, 300, rate);) {
			struct target to = anyone(trace, is_long ? 9999 : 443);

			add_one(trace, &to, t, is_long);
		}
	}
}

/* Twenty subnets, one after the other short and long; half of them IPv6. */
static void make_subnets(struct trace *trace)
{
	double rate = vary(trace, 12);

	for (double t = 0; arrives(trace, &t, 500, rate);) {
		unsigned int subnet = below(trace, 20);
		struct target to =
			subnet < 10 ? target(SMC_POLICY_ACCEPT, subnet, below(trace, 256), 8443)
				    : target_v6(trace, SMC_POLICY_ACCEPT, subnet, 8443);

		add_one(trace, &to, t, subnet % 2);
	}
}

/* Some hundred short ones within a second, from @t.  What else opens meanwhile is in the same phase. */
static void add_storm(struct trace *trace, const struct target *to, double t, unsigned int n,
		      size_t first)
{
	double at = t;

	trace->phase = 1;
	while (n--) {
		add_one(trace, to, at, false);
		at += uniform(trace, 0.001, 0.008);
	}
	for (size_t i = first; i < trace->n; i++) {
		double opened = (double)trace->connections[i].row.opened / 1e9;

		if (opened >= t && opened < at)
			trace->connections[i].phase = 1;
	}
	trace->phase = 0;
}

/* Long ones all the time; now and then a storm from the same peer. */
static void make_storms(struct trace *trace)
{
	double rate = vary(trace, 0.4), size = vary(trace, 1);

	for (unsigned int peer = 0; peer < 3; peer++) {
		struct target to = target(SMC_POLICY_CONNECT, 6, peer, 3306);
		size_t first = trace->n;

		for (double t = 0; arrives(trace, &t, 900, rate);)
			add_one(trace, &to, t, true);
		for (double t = uniform(trace, 5, 60); t < 900; t += uniform(trace, 30, 90))
			add_storm(trace, &to, t, (unsigned int)((100 + below(trace, 200)) * size),
				  first);
	}
}

/* Connections that close after 3 to 15 minutes, beside short ones of another service. */
static void make_minutes(struct trace *trace)
{
	double long_rate = vary(trace, 3), short_rate = vary(trace, 5);

	for (double t = 0; arrives(trace, &t, 600, long_rate);) {
		struct target to = target(SMC_POLICY_CONNECT, 7, below(trace, 6), 2049);
		double seconds = uniform(trace, 180, 900);

		add(trace, &to, t, seconds, seconds * lognormal(trace, 200e3, 0.5));
	}
	for (double t = 0; arrives(trace, &t, 600, short_rate);) {
		struct target to = target(SMC_POLICY_CONNECT, 7, below(trace, 6), 80);

		add_one(trace, &to, t, false);
	}
}

/* A peer of any of 20 IPv4 or 20 IPv6 networks that hardly comes twice. */
static struct target fresh_peer(struct trace *trace, int side, unsigned short port)
{
	if (below(trace, 2))
		return target_v6(trace, side, below(trace, 256), port);
	return anyone(trace, port);
}

/* Two services with clients from everywhere, a new one each time, after a minute of a few known ones. */
static void make_fresh(struct trace *trace)
{
	double rate = vary(trace, 5);

	for (int is_long = 0; is_long < 2; is_long++) {
		unsigned short port = is_long ? 6443 : 8081;

		for (double t = 0; arrives(trace, &t, 600, rate);) {
			struct target known = target(SMC_POLICY_ACCEPT, 3, below(trace, 10), port);
			struct target fresh = fresh_peer(trace, SMC_POLICY_ACCEPT, port);

			add_one(trace, t < 60 ? &known : &fresh, t, is_long);
		}
	}
}

/* Clients that ask thousands of times for a few bytes, beside others that ask once. */
static void make_messages(struct trace *trace)
{
	double asks = vary(trace, 5000), rate = vary(trace, 3);

	for (double t = 0; arrives(trace, &t, 600, rate);) {
		struct target to = target(SMC_POLICY_ACCEPT, 5, below(trace, 20), 6379);
		double n = lognormal(trace, asks, 0.5);

		if (to.peer[15] < 10)
			n = 1 + below(trace, 5);
		add(trace, &to, t, n / 500, n * 20)->messages = 2 * (uint64_t)n;
	}
}

/* ---- kinds that cannot ---- */

static void make_heavy(struct trace *trace)
{
	double rate = vary(trace, 8);
	double alpha = trace->varied ? uniform(trace, 0.85, 1.2) : 0.9;

	for (double t = 0; arrives(trace, &t, 600, rate);) {
		struct target to = target(SMC_POLICY_CONNECT, 0, below(trace, 8), 8000);
		double bytes = 2000 * pow(1 - uniform(trace, 0, 1), -1 / alpha);

		bytes = fmin(bytes, 5e8);
		add(trace, &to, t, fmin(0.05 + bytes / 2e6, 300), bytes);
	}
}

/*
 * @n connections of one service, long with a chance of @share whatever the peer, which gain @mean
 * set-ups on average.
 */
static void add_mixed(struct trace *trace, unsigned short port, size_t n, double share, double mean)
{
	double long_bytes = ((mean + 0.98) / share + 0.02) * 100 * 1024, t = 0;

	for (size_t i = 0; i < n; i++) {
		struct target to = target(SMC_POLICY_ACCEPT, 0, below(trace, 8), port);
		bool is_long = uniform(trace, 0, 1) < share;

		t += exponential(trace, 8);
		if (is_long)
			add(trace, &to, t, lognormal(trace, 20 * trace->scale, 0.8),
			    long_bytes * uniform(trace, 0.7, 1.3));
		else
			add_one(trace, &to, t, false);
	}
}

/* Nine short and one long at random. */
static void make_one_in_ten(struct trace *trace)
{
	add_mixed(trace, 8100, 6000, 0.1, vary(trace, 2));
}

/* One in fifty carries half of what is gained, one in ten the other half. */
static void make_one_in_fifty(struct trace *trace)
{
	double rate = vary(trace, 8), large = 45 * 100 * 1024;

	if (trace->varied)
		large *= uniform(trace, 0.8, 1.25);
	for (double t = 0; arrives(trace, &t, 6000 / rate, rate);) {
		struct target to = target(SMC_POLICY_CONNECT, 0, below(trace, 8), 8101);
		double chance = uniform(trace, 0, 1);

		if (chance < 0.02)
			add(trace, &to, t, lognormal(trace, 20, 0.8), large);
		else if (chance < 0.12)
			add(trace, &to, t, lognormal(trace, 5, 0.8), large / 5);
		else
			add_one(trace, &to, t, false);
	}
}

static void make_mean_minus_half(struct trace *trace)
{
	add_mixed(trace, 8102, 6000, 0.1, trace->varied ? uniform(trace, -0.8, -0.3) : -0.5);
}

static void make_mean_half(struct trace *trace)
{
	add_mixed(trace, 8103, 6000, 0.1, trace->varied ? uniform(trace, 0.4, 0.8) : 0.5);
}

static void make_mean_one(struct trace *trace)
{
	add_mixed(trace, 8104, 6000, 0.1, trace->varied ? uniform(trace, 0.8, 1.4) : 1);
}

static void make_mean_five(struct trace *trace)
{
	add_mixed(trace, 8105, 6000, 0.2, trace->varied ? uniform(trace, 3, 6) : 5);
}

/* As one in ten, but only 1,500 connections. */
static void make_few(struct trace *trace)
{
	add_mixed(trace, 8106, 1500, 0.1, vary(trace, 2));
}

/* Services of all these means at once. */
static void make_means(struct trace *trace)
{
	static const double means[] = { -0.5, 0.5, 1, 2, 5 };

	for (unsigned short i = 0; i < sizeof(means) / sizeof(*means); i++)
		add_mixed(trace, (unsigned short)(8110 + i), 2500, means[i] > 2 ? 0.2 : 0.1,
			  means[i]);
}

/*
 * Six translated addresses with many clients behind each, of whose connections different shares are
 * long; the third and the last change places at half time.
 */
static void make_translated(struct trace *trace)
{
	static const double shares[] = { 0.002, 0.005, 0.01, 0.03, 0.08, 0.3 };
	double rate = vary(trace, 12), factor = vary(trace, 1);

	for (double t = 0; arrives(trace, &t, 900, rate);) {
		unsigned int address = below(trace, 6), of = address;
		struct target to = target(SMC_POLICY_ACCEPT, address, 1, 443);

		trace->phase = t >= 450;
		if (trace->phase && (address == 2 || address == 5))
			of = 7 - address;
		add_one(trace, &to, t, uniform(trace, 0, 1) < shares[of] * factor);
	}
}

/* Clients that poll ten times, then hold a connection, again and again. */
static void make_poll_hold(struct trace *trace)
{
	double pause = vary(trace, 0.5);

	for (unsigned int peer = 0; peer < 20; peer++) {
		struct target to = target(SMC_POLICY_ACCEPT, 4, peer, 1883);
		unsigned int n = peer;

		for (double t = uniform(trace, 0, 5); t < 900; n++) {
			if (n % 11 < 10) {
				add_one(trace, &to, t, false);
				t += exponential(trace, 1 / pause);
			} else {
				add_one(trace, &to, t, true);
				t += exponential(trace, 1 / (20 * pause));
			}
		}
	}
}

#define SEPARABLE(name, make)                             \
	{                                                 \
		name, TRACE_SEPARABLE, 0.035, 0.975, make \
	}
#define TURNING(name, make)                              \
	{                                                \
		name, TRACE_SEPARABLE, 0.05, 0.975, make \
	}
#define MIXED(name, share, make)                  \
	{                                         \
		name, TRACE_MIXED, 1, share, make \
	}

const struct trace_kind trace_kinds[] = {
	SEPARABLE("pools", make_pools),
	SEPARABLE("services", make_services),
	TURNING("turns", make_turns),
	TURNING("turns of two minutes", make_two_minutes),
	TURNING("turns of ten minutes", make_ten_minutes),
	SEPARABLE("seen once", make_once),
	SEPARABLE("fresh peers", make_fresh),
	SEPARABLE("subnets", make_subnets),
	SEPARABLE("storms", make_storms),
	{ "minutes", TRACE_SEPARABLE, 0.035, 0.965, make_minutes },
	SEPARABLE("messages", make_messages),
	{ "heavy-tailed", TRACE_HOPELESS, 1, -0.008, make_heavy },
	{ "mean -0.5", TRACE_HOPELESS, 1, -0.008, make_mean_minus_half },
	MIXED("half from one in fifty", 0.96, make_one_in_fifty),
	MIXED("mean 0.5", 0.93, make_mean_half),
	MIXED("mean 1", 0.96, make_mean_one),
	MIXED("one in ten, mean 2", 0.96, make_one_in_ten),
	MIXED("mean 5", 0.96, make_mean_five),
	MIXED("mean 2, 1,500 connections", 0.93, make_few),
	MIXED("means -0.5 to 5", 0.96, make_means),
	MIXED("translated", 0.96, make_translated),
	MIXED("polls, then a hold", 0.96, make_poll_hold),
};
const size_t n_trace_kinds = sizeof(trace_kinds) / sizeof(*trace_kinds);

/* ---- traces ---- */

static int compare(const void *a, const void *b)
{
	const struct trace_connection *x = a, *y = b;

	return (x->row.opened > y->row.opened) - (x->row.opened < y->row.opened);
}

void trace_make(struct trace *trace, const struct trace_kind *kind, unsigned int seed, bool varied)
{
	*trace = (struct trace){ .random = seed, .varied = varied, .scale = 1 };
	trace->scale = vary(trace, 1);
	kind->make(trace);
	qsort(trace->connections, trace->n, sizeof(*trace->connections), compare);
}

void trace_clear(struct trace *trace)
{
	free(trace->connections);
	*trace = (struct trace){ 0 };
}

int trace_replay(const struct trace *trace, bool *verdicts)
{
	struct policy_config config;
	struct replay *replay;
	int rc;

	policy_config_init(&config);
	config.policy.default_action = SMC_POLICY_AUTO;
	replay = replay_new(&config, 0);
	rc = replay ? 0 : -ENOMEM;
	for (size_t i = 0; i < trace->n && !rc; i++) {
		struct replay_verdict verdict = { 0 };

		rc = replay_row(replay, &trace->connections[i].row, &verdict);
		verdicts[i] = verdict.smc;
	}
	replay_free(replay);
	policy_config_clear(&config);
	return rc;
}

double trace_utility(const struct trace_row *row)
{
	return fmin((double)row->bytes / (100 * 1024) + (double)row->messages / 100, 50) - 1;
}

/* ---- the best constant answer in each cell of side, port, peer, phase ---- */

static int compare_cells(const void *a, const void *b)
{
	const struct trace_connection *x = *(const struct trace_connection *const *)a;
	const struct trace_connection *y = *(const struct trace_connection *const *)b;

	if (x->row.side != y->row.side)
		return x->row.side - y->row.side;
	if (x->row.port != y->row.port)
		return x->row.port - y->row.port;
	if (x->phase != y->phase)
		return x->phase < y->phase ? -1 : 1;
	return memcmp(x->row.peer, y->row.peer, sizeof(x->row.peer));
}

static double bound_from(const struct trace *trace, size_t first)
{
	size_t n = trace->n - first;
	const struct trace_connection **order = calloc(n ? n : 1, sizeof(*order));
	double bound = 0, cell = 0;

	if (!order)
		abort();
	for (size_t i = 0; i < n; i++)
		order[i] = &trace->connections[first + i];
	qsort(order, n, sizeof(*order), compare_cells);
	for (size_t i = 0; i < n; i++) {
		if (i && compare_cells(&order[i - 1], &order[i])) {
			bound += fmax(cell, 0);
			cell = 0;
		}
		cell += trace_utility(&order[i]->row);
	}
	free(order);
	return bound + fmax(cell, 0);
}

/* ---- scores ---- */

static int compare_times(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The first connection that opens when TRACE_TOLD others have closed; all if there is none. */
static size_t first_of_late(const struct trace *trace)
{
	uint64_t *closed = calloc(trace->n ? trace->n : 1, sizeof(*closed)), then;
	size_t i = 0;

	if (!closed)
		abort();
	for (size_t k = 0; k < trace->n; k++)
		closed[k] = trace->connections[k].row.closed;
	qsort(closed, trace->n, sizeof(*closed), compare_times);
	then = trace->n > TRACE_TOLD ? closed[TRACE_TOLD] : UINT64_MAX;
	free(closed);
	while (i < trace->n && trace->connections[i].row.opened < then)
		i++;
	return i;
}

struct trace_score trace_score(const struct trace *trace, const bool *verdicts)
{
	double oracle = 0, got = 0, shorts = 0, set_up = 0, late_got = 0, late_all = 0;
	size_t late = first_of_late(trace);
	struct trace_score score = { 0 };

	for (size_t i = 0; i < trace->n; i++) {
		double utility = trace_utility(&trace->connections[i].row);

		oracle += fmax(utility, 0);
		got += verdicts[i] ? utility : 0;
		shorts += utility < 0;
		set_up += utility < 0 && verdicts[i];
		if (i < late)
			continue;
		late_got += verdicts[i] ? utility : 0;
		late_all += utility;
	}
	if (!(oracle > 0))
		return score;
	score.bound = bound_from(trace, 0) / oracle;
	score.hindsight = got / oracle;
	score.share =
		score.bound < TRACE_BOUND_MIN ? score.hindsight : score.hindsight / score.bound;
	score.shorts = shorts > 0 ? set_up / shorts : 0;
	/* Beside the better of the two constant answers. */
	score.late = (late_got - fmax(late_all, 0)) /
		     fmax(bound_from(trace, late), TRACE_BOUND_MIN * oracle);
	return score;
}
