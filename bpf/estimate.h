/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `auto` has learned, as arithmetic: how a lesson changes what is known, and what a
 * connection is expected to gain.  Integers only and no loops without a constant
 * bound, so that a BPF program can run it as well as `simulate`.
 *
 * GAIN is in set-ups, 24.8 fixed point: what the bytes and messages of a connection save on SMC,
 * in units of what setting SMC up costs, less the one set-up.  A connection of no bytes gains -1,
 * one of twice the bytes that pay for a set-up +1.
 *
 * Five CONTEXTS judge a connection, from coarse to fine: the service (side and port), the
 * service at this rate of new connections, the service with the peer's subnet, with the
 * peer, with the peer at this rate.  Each keeps two numbers apart: how many of its
 * connections gained anything (hits), in a window of SMC_AUTO_WINDOW lessons, and how much those
 * gained on average.  Their product, less what the others cost, is the expected gain, in
 * full; a context with few lessons falls back on the coarser one.  It votes for SMC if it
 * expects a gain.  Kept apart, one huge connection moves the mean but not the share, and a
 * rare one that pays for hundreds still counts.
 *
 * A window of hundreds follows changes slowly, so a context also watches for RUNS: hits, or
 * misses, in succession that chance hardly explains under the share known so far.  Then
 * what was known is dropped, and what opened before the change teaches this context no more.
 *
 * Which context is right differs between services and over time.  So each service keeps
 * an ACCOUNT for each: what SMC would have gained by its votes; and one for SMC for all.  Of
 * those that are above zero by more than chance may bring, the best decides; if there is
 * none, TCP.
 *
 * A living connection that has paid already is a lesson too.  It is taken to be worth twice
 * what it has carried, at least the mean of the service, until its end tells.
 *
 * Long because it is one header that BPF programs and user space compile alike.
 */
#ifndef SMC_POLICY_ESTIMATE_H
#define SMC_POLICY_ESTIMATE_H

#include <linux/types.h>
#include "smc_policy_auto.h"
#include "smc_policy_verdict.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif

#define SMC_AUTO_ONE 256 /* of a gain: one set-up */
#define SMC_AUTO_GAIN_MAX (50 * SMC_AUTO_ONE) /* more bytes than that count no more */

/* Where nothing is known: the share of hits, 16.16, and what each gains, 24.8. */
#define SMC_AUTO_PRIOR_HITS 1311u
#define SMC_AUTO_PRIOR_GAIN (5 * SMC_AUTO_ONE)

#define SMC_AUTO_SEC 1000000000ull

#define SMC_AUTO_WEIGHT_ONE 65536u
#define SMC_AUTO_BACKOFF (SMC_AUTO_WEIGHT_ONE / 8) /* weight of the coarser context */
#define SMC_AUTO_WINDOW_SHIFT 9 /* lessons that a context remembers, 2^9 */
#define SMC_AUTO_GAINS 64 /* and gains */

/* What is known about a connection's surroundings; NULL: nothing. */
struct smc_auto_memory {
	struct smc_auto_service *service;
	struct smc_auto_peer *subnet, *peer;
};

/* The rates at which a connection came, each below SMC_AUTO_RATES. */
struct smc_auto_rates {
	__u32 service, peer;
};

/*
 * @value after @age ns with a half-life of @half ns: halved for each whole one,
 * linear in between.
 */
static __always_inline __u64 smc_auto_decay(__u64 value, __u64 age, __u64 half)
{
	__u64 halves = age / half, rest = age - halves * half;

	if (halves > 31)
		return 0;
	value >>= halves;
	return value - value / 2 * (rest >> 10) / (half >> 10);
}

/* Gain of @bytes both ways on SMC, where @setup bytes pay for setting it up. */
static __always_inline __s32 smc_auto_gain(__u64 bytes, __u32 setup)
{
	__u64 most = (__u64)(SMC_AUTO_GAIN_MAX / SMC_AUTO_ONE) * setup;

	if (bytes > most)
		bytes = most;
	return (__s32)(bytes * SMC_AUTO_ONE / setup) - SMC_AUTO_ONE;
}

/* More messages than that count no more, so that the product fits. */
#define SMC_AUTO_MESSAGES_MAX (1u << 30)

