/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The breaker: paths that eat, echo or garble the SMC option, by side and peer prefix.
 *
 *   closed --votes of several connections--> open --time over--> half-open
 *   half-open --the probe comes through--> closed; --it is harmed too--> open, twice as long
 *
 * A vote is one connection; one that comes through takes all votes back.  SYNs without an
 * answer say little: the host may be down.  So they only make a path
 *
 *   suspect --a SYN with the option is answered--> closed
 *   suspect --one without it is answered, one with it that is sent after that still not--> open
 *   suspect --neither is answered--> closed; --time over--> half-open
 *
 * and connections go by TCP meanwhile.
 */
#ifndef SMC_POLICY_PATH_BPF_H
#define SMC_POLICY_PATH_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "auto.bpf.h"

#define SMC_POLICY_VOTES_APART (600 * SMC_AUTO_SEC) /* votes further apart are not added up */
#define SMC_POLICY_PROBE_TIME (20 * SMC_AUTO_SEC) /* a CLC handshake may wait 6 s, twice */
#define SMC_POLICY_SUSPECT_TIME (5 * SMC_AUTO_SEC)

/* Prefix of @peer by the parameters in force; @key is all zero before. */
static __always_inline void smc_policy_path_key(struct smc_policy_path_key *key, __u8 side,
						const __be32 peer[4])
{
	const struct smc_policy_row *parameters = smc_policy_parameters();
	__u32 v4 = parameters ? parameters->word[SMC_POLICY_PAR_PREFIX_V4] : 24;
	__u32 v6 = parameters ? parameters->word[SMC_POLICY_PAR_PREFIX_V6] : 64;

	key->side = side;
	key->v6 = !smc_policy_is_v4(peer);
	key->reserved = 0;
	if (!key->v6) {
		key->prefix[0] = v4 ? peer[3] & bpf_htonl(~0u << ((32 - v4) & 31)) : 0;
		key->prefix[1] = 0;
		return;
	}
	key->prefix[0] = v6 >= 32 ? peer[0] : v6 ? peer[0] & bpf_htonl(~0u << ((32 - v6) & 31)) : 0;
	key->prefix[1] = v6 > 32 ? peer[1] & bpf_htonl(~0u << ((64 - v6) & 31)) : 0;
}

static __always_inline void smc_policy_path_enter(struct smc_policy_path *path, __u32 state,
						  __u64 now, __u64 until)
{
	path->state = state;
	path->since = now;
	path->until = until;
	path->answered = 0;
	path->votes = 0;
	path->syn_votes = 0;
}

/* Open for @path->backoff more: the first time, or twice as long as the last. */
static __always_inline void smc_policy_path_open(struct smc_policy_path *path, __u64 now)
{
	__u32 first = smc_policy_parameter(SMC_POLICY_PAR_BACKOFF, 30);
	__u32 most = smc_policy_parameter(SMC_POLICY_PAR_BACKOFF_MAX, 3600);
	__u32 next = path->backoff ? path->backoff * 2 : first;

	path->backoff = next < most ? next : most;
	smc_policy_path_enter(path, SMC_POLICY_PATH_OPEN, now, now + path->backoff * SMC_AUTO_SEC);
}

/* What is known against the path from @side to @peer; NULL: nothing. */
static __always_inline struct smc_policy_path *smc_policy_path_against(__u8 side,
								       const __be32 peer[4])
{
	struct smc_policy_path_key key;
	struct smc_policy_path *path;

	smc_policy_path_key(&key, side, peer);
	path = bpf_map_lookup_elem(&paths, &key);
	return path && path->state != SMC_POLICY_PATH_CLOSED ? path : (void *)0;
}

/* The time of @path is over: the connection that asks is the probe. */
static __always_inline void smc_policy_path_probe(struct smc_policy_path *path, __u64 now)
{
	smc_policy_path_enter(path, SMC_POLICY_PATH_HALF_OPEN, now, now + SMC_POLICY_PROBE_TIME);
}

static const struct smc_policy_path smc_policy_no_path;

/* @path stays suspect until @until, unless something is learned earlier. */
static __always_inline void smc_policy_path_doubt(struct smc_policy_path *path, __u64 until)
{
	struct smc_policy_host *host = smc_policy_host_state();

	if (path->until < until)
		path->until = until;
	if (host && host->suspect_until < until)
		host->suspect_until = until;
}

