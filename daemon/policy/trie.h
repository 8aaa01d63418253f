/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of an image under construction, and the nodes that are built of them. */
#ifndef SMC_POLICY_TRIE_H
#define SMC_POLICY_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/intern.h"
#include "smc_policy_image.h"

/*
 * A key, from its uppermost bit on: an IPv4 address is in the upper 32 bits, a port in the upper
 * 16. There may be millions: what holds one is no larger than it must be.
 */
typedef unsigned __int128 address_t __attribute__((aligned(4)));

#define ADDRESS_BITS 128

/* From this key on, that value of a leaf. */
struct boundary {
	address_t start;
	uint32_t leaf;
};

/* Boundaries ascending by start, no two alike; zero-initialised is empty. */
struct boundaries {
	struct boundary *list;
	uint32_t n, room;
};

/* The boundaries, beyond the first of which @before holds, of keys that agree in @depth bits. */
struct stretch {
	const struct boundary *list;
	uint32_t n;
	uint32_t before; /* value of the leaf that holds before the first */
	unsigned int depth;
};

/* Where the walk of a family begins: enum smc_policy_image_root. */
struct trie_root {
	uint32_t word[SMC_POLICY_ROOT_WORDS];
};

/* What is left of lines that buckets share. */
#define TRIE_LINE_UNITS (SMC_POLICY_LINE_WORDS / SMC_POLICY_BUCKET_UNIT)

struct trie_room {
	uint32_t *at; /* a stack: indices of the first word that is free */
	uint32_t n, room;
};

/* A bucket in the words. */
struct trie_bucket {
	uint32_t at, n_words;
	uint32_t layout; /* tells apart what is laid out in another way */
	uint32_t next; /* behind it in the list: another one of the same result; 0: none */
};

struct trie {
	uint32_t *words;
	uint32_t n_words, room;
	struct trie_room rooms[TRIE_LINE_UNITS]; /* by units that are free */
	struct intern nodes; /* layout and words of a bucket for ports -> where they are */
	/*
	 * While it is not 0: what is built has this result in each bucket, and neither another
	 * result of a rule nor a bucket like one that was built so before.  These buckets are not
	 * in nodes: they are found by the result's slot, which costs less.
	 */
	uint32_t plain;
	struct trie_bucket *plain_buckets;
	uint32_t n_plain, plain_room;
	uint32_t *plain_of; /* by slot, behind the last one in the list; 0: none */
	int error; /* first error, sticky: what is built after it is garbage */
};

/* Note an error (negative errno) unless there was one. */
void trie_fail(struct trie *trie, int error);

/* Start with @reserved zero words.  Leaves are results of rules with slots below @n_slots. */
void trie_init(struct trie *trie, uint32_t reserved, uint32_t n_slots);
void trie_clear(struct trie *trie);

/* Room for @count zero words whose index is a multiple of @unit, a power of two; that index. */
uint32_t trie_reserve(struct trie *trie, uint32_t count, uint32_t unit);

/*
 * Say that from @start on @leaf holds.  Starts come in ascending order; the same start again
 * replaces the last one, a leaf equal to the last is merged.
 */
void trie_add_boundary(struct trie *trie, struct boundaries *boundaries, address_t start,
		       uint32_t leaf);

/* @value fits a target of 16 bits: it is a narrow result. */
bool trie_is_narrow(uint32_t value);

/* @value, which is narrow, as a target of 16 bits. */
uint16_t trie_narrow(uint32_t value);

/*
 * Put @n words, an even number of at most a line's, where they lie in one line and begin at a
 * multiple of @unit words (a power of two, 2 at least); index of the first.
 */
uint32_t trie_place(struct trie *trie, const uint32_t *words, uint32_t n, uint32_t unit);

/*
 * A target for keys of which @bits count, and @of->depth are known: a walk of @steps nodes at most.
 */
uint32_t trie_target(struct trie *trie, const struct stretch *of, unsigned int bits,
		     unsigned int steps);

/*
 * The root of a family with addresses of @bits, one boundary at least, which will be at word
 * @header of the header.
 */
struct trie_root trie_root(struct trie *trie, const struct boundaries *boundaries,
			   unsigned int bits, uint32_t header);

#endif