/*
 * Bytes that save on SMC as much as @bytes and @messages together, where one message saves as
 * much as @message_bytes.
 */
static __always_inline __u64 smc_auto_worth(__u64 bytes, __u64 messages, __u32 message_bytes)
{
	if (messages > SMC_AUTO_MESSAGES_MAX)
		messages = SMC_AUTO_MESSAGES_MAX;
	return bytes + messages * message_bytes;
}

/* All ones if @value is negative, else zero. */
static __always_inline __s64 smc_auto_sign(__s64 value)
{
	asm volatile("" : "+r"(value)); /* or the compiler makes a branch of it */
	return value >> 63;
}

/*
 * 1 if @value is negative, else 0.  Choices are made by multiplication with such a number: a
 * branch doubles what the BPF verifier must follow from there on, and so does, since Linux 6.18,
 * a mask of all ones or none that meets a constant (maybe_fork_scalars(), kernel/bpf/verifier.c).
 */
static __always_inline __u32 smc_auto_negative(__s64 value)
{
	asm volatile("" : "+r"(value));
	return (__u32)((__u64)value >> 63);
}

/* 1 if @value is positive, else 0. */
static __always_inline __u32 smc_auto_positive(__s64 value)
{
	return smc_auto_negative(-value);
}

static __always_inline __s32 smc_auto_min(__s64 a, __s64 b)
{
	return (__s32)(b + ((a - b) & smc_auto_sign(a - b)));
}

/* @value / @by, towards zero.  BPF divides unsigned numbers only. */
static __always_inline __s32 smc_auto_divide(__s64 value, __u64 by)
{
	__s64 sign = smc_auto_sign(value);

	return (__s32)(((__s64)((__u64)((value ^ sign) - sign) / by) ^ sign) - sign);
}

/* What a context expects: the share of hits, 16.16, and what each gains, 24.8. */
struct smc_auto_outlook {
	__u32 hits;
	__s32 gain;
};

#define SMC_AUTO_PRIOR                                                   \
	(struct smc_auto_outlook)                                        \
	{                                                                \
		.hits = SMC_AUTO_PRIOR_HITS, .gain = SMC_AUTO_PRIOR_GAIN \
	}

/* What @mean expects, where the coarser context expects @coarser. */
static __always_inline struct smc_auto_outlook smc_auto_expect(const struct smc_auto_mean *mean,
							       struct smc_auto_outlook coarser)
{
	__u64 hits = ((__u64)mean->hits << 16) + (__u64)coarser.hits * SMC_AUTO_BACKOFF;
	__s32 known = (__s32)smc_auto_positive(mean->gains);

	return (struct smc_auto_outlook){
		.hits = (__u32)(hits / ((__u64)mean->weight + SMC_AUTO_BACKOFF)),
		.gain = coarser.gain + ((mean->gain >> 8) - coarser.gain) * known,
	};
}

/* The gain of the next connection, 24.8: one that is no hit costs the set-up. */
static __always_inline __s32 smc_auto_outlook_gain(struct smc_auto_outlook outlook)
{
	return (__s32)(((__s64)outlook.hits * (outlook.gain + SMC_AUTO_ONE)) >> 16) - SMC_AUTO_ONE;
}

/* @share (16.16) of @value, towards zero. */
static __always_inline __s64 smc_auto_part(__s64 value, __u32 share)
{
	__s64 sign = smc_auto_sign(value);

	return ((__s64)((__u64)((value ^ sign) - sign) * share >> 16) ^ sign) - sign;
}

/* A lesson: a connection gains @gain, as far as is known. */
struct smc_auto_lesson {
	__u64 now; /* ns */
	__u64 age; /* of the connection, ns */
	__u64 half; /* what is known fades by half in so many ns */
	__s32 gain; /* 24.8 */
	__u32 times; /* it counts so often: 1 or SMC_AUTO_TIMES */
	__u32 votes; /* of the contexts when it opened */
	__u32 decided; /* 1: auto said SMC to it */
};

/*
 * One connection of a storm stands for many, but is no surer than so many are.  One or this: then
 * a power is three multiplications.
 */
