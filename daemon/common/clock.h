/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What time it is. */
#ifndef SMC_POLICY_CLOCK_H
#define SMC_POLICY_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000LL

/* @clock (CLOCK_REALTIME, CLOCK_MONOTONIC) now, in ns. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* The same in us, as systemd counts. */
static inline uint64_t clock_us(clockid_t clock)
{
	return clock_ns(clock) / 1000;
}

#endif
