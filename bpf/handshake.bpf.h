/* SPDX-License-Identifier: GPL-2.0-only */
/* What the end of a handshake, or a SYN without an answer, tells of peers and paths. */
#ifndef SMC_POLICY_HANDSHAKE_BPF_H
#define SMC_POLICY_HANDSHAKE_BPF_H

#include "connection.bpf.h"

/*
 * The handshake is complete, with the option in both directions; the SYN or SYN-ACK was sent as
 * often again as WHAT_TIMES tells.
 */
GLOBAL int established(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;
	struct smc_policy_ends ends;

	fill(&connection, high, low, what);
	fill_ends(&ends, &connection, what);
	if (connection.side == SMC_POLICY_CONNECT)
		smc_policy_path_heard(connection.peer, now);
	smc_policy_begin(&connection, cookie, bpf_map_lookup_elem(&smc_pending, &ends),
			 times_of(what), now);
	bpf_map_delete_elem(&smc_pending, &ends);
	return 0;
}

/* The SYN-ACK has come, without the option although the SYN may have had it. */
GLOBAL int connected_by_tcp(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;
	const struct smc_policy_told *told;
	struct smc_policy_ends ends;
	struct smc_auto_place place;

	fill(&connection, high, low, what);
	smc_auto_find_live(&place, cookie);
	if (place.set && smc_auto_live_at(&place)->info & SMC_AUTO_LIVE_ASKED) {
		fill_ends(&ends, &connection, what);
		told = bpf_map_lookup_elem(&smc_pending, &ends);
		if (told && told->verdict == SMC_POLICY_SMC) {
			smc_policy_no_smc(&connection, SMC_POLICY_PEERNOSMC, now);
			smc_policy_path_pass(connection.peer, now);
			return 0;
		}
		/* It was this host that left the option out. */
		smc_auto_live_at(&place)->info &= ~SMC_AUTO_LIVE_ASKED;
	}
	if (is_comparing())
		smc_policy_path_compare(connection.peer, 1, now);
	return 0;
}

/*
 * The handshake of a socket of the kernel is complete without the option: if it is one of SMC that was
 * asked for, remember what it was told.
 */
GLOBAL int refused(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;
	const struct smc_policy_told *told;
	struct smc_policy_ends ends;

	fill(&connection, high, low, what);
	fill_ends(&ends, &connection, what);
	told = bpf_map_lookup_elem(&smc_pending, &ends);
	if (!told)
		return 0;
	/* Who accepts is asked only if the SYN has the option. */
	if (connection.side == SMC_POLICY_ACCEPT)
		note_speaker(connection.peer, now);
	smc_policy_refuse(cookie, told, connection.side, connection.peer, SMC_POLICY_PEERNOSMC,
			  now);
	bpf_map_delete_elem(&smc_pending, &ends);
	return 0;
}

/*
 * The handshake of @seen is complete; @asked: with the option of both ends.  @internal: its socket is
 * one of the kernel.
 */
static __always_inline void connected(const struct seen *seen, __u32 asked, int internal)
{
	if (asked) {
		established(seen->high, seen->low, seen->what, seen->cookie, seen->now);
		return;
	}
	if (!(seen->what >> WHAT_SIDE & 1))
		connected_by_tcp(seen->high, seen->low, seen->what, seen->cookie, seen->now);
	if (internal)
		refused(seen->high, seen->low, seen->what, seen->cookie, seen->now);
}

/* When the connection of @cookie has opened; @now if nobody knows any more. */
static __always_inline __u64 opened_at(__u64 cookie, __u64 now)
{
	struct smc_auto_place place;

	smc_auto_find_live(&place, cookie);
	return place.set ? now - smc_auto_age(smc_auto_live_at(&place), now) : now;
}

/* A SYN may get lost; one that is sent so often again has no answer. */
#define SILENT_AFTER 2

/* The SYN is sent again, for the WHAT_TIMESth time, or its connection ends. */
GLOBAL int unanswered(__u64 high, __u64 low, __u64 what, __u64 cookie, __u64 now)
{
	struct smc_auto_connection connection;

	fill(&connection, high, low, what);
	if (!(what >> WHAT_ASKED & 1))
		smc_policy_path_compare(connection.peer, 0, now);
	else
		smc_policy_path_silent(connection.peer, what >> WHAT_ENDED & 1 ? 0 : cookie,
				       opened_at(cookie, now), times_of(what) == SILENT_AFTER, now);
	return 0;
}

#endif
