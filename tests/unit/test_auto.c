// SPDX-License-Identifier: GPL-2.0-or-later
/* `auto`: the arithmetic of the estimator, its memory, traces, and what it makes of them. */
#include "random.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bench/traces.h"
#include "policy/learn.h"
#include "policy/replay.h"

#define SEEDS 3

static void gain_is_bytes_in_setups_less_one(void **state)
{
	(void)state;
	assert_int_equal(smc_auto_gain(0, 1000), -SMC_AUTO_ONE);
	assert_int_equal(smc_auto_gain(1000, 1000), 0);
	assert_int_equal(smc_auto_gain(3000, 1000), 2 * SMC_AUTO_ONE);
	assert_int_equal(smc_auto_gain(50000, 1000), 49 * SMC_AUTO_ONE);
	assert_int_equal(smc_auto_gain(UINT64_MAX, 1000), 49 * SMC_AUTO_ONE);
}

static void value_halves_with_its_half_life(void **state)
{
	(void)state;
	assert_int_equal(smc_auto_decay(65536, 0, SMC_AUTO_SEC), 65536);
	assert_int_equal(smc_auto_decay(65536, SMC_AUTO_SEC, SMC_AUTO_SEC), 32768);
	assert_int_equal(smc_auto_decay(65536, 3 * SMC_AUTO_SEC, SMC_AUTO_SEC), 8192);
	assert_int_equal(smc_auto_decay(65536, UINT64_MAX, SMC_AUTO_SEC), 0);
	for (uint64_t age = 0, last = 65536; age < 4 * SMC_AUTO_SEC; age += SMC_AUTO_SEC / 50) {
		uint64_t value = smc_auto_decay(65536, age, SMC_AUTO_SEC);

		assert_true(value <= last);
		last = value;
	}
}

static struct smc_auto_lesson lesson_of(int32_t gain, uint64_t now)
{
	return (struct smc_auto_lesson){
		.now = now,
		.half = 600 * SMC_AUTO_SEC,
		.gain = gain,
		.times = 1,
	};
}

/* @n lessons of @gain, a second apart; returns the time after them. */
static uint64_t learn_often(struct smc_auto_mean *mean, struct smc_auto_trend *trend, int n,
			    int32_t gain, uint64_t now)
{
	for (int i = 0; i < n; i++, now += SMC_AUTO_SEC) {
		struct smc_auto_lesson lesson = lesson_of(gain, now);

		smc_auto_learn(mean, trend, &lesson);
	}
	return now;
}

static int32_t expected_gain(const struct smc_auto_mean *mean)
{
	return smc_auto_outlook_gain(smc_auto_expect(mean, SMC_AUTO_PRIOR));
}

static void mean_is_share_of_hits_times_their_gain(void **state)
{
	struct smc_auto_mean mean = { 0 };
	struct smc_auto_trend trend = { 0 };
	uint64_t now = SMC_AUTO_SEC;

	(void)state;
	assert_true(expected_gain(&mean) < 0);
	for (int i = 0; i < 60; i++) {
		now = learn_often(&mean, &trend, 9, -SMC_AUTO_ONE, now);
		now = learn_often(&mean, &trend, 1, 29 * SMC_AUTO_ONE, now);
	}
	/* One in ten gains 29, the others lose 1: 2 on average. */
	assert_in_range(expected_gain(&mean), SMC_AUTO_ONE * 16 / 10, SMC_AUTO_ONE * 24 / 10);
}

static void run_that_chance_does_not_explain_is_a_change(void **state)
{
	struct smc_auto_mean mean = { 0 };
	struct smc_auto_trend trend = { 0 };
	struct smc_auto_lesson late;
	uint64_t now = SMC_AUTO_SEC;
	int32_t changed;

	(void)state;
	now = learn_often(&mean, &trend, 100, 49 * SMC_AUTO_ONE, now);
	assert_true(expected_gain(&mean) > 40 * SMC_AUTO_ONE);
	now = learn_often(&mean, &trend, 2, -SMC_AUTO_ONE, now);
	assert_true(expected_gain(&mean) > 40 * SMC_AUTO_ONE);
	now = learn_often(&mean, &trend, 2, -SMC_AUTO_ONE, now);
	changed = expected_gain(&mean);
	assert_true(changed < 0);
	/* One that opened before the change teaches no more; one that opened after it does. */
	late = lesson_of(49 * SMC_AUTO_ONE, now);
	late.age = 60 * SMC_AUTO_SEC;
	smc_auto_learn(&mean, &trend, &late);
	assert_int_equal(expected_gain(&mean), changed);
	late.age = 0;
	smc_auto_learn(&mean, &trend, &late);
	assert_true(expected_gain(&mean) > 0);
}

