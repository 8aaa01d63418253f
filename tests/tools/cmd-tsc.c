// SPDX-License-Identifier: GPL-2.0-or-later
/* How fast this CPU's time stamp counter is, which is that of an emulated CPU too. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

#include "smc-tool.h"

#define TRIES 50
#define APART_NS 50000000L

struct sample {
	uint64_t ticks;
	uint64_t ns; /* CLOCK_MONOTONIC */
};

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Both at one moment: of several tries the one that was interrupted least. */
static struct sample take_sample(void)
{
	struct sample best = { 0 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = __rdtsc(), ns = monotonic_ns(), took = __rdtsc() - before;

		if (took < shortest) {
			shortest = took;
			best = (struct sample){ before + took / 2, ns };
		}
	}
	return best;
}

int cmd_tsc(int argc, char **argv)
{
	struct sample first, last;

	(void)argv;
	if (argc != 1)
		usage_error("tsc takes no arguments");
	first = take_sample();
	nanosleep(&(struct timespec){ .tv_nsec = APART_NS }, NULL);
	last = take_sample();
	printf("%llu\n",
	       (unsigned long long)((last.ticks - first.ticks) * 1000000 / (last.ns - first.ns)));
	return EXIT_SUCCESS;
}
