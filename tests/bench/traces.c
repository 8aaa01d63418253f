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

/* ---- connections ---- */

/* Where a connection goes to. */
struct target {
	int side;
	unsigned char peer[16]; /* as in struct trace_row */
	unsigned short port;
};

static void add(struct trace *trace, const struct target *target, double opened, double seconds,
		double bytes)
{
	struct trace_row *row;

	if (array_grow(trace->rows, trace->n, trace->room))
		abort();
	row = &trace->rows[trace->n++];
	*row = (struct trace_row){
		.opened = (uint64_t)(opened * 1e9),
		.closed = (uint64_t)((opened + seconds) * 1e9),
		.side = target->side,
		.port = target->port,
		.bytes = (uint64_t)bytes,
	};
	memcpy(row->peer, target->peer, sizeof(row->peer));
}

/* A minute or so and megabytes; or some milliseconds and kilobytes. */
static void add_one(struct trace *trace, const struct target *target, double opened, bool is_long)
{
	double seconds = is_long ? lognormal(trace, 60, 0.8) : exponential(trace, 20);
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

/* ---- kinds ---- */

/* Ten peers hold connections for long, ten others poll, all at one port. */
static void make_pools(struct trace *trace)
{
	for (unsigned int peer = 1; peer <= 10; peer++) {
		struct target holds = target(SMC_POLICY_ACCEPT, 0, peer, 5432);
		struct target polls = target(SMC_POLICY_ACCEPT, 0, 100 + peer, 5432);

		for (double t = 0; arrives(trace, &t, 600, 0.15);)
			add_one(trace, &holds, t, true);
		for (double t = 0; arrives(trace, &t, 600, 0.8);)
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

	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		for (double t = 0; arrives(trace, &t, 400, 2);) {
			struct target to = target((int)below(trace, 2), below(trace, 3),
						  below(trace, 20), services[i].port);

			add_one(trace, &to, t, services[i].is_long);
		}
	}
}

/* Three services that turn every two and a half minutes. */
static void make_turns(struct trace *trace)
{
	for (unsigned short port = 7000; port < 7003; port++) {
		for (double t = 0; arrives(trace, &t, 600, 4);) {
			struct target to = target(SMC_POLICY_CONNECT, 0, below(trace, 5), port);

			add_one(trace, &to, t, ((int)(t / 150) + port) % 2);
		}
	}
}

static void make_heavy(struct trace *trace)
{
	for (double t = 0; arrives(trace, &t, 600, 8);) {
		struct target to = target(SMC_POLICY_CONNECT, 0, below(trace, 8), 8000);
		double bytes = 2000 * pow(1 - uniform(trace, 0, 1), -1 / 0.9);

		bytes = fmin(bytes, 5e8);
		add(trace, &to, t, fmin(0.05 + bytes / 2e6, 300), bytes);
	}
}

static void make_once(struct trace *trace)
{
	for (int is_long = 0; is_long < 2; is_long++) {
		for (double t = 0; arrives(trace, &t, 300, 8);) {
			struct target to = target(SMC_POLICY_ACCEPT, below(trace, 256),
						  below(trace, 256), is_long ? 9999 : 443);

			to.peer[12] = (unsigned char)(11 + below(trace, 180));
			to.peer[13] = (unsigned char)below(trace, 256);
			add_one(trace, &to, t, is_long);
		}
	}
}

/* Twenty subnets, one after the other short and long; half of them IPv6. */
static void make_subnets(struct trace *trace)
{
	for (double t = 0; arrives(trace, &t, 500, 12);) {
		unsigned int subnet = below(trace, 20);
		struct target to =
			subnet < 10 ? target(SMC_POLICY_ACCEPT, subnet, below(trace, 256), 8443)
				    : target_v6(trace, SMC_POLICY_ACCEPT, subnet, 8443);

		add_one(trace, &to, t, subnet % 2);
	}
}

/* Long ones all the time; now and then some hundred short ones within a second, from the same peer. */
static void make_storms(struct trace *trace)
{
	for (unsigned int peer = 0; peer < 3; peer++) {
		struct target to = target(SMC_POLICY_CONNECT, 6, peer, 3306);

		for (double t = 0; arrives(trace, &t, 900, 0.4);)
			add_one(trace, &to, t, true);
		for (double t = uniform(trace, 5, 60); t < 900; t += uniform(trace, 30, 90)) {
			double at = t;

			for (unsigned int n = 100 + below(trace, 200); n; n--) {
				add_one(trace, &to, at, false);
				at += uniform(trace, 0.001, 0.008);
			}
		}
	}
}

/* Connections that close after 3 to 15 minutes, beside short ones of another service. */
static void make_minutes(struct trace *trace)
{
	for (double t = 0; arrives(trace, &t, 600, 3);) {
		struct target to = target(SMC_POLICY_CONNECT, 7, below(trace, 6), 2049);
		double seconds = uniform(trace, 180, 900);

		add(trace, &to, t, seconds, seconds * lognormal(trace, 200e3, 0.5));
	}
	for (double t = 0; arrives(trace, &t, 600, 5);) {
		struct target to = target(SMC_POLICY_CONNECT, 7, below(trace, 6), 80);

		add_one(trace, &to, t, false);
	}
}

const struct trace_kind trace_kinds[] = {
	{ "pools", true, 0.03, 0.95, make_pools },
	{ "services", true, 0.03, 0.95, make_services },
	{ "turns", true, 0.05, 0.95, make_turns },
	{ "heavy-tailed", false, 1, 0, make_heavy },
	{ "seen once", true, 0.03, 0.95, make_once },
	{ "subnets", true, 0.03, 0.95, make_subnets },
	{ "storms", true, 0.03, 0.95, make_storms },
	{ "minutes", true, 0.03, 0.95, make_minutes },
};
const size_t n_trace_kinds = sizeof(trace_kinds) / sizeof(*trace_kinds);

/* ---- traces ---- */

static int compare(const void *a, const void *b)
{
	const struct trace_row *x = a, *y = b;

	return (x->opened > y->opened) - (x->opened < y->opened);
}

void trace_make(struct trace *trace, const struct trace_kind *kind, unsigned int seed)
{
	*trace = (struct trace){ .random = seed };
	kind->make(trace);
	qsort(trace->rows, trace->n, sizeof(*trace->rows), compare);
}

void trace_clear(struct trace *trace)
{
	free(trace->rows);
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

		rc = replay_row(replay, &trace->rows[i], &verdict);
		verdicts[i] = verdict.smc;
	}
	replay_free(replay);
	policy_config_clear(&config);
	return rc;
}

double trace_utility(const struct trace_row *row)
{
	return fmin((double)row->bytes / (100 * 1024), 50) - 1;
}

struct trace_score trace_score(const struct trace *trace, const bool *verdicts)
{
	double oracle = 0, got = 0, shorts = 0, set_up = 0;

	for (size_t i = 0; i < trace->n; i++) {
		double utility = trace_utility(&trace->rows[i]);

		oracle += fmax(utility, 0);
		got += verdicts[i] ? utility : 0;
		shorts += utility < 0;
		set_up += utility < 0 && verdicts[i];
	}
	return (struct trace_score){
		.share = oracle > 0 ? got / oracle : 0,
		.shorts = shorts > 0 ? set_up / shorts : 0,
	};
}
