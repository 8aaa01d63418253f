/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory for what is kept until all of it goes at once. */
#ifndef SMC_POLICY_ARENA_H
#define SMC_POLICY_ARENA_H

#include <stddef.h>

/* Zero-initialised is empty. */
struct arena {
	char **chunks;
	size_t n_chunks, used, size; /* used and size: of the last chunk */
};

/*
 * A copy of @length bytes at @data that never moves, aligned as the lengths of the copies are;
 * NULL: out of memory.
 */
void *arena_keep(struct arena *arena, const void *data, size_t length);

void arena_clear(struct arena *arena);

#endif