#define SMC_AUTO_TIMES 8u

/* How often the lesson of a connection counts that stands for @connections. */
static __always_inline __u32 smc_auto_lesson_weight(__u32 connections)
{
	return 1 +
	       (SMC_AUTO_TIMES - 1) * smc_auto_positive((__s64)connections - (SMC_AUTO_TIMES - 1));
}

/*
 * A run is a change if its chance is less than about e^-12.5, and it is of three at least.  No kind of
 * connection is taken to be rarer than one in a thousand: then nothing would be left to chance.
 */
#define SMC_AUTO_CHANCE_ONE (1u << 24)
#define SMC_AUTO_CHANCE_MIN 60u
#define SMC_AUTO_CHANCE_FLOOR 66u /* 16.16 */
#define SMC_AUTO_RUN_MIN 3
#define SMC_AUTO_RUN_MAX 1000
#define SMC_AUTO_RUN_KEPT 4 /* so many lessons the run counts as */
#define SMC_AUTO_RUN_LESSONS (8 * SMC_AUTO_WEIGHT_ONE) /* before that nothing is surprising */

/* The chance of a hit, or of a miss, in the eyes of @mean, 16.16; @times in succession. */
static __always_inline __u64 smc_auto_chance(const struct smc_auto_mean *mean, __u32 hit,
					     __u32 times)
{
	__u64 share = (((__u64)mean->hits + SMC_AUTO_WEIGHT_ONE / 2) << 16) /
		      ((__u64)mean->weight + SMC_AUTO_WEIGHT_ONE);
	__u64 chance, eight;

	/* Two CPUs at once can bring more hits than lessons. */
	share = (__u64)smc_auto_min((__s64)share, SMC_AUTO_WEIGHT_ONE - SMC_AUTO_CHANCE_FLOOR);
	chance = hit * share + (1 - hit) * (SMC_AUTO_WEIGHT_ONE - share);
	chance += (SMC_AUTO_CHANCE_FLOOR - chance) *
		  smc_auto_negative((__s64)chance - SMC_AUTO_CHANCE_FLOOR);
	eight = chance * chance >> 16;
	eight = eight * eight >> 16;
	eight = eight * eight >> 16;
	return chance + (eight - chance) * smc_auto_positive((__s64)times - 1);
}

/* @hit: the lesson is one.  If that makes a run which chance does not explain, begin anew with it. */
static __always_inline void smc_auto_watch_run(struct smc_auto_mean *mean,
					       struct smc_auto_trend *trend, __u32 hit,
					       const struct smc_auto_lesson *lesson)
{
	__u32 same = 1 ^ ((mean->run ^ hit) & 1), run = (mean->run >> 1) * same, changed, kept;
	__u64 chance =
		SMC_AUTO_CHANCE_ONE - (__u64)(trend->surprise & (SMC_AUTO_CHANCE_ONE - 1)) * same;

	run += lesson->times;
	run -= lesson->times * smc_auto_positive((__s64)run - SMC_AUTO_RUN_MAX);
	chance = chance * smc_auto_chance(mean, hit, lesson->times) >> 16;
	changed = smc_auto_positive((__s64)mean->weight - SMC_AUTO_RUN_LESSONS) &
		  smc_auto_positive((__s64)run - (SMC_AUTO_RUN_MIN - 1)) &
		  smc_auto_negative((__s64)chance - SMC_AUTO_CHANCE_MIN);
	kept = (__u32)smc_auto_min(run, SMC_AUTO_RUN_KEPT) * SMC_AUTO_WEIGHT_ONE;
	mean->weight += (kept - mean->weight) * changed;
	mean->hits += (kept * hit - mean->hits) * changed;
	mean->run = (__u16)((run << 1 | hit) * (1 - changed));
	trend->surprise = (__u32)(SMC_AUTO_CHANCE_ONE - chance) * (1 - changed);
	trend->changed += ((__u32)(lesson->now >> SMC_AUTO_TREND_SHIFT) - trend->changed) * changed;
}

/* One more lesson in a window: @value fades and @more (16.16, 0 or 1) is added, @times over. */
static __always_inline __u32 smc_auto_slide(__u32 value, __u32 more, __u32 times)
{
	return value - (__u32)((__u64)value * times >> SMC_AUTO_WINDOW_SHIFT) + more * times;
}

