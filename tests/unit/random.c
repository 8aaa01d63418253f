// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "common/clock.h"
#include "random.h"

#define FIXED_SEEDS 5

/* The splitmix64 generator: Steele, Lea and Flood, OOPSLA 2014. */
uint64_t random_u64(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint32_t random_below(struct rng *rng, uint32_t n)
{
	return n ? (uint32_t)(random_u64(rng) % n) : 0;
}

bool random_once_in(struct rng *rng, uint32_t n)
{
	return !random_below(rng, n);
}

const uint64_t *random_seeds(unsigned int *n)
{
	static uint64_t seeds[FIXED_SEEDS + 1];
	const char *wish = getenv("SMC_TEST_SEED");

	if (wish) {
		seeds[0] = strtoull(wish, NULL, 10);
		*n = 1;
	} else if (!seeds[FIXED_SEEDS]) {
		for (uint64_t i = 0; i < FIXED_SEEDS; i++)
			seeds[i] = i + 1;
		seeds[FIXED_SEEDS] = clock_us(CLOCK_REALTIME) / 1000;
	}
	if (!wish)
		*n = FIXED_SEEDS + 1;
	return seeds;
}

unsigned int random_rounds(unsigned int n)
{
	const char *text = getenv("SMC_TEST_SHARE");
	unsigned long share = text ? strtoul(text, NULL, 10) : 1;

	return share > 1 ? n / (unsigned int)share + 1 : n;
}
