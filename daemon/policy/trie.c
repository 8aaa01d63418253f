// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/trie.h"

void trie_fail(struct trie *trie, int error)
{
	if (!trie->error)
		trie->error = error;
}

static int make_room(struct trie *trie, uint32_t count)
{
	uint32_t room, *words;

	if (count > SMC_POLICY_TARGET_INDEX - trie->n_words)
		return -E2BIG;
	if (trie->n_words + count <= trie->room)
		return 0;
	room = (trie->n_words + count) * 2;
	words = reallocarray(trie->words, room, sizeof(*words));
	if (!words)
		return -ENOMEM;
	trie->words = words;
	trie->room = room;
	return 0;
}

void trie_init(struct trie *trie, uint32_t reserved)
{
	*trie = (struct trie){ 0 };
	trie_fail(trie, make_room(trie, reserved));
	if (trie->error)
		return;
	memset(trie->words, 0, reserved * sizeof(*trie->words));
	trie->n_words = reserved;
}

void trie_clear(struct trie *trie)
{
	free(trie->words);
	intern_clear(&trie->nodes);
	*trie = (struct trie){ 0 };
}

uint32_t trie_append(struct trie *trie, const uint32_t *words, uint32_t count)
{
	uint32_t *known = intern_find(&trie->nodes, words, count * sizeof(*words));
	int rc;

	if (known && *known != INTERN_NEW)
		return *known;
	rc = known ? make_room(trie, count) : -ENOMEM;
	if (rc) {
		trie_fail(trie, rc);
		return 0;
	}
	*known = trie->n_words;
	memcpy(trie->words + trie->n_words, words, count * sizeof(*words));
	trie->n_words += count;
	return *known;
}

void trie_add_entry(struct trie *trie, struct entries *entries, uint32_t start, uint32_t target)
{
	struct entry *last;

	if (entries->n && entries->list[entries->n - 1].start == start)
		entries->n--;
	last = entries->n ? &entries->list[entries->n - 1] : NULL;
	if (last && last->target == target && target & SMC_POLICY_TARGET_LEAF)
		return;
	if (entries->n == entries->room) {
		uint32_t room = entries->room ? entries->room * 2 : 16;
		struct entry *list = reallocarray(entries->list, room, sizeof(*list));

		if (!list) {
			trie_fail(trie, -ENOMEM);
			return;
		}
		entries->list = list;
		entries->room = room;
	}
	entries->list[entries->n++] = (struct entry){ start, target };
}

static uint32_t add_bucket(struct trie *trie, const struct entry *list, uint32_t n)
{
	autofree uint32_t *words = calloc(1 + n + n / 2, sizeof(*words));

	if (!words) {
		trie_fail(trie, -ENOMEM);
		return 0;
	}
	words[0] = (n - 1) << SMC_POLICY_NODE_COUNT_SHIFT;
	for (uint32_t i = 0; i < n; i++)
		words[1 + i] = list[i].target;
	for (uint32_t i = 1; i < n; i++)
		words[1 + n + (i - 1) / 2] |= list[i].start << (16 * ((i - 1) & 1));
	return trie_append(trie, words, 1 + n + n / 2);
}

/*
 * How many upper bits of the key to index directly: none up to 64 entries, else
 * so many that 4 to 8 entries share an index.
 */
static unsigned int choose_stride(uint32_t n)
{
	if (n <= 64)
		return 0;
	return n > TRIE_KEYS / 4 ? 16 : 31 - (unsigned int)__builtin_clz(n) - 2;
}

static uint32_t add_direct(struct trie *trie, const struct entry *list, uint32_t n,
			   unsigned int stride)
{
	uint32_t slots = 1u << stride, span = TRIE_KEYS >> stride, from = 0;
	autofree uint32_t *words = calloc(slots + 1, sizeof(*words));

	if (!words) {
		trie_fail(trie, -ENOMEM);
		return 0;
	}
	words[0] = stride;
	for (uint32_t slot = 0; slot < slots; slot++) {
		uint32_t to = from + 1, next = (slot + 1) * span;

		while (to < n && list[to].start < next)
			to++;
		words[1 + slot] = to - from == 1 ? list[from].target
						 : add_bucket(trie, list + from, to - from) |
							   SMC_POLICY_TARGET_SAME;
		/* The last entry holds in the next slot too, unless one starts right there. */
		from = to < n && list[to].start == next ? to : to - 1;
	}
	return trie_append(trie, words, slots + 1);
}

uint32_t trie_node(struct trie *trie, const struct entries *entries)
{
	unsigned int stride;

	if (trie->error)
		return 0;
	if (entries->n == 1 && entries->list[0].target & SMC_POLICY_TARGET_LEAF)
		return entries->list[0].target;
	stride = choose_stride(entries->n);
	return stride ? add_direct(trie, entries->list, entries->n, stride)
		      : add_bucket(trie, entries->list, entries->n);
}