/* A hit gains @gain, 24.8; nothing if not @hit. */
static __always_inline void smc_auto_learn_gain(struct smc_auto_mean *mean, __s32 gain, __u32 hit)
{
	__u32 gains = mean->gains;

	mean->gain +=
		smc_auto_divide((__s64)gain * 256 - mean->gain, (__u64)gains + 1) * (__s32)hit;
	mean->gains =
		(__u16)(gains + (hit & smc_auto_negative((__s64)gains - (SMC_AUTO_GAINS - 1))));
}

/* How long ago, in units of @trend, something was at @time. */
static __always_inline __u32 smc_auto_trend_age(const struct smc_auto_lesson *lesson, __u32 time)
{
	return (__u32)(lesson->now >> SMC_AUTO_TREND_SHIFT) - time;
}

/* The first lesson of a connection to one context. */
static __always_inline void smc_auto_learn(struct smc_auto_mean *mean, struct smc_auto_trend *trend,
					   const struct smc_auto_lesson *lesson)
{
	__u64 idle = (__u64)smc_auto_trend_age(lesson, trend->updated) << SMC_AUTO_TREND_SHIFT;
	__u32 changed = smc_auto_trend_age(lesson, trend->changed);
	__u32 hit = smc_auto_positive(lesson->gain);
	__u64 keep = SMC_AUTO_WEIGHT_ONE;

	trend->updated = (__u32)(lesson->now >> SMC_AUTO_TREND_SHIFT);
	/* What is a hundredth of the half-life old has not faded. */
	if (idle > lesson->half >> 7) {
		keep = smc_auto_decay(keep, idle, lesson->half);
		mean->hits = (__u32)((__u64)mean->hits * keep >> 16);
		mean->weight = (__u32)((__u64)mean->weight * keep >> 16);
	}
	/* It opened before the last change. */
	if (lesson->age >> SMC_AUTO_TREND_SHIFT > changed)
		return;
	smc_auto_watch_run(mean, trend, hit, lesson);
	mean->hits = smc_auto_slide(mean->hits, hit * SMC_AUTO_WEIGHT_ONE, lesson->times);
	mean->weight = smc_auto_slide(mean->weight, SMC_AUTO_WEIGHT_ONE, lesson->times);
	smc_auto_learn_gain(mean, lesson->gain, hit);
}

/* A hit that @mean knows turns out to gain @gain, not @before. */
static __always_inline void smc_auto_correct(struct smc_auto_mean *mean, __s32 gain, __s32 before)
{
	__u32 gains = mean->gains;

	mean->gain += smc_auto_divide(((__s64)gain - before) * 256,
				      gains + smc_auto_negative((__s64)gains - 1));
}

#define SMC_AUTO_RATE_HALF_SHIFT 27 /* half-life of the count of new connections: 2^27 ns, 134 ms */
#define SMC_AUTO_RATE_MAX (1u << 30)

/* How many connections have come lately, 24.8. */
static __always_inline __u32 smc_auto_lately(const struct smc_auto_rate *rate, __u64 now)
{
	__u64 age = now > rate->seen ? now - rate->seen : 0;
	__u64 halves = age >> SMC_AUTO_RATE_HALF_SHIFT;
	__u64 rest = age & ((1u << SMC_AUTO_RATE_HALF_SHIFT) - 1), count = rate->count;

	if (halves > 31)
		return 0;
	count >>= halves;
	return (__u32)(count - (count / 2 * rest >> SMC_AUTO_RATE_HALF_SHIFT));
}

/*
 * A storm is where so many come that one can stand for all that are short, as everyone
 * expects them to be, out of so many: each CPU that writes what is known takes it away from the
 * others, which costs more than all the arithmetic.  Means know no storm: there it is class 2.
 */
#define SMC_AUTO_STORM SMC_AUTO_RATES
#define SMC_AUTO_STORM_LATELY (128 * 256) /* 24.8 */
#define SMC_AUTO_STORM_SHARE 8
#define SMC_AUTO_GREAT_STORM_LATELY (1024 * 256)
#define SMC_AUTO_GREAT_STORM_SHARE 64
#define SMC_AUTO_GREATEST_STORM_LATELY (4096 * 256)
#define SMC_AUTO_GREATEST_STORM_SHARE 256

