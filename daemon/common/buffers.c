// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "common/buffers.h"
#include "common/cleanup.h"

#define BUFFER_DEFAULT 65536u /* SMC_BUF_INIT_SIZE of net/smc/smc_sysctl.c */
#define BUFFER_MIN 16384u /* SMC_BUF_MIN_SIZE of net/smc/smc.h */
#define BUFFER_MAX (512u << 20)

/* The sysctl at @path. */
static uint32_t configured(const char *path)
{
	autofclose FILE *file = fopen(path, "re");
	unsigned int wanted;

	return file && fscanf(file, "%u", &wanted) == 1 ? wanted : BUFFER_DEFAULT;
}

/* The kernel takes the next power of two (smc_compress_bufsize() in net/smc/smc_core.c). */
static uint64_t buffer_size(uint32_t wanted)
{
	uint64_t size = BUFFER_MIN;

	while (size < wanted && size < BUFFER_MAX)
		size *= 2;
	return size;
}

uint64_t smc_connection_memory_of(uint32_t wmem, uint32_t rmem)
{
	return buffer_size(wmem ? wmem : configured("/proc/sys/net/smc/wmem")) +
	       buffer_size(rmem ? rmem : configured("/proc/sys/net/smc/rmem"));
}

uint64_t smc_connection_memory(void)
{
	return smc_connection_memory_of(0, 0);
}
