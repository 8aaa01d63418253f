/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SMC sockets that the handshake left without SMC, and the account of fallbacks.
 *
 * What a connection was told is noted by its ends when the hook decides, and by the cookie of its TCP
 * socket once the handshake is complete: in smc_connections if both ends have shown the option, else
 * in smc_refused.  It stays there until the socket closes.
 */
#ifndef SMC_POLICY_SEEN_BPF_H
#define SMC_POLICY_SEEN_BPF_H

#include "budget.bpf.h"
#include "core.h"
#include "events.bpf.h"
#include "path.bpf.h"

/*
 * Whether @sk belongs to the kernel: the TCP socket below an SMC socket does (sock_create_kern() in
 * smc_create_clcsk()), and what such a listener accepts.
 */
static __always_inline int is_internal(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(sk, sk_kern_sock);
}

/* ---- counts ---- */

/* One more complete handshake of an SMC socket; @rc of noting it. */
static __always_inline void count_connection(long rc)
{
	struct smc_policy_totals *here = smc_policy_totals_here();

	if (!here)
		return;
	__sync_fetch_and_add(&here->connections, 1);
	if (rc && rc != -EEXIST)
		__sync_fetch_and_add(&here->connections_lost, 1);
}

static __always_inline void count_prefix(__u32 side, const __be32 peer[4], __u32 expected,
					 __u32 code, __u64 now)
{
	struct smc_policy_fallback_prefix none = { 0 }, *prefix;
	struct smc_policy_path_key key;

	smc_policy_path_key(&key, (__u8)side, peer);
	prefix = bpf_map_lookup_elem(&fallback_prefixes, &key);
	if (!prefix) {
		bpf_map_update_elem(&fallback_prefixes, &key, &none, BPF_NOEXIST);
		prefix = bpf_map_lookup_elem(&fallback_prefixes, &key);
	}
	if (!prefix)
		return;
	prefix->last = now;
	if (expected) {
		__sync_fetch_and_add(&prefix->expected, 1);
		return;
	}
	prefix->code = code;
	__sync_fetch_and_add(&prefix->unexpected, 1);
}

/* Count under @key; whether that went well. */
static __always_inline int count_by_key(const struct smc_policy_fallback_key *key)
{
	__u64 *count = bpf_map_lookup_elem(&fallbacks, key), zero = 0;

	if (!count) {
		bpf_map_update_elem(&fallbacks, key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&fallbacks, key);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	return count != 0;
}

/* What count_fallback() is told, in one word. */
#define FALLBACK_SIDE 0 /* 1 bit */
#define FALLBACK_EXPECTED 1 /* 1 bit */
#define FALLBACK_SPEAKS 2 /* 1 bit */
#define FALLBACK_SLOT 8 /* 24 bits */

/* A connection with the peer @high, @low has fallen back because of @code. */
GLOBAL int count_fallback(__u64 high, __u64 low, __u64 what, __u32 code, __u64 now)
{
	const __be32 peer[4] = { (__u32)high, (__u32)(high >> 32), (__u32)low, (__u32)(low >> 32) };
	struct smc_policy_totals *here = smc_policy_totals_here();
	struct smc_policy_fallback_key key = {
		.slot = what >> FALLBACK_SLOT & 0xffffff,
		.code = code,
		.side = what >> FALLBACK_SIDE & 1,
		.expected = what >> FALLBACK_EXPECTED & 1,
		.speaks = what >> FALLBACK_SPEAKS & 1,
	};

	if (!here)
		return 0;
	__sync_fetch_and_add(&here->fallbacks, 1);
	if (!count_by_key(&key))
		__sync_fetch_and_add(&here->fallbacks_lost, 1);
	if (key.expected)
		__sync_fetch_and_add(&here->expected, 1);
	count_prefix(key.side, peer, key.expected, code, now);
	return 0;
}

static __always_inline __u64 fallback_what(const struct smc_policy_told *told, __u32 side,
					   __u32 speaks)
{
	return (side & 1) << FALLBACK_SIDE | (told->asked && !told->verdict) << FALLBACK_EXPECTED |
	       (speaks & 1) << FALLBACK_SPEAKS | (__u64)told->slot << FALLBACK_SLOT;
}

/* ---- who speaks SMC ---- */

/* @peer has shown the option. */
static __always_inline void note_speaker(const __be32 peer[4], __u64 now)
{
	if (!bpf_map_lookup_elem(&smc_speakers, peer))
		bpf_map_update_elem(&smc_speakers, peer, &now, BPF_ANY);
}

/* ---- SMC sockets without SMC ---- */

/* The epoch of the slot of @told. */
static __always_inline __u32 epoch_of(const struct smc_policy_told *told)
{
	const struct smc_policy_rule_state *state = 0;
	__u32 slot = told->slot;

	if (slot)
		state = bpf_map_lookup_elem(&rule_state, &slot);
	return state ? state->epoch : 0;
}

/*
 * The socket of @cookie, an SMC socket of @side that was @told what it says, goes without SMC to @peer
 * because of @code.
 */
static __always_inline void smc_policy_refuse(__u64 cookie, const struct smc_policy_told *told,
					      __u32 side, const __be32 peer[4], __u32 code,
					      __u64 now)
{
	struct smc_policy_refused refused = {
		.told = *told,
		.begun = now,
		.epoch = epoch_of(told),
		.code = code,
		.side = (__u8)side,
		.speaks = bpf_map_lookup_elem(&smc_speakers, peer) != 0,
	};

	count_connection(bpf_map_update_elem(&smc_refused, &cookie, &refused, BPF_NOEXIST));
	count_fallback((__u64)peer[1] << 32 | peer[0], (__u64)peer[3] << 32 | peer[2],
		       fallback_what(told, side, refused.speaks), code, now);
}

#endif