static __always_inline __u32 smc_auto_rate_class(__u32 lately)
{
	return lately < 2 * 256                 ? 0
	       : lately < 8 * 256               ? 1
	       : lately < SMC_AUTO_STORM_LATELY ? 2
						: SMC_AUTO_STORM;
}

/* How fast connections come at @now: 0 to SMC_AUTO_RATES - 1, or SMC_AUTO_STORM. */
static __always_inline __u32 smc_auto_rate_at(const struct smc_auto_rate *rate, __u64 now)
{
	return smc_auto_rate_class(smc_auto_lately(rate, now));
}

/* At which rate a service's connections came: of how many one is looked at, a power of two. */
static __always_inline __u32 smc_auto_share(__s64 lately)
{
	__u32 storm = smc_auto_positive(lately - (SMC_AUTO_STORM_LATELY - 1));
	__u32 great = smc_auto_positive(lately - (SMC_AUTO_GREAT_STORM_LATELY - 1));
	__u32 greatest = smc_auto_positive(lately - (SMC_AUTO_GREATEST_STORM_LATELY - 1));

	return 1 + storm * (SMC_AUTO_STORM_SHARE - 1) +
	       great * (SMC_AUTO_GREAT_STORM_SHARE - SMC_AUTO_STORM_SHARE) +
	       greatest * (SMC_AUTO_GREATEST_STORM_SHARE - SMC_AUTO_GREAT_STORM_SHARE);
}

/* The same of a connection of which only the class of the rate is known. */
static __always_inline __u32 smc_auto_class_share(__u32 rate)
{
	return 1 +
	       smc_auto_positive((__s64)rate - (SMC_AUTO_STORM - 1)) * (SMC_AUTO_STORM_SHARE - 1);
}

/* Count @times new connections at @now. */
static __always_inline void smc_auto_count(struct smc_auto_rate *rate, __u64 now, __u32 times)
{
	__u32 lately = smc_auto_lately(rate, now);

	rate->seen = now;
	rate->count = lately < SMC_AUTO_RATE_MAX ? lately + 256 * times : lately;
}

/*
 * For how many connections the one with number @ticket stands, where one of @share (a power of
 * two) does: 0 if another one does for it.
 */
static __always_inline __u32 smc_auto_times(__u32 share, __u64 ticket)
{
	return share * (1 - smc_auto_positive((__s64)(ticket & (share - 1))));
}

/* @rates as an index, for a verifier that does not see where they come from. */
#define SMC_AUTO_BY_RATE(rate) ((rate) < SMC_AUTO_RATES ? (rate) : SMC_AUTO_RATES - 1)

/*
 * Whether some context knows a hit: without any none expects a gain, and the prior does not either.
 */
static __always_inline int smc_auto_hopes(const struct smc_auto_memory *memory,
					  const struct smc_auto_rates *rates)
{
	return (memory->service &&
		(memory->service->mean.hits ||
		 memory->service->by_rate[SMC_AUTO_BY_RATE(rates->service)].hits)) ||
	       (memory->subnet && memory->subnet->mean.hits) ||
	       (memory->peer && (memory->peer->mean.hits ||
				 memory->peer->by_rate[SMC_AUTO_BY_RATE(rates->peer)].hits));
}

/* 1 if @outlook is that of a gain, else 0. */
static __always_inline __u32 smc_auto_promises(struct smc_auto_outlook outlook)
{
	return smc_auto_positive(smc_auto_outlook_gain(outlook));
}

