// SPDX-License-Identifier: GPL-2.0-or-later
/* What each rule has decided, and whose the counters are. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/internal.h"
#include "kernel/kernel.h"

uint32_t kernel_slots(const struct kernel *kernel)
{
	return kernel->n_slots;
}

static int counters_failed(int rc)
{
	log_debug("rule counters: %s", strerror(-rc));
	return rc;
}

static struct smc_policy_counters *read_cpus(const struct kernel *kernel, int fd, uint32_t slot)
{
	struct smc_policy_counters *cpus = calloc((size_t)kernel->n_cpus, sizeof(*cpus));

	if (cpus && bpf_map_lookup_elem(fd, &slot, cpus)) {
		counters_failed(-errno);
		free(cpus);
		return NULL;
	}
	return cpus;
}

static void add_counters(struct smc_policy_counters *to, const struct smc_policy_counters *from)
{
	to->smc += from->smc;
	for (int i = 0; i < 15; i++)
		to->tcp[i] += from->tcp[i];
}

static int read_sum(const struct kernel *kernel, int fd, uint32_t slot,
		    struct smc_policy_counters *sum)
{
	autofree struct smc_policy_counters *cpus = read_cpus(kernel, fd, slot);

	*sum = (struct smc_policy_counters){ 0 };
	for (int i = 0; cpus && i < kernel->n_cpus; i++)
		add_counters(sum, &cpus[i]);
	return cpus ? 0 : -EIO;
}

int kernel_read_counters(const struct kernel *kernel, uint32_t slot,
			 struct smc_policy_counters *sum)
{
	return read_sum(kernel, kernel->map[MAP_RULE_COUNTERS], slot, sum);
}

/* Add @add to the counters of @slot in map @fd, on the first CPU. */
static int add_to_slot(const struct kernel *kernel, int fd, uint32_t slot,
		       const struct smc_policy_counters *add)
{
	autofree struct smc_policy_counters *cpus = read_cpus(kernel, fd, slot);

	if (!cpus)
		return -EIO;
	add_counters(&cpus[0], add);
	return bpf_map_update_elem(fd, &slot, cpus, BPF_ANY) ? -errno : 0;
}

/* A slot that gets another rule. */
struct retiring {
	const struct kernel *kernel;
	uint32_t slot;
};

/* Count @value, of a key of that slot, for those that are gone. */
static int retire_fallbacks(void *arg, const void *key, const void *value)
{
	const struct retiring *retiring = arg;
	int fd = retiring->kernel->map[MAP_FALLBACKS];
	struct smc_policy_fallback_key gone = *(const struct smc_policy_fallback_key *)key;
	uint64_t sum = 0;

	if (gone.slot != retiring->slot)
		return 0;
	gone.slot = SMC_POLICY_SLOT_RETIRED;
	bpf_map_lookup_elem(fd, &gone, &sum);
	sum += *(const uint64_t *)value;
	if (bpf_map_update_elem(fd, &gone, &sum, BPF_ANY))
		return 0;
	bpf_map_delete_elem(fd, key);
	return 0;
}

int kernel_retire_counters(const struct kernel *kernel, uint32_t slot)
{
	int fd = kernel->map[MAP_RULE_COUNTERS], rc;
	autofree struct smc_policy_counters *zero =
		calloc((size_t)kernel->n_cpus, sizeof(struct smc_policy_counters));
	struct retiring retiring = { kernel, slot };
	struct smc_policy_rule_state none = { 0 };
	struct smc_policy_counters sum;

	if (!zero)
		return -ENOMEM;
	/* So that the slot's epoch can grow, by which living connections tell who has it. */
	bpf_map_update_elem(kernel->map[MAP_RULE_STATE], &slot, &none, BPF_NOEXIST);
	kernel_each(kernel, KERNEL_FALLBACKS, retire_fallbacks, &retiring);
	rc = kernel_read_counters(kernel, slot, &sum);
	if (!rc)
		rc = add_to_slot(kernel, fd, SMC_POLICY_SLOT_RETIRED, &sum);
	if (!rc && bpf_map_update_elem(fd, &slot, zero, BPF_ANY))
		rc = -errno;
	return rc;
}

int kernel_read_slot(const struct kernel *kernel, uint32_t slot, struct smc_policy_rule_slot *owner)
{
	return bpf_map_lookup_elem(kernel->map[MAP_RULE_SLOTS], &slot, owner) ? -errno : 0;
}

int kernel_write_slot(const struct kernel *kernel, uint32_t slot,
		      const struct smc_policy_rule_slot *owner)
{
	return bpf_map_update_elem(kernel->map[MAP_RULE_SLOTS], &slot, owner, BPF_ANY) ? -errno : 0;
}

void kernel_read_seen_counts(const struct kernel *kernel, struct smc_policy_seen_counts *sum)
{
	autofree struct smc_policy_seen_counts *cpus =
		calloc((size_t)kernel->n_cpus, sizeof(*cpus));
	uint32_t zero = 0;

	*sum = (struct smc_policy_seen_counts){ 0 };
	if (!cpus || bpf_map_lookup_elem(kernel->map[MAP_SEEN_COUNTS], &zero, cpus))
		return;
	for (int i = 0; i < kernel->n_cpus; i++) {
		sum->connections += cpus[i].connections;
		sum->connections_lost += cpus[i].connections_lost;
		sum->fallbacks += cpus[i].fallbacks;
		sum->fallbacks_lost += cpus[i].fallbacks_lost;
		sum->expected += cpus[i].expected;
	}
}

void counters_carry_over(const struct kernel *from, const struct kernel *to)
{
	uint32_t n = from->n_slots < to->n_slots ? from->n_slots : to->n_slots;

	for (uint32_t slot = 0; slot < n; slot++) {
		struct smc_policy_rule_slot owner;
		struct smc_policy_counters sum;

		if (kernel_read_slot(from, slot, &owner) || kernel_write_slot(to, slot, &owner))
			continue;
		if (!read_sum(from, from->map[MAP_RULE_COUNTERS], slot, &sum))
			add_to_slot(to, to->map[MAP_RULE_COUNTERS], slot, &sum);
	}
}
