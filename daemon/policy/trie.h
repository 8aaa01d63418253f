/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of an image under construction, and the nodes that are built of them. */
#ifndef SMC_POLICY_TRIE_H
#define SMC_POLICY_TRIE_H

#include <stdint.h>

#include "policy/intern.h"
#include "smc_policy_image.h"

#define TRIE_KEYS 65536u /* a node maps 16-bit keys */

/* From this key on, that target. */
struct entry {
	uint32_t start, target;
};

/* Entries ascending by start; zero-initialised is empty. */
struct entries {
	struct entry *list;
	uint32_t n, room;
};

struct trie {
	uint32_t *words;
	uint32_t n_words, room;
	struct intern nodes; /* words of a node -> where they are */
	int error; /* first error, sticky: what is built after it is garbage */
};

/* Note an error (negative errno) unless there was one. */
void trie_fail(struct trie *trie, int error);

/* Start with @reserved zero words. */
void trie_init(struct trie *trie, uint32_t reserved);
void trie_clear(struct trie *trie);

/* Append @words, or find where the same are already; their index. */
uint32_t trie_append(struct trie *trie, const uint32_t *words, uint32_t count);

/*
 * Say that from @start on, @target holds.  Starts come in ascending order; the
 * same start again replaces the last entry, a leaf equal to the last is merged.
 */
void trie_add_entry(struct trie *trie, struct entries *entries, uint32_t start, uint32_t target);

/* The target of a node that maps keys as @entries say, the first of them at key 0. */
uint32_t trie_node(struct trie *trie, const struct entries *entries);

#endif