/* The contexts that expect a gain of a connection that came at @rates, one bit each. */
static __always_inline __u32 smc_auto_votes(const struct smc_auto_memory *memory,
					    const struct smc_auto_rates *rates)
{
	struct smc_auto_outlook service = SMC_AUTO_PRIOR, by_rate, subnet, peer, peer_rate;

	if (!smc_auto_hopes(memory, rates))
		return 0;
	if (memory->service)
		service = smc_auto_expect(&memory->service->mean, service);
	by_rate = subnet = service;
	if (memory->service)
		by_rate = smc_auto_expect(
			&memory->service->by_rate[SMC_AUTO_BY_RATE(rates->service)], service);
	if (memory->subnet)
		subnet = smc_auto_expect(&memory->subnet->mean, service);
	peer_rate = peer = subnet;
	if (memory->peer) {
		peer = smc_auto_expect(&memory->peer->mean, subnet);
		peer_rate = smc_auto_expect(&memory->peer->by_rate[SMC_AUTO_BY_RATE(rates->peer)],
					    peer);
	}
	return smc_auto_promises(service) << SMC_AUTO_SERVICE |
	       smc_auto_promises(by_rate) << SMC_AUTO_SERVICE_RATE |
	       smc_auto_promises(subnet) << SMC_AUTO_SUBNET |
	       smc_auto_promises(peer) << SMC_AUTO_PEER |
	       smc_auto_promises(peer_rate) << SMC_AUTO_PEER_RATE;
}

/* What @service (NULL: unknown) makes of @votes: long-lived, short-lived or unproven. */
static __always_inline __u32 smc_auto_judgement(const struct smc_auto_service *service, __u32 votes)
{
	__u64 decisive;

	/* Of which nothing has been learned, only counted, is unproven too. */
	if (!service || !service->mean.weight)
		return SMC_POLICY_REASON_UNPROVEN;
	/* Bit 0 is the vote of nobody. */
	decisive = (__u64)(votes | 1u << SMC_AUTO_ALWAYS) << 1;
	return decisive >> (service->rate.decider & 31) & 1 ? SMC_POLICY_REASON_LONG_LIVED
							    : SMC_POLICY_REASON_SHORT_LIVED;
}

/*
 * An account fades with each lesson, by less the more there are in it: the first ones, when nobody
 * knew anything, must not weigh for long.
 */
#define SMC_AUTO_ACCOUNT_MIN (2 * SMC_AUTO_WEIGHT_ONE)
#define SMC_AUTO_ACCOUNT_MAX (1000 * SMC_AUTO_WEIGHT_ONE)

/* How much of an account of @weight a lesson takes, 16.16. */
static __always_inline __u32 smc_auto_account_fades(__u32 weight, __u32 times)
{
	__u64 window = (__u64)weight * 7 / 4;

	window += (SMC_AUTO_ACCOUNT_MIN - window) *
		  smc_auto_negative((__s64)window - SMC_AUTO_ACCOUNT_MIN);
	window = (__u64)smc_auto_min((__s64)window, SMC_AUTO_ACCOUNT_MAX);
	return (__u32)smc_auto_min((__s64)(((__u64)times << 32) / window), SMC_AUTO_WEIGHT_ONE / 2);
}

/*
 * How many standard errors, squared, 24.8, an account must be above zero: 1.25 for a context, which
 * may have voted for few, among them one by luck; 0.3 for SMC for all.
 */
#define SMC_AUTO_SURE 400u
#define SMC_AUTO_SURE_ALWAYS 23u

/* 1 if the gain @total of an account is above what chance may bring, else 0. */
static __always_inline __u32 smc_auto_is_sure(__s32 total, __u32 squares, __u32 weight, __u32 sure)
{
	/* total / n > error, error^2 = (squares / n - (total / n)^2) / n, without divisions. */
	__u64 n = weight >> 8, square = (__u64)((__s64)total * total) >> 8;

	return smc_auto_positive(total) &
	       smc_auto_positive((__s64)(square * (n + sure)) -
				 (__s64)(((__u64)squares * sure >> 8) * n));
}

