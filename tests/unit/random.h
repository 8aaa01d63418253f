/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Repeatable random numbers, and the seeds that a test runs with. */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

uint64_t random_u64(struct rng *rng);

/* A number from 0 to @n - 1; 0 if @n is 0. */
uint32_t random_below(struct rng *rng, uint32_t n);

/* True once in @n times. */
bool random_once_in(struct rng *rng, uint32_t n);

/*
 * The seeds to run: SMC_TEST_SEED from the environment alone if it is set, else
 * a fixed list and one from the clock.  *@n is their number.
 */
const uint64_t *random_seeds(unsigned int *n);

/*
 * How many of @n rounds to run: with SMC_TEST_SHARE=N in the environment one of N, but one at least. For
 * valgrind, under which all takes that much longer.
 */
unsigned int random_rounds(unsigned int n);

#endif