static void run_that_chance_explains_changes_nothing(void **state)
{
	struct smc_auto_mean mean = { 0 };
	struct smc_auto_trend trend = { 0 };
	uint64_t now = SMC_AUTO_SEC;

	(void)state;
	for (int i = 0; i < 60; i++) {
		now = learn_often(&mean, &trend, 9, -SMC_AUTO_ONE, now);
		now = learn_often(&mean, &trend, 1, 29 * SMC_AUTO_ONE, now);
	}
	learn_often(&mean, &trend, 60, -SMC_AUTO_ONE, now);
	assert_int_equal(trend.changed, 0);
	assert_true(expected_gain(&mean) > 0);
}

static void one_lucky_gain_makes_no_account_sure(void **state)
{
	struct smc_auto_service service = { 0 };
	struct smc_auto_lesson lesson = lesson_of(0, SMC_AUTO_SEC);

	(void)state;
	/* A context that votes for one in ten, of which one gains 49. */
	for (int i = 0; i < 300; i++) {
		lesson.votes = i % 10 ? 0 : 1u << SMC_AUTO_PEER;
		lesson.gain = i == 200 ? 49 * SMC_AUTO_ONE : -SMC_AUTO_ONE;
		smc_auto_judge(&service, &lesson);
	}
	assert_true(service.account.total[SMC_AUTO_PEER] > 0);
	assert_int_equal(service.rate.decider, 0);
	/* Where each vote pays it decides. */
	for (int i = 0; i < 100; i++) {
		lesson.votes = i % 10 ? 0 : 1u << SMC_AUTO_PEER;
		lesson.gain = i % 10 ? -SMC_AUTO_ONE : 5 * SMC_AUTO_ONE;
		smc_auto_judge(&service, &lesson);
	}
	assert_int_equal(service.rate.decider, SMC_AUTO_PEER + 1);
}

static void what_was_decided_is_counted_beside_smc_for_all(void **state)
{
	struct smc_auto_service service = { 0 };
	struct smc_auto_lesson lesson = lesson_of(0, SMC_AUTO_SEC);

	(void)state;
	/* SMC is said to the first two of four. */
	for (int i = 0; i < 4; i++) {
		lesson.decided = i < 2;
		lesson.gain = (i == 0 ? 9 : i == 2 ? 5 : -1) * SMC_AUTO_ONE;
		smc_auto_judge(&service, &lesson);
	}
	/* The first ones fade fast. */
	assert_in_range(service.account.gained, SMC_AUTO_ONE, 9 * SMC_AUTO_ONE);
	assert_in_range(service.account.lost, SMC_AUTO_ONE / 4, SMC_AUTO_ONE);
	/* It lives on, and gains more. */
	service.account.gained = 100 * SMC_AUTO_ONE;
	lesson.decided = 1;
	lesson.gain = 7 * SMC_AUTO_ONE;
	smc_auto_judge_again(&service, &lesson, 4 * SMC_AUTO_ONE);
	assert_int_equal(service.account.gained, 103 * SMC_AUTO_ONE);
	lesson.decided = 0;
	smc_auto_judge_again(&service, &lesson, 4 * SMC_AUTO_ONE);
	assert_int_equal(service.account.gained, 103 * SMC_AUTO_ONE);
}

static struct learn *new_learn(size_t records)
{
	struct learn_options options = {
		.records = records,
		.setup_bytes = policy_parameters_default.setup_bytes,
		.half_life = policy_parameters_default.half_life,
	};

	return learn_new(&options);
}

static struct learn_connection connection(uint32_t peer, uint16_t port)
{
	struct learn_connection connection = {
		.side = SMC_POLICY_CONNECT,
		.port = port,
		.peer = { [10] = 0xff, [11] = 0xff },
	};

	memcpy(connection.peer + 12, &peer, 4);
	return connection;
}