/* Choose the voter that decides. */
static __always_inline void smc_auto_elect(struct smc_auto_service *service)
{
	const struct smc_auto_account *account = &service->account;
	__u32 decider = 0, i, better;
	__s32 best = 0;

	for (i = 0; i < SMC_AUTO_CONTEXTS; i++) {
		better = smc_auto_is_sure(account->total[i], account->squares[i], account->weight,
					  SMC_AUTO_SURE) &
			 smc_auto_positive((__s64)account->total[i] - best);
		best += (account->total[i] - best) * (__s32)better;
		decider += (i + 1 - decider) * better;
	}
	/* A twentieth more, or a context that wastes fewer set-ups is preferred. */
	better =
		smc_auto_is_sure(account->total[SMC_AUTO_ALWAYS], account->squares[SMC_AUTO_ALWAYS],
				 account->weight, SMC_AUTO_SURE_ALWAYS) &
		smc_auto_positive((__s64)account->total[SMC_AUTO_ALWAYS] * 20 - (__s64)best * 21);
	service->rate.decider = decider + (SMC_AUTO_ALWAYS + 1 - decider) * better;
}

/* Square of a gain, 24.8. */
static __always_inline __u32 smc_auto_square(__s32 gain)
{
	return (__u32)((__s64)gain * gain >> 8);
}

/* A lesson about what auto has said, after the account has faded to @keep (16.16). */
static __always_inline void smc_auto_judge_decision(struct smc_auto_account *account,
						    const struct smc_auto_lesson *lesson,
						    __u32 keep)
{
	__u32 gains = smc_auto_positive(lesson->gain), decided = lesson->decided * lesson->times;

	account->gained = (__u32)((__u64)account->gained * keep >> 16) +
			  (__u32)lesson->gain * gains * decided;
	account->lost = (__u32)((__u64)account->lost * keep >> 16) +
			(__u32)-lesson->gain * (1 - gains) * decided;
}

/* A lesson about the votes that the contexts cast. */
static __always_inline void smc_auto_judge(struct smc_auto_service *service,
					   const struct smc_auto_lesson *lesson)
{
	struct smc_auto_account *account = &service->account;
	__u32 keep = SMC_AUTO_WEIGHT_ONE - smc_auto_account_fades(account->weight, lesson->times);
	__u32 votes = lesson->votes | 1u << SMC_AUTO_ALWAYS, i;

	account->weight =
		(__u32)((__u64)account->weight * keep >> 16) + lesson->times * SMC_AUTO_WEIGHT_ONE;
	smc_auto_judge_decision(account, lesson, keep);
	for (i = 0; i < SMC_AUTO_VOTERS; i++) {
		__u32 voted = (votes >> i & 1) * lesson->times;

		account->total[i] =
			(__s32)smc_auto_part(account->total[i], keep) + lesson->gain * (__s32)voted;
		account->squares[i] = (__u32)((__u64)account->squares[i] * keep >> 16) +
				      smc_auto_square(lesson->gain) * voted;
	}
	smc_auto_elect(service);
}

/* The connection turns out to gain @lesson->gain, not @before. */
static __always_inline void smc_auto_judge_again(struct smc_auto_service *service,
						 const struct smc_auto_lesson *lesson, __s32 before)
{
	__u32 votes = lesson->votes | 1u << SMC_AUTO_ALWAYS, i;
	__s64 squares = (__s64)smc_auto_square(lesson->gain) - smc_auto_square(before);
	__s64 gained = service->account.gained + ((__s64)lesson->gain - before) * lesson->decided;

	service->account.gained = (__u32)(gained * (1 - smc_auto_negative(gained)));

	for (i = 0; i < SMC_AUTO_VOTERS; i++) {
		__u32 voted = votes >> i & 1;
		__s64 sum = service->account.squares[i] + squares * voted;

		service->account.total[i] += (lesson->gain - before) * (__s32)voted;
		/* It has faded meanwhile, and more than is left cannot be taken back. */
		service->account.squares[i] = (__u32)(sum * (1 - smc_auto_negative(sum)));
	}
	smc_auto_elect(service);
}

/* A connection has ended that carried @bytes in @messages and gained @gain, and stands for @times. */
static __always_inline void smc_auto_tally(struct smc_auto_tally *tally, __u64 bytes,
					   __u64 messages, __s32 gain, __u32 times)
{
	__u32 gains = smc_auto_positive(gain);

	if (tally->connections >= SMC_AUTO_TALLY_MAX) {
		tally->connections /= 2;
		tally->worthwhile /= 2;
		tally->bytes /= 2;
		tally->messages /= 2;
		tally->gain /= 2;
	}
	tally->connections += times;
	tally->bytes += bytes * times;
	tally->messages += messages * times;
	tally->worthwhile += times * gains;
	tally->gain += (__u64)(__u32)gain * gains * times;
}

