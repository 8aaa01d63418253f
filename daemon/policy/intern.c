// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "policy/intern.h"

#define CHUNK (1u << 20)

struct intern_slot {
	const char *key; /* NULL: free */
	uint32_t length, hash, value;
};

/* Mixes 8 bytes a step; the constant is 2^64 divided by the golden ratio. */
static uint32_t hash_bytes(const void *key, size_t length)
{
	const unsigned char *byte = key;
	uint64_t hash = length * 0x9e3779b97f4a7c15ULL, word;

	for (; length >= sizeof(word); byte += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, byte, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, byte, length);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(hash >> 32);
}

/* Memory for a key.  Keys never move and go all at once. */
static char *keep(struct intern *intern, const void *key, size_t length)
{
	size_t size = length > CHUNK ? length : CHUNK;
	char **chunks, *at;

	if (!intern->n_chunks || intern->size - intern->used < length) {
		chunks = reallocarray(intern->chunks, intern->n_chunks + 1, sizeof(char *));
		if (!chunks)
			return NULL;
		intern->chunks = chunks;
		chunks[intern->n_chunks] = malloc(size);
		if (!chunks[intern->n_chunks])
			return NULL;
		intern->n_chunks++;
		intern->used = 0;
		intern->size = size;
	}
	at = intern->chunks[intern->n_chunks - 1] + intern->used;
	memcpy(at, key, length);
	intern->used += length;
	return at;
}

static int grow(struct intern *intern)
{
	uint32_t room = intern->room ? intern->room * 2 : 1024;
	struct intern_slot *slots = calloc(room, sizeof(*slots));

	if (!slots)
		return -1;
	for (uint32_t i = 0; i < intern->room; i++) {
		uint32_t at = intern->slots[i].hash & (room - 1);

		if (!intern->slots[i].key)
			continue;
		while (slots[at].key)
			at = (at + 1) & (room - 1);
		slots[at] = intern->slots[i];
	}
	free(intern->slots);
	intern->slots = slots;
	intern->room = room;
	return 0;
}

uint32_t *intern_find(struct intern *intern, const void *key, size_t length)
{
	uint32_t hash = hash_bytes(key, length), at;
	struct intern_slot *slot;

	if (intern->n >= intern->room / 2 && grow(intern))
		return NULL;
	for (at = hash & (intern->room - 1);; at = (at + 1) & (intern->room - 1)) {
		slot = &intern->slots[at];
		if (!slot->key)
			break;
		if (slot->hash == hash && slot->length == length && !memcmp(slot->key, key, length))
			return &slot->value;
	}
	slot->key = keep(intern, key, length);
	if (!slot->key)
		return NULL;
	slot->length = (uint32_t)length;
	slot->hash = hash;
	slot->value = INTERN_NEW;
	intern->n++;
	return &slot->value;
}

void intern_clear(struct intern *intern)
{
	for (size_t i = 0; i < intern->n_chunks; i++)
		free(intern->chunks[i]);
	free(intern->chunks);
	free(intern->slots);
	*intern = (struct intern){ 0 };
}