static void nothing_is_accelerated_before_it_is_proven(void **state)
{
	struct learn *learn = new_learn(1024);
	struct learn_connection one = connection(1, 80);

	(void)state;
	assert_int_equal(learn_open(learn, &one, SMC_AUTO_SEC), SMC_POLICY_REASON_UNPROVEN);
	learn_tell(learn, &one, 100, true, 2 * SMC_AUTO_SEC);
	assert_int_equal(learn_open(learn, &one, 3 * SMC_AUTO_SEC), SMC_POLICY_REASON_SHORT_LIVED);
	learn_free(learn);
}

static void living_connection_is_a_lesson_before_it_closes(void **state)
{
	struct learn *learn = new_learn(1024);
	uint64_t now = SMC_AUTO_SEC;
	int reason = SMC_POLICY_REASON_UNPROVEN;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct learn_connection one = connection(1, 80);

		reason = learn_open(learn, &one, now);
		learn_tell(learn, &one, 100 << 20, false, now + SMC_AUTO_SEC); /* and it goes on */
		now += 5 * SMC_AUTO_SEC;
	}
	assert_int_equal(reason, SMC_POLICY_REASON_LONG_LIVED);
	learn_free(learn);
}

static void opinion_is_that_of_the_finest_that_is_known(void **state)
{
	struct smc_auto_service service = { 0 };
	struct smc_auto_peer subnet = { 0 }, peer = { 0 };
	struct smc_auto_memory nothing = { 0 }, all = { &service, &subnet, &peer };
	struct smc_auto_memory stranger = { .service = &service };
	struct smc_auto_rates rates = { 0 };
	struct learn_opinion opinion;
	uint64_t now = SMC_AUTO_SEC;

	(void)state;
	learn_judge(&nothing, now, &opinion);
	assert_int_equal(opinion.reason, SMC_POLICY_REASON_UNPROVEN);
	assert_int_equal(opinion.decider, -1);
	assert_true(opinion.gain < 0);
	for (int i = 0; i < 160; i++, now += SMC_AUTO_SEC) {
		bool known = i % 4 == 0;
		const struct smc_auto_memory *memory = known ? &all : &stranger;

		struct smc_auto_lesson lesson =
			lesson_of(known ? 2 * SMC_AUTO_ONE : -SMC_AUTO_ONE, now);

		lesson.votes = smc_auto_votes(memory, &rates);
		smc_auto_tell(memory, &rates, &lesson);
	}
	learn_judge(&all, now, &opinion);
	assert_int_equal(opinion.reason, SMC_POLICY_REASON_LONG_LIVED);
	assert_in_range(opinion.gain, SMC_AUTO_ONE, 3 * SMC_AUTO_ONE);
	assert_true(opinion.decider >= SMC_AUTO_SUBNET);
	learn_judge(&stranger, now, &opinion);
	assert_int_equal(opinion.reason, SMC_POLICY_REASON_SHORT_LIVED);
	assert_true(opinion.gain < SMC_AUTO_ONE);
}

static void lessons_fade_by_half_in_a_half_life(void **state)
{
	struct smc_auto_mean mean = { .hits = SMC_AUTO_WEIGHT_ONE,
				      .weight = 4 * SMC_AUTO_WEIGHT_ONE };
	struct smc_auto_trend trend = { 0 };
	struct smc_auto_lesson lesson = lesson_of(-SMC_AUTO_ONE, 600 * SMC_AUTO_SEC);

	(void)state;
	lesson.age = UINT64_MAX; /* it only makes time pass */
	smc_auto_learn(&mean, &trend, &lesson);
	assert_in_range(mean.hits, SMC_AUTO_WEIGHT_ONE * 49 / 100, SMC_AUTO_WEIGHT_ONE * 51 / 100);
	assert_in_range(mean.weight, SMC_AUTO_WEIGHT_ONE * 198 / 100,
			SMC_AUTO_WEIGHT_ONE * 202 / 100);
}

static void looks_come_after_half_a_second_and_double(void **state)
{
	uint64_t half = SMC_AUTO_SEC / 2, opened = 7 * SMC_AUTO_SEC;

	(void)state;
	assert_int_equal(learn_next_look(opened, opened), opened + half);
	assert_int_equal(learn_next_look(opened, opened + half), opened + 2 * half);
	assert_int_equal(learn_next_look(opened, opened + 2 * half), opened + 4 * half);
}

