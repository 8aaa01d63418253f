// SPDX-License-Identifier: GPL-2.0-or-later
/* What is one for the whole host. */
#include <string.h>

#include "kernel/internal.h"
#include "kernel/kernel.h"

/*
 * Calls that the kernel skipped, of programs that were attached and of those that are, but for ends that
 * were seen after all.
 */
static uint64_t skipped(const struct kernel *kernel, const struct smc_policy_host *host)
{
	uint64_t calls = host->lost[SMC_POLICY_LOST_SKIPPED] + watcher_skipped(kernel);

	return calls > host->ended_late ? calls - host->ended_late : 0;
}

void kernel_read_host(const struct kernel *kernel, struct smc_policy_host *host)
{
	memcpy(host, (const void *)kernel->host, sizeof(*host));
	host->lost[SMC_POLICY_LOST_SKIPPED] = skipped(kernel, host);
	host->lost[SMC_POLICY_LOST_UNSEEN] = living_unseen(kernel);
}

void kernel_wake_me(const struct kernel *kernel)
{
	kernel->host->wake = 1;
}

void kernel_set_recording(const struct kernel *kernel, bool recording)
{
	kernel->host->recording = recording;
}
