// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/internal.h"
#include "kernel/kernel.h"

#define TEXT_OF(...) #__VA_ARGS__
#define PINNED_WITH_ABI(name, ...) (name TEXT_OF(__VA_ARGS__))
#define RULE_SLOTS PINNED_WITH_ABI("rule_slots_v", SMC_POLICY_PIN_ABI)

static const char *const map_names[MAPS + 1] = {
	[MAP_POLICY_SLOT] = "policy_slot",
	[MAP_SIDE_COUNTERS] = "side_counters",
	[MAP_NETNS_LISTED] = "netns_listed",
	[MAP_RULE_SLOTS] = RULE_SLOTS,
	[MAP_AUTO_SERVICES] = "auto_services",
	[MAP_AUTO_PEERS] = "auto_peers",
	[MAP_CONNECTIONS] = "connections",
	[MAP_SMC_PENDING] = "smc_pending",
	[MAP_SMC_CONNECTIONS] = "smc_connections",
	[MAP_RULE_STATE] = "rule_state",
	[MAP_PATHS] = "paths",
	[MAP_HOST_STATE] = "host_state",
	[MAP_DENIED] = "denied",
	[MAP_TOTALS] = "totals",
	[MAP_RECORDS] = "records",
	[MAP_SMC_REFUSED] = "smc_refused",
	[MAP_SMC_SPEAKERS] = "smc_speakers",
	[MAP_FALLBACKS] = "fallbacks",
	[MAP_FALLBACK_PREFIXES] = "fallback_prefixes",
	[MAP_MONITOR_FILTERS] = "monitor_filters",
	[MAP_EVENTS] = "events",
};

const char *maps_name(enum map which)
{
	return which == MAP_RULE_SLOTS ? "rule_slots" : map_names[which];
}

static void close_map(struct kernel *kernel, enum map which)
{
	if (kernel->map[which] >= 0)
		close(kernel->map[which]);
	kernel->map[which] = -1;
}

void maps_close(struct kernel *kernel)
{
	if (kernel->host)
		munmap((void *)kernel->host, sizeof(*kernel->host));
	if (kernel->sets)
		munmap((void *)kernel->sets, kernel->n_sets * sizeof(*kernel->sets));
	kernel->host = NULL;
	kernel->sets = NULL;
	for (int i = 0; i < MAPS; i++)
		close_map(kernel, (enum map)i);
}

/* Whether the map behind @fd has the layout that this build gives to @which. */
static bool fits(int fd, enum map which, uint32_t *max_entries)
{
	static const uint32_t value_size[MAPS] = {
		[MAP_POLICY_SLOT] = sizeof(uint32_t),
		[MAP_SIDE_COUNTERS] = sizeof(struct smc_policy_counters),
		[MAP_NETNS_LISTED] = sizeof(uint8_t),
		[MAP_RULE_SLOTS] = sizeof(struct smc_policy_rule_slot),
		[MAP_AUTO_SERVICES] = sizeof(struct smc_auto_service),
		[MAP_AUTO_PEERS] = sizeof(struct smc_auto_peer),
		[MAP_CONNECTIONS] = sizeof(struct smc_auto_set),
		[MAP_SMC_PENDING] = sizeof(struct smc_policy_told),
		[MAP_SMC_CONNECTIONS] = sizeof(struct smc_policy_smc),
		[MAP_RULE_STATE] = sizeof(struct smc_policy_rule_state),
		[MAP_PATHS] = sizeof(struct smc_policy_path),
		[MAP_HOST_STATE] = sizeof(struct smc_policy_host),
		[MAP_DENIED] = sizeof(uint64_t),
		[MAP_TOTALS] = sizeof(struct smc_policy_totals),
		[MAP_SMC_REFUSED] = sizeof(struct smc_policy_refused),
		[MAP_SMC_SPEAKERS] = sizeof(uint64_t),
		[MAP_FALLBACKS] = sizeof(uint64_t),
		[MAP_FALLBACK_PREFIXES] = sizeof(struct smc_policy_fallback_prefix),
		[MAP_MONITOR_FILTERS] = sizeof(struct smc_policy_filter),
	};
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return false;
	*max_entries = info.max_entries;
	return info.value_size == value_size[which];
}

bool maps_open_pinned(struct kernel *kernel)
{
	uint32_t entries[MAPS] = { 0 };
	bool complete = true;

	for (int i = 0; i < MAPS; i++) {
		kernel->map[i] = kernel_open_pinned(kernel, map_names[i]);
		if (kernel->map[i] < 0 || fits(kernel->map[i], (enum map)i, &entries[i]))
			continue;
		close_map(kernel, (enum map)i);
	}
	for (int i = 0; i < MAP_FIRST_KEPT; i++)
		complete = complete && kernel->map[i] >= 0;
	for (int i = 0; i < MAP_FIRST_KEPT && !complete; i++)
		close_map(kernel, (enum map)i);
	kernel->n_slots = entries[MAP_RULE_SLOTS];
	return complete;
}

/* Whether map @which is open and, if its size is a setting, has the size that is wanted. */
static bool is_wanted(const struct kernel *kernel, enum map which)
{
	uint32_t entries;

	if (kernel->map[which] < 0 || !fits(kernel->map[which], which, &entries))
		return false;
	return (which != MAP_AUTO_PEERS || entries == kernel->n_peers) &&
	       (which != MAP_CONNECTIONS || entries == kernel->n_sets);
}

