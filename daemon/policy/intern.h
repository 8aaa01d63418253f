/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table from byte strings to numbers: has this been stored already, and where. */
#ifndef SMC_POLICY_INTERN_H
#define SMC_POLICY_INTERN_H

#include <stddef.h>
#include <stdint.h>

#define INTERN_NEW UINT32_MAX /* value of a key that was just added */

/* Zero-initialised is empty. */
struct intern {
	struct intern_slot *slots;
	uint32_t n, room; /* room is a power of two */
	char **chunks; /* where keys are kept */
	size_t n_chunks, used, size;
};

/*
 * The value of @key of @length bytes, added with value INTERN_NEW if it was not
 * there; valid until the next call.  NULL: out of memory.
 */
uint32_t *intern_find(struct intern *intern, const void *key, size_t length);

void intern_clear(struct intern *intern);

#endif
