/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps that all programs share.  The daemon pins them and hands the pinned
 * ones to every object that it loads.
 */
#ifndef SMC_POLICY_MAPS_BPF_H
#define SMC_POLICY_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "smc_policy_auto.h"
#include "smc_policy_image.h"
#include "smc_policy_maps.h"

/*
 * One image.  BPF_F_INNER_MAP (5.10) lets images of different size take turns
 * in the slot; the daemon fills them through mmap.  Sizes and no types: up to 6.2 the slot
 * takes no map without BTF if this one has it (bpf_map_meta_equal compares timer_off).
 */
struct smc_policy_image_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct smc_policy_row));
};

/* The image in force.  Storing a map here is the commit of a change. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct smc_policy_image_map);
} policy_slot SEC(".maps");

/* Verdicts by rule and side; the daemon sets the number of entries before it loads. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SMC_POLICY_SIDES);
	__type(key, __u32);
	__type(value, struct smc_policy_counters);
} side_counters SEC(".maps");

/* Cookies of the namespaces that may speak SMC; read if the image says so. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} netns_listed SEC(".maps");

/* ---- what auto remembers; the daemon sets the sizes before it loads ---- */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct smc_auto_key);
	__type(value, struct smc_auto_service);
} auto_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct smc_auto_key);
	__type(value, struct smc_auto_peer);
} auto_peers SEC(".maps");

/* Living connections, in the set that their cookie gives. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct smc_auto_set);
} connections SEC(".maps");

/* ---- SMC connections, limits and breakers ---- */

/* What handshakes that ask for SMC were told, by their ends, until they are complete. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct smc_policy_ends);
	__type(value, struct smc_policy_told);
} smc_pending SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* cookie of the TCP socket */
	__type(value, struct smc_policy_smc);
} smc_connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 20);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32); /* counter slot */
	__type(value, struct smc_policy_rule_state);
} rule_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct smc_policy_path_key);
	__type(value, struct smc_policy_path);
} paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE); /* the daemon writes single words of it */
	__type(key, __u32);
	__type(value, struct smc_policy_host);
} host_state SEC(".maps");

/* The one value of it: never null, but the verifier wants to see the test. */
static __always_inline struct smc_policy_host *smc_policy_host_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&host_state, &zero);
}

/* A lesson is lost.  Any program; callers on several CPUs at once are all counted. */
static __always_inline void smc_policy_count_lost(enum smc_policy_loss loss)
{
	struct smc_policy_host *host = smc_policy_host_state();

	if (host)
		__sync_fetch_and_add(&host->lost[loss], 1);
}

#define EEXIST 17 /* include/uapi/asm-generic/errno-base.h */
#define ENOMEM 12
#define E2BIG 7

/*
 * Put @value under @key into table @map unless one is there.  If that fails what would have been
 * learned is lost: there is no memory left, or another CPU keeps the table locked (EBUSY; from 6.17
 * on EDEADLK or ETIMEDOUT).
 */
static __always_inline void smc_policy_insert(void *map, const void *key, const void *value)
{
	long rc = bpf_map_update_elem(map, key, value, BPF_NOEXIST);

	if (rc && rc != -EEXIST)
		smc_policy_count_lost(rc == -ENOMEM || rc == -E2BIG ? SMC_POLICY_LOST_RECORDS
								    : SMC_POLICY_LOST_BUSY);
}

#define SMC_POLICY_DENIED_SHIFT 10

/*
 * What this host was denied by the policy itself when it asked for the last time, each question in the
 * place it has.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << SMC_POLICY_DENIED_SHIFT);
	__type(key, __u32);
	__type(value, __u64); /* smc_policy_question(), 0: none */
} denied SEC(".maps");

/* The question whether to connect to @port of the peer @high, @low by SMC, as one number but 0. */
static __always_inline __u64 smc_policy_question(__u64 high, __u64 low, __u32 port)
{
	__u64 hash = (high ^ port) * 0x9e3779b97f4a7c15ull;

	hash = (hash ^ hash >> 32 ^ low) * 0xbf58476d1ce4e5b9ull;
	return hash | 1;
}

/* The place of @question. */
static __always_inline __u64 *smc_policy_denied_at(__u64 question)
{
	__u32 at = question >> (64 - SMC_POLICY_DENIED_SHIFT);

	return bpf_map_lookup_elem(&denied, &at);
}

/* What each CPU has got to see since the maps were made. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct smc_policy_totals);
} totals SEC(".maps");

/* This CPU's.  Any program; one may interrupt another, so that counts are added to atomically. */
static __always_inline struct smc_policy_totals *smc_policy_totals_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&totals, &zero);
}

/* ---- what can be seen of SMC sockets ---- */

/* Those whose handshake did not show the option of both ends. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* cookie of the TCP socket */
	__type(value, struct smc_policy_refused);
} smc_refused SEC(".maps");

/* Addresses that have shown the option, and when first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct smc_policy_address);
	__type(value, __u64);
} smc_speakers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct smc_policy_fallback_key);
	__type(value, __u64); /* connections */
} fallbacks SEC(".maps");

/* Of the peer prefixes with the latest ones. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct smc_policy_path_key);
	__type(value, struct smc_policy_fallback_prefix);
} fallback_prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SMC_POLICY_READERS);
	__type(key, __u32);
	__type(value, struct smc_policy_filter);
} monitor_filters SEC(".maps");

/* struct smc_policy_event, while somebody reads. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
} events SEC(".maps");

/* Closed connections, while somebody records. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} records SEC(".maps");

#endif
