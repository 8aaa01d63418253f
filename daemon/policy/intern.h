/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table from byte strings to numbers: has this been stored already, and where. */
#ifndef SMC_POLICY_INTERN_H
#define SMC_POLICY_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "policy/arena.h"

#define INTERN_NEW UINT32_MAX /* value of a key that was just added */

/* Zero-initialised is empty. */
struct intern {
	struct intern_slot *slots;
	uint32_t room; /* slots, a power of two */
	struct intern_entry *entries;
	uint32_t n, entries_room;
	struct arena keys;
};

/*
 * The value of @key of @length bytes, added with value INTERN_NEW if it was not
 * there; valid until the next call.  NULL: out of memory.
 */
uint32_t *intern_find(struct intern *intern, const void *key, size_t length);

/* The value of @key, NULL if it is not there. */
const uint32_t *intern_known(const struct intern *intern, const void *key, size_t length);

void intern_clear(struct intern *intern);

/* Hash of @length bytes, 8 at a time.  Pinned maps hold what policy_rule_digest() makes of it. */
uint64_t intern_hash(const void *key, size_t length);

#endif