static void million_peers_take_no_more_memory(void **state)
{
	struct learn *learn = new_learn(4096);
	size_t size = learn_size(learn);

	(void)state;
	for (uint32_t peer = 0; peer < random_rounds(1000000); peer++) {
		struct learn_connection one = connection(peer * 2654435761u, 80);

		learn_open(learn, &one, peer * 1000ull);
		learn_tell(learn, &one, 10, true, peer * 1000ull + 500);
	}
	assert_int_equal(learn_size(learn), size);
	assert_in_range(size, 1, 4096 * 272 + 4096);
	learn_free(learn);
}

/* ---- rows ---- */

static void good_rows_are_read(void **state)
{
	char line[] = "1.5,12.25,accept,10.0.0.1,80,1000,24";
	char exponent[] = "1e-05,2,connect,fd00::1,65535,0,0,77";
	struct value_error error;
	struct trace_row row;

	(void)state;
	assert_int_equal(trace_parse(line, &row, &error), 0);
	assert_int_equal(row.opened, 1500000000);
	assert_int_equal(row.closed, 12250000000);
	assert_int_equal(row.side, SMC_POLICY_ACCEPT);
	assert_int_equal(row.port, 80);
	assert_int_equal(row.bytes, 1024);
	assert_int_equal(row.messages, 0);
	assert_int_equal(row.peer[15], 1);
	assert_int_equal(trace_parse(exponent, &row, &error), 0);
	assert_int_equal(row.opened, 10000);
	assert_int_equal(row.messages, 77);
}

static void bad_rows_are_refused_by_column(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "", "1 column;" },
		{ "1,2,accept,10.0.0.1,80,1", "6 columns;" },
		{ "1,2,accept,10.0.0.1,80,1,2,3,4", "9 columns;" },
		{ "1,2,accept,10.0.0.1,80,1,2,x", "messages \"x\"" },
		{ "1,2,accept,10.0.0.1,80,1,2,", "messages" },
		{ "x,2,accept,10.0.0.1,80,1,2", "open \"x\"" },
		{ ",2,accept,10.0.0.1,80,1,2", "open \"\"" },
		{ "-1,2,accept,10.0.0.1,80,1,2", "open \"-1\"" },
		{ "nan,2,accept,10.0.0.1,80,1,2", "open \"nan\"" },
		{ "0x1,2,accept,10.0.0.1,80,1,2", "open \"0x1\"" },
		{ "1,1e99,accept,10.0.0.1,80,1,2", "close \"1e99\"" },
		{ "3,2,accept,10.0.0.1,80,1,2", "before it opens" },
		{ "1,2,listen,10.0.0.1,80,1,2", "side \"listen\"" },
		{ "1,2,accept,10.0.0.256,80,1,2", "10.0.0.256" },
		{ "1,2,accept,10.0.0.1,65536,1,2", "port 65536" },
		{ "1,2,accept,10.0.0.1,80,-1,2", "sent \"-1\"" },
		{ "1,2,accept,10.0.0.1,80,1,2.5", "received \"2.5\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct value_error error;
		struct trace_row row;
		char line[128];

		strcpy(line, rows[i].line);
		assert_int_equal(trace_parse(line, &row, &error), -EINVAL);
		assert_non_null(strstr(error.text, rows[i].says));
	}
}

/* ---- replay ---- */

static void rules_come_before_what_is_learned(void **state)
{
	struct policy_rule *rule = policy_rule_new("no");
	struct replay_verdict verdict;
	struct trace_row row = { .closed = SMC_AUTO_SEC, .port = 81, .bytes = 100 << 20 };
	struct value_error error;
	struct policy_config config;
	struct replay *replay;

	(void)state;
	policy_config_init(&config);
	config.policy.default_action = SMC_POLICY_ALLOW;
	assert_int_equal(policy_rule_set(rule, "ports", "80", &error), 0);
	assert_int_equal(policy_rule_set(rule, "action", "deny", &error), 0);
	policy_put(&config.policy, rule);
	replay = replay_new(&config, 0);
	assert_int_equal(replay_row(replay, &row, &verdict), 0);
	assert_true(verdict.smc && !verdict.rule && verdict.reason == SMC_POLICY_REASON_DEFAULT);
	row.port = 80;
	assert_int_equal(replay_row(replay, &row, &verdict), 0);
	assert_true(!verdict.smc && verdict.rule == rule &&
		    verdict.reason == SMC_POLICY_REASON_RULE);
	assert_int_equal(replay_totals(replay)->smc_peak, 1);
	assert_int_equal(replay_totals(replay)->bytes_smc, 100 << 20);
	row.opened = 5 * SMC_AUTO_SEC;
	row.closed = 6 * SMC_AUTO_SEC;
	assert_int_equal(replay_row(replay, &row, &verdict), 0);
	row.opened = 4 * SMC_AUTO_SEC;
	assert_int_equal(replay_row(replay, &row, &verdict), -EINVAL);
	replay_free(replay);
	policy_config_clear(&config);
}

