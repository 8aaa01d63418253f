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
	return read_at(kernel, kernel->map[MAP_RULE_COUNTERS], SMC_POLICY_COUNTERS_OF(slot, side),
		       sum);
}

int kernel_read_counters(const struct kernel *kernel, uint32_t slot,
			 struct smc_policy_counters *sum)
{
	int rc = 0;

	*sum = (struct smc_policy_counters){ 0 };
	for (unsigned int side = 0; side < SMC_POLICY_SIDES && !rc; side++)
		rc = read_at(kernel, kernel->map[MAP_RULE_COUNTERS],
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
	rc = bpf_map_lookup_batch(kernel->map[MAP_RULE_COUNTERS], slot ? &before : NULL, &after,
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
	int fd = kernel->map[MAP_RULE_COUNTERS];
	struct smc_policy_counters sum;
	int rc = kernel_read_side_counters(kernel, slot, side, &sum);

	if (!rc)
		rc = add_at(kernel, fd, SMC_POLICY_COUNTERS_OF(SMC_POLICY_SLOT_RETIRED, side),
			    &sum);
	if (!rc && bpf_map_update_elem(fd, &at, zero, BPF_ANY))
		rc = -errno;
	return rc;
}

int kernel_retire_counters(const struct kernel *kernel, uint32_t slot)
{
	autofree struct smc_policy_counters *zero = calloc((size_t)kernel->n_cpus, sizeof(*zero));
	int rc = zero ? 0 : -ENOMEM;

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
				add_at(to, to->map[MAP_RULE_COUNTERS],
				       SMC_POLICY_COUNTERS_OF(slot, side), &sum);
	}
}