/*
 * For how many the lesson of connection @ticket stands, that came where one of @share is
 * looked at, got @votes and gains @gain: only what everyone expects is told by one for many.
 */
static __always_inline __u32 smc_auto_lesson_times(__u32 share, __u32 votes, __s32 gain,
						   __u64 ticket)
{
	__u32 alone = smc_auto_positive(votes) | smc_auto_positive(gain);

	return alone + smc_auto_times(share, ticket) * (1 - alone);
}

/* The first lesson of a connection that came at @rates. */
static __always_inline void smc_auto_tell(const struct smc_auto_memory *memory,
					  const struct smc_auto_rates *rates,
					  const struct smc_auto_lesson *lesson)
{
	__u32 service = SMC_AUTO_BY_RATE(rates->service), peer = SMC_AUTO_BY_RATE(rates->peer);

	if (memory->service) {
		smc_auto_learn(&memory->service->mean, &memory->service->trend, lesson);
		smc_auto_learn(&memory->service->by_rate[service],
			       &memory->service->trend_by_rate[service], lesson);
		smc_auto_judge(memory->service, lesson);
	}
	if (memory->subnet)
		smc_auto_learn(&memory->subnet->mean, &memory->subnet->trend, lesson);
	if (memory->peer) {
		smc_auto_learn(&memory->peer->mean, &memory->peer->trend, lesson);
		smc_auto_learn(&memory->peer->by_rate[peer], &memory->peer->trend_by_rate[peer],
			       lesson);
	}
}

/* A further one, of a connection that is a hit: it gains @lesson->gain, not @before. */
static __always_inline void smc_auto_tell_again(const struct smc_auto_memory *memory,
						const struct smc_auto_rates *rates,
						const struct smc_auto_lesson *lesson, __s32 before)
{
	__s32 gain = lesson->gain;

	if (memory->service) {
		smc_auto_correct(&memory->service->mean, gain, before);
		smc_auto_correct(&memory->service->by_rate[SMC_AUTO_BY_RATE(rates->service)], gain,
				 before);
		smc_auto_judge_again(memory->service, lesson, before);
	}
	if (memory->subnet)
		smc_auto_correct(&memory->subnet->mean, gain, before);
	if (memory->peer) {
		smc_auto_correct(&memory->peer->mean, gain, before);
		smc_auto_correct(&memory->peer->by_rate[SMC_AUTO_BY_RATE(rates->peer)], gain,
				 before);
	}
}

/*
 * What a living connection to @service (NULL: unknown) is taken to gain that has gained @gain > 0
 * so far: as much again, at least what such ones do.
 */
static __always_inline __s32 smc_auto_foresee(const struct smc_auto_service *service, __s32 gain)
{
	__s32 mean = SMC_AUTO_PRIOR_GAIN;

	if (service && service->mean.gains)
		mean = service->mean.gain >> 8;
	gain = 2 * gain + SMC_AUTO_ONE;
	gain += (mean - gain) * (__s32)smc_auto_positive((__s64)mean - gain);
	return smc_auto_min(gain, SMC_AUTO_GAIN_MAX - SMC_AUTO_ONE);
}

/*
 * After how many ns of life a connection is looked at that has been looked at @looks times:
 * half a second, one, two, four and so on.
 */
static __always_inline __u64 smc_auto_look(__u32 looks)
{
	return SMC_AUTO_SEC / 2 << (looks & 15);
}

/*
 * Whether a connection with @limit (us between two, 0: none) and @burst comes too early at
 * @now: the generic cell rate algorithm (ITU-T I.371) with its theoretical arrival time in
 * @due.  One that does not is booked if @book.
 */
static __always_inline int smc_auto_pace(__u64 *due, __u32 interval, __u32 burst, __u64 now,
					 int book)
{
	__u64 step = interval * 1000ull, at = *due > now ? *due : now;

	if (!interval)
		return 0;
	if (at - now > step * (burst ? burst - 1 : 0))
		return 1;
	if (book)
		*due = at + step;
	return 0;
}

#endif