static __always_inline void smc_policy_path_suspect(struct smc_policy_path *path, __u64 now)
{
	smc_policy_path_enter(path, SMC_POLICY_PATH_SUSPECT, now, 0);
	smc_policy_path_doubt(path, now + SMC_POLICY_SUSPECT_TIME);
}

/*
 * Whether @evidence is one more vote.  What breaks at once when a server goes down is one
 * event, however many connections it was.
 */
static __always_inline int smc_policy_path_counts(const struct smc_policy_path *path,
						  __u32 evidence, __u64 now)
{
	return evidence != SMC_POLICY_EVIDENCE_RESET || now - path->voted > SMC_AUTO_SEC;
}

/*
 * Whether a connection that has begun at @begun tells of the state that @path is in now, and
 * not of the one before.  The times of two clocks, one of which goes by ticks.
 */
#define SMC_POLICY_TICKS (SMC_AUTO_SEC / 50)
static __always_inline int smc_policy_path_is_of_now(const struct smc_policy_path *path,
						     __u64 begun)
{
	return begun + SMC_POLICY_TICKS >= path->since;
}

/* The record of the path from @side to @peer, made if there is none. */
static __always_inline struct smc_policy_path *smc_policy_path_make(__u8 side, const __be32 peer[4])
{
	struct smc_policy_path_key key;
	struct smc_policy_path *path;
	struct smc_policy_host *host;

	smc_policy_path_key(&key, side, peer);
	path = bpf_map_lookup_elem(&paths, &key);
	if (path)
		return path;
	host = smc_policy_host_state();
	if (host)
		host->paths_known = 1;
	bpf_map_update_elem(&paths, &key, &smc_policy_no_path, BPF_NOEXIST);
	return bpf_map_lookup_elem(&paths, &key);
}

/* One more vote against @path, if it counts; returns how many there are. */
static __always_inline __u32 smc_policy_path_add_vote(struct smc_policy_path *path, __u32 evidence,
						      __u64 now)
{
	int counts = smc_policy_path_counts(path, evidence, now);

	if (now - path->voted > SMC_POLICY_VOTES_APART) {
		path->votes = 0;
		path->syn_votes = 0;
	}
	path->voted = now;
	if (evidence < SMC_POLICY_EVIDENCES)
		path->evidence[evidence]++;
	if (evidence == SMC_POLICY_EVIDENCE_SYN)
		return counts ? ++path->syn_votes : 0;
	return counts ? ++path->votes : 0;
}

/*
 * A connection of @side to @peer that has begun at @begun was harmed after both ends had
 * shown the option: @evidence, and @code if it fell back.
 */
static __always_inline void smc_policy_path_vote(__u8 side, const __be32 peer[4], __u64 begun,
						 __u32 evidence, __u32 code, __u64 now)
{
	__u32 enough = smc_policy_parameter(SMC_POLICY_PAR_VOTES, 0), votes;
	struct smc_policy_path *path;

	if (!enough)
		return;
	path = smc_policy_path_make(side, peer);
	if (!path || !smc_policy_path_is_of_now(path, begun))
		return;
	path->code = code;
	votes = smc_policy_path_add_vote(path, evidence, now);
	if (path->state == SMC_POLICY_PATH_HALF_OPEN ||
	    (path->state == SMC_POLICY_PATH_CLOSED && votes >= enough))
		smc_policy_path_open(path, now);
}

/*
 * struct smc_policy_path.answered of a suspect path: a SYN without the option was; or, plus the cookie
 * of a connection, its SYN with the option has been sent again since then.
 */
#define SMC_POLICY_PATH_ANSWERED 1

/*
 * A SYN without the option was answered on @path, and the one with it of connection @cookie (0: which
 * ends) that has begun at @begun is sent again now.  Its peer may have come back between the two; so
 * the path is open if that connection has to send it again once more.
 */
static __always_inline void smc_policy_path_answered_without(struct smc_policy_path *path,
							     __u64 cookie, __u64 begun, __u64 now)
{
	__u64 again = SMC_POLICY_PATH_ANSWERED + cookie;

	if (!cookie)
		return;
	if (path->answered == again) {
		smc_policy_path_open(path, now);
	} else if (path->answered == SMC_POLICY_PATH_ANSWERED) {
		path->answered = again;
		/* It will be clear then, at the latest after twice the time. */
		smc_policy_path_doubt(path, now + 2 * (now - begun) + SMC_AUTO_SEC);
	}
}

