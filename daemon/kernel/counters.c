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

static struct smc_policy_counters *read_cpus(const struct kernel *kernel, int fd, uint32_t at)
{
	struct smc_policy_counters *cpus = calloc((size_t)kernel->n_cpus, sizeof(*cpus));

	if (cpus && bpf_map_lookup_elem(fd, &at, cpus)) {
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

static void add_cpus(const struct kernel *kernel, const struct smc_policy_counters *cpus,
		     struct smc_policy_counters *sum)
{
	for (int i = 0; i < kernel->n_cpus; i++)
		add_counters(sum, &cpus[i]);
}

/* Add what all CPUs have counted at @at of map @fd to @sum. */
static int read_at(const struct kernel *kernel, int fd, uint32_t at,
		   struct smc_policy_counters *sum)
{
	autofree struct smc_policy_counters *cpus = read_cpus(kernel, fd, at);

	if (!cpus)
		return -EIO;
	add_cpus(kernel, cpus, sum);
	return 0;
}

int kernel_read_side_counters(const struct kernel *kernel, uint32_t slot, unsigned int side,
			      struct smc_policy_counters *sum)
{
	*sum = (struct smc_policy_counters){ 0 };
	return read_at(kernel, kernel->map[MAP_SIDE_COUNTERS], SMC_POLICY_COUNTERS_OF(slot, side),
		       sum);
}

int kernel_read_counters(const struct kernel *kernel, uint32_t slot,
			 struct smc_policy_counters *sum)
{
	int rc = 0;

	*sum = (struct smc_policy_counters){ 0 };
	for (unsigned int side = 0; side < SMC_POLICY_SIDES && !rc; side++)
		rc = read_at(kernel, kernel->map[MAP_SIDE_COUNTERS],
			     SMC_POLICY_COUNTERS_OF(slot, side), sum);
	return rc;
}

uint32_t kernel_range_room(const struct kernel *kernel)
{
	uint32_t room = 4096u / (uint32_t)kernel->n_cpus; /* a MiB of counters */

	return room ? room : 1;
}

/* kernel_read_range() where the kernel reads no array of CPUs in batches (up to 5.12). */
static int read_one_by_one(const struct kernel *kernel, uint32_t slot, uint32_t n,
			   struct smc_policy_counters (*sums)[SMC_POLICY_SIDES])
{
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++)
		for (unsigned int side = 0; side < SMC_POLICY_SIDES && !rc; side++)
			rc = kernel_read_side_counters(kernel, slot + i, side, &sums[i][side]);
	return rc;
}

int kernel_read_range(const struct kernel *kernel, uint32_t slot, uint32_t n,
		      struct smc_policy_counters (*sums)[SMC_POLICY_SIDES])
{
	uint32_t before = SMC_POLICY_COUNTERS_OF(slot, 0) - 1, after;
	uint32_t count = n * SMC_POLICY_SIDES, wanted = count;
	autofree uint32_t *keys = calloc(wanted, sizeof(*keys));
	autofree struct smc_policy_counters *cpus =
		calloc((size_t)wanted * (size_t)kernel->n_cpus, sizeof(*cpus));
	int rc;

	if (!keys || !cpus)
		return -ENOMEM;
	rc = bpf_map_lookup_batch(kernel->map[MAP_SIDE_COUNTERS], slot ? &before : NULL, &after,
				  keys, cpus, &count, NULL);
	if ((rc && rc != -ENOENT) || count != wanted)
		return read_one_by_one(kernel, slot, n, sums);
	memset(sums, 0, n * sizeof(*sums));
	for (uint32_t i = 0; i < wanted; i++)
		add_cpus(kernel, &cpus[i * (size_t)kernel->n_cpus],
			 &sums[i / SMC_POLICY_SIDES][i % SMC_POLICY_SIDES]);
	return 0;
}

/* Add @add to the counters at @at of map @fd, on the first CPU. */
static int add_at(const struct kernel *kernel, int fd, uint32_t at,
		  const struct smc_policy_counters *add)
{
	autofree struct smc_policy_counters *cpus = read_cpus(kernel, fd, at);

	if (!cpus)
		return -EIO;
	add_counters(&cpus[0], add);
	return bpf_map_update_elem(fd, &at, cpus, BPF_ANY) ? -errno : 0;
}

static int retire_side(const struct kernel *kernel, uint32_t slot, unsigned int side,
		       const struct smc_policy_counters *zero)
{
	uint32_t at = SMC_POLICY_COUNTERS_OF(slot, side);
	int fd = kernel->map[MAP_SIDE_COUNTERS];
	struct smc_policy_counters sum;
	int rc = kernel_read_side_counters(kernel, slot, side, &sum);

	if (!rc)
		rc = add_at(kernel, fd, SMC_POLICY_COUNTERS_OF(SMC_POLICY_SLOT_RETIRED, side),
			    &sum);
	if (!rc && bpf_map_update_elem(fd, &at, zero, BPF_ANY))
		rc = -errno;
	return rc;
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
	autofree struct smc_policy_counters *zero = calloc((size_t)kernel->n_cpus, sizeof(*zero));
	struct retiring retiring = { kernel, slot };
	struct smc_policy_rule_state none = { 0 };
	int rc = zero ? 0 : -ENOMEM;

	/* So that the slot's epoch can grow, by which living connections tell who has it. */
	bpf_map_update_elem(kernel->map[MAP_RULE_STATE], &slot, &none, BPF_NOEXIST);
	kernel_each(kernel, KERNEL_FALLBACKS, retire_fallbacks, &retiring);
	for (unsigned int side = 0; side < SMC_POLICY_SIDES && !rc; side++)
		rc = retire_side(kernel, slot, side, zero);
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

void kernel_read_totals(const struct kernel *kernel, struct smc_policy_totals *sum)
{
	const size_t n = sizeof(*sum) / sizeof(uint64_t);
	autofree uint64_t *cpus = calloc(n * (size_t)kernel->n_cpus, sizeof(*cpus));
	uint64_t sums[sizeof(*sum) / sizeof(uint64_t)] = { 0 };
	uint32_t zero = 0;

	if (cpus && !bpf_map_lookup_elem(kernel->map[MAP_TOTALS], &zero, cpus))
		for (size_t i = 0; i < n * (size_t)kernel->n_cpus; i++)
			sums[i % n] += cpus[i];
	memcpy(sum, sums, sizeof(*sum));
}

void counters_carry_over(const struct kernel *from, const struct kernel *to)
{
	uint32_t n = from->n_slots < to->n_slots ? from->n_slots : to->n_slots;

	for (uint32_t slot = 0; slot < n; slot++) {
		struct smc_policy_rule_slot owner;
		struct smc_policy_counters sum;

		if (kernel_read_slot(from, slot, &owner) || kernel_write_slot(to, slot, &owner))
			continue;
		for (unsigned int side = 0; side < SMC_POLICY_SIDES; side++)
			if (!kernel_read_side_counters(from, slot, side, &sum))
				add_at(to, to->map[MAP_SIDE_COUNTERS],
				       SMC_POLICY_COUNTERS_OF(slot, side), &sum);
	}
}
