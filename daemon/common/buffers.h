/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What SMC's buffers take. */
#ifndef SMC_POLICY_BUFFERS_H
#define SMC_POLICY_BUFFERS_H

#include <stdint.h>

/*
 * Bytes of buffers that one SMC connection takes on this host, by net.smc.wmem and
 * net.smc.rmem as they are now; by their defaults where SMC is not loaded or has no
 * such sysctls (before 5.18).  Never 0.
 */
uint64_t smc_connection_memory(void);

/* The same with @wmem and @rmem bytes in the place of the sysctls, 0: by the sysctl. */
uint64_t smc_connection_memory_of(uint32_t wmem, uint32_t rmem);

#endif
