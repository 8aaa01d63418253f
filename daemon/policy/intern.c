// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "policy/intern.h"

#define ROOM 1024u /* at first */

/* Small, so that the caches hold many: most looks are for a key that is not there. */
struct intern_slot {
	uint32_t hash;
	uint32_t entry; /* behind it in the list: 0 is free */
};

struct intern_entry {
	const char *key;
	uint32_t length, value;
};

/* Mixes 8 bytes a step; the constant is 2^64 divided by the golden ratio. */
uint64_t intern_hash(const void *key, size_t length)
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
	return (hash ^ word) * 0x9e3779b97f4a7c15ULL;
}

static int grow(struct intern *intern, uint32_t room)
{
	struct intern_slot *slots = calloc(room, sizeof(*slots));

	if (!slots)
		return -1;
	for (uint32_t i = 0; i < intern->room; i++) {
		uint32_t at = intern->slots[i].hash & (room - 1);

		if (!intern->slots[i].entry)
			continue;
		while (slots[at].entry)
			at = (at + 1) & (room - 1);
		slots[at] = intern->slots[i];
	}
	free(intern->slots);
	intern->slots = slots;
	intern->room = room;
	return 0;
}

static struct intern_entry *add_entry(struct intern *intern, const void *key, size_t length)
{
	struct intern_entry *entry;

	if (array_grow(intern->entries, intern->n, intern->entries_room))
		return NULL;
	entry = &intern->entries[intern->n];
	entry->key = arena_keep(&intern->keys, key, length);
	entry->length = (uint32_t)length;
	entry->value = INTERN_NEW;
	return entry->key ? entry : NULL;
}

static uint32_t hash_of(const void *key, size_t length)
{
	return (uint32_t)(intern_hash(key, length) >> 32);
}

/* The slot of @key, or the free one where it would be; there is one. */
static struct intern_slot *find_slot(const struct intern *intern, uint32_t hash, const void *key,
				     size_t length)
{
	uint32_t at = hash & (intern->room - 1);

	for (; intern->slots[at].entry; at = (at + 1) & (intern->room - 1)) {
		const struct intern_entry *entry = &intern->entries[intern->slots[at].entry - 1];

		if (intern->slots[at].hash == hash && entry->length == length &&
		    !memcmp(entry->key, key, length))
			break;
	}
	return &intern->slots[at];
}

const uint32_t *intern_known(const struct intern *intern, const void *key, size_t length)
{
	const struct intern_slot *slot;

	if (!intern->n)
		return NULL;
	slot = find_slot(intern, hash_of(key, length), key, length);
	return slot->entry ? &intern->entries[slot->entry - 1].value : NULL;
}

uint32_t *intern_find(struct intern *intern, const void *key, size_t length)
{
	uint32_t hash = hash_of(key, length);
	struct intern_entry *entry;
	struct intern_slot *slot;

	if (intern->n >= intern->room / 2 && grow(intern, intern->room ? intern->room * 2 : ROOM))
		return NULL;
	slot = find_slot(intern, hash, key, length);
	if (slot->entry)
		return &intern->entries[slot->entry - 1].value;
	entry = add_entry(intern, key, length);
	if (entry)
		*slot = (struct intern_slot){ hash, ++intern->n };
	return entry ? &entry->value : NULL;
}

void intern_clear(struct intern *intern)
{
	arena_clear(&intern->keys);
	free(intern->entries);
	free(intern->slots);
	*intern = (struct intern){ 0 };
}
