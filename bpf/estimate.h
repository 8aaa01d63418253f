/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `auto` has learned, as arithmetic: how a lesson changes what is known, and what a
 * connection is expected to gain.  Integers only and no loops without a constant
 * bound, so that a BPF program can run it as well as `simulate`.
 *
 * GAIN is in set-ups, 24.8 fixed point: what the bytes of a connection save on SMC, in
 * units of what setting SMC up costs, less the one set-up.  A connection of no bytes
 * gains -1, one of twice the bytes that pay for a set-up +1.
 *
 * Five CONTEXTS look at a connection, from coarse to fine: the service (side and
 * port), the service at this rate of new connections, the service with the peer's
 * subnet, with the peer, with the peer at this rate.  Each keeps a decaying mean of the
 * gains it has seen and falls back on a coarser one as far as it has seen few.  A
 * context votes for SMC if it expects a gain.
 *
 * Which context is right differs between services and over time.  So each service
 * keeps for each context the mean gain of the connections that it voted for, whatever
 * became of them, and the share of the worthwhile ones that it found.  Of the contexts
 * whose votes pay, the one that finds most decides, of equals the finest; if none pays,
 * TCP.  So a service that cannot be predicted stays on TCP, and one that turns is
 * followed by its coarsest context, which turns first.
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
#define SMC_AUTO_GAIN_CAP (2 * SMC_AUTO_ONE) /* a single lesson weighs no more */
#define SMC_AUTO_PAYS (SMC_AUTO_ONE * 3 / 16) /* less is what chance alone can bring a context */
#define SMC_AUTO_PRIOR (-SMC_AUTO_ONE / 2) /* expected where nothing is known */

#define SMC_AUTO_SEC 1000000000ull

#define SMC_AUTO_WEIGHT_ONE 65536u
#define SMC_AUTO_BACKOFF SMC_AUTO_WEIGHT_ONE /* weight of the coarser context */

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

/* What @mean expects, where the coarser context expects @coarser. */
static __always_inline __s32 smc_auto_expect(const struct smc_auto_mean *mean, __s32 coarser)
{
	return smc_auto_divide((__s64)mean->sum * SMC_AUTO_WEIGHT_ONE +
				       (__s64)coarser * SMC_AUTO_BACKOFF,
			       (__u64)mean->weight + SMC_AUTO_BACKOFF);
}

/*
 * A share of 1/5, 1/10, 1/12, 1/30, 16.16: a division takes ten times as long as a multiplication.
 */
#define SMC_AUTO_FIFTH 13107u
#define SMC_AUTO_TENTH 6554u
#define SMC_AUTO_TWELFTH 5461u
#define SMC_AUTO_THIRTIETH 2185u

/* @share of @value, towards zero. */
static __always_inline __s64 smc_auto_part(__s64 value, __u32 share)
{
	__s64 sign = smc_auto_sign(value);

	return ((__s64)((__u64)((value ^ sign) - sign) * share >> 16) ^ sign) - sign;
}

/* How much of a mean stays after a lesson, 16.16, and what the lesson weighs. */
struct smc_auto_step {
	__u32 keep, weight;
};

/*
 * Windows of 5 and 10 lessons, and eight equal ones at once: keep^n and the sum of keep^i.  One
 * that stands for more is no surer than that.
 */
static __always_inline struct smc_auto_step smc_auto_step(int wide, __u32 times)
{
	__u32 one = smc_auto_negative((__s64)times - 8);
	__u32 keep = 65536 - (wide ? SMC_AUTO_TENTH : SMC_AUTO_FIFTH);
	__u32 keep_eight = wide ? 28211 : 10995, weight_eight = wide ? 373250 : 272705;

	return (struct smc_auto_step){
		.keep = keep_eight + (keep - keep_eight) * one,
		.weight = weight_eight - (weight_eight - SMC_AUTO_WEIGHT_ONE) * one,
	};
}

/*
 * A lesson: @mean sees a connection of gain @gain at @now; older ones fade by @step and by
 * half each @half ns.
 */