/* ---- limits ---- */

static struct replay *start_replay(struct policy_config *config, const char *text)
{
	struct policy_errors errors = { 0 };
	struct replay *replay;

	policy_config_init(config);
	if (policy_config_parse(config, "f", text, strlen(text), &errors))
		fail_msg("%s", errors.lines[0]);
	replay = replay_new(config, 1000);
	assert_non_null(replay);
	return replay;
}

static void end_replay(struct replay *replay, struct policy_config *config)
{
	replay_free(replay);
	policy_config_clear(config);
}

/* A connection to @port from @opened to @closed (ms) gets @reason, and SMC if that is "rule". */
static void assert_reason(struct replay *replay, uint16_t port, uint64_t opened, uint64_t closed,
			  const char *reason)
{
	struct trace_row row = { .opened = opened * 1000000, .closed = closed * 1000000 };
	struct replay_verdict verdict;
	const char *name;

	row.port = port;
	assert_int_equal(replay_row(replay, &row, &verdict), 0);
	name = word_name(&words_reason, (unsigned int)verdict.reason);
	if (strcmp(name, reason) || verdict.smc != !strcmp(reason, "rule"))
		fail_msg("port %u at %llu ms: %s, reason %s instead of %s", port,
			 (unsigned long long)opened, verdict.smc ? "smc" : "tcp", name, reason);
}

static void connections_over_the_budget_are_tcp_until_one_closes(void **state)
{
	struct policy_config config;
	struct replay *replay = start_replay(
		&config, "[rule a]\naction = allow\nports = 1\nmax-connections = 2\n"
			 "[rule b]\naction = allow\nports = 2\nmax-memory = 2999\n"
			 "[rule none]\naction = allow\nports = 3\nmax-connections = 0\n"
			 "[rule c]\naction = allow\nports = 4\n"
			 "[budget]\nmax-memory = 5000\n");

	(void)state;
	assert_reason(replay, 1, 0, 100, "rule");
	assert_reason(replay, 1, 0, 200, "rule");
	assert_reason(replay, 1, 1, 300, "budget");
	assert_reason(replay, 2, 1, 300, "rule");
	assert_reason(replay, 2, 1, 300, "rule");
	assert_reason(replay, 2, 1, 300, "budget");
	assert_reason(replay, 3, 1, 300, "budget");
	assert_reason(replay, 4, 1, 300, "rule");
	assert_reason(replay, 4, 1, 300, "budget"); /* the host's: five at a time */
	assert_reason(replay, 1, 99, 300, "budget");
	assert_reason(replay, 1, 100, 300, "rule");
	assert_reason(replay, 4, 100, 300, "budget");
	assert_reason(replay, 1, 199, 300, "budget");
	assert_reason(replay, 4, 200, 300, "rule");
	assert_int_equal(replay_totals(replay)->smc_peak, 5);
	assert_int_equal(replay_totals(replay)->reasons[SMC_POLICY_REASON_BUDGET], 7);
	end_replay(replay, &config);
}

static void connections_that_come_too_fast_are_tcp(void **state)
{
	struct policy_config config;
	struct replay *replay = start_replay(
		&config, "[rule a]\naction = allow\nports = 1\nmax-rate = 10/s burst 3\n"
			 "[rule b]\naction = allow\nports = 2\n"
			 "[rule c]\naction = deny\nports = 3\n"
			 "[budget]\nmax-rate = 20/s burst 4\n");

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_reason(replay, 1, 1000, 1001, "rule");
	assert_reason(replay, 1, 1000, 1001, "pacing");
	assert_reason(replay, 2, 1000, 1001, "rule"); /* what rule a kept out is not booked */
	assert_reason(replay, 2, 1000, 1001, "pacing");
	assert_reason(replay, 1, 1099, 1100, "pacing");
	assert_reason(replay, 1, 1100, 1101, "rule");
	assert_reason(replay, 2, 1100, 1101, "rule");
	assert_reason(replay, 2, 1100, 1101, "pacing");
	assert_reason(replay, 1, 1199, 1200, "pacing");
	end_replay(replay, &config);
}