/*
 * The SYN of connection @cookie (0: which ends) to @peer that has begun at @begun carries the option
 * and is not answered.  @first: its connection has not told so before.
 */
static __always_inline void smc_policy_path_silent(const __be32 peer[4], __u64 cookie, __u64 begun,
						   int first, __u64 now)
{
	__u32 enough = smc_policy_parameter(SMC_POLICY_PAR_VOTES, 0);
	struct smc_policy_path *path;

	if (!enough)
		return;
	path = smc_policy_path_make(SMC_POLICY_CONNECT, peer);
	if (!path)
		return;
	if (path->state == SMC_POLICY_PATH_SUSPECT) {
		if (path->answered)
			smc_policy_path_answered_without(path, cookie, begun, now);
		return;
	}
	if (!first || !smc_policy_path_is_of_now(path, begun))
		return;
	if (path->state == SMC_POLICY_PATH_HALF_OPEN)
		smc_policy_path_open(path, now);
	else if (path->state == SMC_POLICY_PATH_CLOSED &&
		 smc_policy_path_add_vote(path, SMC_POLICY_EVIDENCE_SYN, now) >= enough)
		smc_policy_path_suspect(path, now);
}

/* A SYN to @peer with the option was answered with the option: the path lets it through. */
static __always_inline void smc_policy_path_heard(const __be32 peer[4], __u64 now)
{
	struct smc_policy_path_key key;
	struct smc_policy_path *path;

	smc_policy_path_key(&key, SMC_POLICY_CONNECT, peer);
	path = bpf_map_lookup_elem(&paths, &key);
	if (!path)
		return;
	if (path->state == SMC_POLICY_PATH_SUSPECT)
		smc_policy_path_enter(path, SMC_POLICY_PATH_CLOSED, now, 0);
	else
		path->syn_votes = 0;
}

/* A connection of @side to @peer that has begun at @begun came through with the option. */
static __always_inline void smc_policy_path_praise(__u8 side, const __be32 peer[4], __u64 begun,
						   __u64 now)
{
	struct smc_policy_path_key key;
	struct smc_policy_path *path;
	int i;

	smc_policy_path_key(&key, side, peer);
	path = bpf_map_lookup_elem(&paths, &key);
	if (!path || !smc_policy_path_is_of_now(path, begun))
		return;
	if (path->state == SMC_POLICY_PATH_CLOSED) {
		path->votes = 0;
		return;
	}
	if (path->state != SMC_POLICY_PATH_HALF_OPEN)
		return;
	smc_policy_path_enter(path, SMC_POLICY_PATH_CLOSED, now, 0);
	path->backoff = 0;
	for (i = 0; i < SMC_POLICY_EVIDENCES; i++)
		path->evidence[i] = 0;
}

/*
 * A probe of this host to @peer came back without the option: the path lets it through, or
 * takes it out, which harms nobody.
 */
static __always_inline void smc_policy_path_pass(const __be32 peer[4], __u64 now)
{
	struct smc_policy_path_key key;
	struct smc_policy_path *path;

	smc_policy_path_key(&key, SMC_POLICY_CONNECT, peer);
	path = bpf_map_lookup_elem(&paths, &key);
	if (path && path->state == SMC_POLICY_PATH_HALF_OPEN)
		smc_policy_path_enter(path, SMC_POLICY_PATH_CLOSED, now, 0);
}

/*
 * A SYN to @peer without the option was @answered, or was not by @now: what that says of a suspect
 * path.
 */
static __always_inline void smc_policy_path_compare(const __be32 peer[4], int answered, __u64 now)
{
	struct smc_policy_path_key key;
	struct smc_policy_path *path;

	smc_policy_path_key(&key, SMC_POLICY_CONNECT, peer);
	path = bpf_map_lookup_elem(&paths, &key);
	if (!path || path->state != SMC_POLICY_PATH_SUSPECT)
		return;
	if (!answered)
		smc_policy_path_enter(path, SMC_POLICY_PATH_CLOSED, now, 0);
	else if (!path->answered)
		path->answered = SMC_POLICY_PATH_ANSWERED;
}

#endif
