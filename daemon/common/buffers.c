// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "common/buffers.h"
#include "common/cleanup.h"

#define BUFFER_DEFAULT 65536u /* SMC_BUF_INIT_SIZE of net/smc/smc_sysctl.c */
#define BUFFER_MIN 16384u /* SMC_BUF_MIN_SIZE of net/smc/smc.h */
#define BUFFER_MAX (512u << 20)

/* The kernel takes the next power of two (smc_compress_bufsize() in net/smc/smc_core.c). */
static uint64_t buffer_size(const char *path)
{
	autofclose FILE *file = fopen(path, "re");
	unsigned int wanted = BUFFER_DEFAULT;
	uint64_t size = BUFFER_MIN;

	if (file && fscanf(file, "%u", &wanted) != 1)
		wanted = BUFFER_DEFAULT;
	while (size < wanted && size < BUFFER_MAX)
		size *= 2;
	return size;
}

uint64_t smc_connection_memory(void)
{
	return buffer_size("/proc/sys/net/smc/wmem") + buffer_size("/proc/sys/net/smc/rmem");
}
