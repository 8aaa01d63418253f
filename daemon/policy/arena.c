// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "policy/arena.h"

#define CHUNK (1u << 20)

void *arena_keep(struct arena *arena, const void *data, size_t length)
{
	size_t size = length > CHUNK ? length : CHUNK;
	char **chunks, *at;

	if (!arena->n_chunks || arena->size - arena->used < length) {
		chunks = reallocarray(arena->chunks, arena->n_chunks + 1, sizeof(char *));
		if (!chunks)
			return NULL;
		arena->chunks = chunks;
		chunks[arena->n_chunks] = malloc(size);
		if (!chunks[arena->n_chunks])
			return NULL;
		arena->n_chunks++;
		arena->used = 0;
		arena->size = size;
	}
	at = arena->chunks[arena->n_chunks - 1] + arena->used;
	memcpy(at, data, length);
	arena->used += length;
	return at;
}

void arena_clear(struct arena *arena)
{
	for (size_t i = 0; i < arena->n_chunks; i++)
		free(arena->chunks[i]);
	free(arena->chunks);
	*arena = (struct arena){ 0 };
}
