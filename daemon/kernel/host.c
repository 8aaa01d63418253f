// SPDX-License-Identifier: GPL-2.0-or-later
/* What is one for the whole host. */
#include <string.h>

#include "kernel/internal.h"
#include "kernel/kernel.h"

void kernel_read_host(const struct kernel *kernel, struct smc_policy_host *host)
{
	memcpy(host, (const void *)kernel->host, sizeof(*host));
}

void kernel_wake_me(const struct kernel *kernel)
{
	kernel->host->wake = 1;
}

void kernel_set_recording(const struct kernel *kernel, bool recording)
{
	kernel->host->recording = recording;
}