static __always_inline void smc_auto_learn(struct smc_auto_mean *mean, struct smc_auto_step step,
					   __s32 gain, __u64 now, __u64 half)
{
	__u64 age = now > mean->seen ? now - mean->seen : 0, keep = SMC_AUTO_WEIGHT_ONE;

	/* What is a thousandth of the half-life old has not faded. */
	if (age > half >> 10)
		keep = smc_auto_decay(keep, age, half);
	keep = keep * step.keep >> 16;
	mean->weight = (__u32)((__u64)mean->weight * keep >> 16) + step.weight;
	mean->sum = (__s32)smc_auto_part(mean->sum, (__u32)keep) +
		    (__s32)smc_auto_part(smc_auto_min(gain, SMC_AUTO_GAIN_CAP), step.weight);
	mean->seen = now;
}

/* A connection that @mean has seen turns out to gain @gain, not @before. */
static __always_inline void smc_auto_correct(struct smc_auto_mean *mean, __s32 gain, __s32 before)
{
	mean->sum +=
		smc_auto_min(gain, SMC_AUTO_GAIN_CAP) - smc_auto_min(before, SMC_AUTO_GAIN_CAP);
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
 * Whether some context has seen gains: without any none expects one, and the prior does not either.
 */
static __always_inline int smc_auto_hopes(const struct smc_auto_memory *memory,
					  const struct smc_auto_rates *rates)
{
	return (memory->service &&
		(memory->service->mean.sum > 0 ||
		 memory->service->by_rate[SMC_AUTO_BY_RATE(rates->service)].sum > 0)) ||
	       (memory->subnet && memory->subnet->mean.sum > 0) ||
	       (memory->peer && (memory->peer->mean.sum > 0 ||
				 memory->peer->by_rate[SMC_AUTO_BY_RATE(rates->peer)].sum > 0));
}

/* The contexts that expect a gain of a connection that came at @rates, one bit each. */
static __always_inline __u32 smc_auto_votes(const struct smc_auto_memory *memory,
					    const struct smc_auto_rates *rates)
{
	__s32 service = SMC_AUTO_PRIOR, by_rate, subnet, peer, peer_rate;

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
	return (__u32)(service > 0) << SMC_AUTO_SERVICE |
	       (__u32)(by_rate > 0) << SMC_AUTO_SERVICE_RATE |
	       (__u32)(subnet > 0) << SMC_AUTO_SUBNET | (__u32)(peer > 0) << SMC_AUTO_PEER |
	       (__u32)(peer_rate > 0) << SMC_AUTO_PEER_RATE;
}

/* The context that decides for a service, or -1: none pays, so TCP. */
static __always_inline int smc_auto_decider(const struct smc_auto_trust trust[SMC_AUTO_CONTEXTS])
{
	int i, best = -1;
	__u32 found = 0;

	for (i = 0; i < SMC_AUTO_CONTEXTS; i++) {
		__u32 pays = smc_auto_positive((__s64)trust[i].gain - SMC_AUTO_PAYS);
		__u32 better = pays & ~smc_auto_negative((__s64)trust[i].found - found);

		best += (i - best) * (int)better;
		found += (trust[i].found - found) * better;
	}
	return best;
}

/* What @service (NULL: unknown) makes of @votes: long-lived, short-lived or unproven. */
static __always_inline __u32 smc_auto_judgement(const struct smc_auto_service *service, __u32 votes)
{
	int decider;

	/* Whose service nothing has been learned of, only counted, is unproven too. */
	if (!service || !service->mean.weight)
		return SMC_POLICY_REASON_UNPROVEN;
	decider = smc_auto_decider(service->trust);
	/* Of -1 it takes a bit that no context has. */
	return votes >> (decider & 31) & 1 ? SMC_POLICY_REASON_LONG_LIVED
					   : SMC_POLICY_REASON_SHORT_LIVED;
}

/* If @gains (1 or 0) a worthwhile connection came, which was found if @voted (1 or 0). */
static __always_inline void smc_auto_find(struct smc_auto_trust *trust, __u32 gains, __u32 voted)
{
	trust->found -= (__u32)((__u64)trust->found * SMC_AUTO_THIRTIETH >> 16) * gains;
	trust->found += SMC_AUTO_THIRTIETH * (gains & voted);
}

/* A lesson about the votes that the contexts cast: the connection gains @gain. */
static __always_inline void smc_auto_judge(struct smc_auto_trust trust[SMC_AUTO_CONTEXTS],
					   __u32 votes, __s32 gain)
{
	__u32 gains = smc_auto_positive(gain);
	int i;

	if (!(votes | gains))
		return;
	for (i = 0; i < SMC_AUTO_CONTEXTS; i++) {
		__u32 voted = votes >> i & 1;
		__s64 more = smc_auto_min(gain, SMC_AUTO_GAIN_CAP) - trust[i].gain;

		trust[i].gain += (__s32)(smc_auto_part(more, SMC_AUTO_TWELFTH) * voted);
		smc_auto_find(&trust[i], gains, voted);
	}
}

/* The connection turns out to gain @gain, not @before. */
static __always_inline void smc_auto_judge_again(struct smc_auto_trust trust[SMC_AUTO_CONTEXTS],
						 __u32 votes, __s32 gain, __s32 before)
{
	__s32 more = (__s32)smc_auto_part(smc_auto_min(gain, SMC_AUTO_GAIN_CAP) -
						  smc_auto_min(before, SMC_AUTO_GAIN_CAP),
					  SMC_AUTO_TWELFTH);
	__u32 gains = smc_auto_positive(gain) & smc_auto_negative((__s64)before - 1);
	int i;

	for (i = 0; i < SMC_AUTO_CONTEXTS; i++) {
		__u32 voted = votes >> i & 1;

		trust[i].gain += more * (__s32)voted;
		smc_auto_find(&trust[i], gains, voted);
	}
}

/* A connection has ended that carried @bytes and gained @gain, and stands for @times. */
static __always_inline void smc_auto_tally(struct smc_auto_tally *tally, __u64 bytes, __s32 gain,
					   __u32 times)
{
	__u32 gains = smc_auto_positive(gain);

	if (tally->connections >= SMC_AUTO_TALLY_MAX) {
		tally->connections /= 2;
		tally->worthwhile /= 2;
		tally->bytes /= 2;
		tally->gain /= 2;
	}
	tally->connections += times;
	tally->bytes += bytes * times;
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

/*
 * The first lesson of a connection that came at @rates and got @votes, and of @times - 1 more
 * like it: it gains @gain, as far as is known at @now.  Lessons fade by half each @half ns.
 */
static __always_inline void smc_auto_tell(const struct smc_auto_memory *memory,
					  const struct smc_auto_rates *rates, __u32 votes,
					  __s32 gain, __u32 times, __u64 now, __u64 half)
{
	struct smc_auto_step narrow = smc_auto_step(0, times), wide = smc_auto_step(1, times);

	if (memory->service) {
		smc_auto_learn(&memory->service->mean, narrow, gain, now, half);
		smc_auto_learn(&memory->service->by_rate[SMC_AUTO_BY_RATE(rates->service)], wide,
			       gain, now, half);
		smc_auto_judge(memory->service->trust, votes, gain);
	}
	if (memory->subnet)
		smc_auto_learn(&memory->subnet->mean, wide, gain, now, half);
	if (memory->peer) {
		smc_auto_learn(&memory->peer->mean, wide, gain, now, half);
		smc_auto_learn(&memory->peer->by_rate[SMC_AUTO_BY_RATE(rates->peer)], wide, gain,
			       now, half);
	}
}

/* A further one: it gains @gain, not @before. */
static __always_inline void smc_auto_tell_again(const struct smc_auto_memory *memory,
						const struct smc_auto_rates *rates, __u32 votes,
						__s32 gain, __s32 before)
{
	if (memory->service) {
		smc_auto_correct(&memory->service->mean, gain, before);
		smc_auto_correct(&memory->service->by_rate[SMC_AUTO_BY_RATE(rates->service)], gain,
				 before);
		smc_auto_judge_again(memory->service->trust, votes, gain, before);
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
