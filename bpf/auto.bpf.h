/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `auto` in the kernel: the estimator (estimate.h) with BPF maps as its memory, and the
 * table of living connections.
 *
 * Records are changed without a lock: of two lessons at the same moment on two CPUs one
 * may get lost.  That costs a lesson and nothing else.
 */
#ifndef SMC_POLICY_AUTO_BPF_H
#define SMC_POLICY_AUTO_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "estimate.h"
#include "maps.bpf.h"

/* Sets in the table of living connections, a power of two; the daemon writes it before loading. */
const volatile __u32 connection_sets = 8192;

/* A connection as the estimator knows it. */
struct smc_auto_connection {
	__be32 peer[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 port; /* service port, host byte order */
	__u8 side; /* enum smc_policy_side */
};

static __always_inline int smc_policy_is_v4(const __be32 peer[4])
{
	return !peer[0] && !peer[1] && peer[2] == bpf_htonl(0xffff);
}

/* ---- records ---- */

static __always_inline struct smc_auto_key
smc_auto_service_key(const struct smc_auto_connection *connection)
{
	return (struct smc_auto_key){ .side = connection->side, .port = connection->port };
}

static __always_inline struct smc_auto_key
smc_auto_peer_key(const struct smc_auto_connection *connection)
{
	return (struct smc_auto_key){
		.side = connection->side,
		.bits = SMC_AUTO_BITS_PEER,
		.port = connection->port,
		.peer = { connection->peer[0], connection->peer[1], connection->peer[2],
			  connection->peer[3] },
	};
}

static __always_inline struct smc_auto_key
smc_auto_subnet_key(const struct smc_auto_connection *connection)
{
	struct smc_auto_key key = smc_auto_peer_key(connection);
	int v4 = smc_policy_is_v4(connection->peer);

	key.bits = v4 ? SMC_AUTO_BITS_V4 : SMC_AUTO_BITS_V6;
	key.peer[2] = v4 ? key.peer[2] : 0;
	key.peer[3] = v4 ? key.peer[3] & bpf_htonl(0xffffff00) : 0;
	return key;
}

/* What new records start with; too large for the stack. */
static const struct smc_auto_service smc_auto_no_service;
static const struct smc_auto_peer smc_auto_no_peer;

static __always_inline struct smc_auto_service *
smc_auto_make_service(const struct smc_auto_connection *connection)
{
	struct smc_auto_key key = smc_auto_service_key(connection);
	struct smc_auto_service *service = bpf_map_lookup_elem(&auto_services, &key);

	if (service)
		return service;
	smc_policy_insert(&auto_services, &key, &smc_auto_no_service);
	return bpf_map_lookup_elem(&auto_services, &key);
}

static __always_inline struct smc_auto_peer *smc_auto_make_peer(const struct smc_auto_key *key)
{
	struct smc_auto_peer *peer = bpf_map_lookup_elem(&auto_peers, key);

	if (peer)
		return peer;
	smc_policy_insert(&auto_peers, key, &smc_auto_no_peer);
	return bpf_map_lookup_elem(&auto_peers, key);
}

/* ---- living connections ---- */

static __always_inline struct smc_auto_set *smc_auto_set_of(__u64 cookie)
{
	/*
	 * A few sockets in succession share the cache lines of a set, and leave room for older
	 * ones.
	 */
	__u32 set = (__u32)(cookie / (SMC_AUTO_WAYS / 2)) & (connection_sets - 1);

	return bpf_map_lookup_elem(&connections, &set);
}

/*
 * 1 if @a and @b are equal, else 0.  Without a branch: one in a loop over the ways multiplies the
 * paths that the verifier must follow.
 */
static __always_inline __u32 smc_auto_equal(__u64 a, __u64 b)
{
	__u64 difference = a ^ b;

	difference |= -difference;
	asm volatile("" : "+r"(difference)); /* or the compiler makes a branch of it */
	return (__u32)(difference >> 63) ^ 1;
}

/* Where a living connection is noted. */
struct smc_auto_place {
	struct smc_auto_set *set; /* NULL: nowhere */
	__u32 way;
};

static __always_inline void smc_auto_find_live(struct smc_auto_place *place, __u64 cookie)
{
	struct smc_auto_set *set = smc_auto_set_of(cookie);
	__u32 way = 0;
	int i;

	place->set = 0;
	place->way = 0; /* the compiler may compute with it even where there is no set */
	if (!set || !cookie)
		return;
	for (i = 0; i < SMC_AUTO_WAYS; i++)
		way |= smc_auto_equal(set->cookie[i], cookie) * (__u32)(i + 1);
	if (!way)
		return;
	place->set = set;
	place->way = (way - 1) & (SMC_AUTO_WAYS - 1);
}

static __always_inline struct smc_auto_live *smc_auto_live_at(const struct smc_auto_place *place)
{
	return &place->set->live[place->way & (SMC_AUTO_WAYS - 1)];
}

static __always_inline void smc_auto_drop_live(const struct smc_auto_place *place)
{
	place->set->cookie[place->way & (SMC_AUTO_WAYS - 1)] = 0;
}

/*
 * How readily what opened at @opened, at a rate as in @info, gives way in the table at @now, as
 * struct smc_auto_live has times: what came faster goes first, then what is older.  So a loud service
 * does not take the place of a quiet one.
 */
static __always_inline __u32 smc_auto_gives_way(__u32 opened, __u16 info, __u32 now)
{
	return (info >> SMC_AUTO_LIVE_RATE_SHIFT & SMC_AUTO_LIVE_RATE) << 30 | (now - opened) >> 2;
}

/*
 * Note @live under @cookie.  If there is no room in its set the one that gives way most readily is
 * lost, @live itself perhaps.
 */
static __always_inline void smc_auto_put_live(__u64 cookie, const struct smc_auto_live *live)
{
	struct smc_auto_set *set = smc_auto_set_of(cookie);
	__u32 way = 0, most = 0, known = 0;
	int i;

	if (!set)
		return;
	for (i = 0; i < SMC_AUTO_WAYS; i++) {
		/* What is free gives way before everything else. */
		__u32 gives =
			smc_auto_gives_way(set->live[i].opened, set->live[i].info, live->opened) |
			-smc_auto_equal(set->cookie[i], 0);
		__u32 more = smc_auto_negative((__s64)most - gives);

		way += ((__u32)i - way) * more;
		most += (gives - most) * more;
		known |= smc_auto_equal(set->cookie[i], cookie);
	}
	/* While one watcher takes over from another, both see it open. */
	if (known)
		return;
	way &= SMC_AUTO_WAYS - 1;
	if (set->cookie[way])
		smc_policy_count_lost(SMC_POLICY_LOST_CONNECTIONS);
	if (most < smc_auto_gives_way(live->opened, live->info, live->opened))
		return;
	set->live[way] = *live;
	set->cookie[way] = cookie;
}

static __always_inline struct smc_auto_rates smc_auto_live_rates(__u16 info)
{
	return (struct smc_auto_rates){
		.service = info >> SMC_AUTO_LIVE_RATE_SHIFT & SMC_AUTO_LIVE_RATE,
		.peer = info >> SMC_AUTO_LIVE_PEER_RATE_SHIFT & SMC_AUTO_LIVE_RATE,
	};
}

/* ---- opening ---- */

/*
 * @connection opens at @now, and stands for @times, itself and others like it: count them, let the
 * contexts vote and note it under @cookie.  @asked: its handshake carries the SMC option, so
 * that it stands for none but itself.  Returns of how many one is looked at from now on.
 */
static __always_inline __u32 smc_auto_open(const struct smc_auto_connection *connection,
					   __u64 cookie, int asked, __u32 times, __u64 now)
{
	struct smc_auto_key key = smc_auto_peer_key(connection);
	struct smc_auto_memory memory;
	struct smc_auto_rates rates;
	struct smc_auto_live live;
	__u32 lately, votes, decided;

	memory.service = smc_auto_make_service(connection);
	memory.peer = smc_auto_make_peer(&key);
	if (!memory.service || !memory.peer)
		return 1;
	key = smc_auto_subnet_key(connection);
	memory.subnet = bpf_map_lookup_elem(&auto_peers, &key);
	lately = smc_auto_lately(&memory.service->rate, now);
	rates.service = smc_auto_rate_class(lately);
	rates.peer = smc_auto_rate_at(&memory.peer->rate, now);
	smc_auto_count(&memory.service->rate, now, times);
	smc_auto_count(&memory.peer->rate, now, times);
	votes = smc_auto_votes(&memory, &rates);
	decided = smc_auto_equal(smc_auto_judgement(memory.service, votes),
				 SMC_POLICY_REASON_LONG_LIVED);
	live = (struct smc_auto_live){
		.opened = (__u32)(now >> SMC_AUTO_LIVE_SHIFT),
		.info = (__u16)(votes | rates.service << SMC_AUTO_LIVE_RATE_SHIFT |
				rates.peer << SMC_AUTO_LIVE_PEER_RATE_SHIFT |
				(__u32)connection->side << SMC_AUTO_LIVE_SIDE_SHIFT |
				(asked ? SMC_AUTO_LIVE_ASKED : 0)),
		.gain = (__s16)(times << 1 | decided),
	};
	smc_auto_put_live(cookie, &live);
	return smc_auto_share(lately);
}

/*
 * What auto says to @connection: long-lived, short-lived or unproven.  @cookie: under which
 * smc_auto_open() has noted it, with its votes; 0, or not found: as if it opened at @now.
 */
static __always_inline __u32 smc_auto_ask(const struct smc_auto_connection *connection,
					  __u64 cookie, __u64 now)
{
	struct smc_auto_key key = smc_auto_service_key(connection);
	struct smc_auto_rates rates = { 0 };
	struct smc_auto_memory memory;
	struct smc_auto_place place;

	memory.service = bpf_map_lookup_elem(&auto_services, &key);
	smc_auto_find_live(&place, cookie);
	if (place.set)
		return smc_auto_judgement(memory.service,
					  smc_auto_live_at(&place)->info & SMC_AUTO_LIVE_VOTES);
	key = smc_auto_subnet_key(connection);
	memory.subnet = bpf_map_lookup_elem(&auto_peers, &key);
	key = smc_auto_peer_key(connection);
	memory.peer = bpf_map_lookup_elem(&auto_peers, &key);
	if (memory.service)
		rates.service = smc_auto_rate_at(&memory.service->rate, now);
	if (memory.peer)
		rates.peer = smc_auto_rate_at(&memory.peer->rate, now);
	return smc_auto_judgement(memory.service, smc_auto_votes(&memory, &rates));
}

/* ---- lessons ---- */

/* The row of the image in force that has the parameters, or NULL. */
static __always_inline const struct smc_policy_row *smc_policy_parameters(void)
{
	__u32 slot = 0, row = 0;
	void *image = bpf_map_lookup_elem(&policy_slot, &slot);

	return image ? bpf_map_lookup_elem(image, &row) : (void *)0;
}

/* One word of it, or @otherwise. */
static __always_inline __u32 smc_policy_parameter(__u32 parameter, __u32 otherwise)
{
	const struct smc_policy_row *parameters = smc_policy_parameters();

	return parameters ? parameters->word[parameter] : otherwise;
}

/* @rtt in us; 0: unknown. */
static __always_inline void smc_auto_learn_rtt(struct smc_auto_peer *peer, __u32 rtt)
{
	if (rtt)
		peer->rtt = peer->rtt ? peer->rtt - peer->rtt / 8 + rtt / 8 : rtt;
}

/* Age of a living connection, ns. */
static __always_inline __u64 smc_auto_age(const struct smc_auto_live *live, __u64 now)
{
	return (__u64)((__u32)(now >> SMC_AUTO_LIVE_SHIFT) - live->opened) << SMC_AUTO_LIVE_SHIFT;
}

/* A gain as struct smc_auto_live holds it. */
_Static_assert(SMC_AUTO_GAIN_MAX <= 32767 / 2, "gains fit 15 bits");

static __always_inline __s32 smc_auto_live_gain(const struct smc_auto_live *live)
{
	return live->gain >> 1;
}

static __always_inline __u32 smc_auto_live_decided(const struct smc_auto_live *live)
{
	return live->gain & 1;
}

/*
 * @connection, known as @live under @cookie, has carried @bytes in @messages by @now: so far, or in
 * all if @ended.  @rtt: its smoothed round-trip time in us, 0: unknown.
 */
static __always_inline void smc_auto_lesson(const struct smc_auto_connection *connection,
					    struct smc_auto_live *live, __u64 cookie, __u64 bytes,
					    __u64 messages, __u32 rtt, int ended, __u64 now)
{
	struct smc_auto_rates rates = smc_auto_live_rates(live->info);
	const struct smc_policy_row *parameters = smc_policy_parameters();
	__u32 votes = live->info & SMC_AUTO_LIVE_VOTES, told = live->info & SMC_AUTO_LIVE_TOLD;
	__u32 asked = smc_auto_positive(live->info & SMC_AUTO_LIVE_ASKED), times;
	struct smc_auto_lesson lesson;
	struct smc_auto_memory memory;
	struct smc_auto_key key;
	__u64 half;
	__s32 gain;

	half = parameters ? parameters->word[SMC_POLICY_PAR_HALF_LIFE] * SMC_AUTO_SEC : 0;
	if (!half || !parameters->word[SMC_POLICY_PAR_SETUP_BYTES]) {
		smc_policy_count_lost(SMC_POLICY_LOST_POLICY);
		return;
	}
	gain = smc_auto_gain(
		smc_auto_worth(bytes, messages, parameters->word[SMC_POLICY_PAR_MESSAGE_BYTES]),
		parameters->word[SMC_POLICY_PAR_SETUP_BYTES]);
	/* A living one tells nothing before it has paid. */
	if (!ended && gain <= 0)
		return;
	times = told ? 1 : (__u32)smc_auto_live_gain(live);
	times += (smc_auto_lesson_times(smc_auto_class_share(rates.service), votes, gain, cookie) -
		  times) *
		 asked;
	if (!times && (ended || !told))
		return;
	key = smc_auto_subnet_key(connection);
	memory.subnet = smc_auto_make_peer(&key);
	key = smc_auto_peer_key(connection);
	memory.peer = smc_auto_make_peer(&key);
	memory.service = smc_auto_make_service(connection);
	if (!memory.service || !memory.subnet || !memory.peer)
		return;
	lesson = (struct smc_auto_lesson){
		.now = now,
		.age = smc_auto_age(live, now),
		.half = half,
		.gain = ended ? gain : smc_auto_foresee(memory.service, gain),
		.times = smc_auto_lesson_weight(times),
		.votes = votes,
		.decided = smc_auto_live_decided(live),
	};
	/* What has been forgotten meanwhile is told anew, not corrected. */
	if (!told || !memory.service->mean.weight || !memory.subnet->mean.weight ||
	    !memory.peer->mean.weight)
		smc_auto_tell(&memory, &rates, &lesson);
	else if (lesson.gain != smc_auto_live_gain(live))
		smc_auto_tell_again(&memory, &rates, &lesson, smc_auto_live_gain(live));
	live->info |= SMC_AUTO_LIVE_TOLD;
	live->gain = (__s16)(lesson.gain * 2 | (__s32)lesson.decided);
	smc_auto_learn_rtt(memory.peer, rtt);
	if (!ended)
		return;
	smc_auto_tally(&memory.service->tally, bytes, messages, gain, times);
	smc_auto_tally(&memory.subnet->tally, bytes, messages, gain, times);
	smc_auto_tally(&memory.peer->tally, bytes, messages, gain, times);
}

/* Whether a living connection is to be looked at now; counts the look. */
static __always_inline int smc_auto_due(struct smc_auto_live *live, __u64 now)
{
	__u32 looks = live->info >> SMC_AUTO_LIVE_LOOKS_SHIFT;

	if (looks == SMC_AUTO_LIVE_LOOKS || smc_auto_age(live, now) < smc_auto_look(looks))
		return 0;
	live->info += 1 << SMC_AUTO_LIVE_LOOKS_SHIFT;
	return 1;
}

#endif