bool maps_complete(const struct kernel *kernel)
{
	for (int i = 0; i < MAPS; i++)
		if (!is_wanted(kernel, (enum map)i))
			return false;
	return true;
}

void maps_set_aside(struct kernel *kernel, struct kernel *before)
{
	*before = *kernel;
	for (int i = 0; i < MAPS; i++) {
		struct kernel *other =
			i >= MAP_FIRST_KEPT && is_wanted(kernel, (enum map)i) ? before : kernel;

		other->map[i] = -1;
	}
}

int maps_map(struct kernel *kernel, struct kernel_error *error)
{
	void *sets, *host = mmap(NULL, sizeof(*kernel->host), PROT_READ | PROT_WRITE, MAP_SHARED,
				 kernel->map[MAP_HOST_STATE], 0);

	if (host == MAP_FAILED)
		return kernel_fail(error, -errno, "cannot map a BPF map: %s", strerror(errno));
	kernel->host = host;
	sets = mmap(NULL, kernel->n_sets * sizeof(*kernel->sets), PROT_READ, MAP_SHARED,
		    kernel->map[MAP_CONNECTIONS], 0);
	if (sets == MAP_FAILED)
		return kernel_fail(error, -errno, "cannot map a BPF map: %s", strerror(errno));
	kernel->sets = sets;
	return 0;
}

static void copy_map(int from, int to, size_t value_size)
{
	struct smc_auto_key key, next;
	unsigned char value[256];
	bool more;

	if (from < 0 || value_size > sizeof(value))
		return;
	more = !bpf_map_get_next_key(from, NULL, &next);
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(from, &key, &next);
		if (!bpf_map_lookup_elem(from, &key, value))
			bpf_map_update_elem(to, &key, value, BPF_ANY);
	}
}

void maps_carry_over(const struct kernel *before, const struct kernel *kernel)
{
	uint32_t entries;

	if (before->map[MAP_AUTO_PEERS] >= 0 &&
	    fits(before->map[MAP_AUTO_PEERS], MAP_AUTO_PEERS, &entries))
		copy_map(before->map[MAP_AUTO_PEERS], kernel->map[MAP_AUTO_PEERS],
			 sizeof(struct smc_auto_peer));
}

int maps_create(struct kernel *kernel, struct kernel_error *error)
{
	kernel->map[MAP_RULE_SLOTS] =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "rule_slots", sizeof(uint32_t),
			       sizeof(struct smc_policy_rule_slot), kernel->n_slots, NULL);
	if (kernel->map[MAP_RULE_SLOTS] < 0)
		return kernel_fail(error, -errno,
				   "cannot create a BPF map: %s; run as root on a kernel with BPF",
				   strerror(errno));
	return 0;
}

static int set_size(struct bpf_object *object, enum map which, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[which]);

	return map ? bpf_map__set_max_entries(map, entries) : 0;
}

int maps_share(struct kernel *kernel, struct bpf_object *object, volatile uint32_t *sets)
{
	int rc = set_size(object, MAP_SIDE_COUNTERS, kernel->n_slots * SMC_POLICY_SIDES);

	if (!rc)
		rc = set_size(object, MAP_AUTO_PEERS, kernel->n_peers);
	if (!rc)
		rc = set_size(object, MAP_CONNECTIONS, kernel->n_sets);
	for (int i = 0; i < MAPS && !rc; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);

		if (map && kernel->map[i] >= 0)
			rc = bpf_map__reuse_fd(map, kernel->map[i]);
	}
	if (sets)
		*sets = kernel->n_sets;
	return rc;
}

int maps_adopt(struct kernel *kernel, struct bpf_object *object)
{
	for (int i = 0; i < MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);

		if (!map || kernel->map[i] >= 0)
			continue;
		kernel->map[i] = dup(bpf_map__fd(map));
		if (kernel->map[i] < 0)
			return -errno;
	}
	return 0;
}

int maps_pin(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	int rc = 0;

	for (int i = 0; i < MAPS && !rc; i++)
		rc = kernel_pin(kernel, kernel->map[i], set, map_names[i], error);
	return rc;
}

bool maps_pinned(const struct kernel *kernel)
{
	return kernel_pinned(kernel, map_names, 0);
}

/* ---- the namespaces that may speak SMC ---- */

static bool contains(const uint64_t *cookies, size_t n, uint64_t cookie)
{
	for (size_t i = 0; i < n; i++)
		if (cookies[i] == cookie)
			return true;
	return false;
}

/* Drop the cookies that are listed but not wanted. */
static void drop_netns(int fd, const uint64_t *cookies, size_t n)
{
	uint64_t key, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (!contains(cookies, n, key))
			bpf_map_delete_elem(fd, &key);
	}
}

int kernel_list_netns(const struct kernel *kernel, const uint64_t *cookies, size_t n,
		      struct kernel_error *error)
{
	int fd = kernel->map[MAP_NETNS_LISTED];
	uint8_t listed = 1;

	for (size_t i = 0; i < n; i++)
		if (bpf_map_update_elem(fd, &cookies[i], &listed, BPF_ANY))
			return kernel_fail(
				error, -errno,
				"cannot list a network namespace: %s; shorten [daemon] netns",
				strerror(errno));
	drop_netns(fd, cookies, n);
	return 0;
}
