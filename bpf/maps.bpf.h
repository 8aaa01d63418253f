/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps that all programs share.  The daemon pins them and hands the pinned
 * ones to every object that it loads.
 */
#ifndef SMC_POLICY_MAPS_BPF_H
#define SMC_POLICY_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "smc_policy_image.h"
#include "smc_policy_maps.h"

/*
 * One image.  BPF_F_INNER_MAP (5.10) lets images of different size take turns
 * in the slot; the daemon fills them through mmap.
 */
struct smc_policy_image_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct smc_policy_row);
} policy_image SEC(".maps");

/* The image in force.  Storing a map here is the commit of a change. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct smc_policy_image_map);
} policy_slot SEC(".maps");

/* Verdicts by rule; the daemon sets the number of entries before it loads. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct smc_policy_counters);
} rule_counters SEC(".maps");

/* Cookies of the namespaces that may speak SMC; read if the image says so. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} netns_listed SEC(".maps");

#endif