static void what_the_host_keeps_out_is_not_booked_for_the_rule(void **state)
{
	struct policy_config config;
	struct replay *replay =
		start_replay(&config, "[rule a]\naction = allow\nmax-rate = 1/h burst 2\n"
				      "[budget]\nmax-rate = 1000/s burst 1\n");

	(void)state;
	assert_reason(replay, 1, 0, 1, "rule");
	for (int i = 0; i < 5; i++)
		assert_reason(replay, 1, 0, 1, "pacing");
	assert_reason(replay, 1, 1, 2, "rule");
	assert_reason(replay, 1, 10, 11, "pacing");
	end_replay(replay, &config);
}

static void setup_cost_says_what_is_wasted(void **state)
{
	struct trace_row row = { .closed = SMC_AUTO_SEC, .bytes = 150 << 10 };
	struct replay_verdict verdict;
	struct policy_config config;
	struct replay *replay =
		start_replay(&config, "[policy]\ndefault = allow\n[auto]\nsetup-cost = 200us\n");

	(void)state;
	assert_int_equal(replay_row(replay, &row, &verdict), 0);
	row.bytes = 250 << 10;
	assert_int_equal(replay_row(replay, &row, &verdict), 0);
	assert_int_equal(replay_totals(replay)->wasted, 1);
	end_replay(replay, &config);
}

static struct trace_score replay_trace(const struct trace *trace)
{
	bool *verdicts = calloc(trace->n, sizeof(*verdicts));
	struct trace_score score;

	assert_int_equal(trace_replay(trace, verdicts), 0);
	score = trace_score(trace, verdicts);
	free(verdicts);
	return score;
}

static void assert_score(const struct trace_kind *kind, unsigned int seed,
			 const struct trace_score *score)
{
	/* Where the mean gain is a tenth of its deviation, chance moves more than TRACE_LATE_MAX. */
	bool settles = kind->class == TRACE_SEPARABLE || kind->share_min >= 0.96;

	if (score->share < kind->share_min || score->shorts > kind->shorts_max ||
	    (settles && score->late < -TRACE_LATE_MAX))
		fail_msg("%s, seed %u: share %.3f, shorts %.3f, late %.3f", kind->name, seed,
			 score->share, score->shorts, score->late);
}

static void kinds_of_traces_are_learned(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_trace_kinds; i++) {
		for (unsigned int seed = 1; seed <= random_rounds(SEEDS); seed++) {
			struct trace_score score;
			struct trace trace;

			trace_make(&trace, &trace_kinds[i], seed, false);
			score = replay_trace(&trace);
			assert_score(&trace_kinds[i], seed, &score);
			trace_clear(&trace);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gain_is_bytes_in_setups_less_one),
		cmocka_unit_test(value_halves_with_its_half_life),
		cmocka_unit_test(mean_is_share_of_hits_times_their_gain),
		cmocka_unit_test(run_that_chance_does_not_explain_is_a_change),
		cmocka_unit_test(run_that_chance_explains_changes_nothing),
		cmocka_unit_test(one_lucky_gain_makes_no_account_sure),
		cmocka_unit_test(what_was_decided_is_counted_beside_smc_for_all),
		cmocka_unit_test(nothing_is_accelerated_before_it_is_proven),
		cmocka_unit_test(living_connection_is_a_lesson_before_it_closes),
		cmocka_unit_test(opinion_is_that_of_the_finest_that_is_known),
		cmocka_unit_test(lessons_fade_by_half_in_a_half_life),
		cmocka_unit_test(looks_come_after_half_a_second_and_double),
		cmocka_unit_test(million_peers_take_no_more_memory),
		cmocka_unit_test(good_rows_are_read),
		cmocka_unit_test(bad_rows_are_refused_by_column),
		cmocka_unit_test(rules_come_before_what_is_learned),
		cmocka_unit_test(connections_over_the_budget_are_tcp_until_one_closes),
		cmocka_unit_test(connections_that_come_too_fast_are_tcp),
		cmocka_unit_test(what_the_host_keeps_out_is_not_booked_for_the_rule),
		cmocka_unit_test(setup_cost_says_what_is_wasted),
		cmocka_unit_test(kinds_of_traces_are_learned),
	};

	return cmocka_run_group_tests_name("auto", tests, NULL, NULL);
}
