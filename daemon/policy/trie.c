// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stretch of keys becomes one bucket if it can.  If there is too much in it, a direct node
 * divides it where that divides well, else a pivot: that always does, however close together
 * the boundaries lie.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "policy/trie.h"

#define SHARED_BITS 16 /* buckets for so short keys recur: those of port tables */
#define LANES_15 (SMC_POLICY_LANE_WORDS * 4) /* the most starts that a bucket can have */
/* lanes, and a target and a child for each; an even number */
#define BUCKET_WORDS_MAX (SMC_POLICY_LANE_WORDS * 2 + 2 * LANES_15 + 4)

/* ---- words ---- */

void trie_fail(struct trie *trie, int error)
{
	if (!trie->error)
		trie->error = error;
}

static int make_room(struct trie *trie, uint32_t count)
{
	uint32_t room, *words;

	if (count > SMC_POLICY_TARGET_BUCKET * SMC_POLICY_BUCKET_UNIT - trie->n_words)
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

void trie_init(struct trie *trie, uint32_t reserved, uint32_t n_slots)
{
	*trie = (struct trie){ 0 };
	trie->plain_of = calloc(n_slots, sizeof(*trie->plain_of));
	if (!trie->plain_of)
		trie_fail(trie, -ENOMEM);
	trie_reserve(trie, reserved, 1);
}

void trie_clear(struct trie *trie)
{
	free(trie->words);
	free(trie->plain_buckets);
	free(trie->plain_of);
	intern_clear(&trie->nodes);
	*trie = (struct trie){ 0 };
}

uint32_t trie_reserve(struct trie *trie, uint32_t count, uint32_t unit)
{
	uint32_t skip = -trie->n_words & (unit - 1), at = trie->n_words + skip;
	int rc;

	if (trie->error)
		return 0;
	rc = make_room(trie, skip + count);
	if (rc) {
		trie_fail(trie, rc);
		return 0;
	}
	memset(trie->words + trie->n_words, 0, (skip + count) * sizeof(*trie->words));
	trie->n_words = at + count;
	return at;
}

void trie_add_boundary(struct trie *trie, struct boundaries *boundaries, address_t start,
		       uint32_t leaf)
{
	if (boundaries->n && boundaries->list[boundaries->n - 1].start == start)
		boundaries->n--;
	if (boundaries->n && boundaries->list[boundaries->n - 1].leaf == leaf)
		return;
	if (array_grow(boundaries->list, boundaries->n, boundaries->room)) {
		trie_fail(trie, -ENOMEM);
		return;
	}
	boundaries->list[boundaries->n++] = (struct boundary){ start, leaf };
}

/* ---- keys ---- */

/* The @width bits of boundary @i behind those that all of @stretch agree in. */
static uint64_t key_at(const struct stretch *stretch, uint32_t i, unsigned int width)
{
	return (uint64_t)(stretch->list[i].start << stretch->depth >> (ADDRESS_BITS - width));
}

/* Whether boundary @i lies at the first of the keys that share those bits. */
static bool is_exact(const struct stretch *stretch, uint32_t i, unsigned int width)
{
	unsigned int used = stretch->depth + width;

	return used >= ADDRESS_BITS || !(stretch->list[i].start << used);
}

/* Behind the last boundary that shares the bits of boundary @from. */
static uint32_t end_of_group(const struct stretch *stretch, uint32_t from, unsigned int width)
{
	uint64_t key = key_at(stretch, from, width);
	uint32_t to = from + 1;

	while (to < stretch->n && key_at(stretch, to, width) == key)
		to++;
	return to;
}

static uint32_t leaf_before(const struct stretch *stretch, uint32_t i)
{
	return i ? stretch->list[i - 1].leaf : stretch->before;
}

/* Boundaries @from to before @to of @stretch, @used more bits of which are known. */
static struct stretch part_of(const struct stretch *stretch, uint32_t from, uint32_t to,
			      unsigned int used)
{
	return (struct stretch){ stretch->list + from, to - from, leaf_before(stretch, from),
				 stretch->depth + used };
}

/* ---- buckets ---- */

/* What a bucket has from @start on: a leaf, or what a stretch becomes. */
struct entry {
	uint64_t start;
	uint32_t leaf;
	struct stretch below; /* empty: the leaf */
};

/* A bucket under construction. */
struct bucket {
	unsigned int width; /* of a start, in bits */
	unsigned int kind; /* enum smc_policy_node, narrow */
	uint32_t n; /* entries, the first at key 0 */
	struct entry entry[LANES_15 + 2];
	uint32_t target[LANES_15 + 1];
};

/* How many lanes there are in a word, as a power of two: dividing would take most of the time. */
static unsigned int lanes_shift(unsigned int width)
{
	return width == 15 ? 2 : width == 31 ? 1 : 0;
}

static uint32_t most_entries(unsigned int width)
{
	return (SMC_POLICY_LANE_WORDS << lanes_shift(width)) + 1;
}

/* Add an entry, or change the last one, that has @leaf from @start on; NULL: there is no room. */
static struct entry *add_entry(struct bucket *bucket, uint64_t start, uint32_t leaf)
{
	struct entry *entry;

	if (bucket->n && bucket->entry[bucket->n - 1].start == start)
		bucket->n--;
	if (bucket->n == most_entries(bucket->width))
		return NULL;
	entry = &bucket->entry[bucket->n++];
	entry->start = start;
	entry->leaf = leaf;
	entry->below.n = 0;
	return entry;
}

/* Boundaries @from to before @to of @stretch, which share a start, as one entry or two. */
static bool add_group(struct bucket *bucket, const struct stretch *stretch, uint32_t from,
		      uint32_t to)
{
	unsigned int width = bucket->width;
	uint64_t start = key_at(stretch, from, width);
	struct entry *entry;

	if (to - from > 1 || !is_exact(stretch, from, width)) {
		entry = add_entry(bucket, start, 0);
		if (!entry)
			return false;
		entry->below = part_of(stretch, from, to, width);
		if (++start >> width)
			return true;
	}
	return add_entry(bucket, start, stretch->list[to - 1].leaf);
}

/* Lay @stretch out in lanes of @width bits; false if it does not fit one bucket. */
static bool lay_out(struct bucket *bucket, const struct stretch *stretch, unsigned int width)
{
	bucket->width = width;
	bucket->kind = width == 15   ? SMC_POLICY_NODE_15
		       : width == 31 ? SMC_POLICY_NODE_31
				     : SMC_POLICY_NODE_63;
	bucket->n = 0;
	add_entry(bucket, 0, stretch->before);
	for (uint32_t from = 0, to; from < stretch->n; from = to) {
		to = end_of_group(stretch, from, width);
		if (!add_group(bucket, stretch, from, to))
			return false;
	}
	return true;
}

/* How the targets of a bucket lie in memory. */
struct layout {
	uint32_t lane_words, target_words;
	uint32_t children; /* words before the lanes, an even number */
	uint32_t n_words; /* of all */
	bool wide;
};

static struct layout lay_targets(const struct bucket *bucket)
{
	struct layout layout = { .lane_words =
					 ((bucket->n - 2) >> lanes_shift(bucket->width)) + 1 };
	uint32_t children = 0;

	for (uint32_t i = 0; i < bucket->n; i++) {
		uint32_t value = bucket->target[i] & SMC_POLICY_LEAF_VALUE;

		children += !(bucket->target[i] & SMC_POLICY_TARGET_LEAF);
		if (bucket->target[i] & SMC_POLICY_TARGET_LEAF && value >= SMC_POLICY_NARROW_CHILD)
			layout.wide = true;
	}
	layout.wide =
		layout.wide || children > bucket->n / 2 || bucket->kind == SMC_POLICY_NODE_PIVOT;
	layout.children = layout.wide ? 0 : (children + 1) / 2 * 2;
	layout.target_words = layout.wide ? bucket->n : (bucket->n + 1) / 2;
	layout.n_words = layout.children + layout.lane_words * 2 + layout.target_words;
	return layout;
}

/* Fill @words, zero before, with children, lanes and targets. */
static void write_bucket(const struct bucket *bucket, const struct layout *layout, uint32_t *words)
{
	unsigned int shift = lanes_shift(bucket->width);
	uint32_t in_word = (1u << shift) - 1, children = 0;
	uint32_t *targets = words + layout->children + layout->lane_words * 2;
	uint64_t *lanes = (uint64_t *)(words + layout->children);

	for (uint32_t i = 0; i < layout->lane_words << shift; i++) {
		uint64_t lane = i + 1 < bucket->n ? bucket->entry[i + 1].start
						  : (uint64_t)1 << bucket->width;

		lanes[i >> shift] |= lane << (bucket->width + 1) * (i & in_word);
	}
	for (uint32_t i = 0; i < bucket->n; i++) {
		uint32_t value = bucket->target[i];

		if (layout->wide) {
			targets[i] = value;
			continue;
		}
		if (!(value & SMC_POLICY_TARGET_LEAF)) {
			words[layout->children - ++children] = value;
			value = SMC_POLICY_NARROW_CHILD + children - 1;
		}
		((uint16_t *)targets)[i] = (uint16_t)value;
	}
}

/* Write the bucket in @words; index of the first word. */
static uint32_t place_bucket(struct trie *trie, const struct layout *layout, const uint32_t *words)
{
	uint32_t behind = layout->n_words - layout->children, at;

	if (behind < SMC_POLICY_LANE_WORDS * 2)
		behind = SMC_POLICY_LANE_WORDS * 2;
	at = (trie->n_words + 1) & ~1u;
	if (at % SMC_POLICY_ROW_WORDS + layout->children + behind > SMC_POLICY_ROW_WORDS)
		trie_reserve(trie, 0, SMC_POLICY_ROW_WORDS);
	at = trie_reserve(trie, layout->n_words, SMC_POLICY_BUCKET_UNIT);
	if (!trie->error)
		memcpy(trie->words + at, words, layout->n_words * sizeof(*words));
	return at;
}

/* A bucket for ports that is about to be placed. */
struct candidate {
	const struct layout *layout;
	const uint32_t *key; /* the layout in a word, then those of the bucket */
	size_t size; /* of the key, in bytes */
};

static uint32_t place_plain(struct trie *trie, const struct candidate *of)
{
	uint32_t *last = &trie->plain_of[trie->plain >> SMC_POLICY_RESULT_SLOT_SHIFT];
	struct trie_bucket bucket = { place_bucket(trie, of->layout, of->key + 1),
				      of->layout->n_words, of->key[0], *last };

	if (array_grow(trie->plain_buckets, trie->n_plain, trie->plain_room)) {
		trie_fail(trie, -ENOMEM);
		return 0;
	}
	trie->plain_buckets[trie->n_plain] = bucket;
	*last = ++trie->n_plain;
	return bucket.at;
}

/* The slot of some rule that @bucket has a result of, 0: none. */
static uint32_t any_slot(const struct bucket *bucket)
{
	uint32_t slot = 0;

	for (uint32_t i = 0; i < bucket->n && !slot; i++) {
		uint32_t leaf = bucket->target[i] & SMC_POLICY_LEAF_VALUE;

		if (bucket->target[i] & SMC_POLICY_TARGET_LEAF && !(leaf & SMC_POLICY_RESULT_BELOW))
			slot = leaf >> SMC_POLICY_RESULT_SLOT_SHIFT;
	}
	return slot;
}

/* Where the plain bucket is that is alike, 0: there is none. */
static uint32_t find_plain(const struct trie *trie, const struct bucket *bucket,
			   const struct candidate *of)
{
	uint32_t slot = any_slot(bucket), at;

	for (at = trie->plain_of[slot]; slot && at; at = trie->plain_buckets[at - 1].next) {
		const struct trie_bucket *plain = &trie->plain_buckets[at - 1];

		if (plain->layout == of->key[0] && plain->n_words == of->layout->n_words &&
		    !memcmp(trie->words + plain->at, of->key + 1,
			    plain->n_words * sizeof(uint32_t)))
			return plain->at;
	}
	return 0;
}

/* The same as place_bucket(), but find the bucket again if it is there already. */
static uint32_t share_bucket(struct trie *trie, const struct bucket *bucket,
			     const struct candidate *of)
{
	const uint32_t *same;
	uint32_t *known, at;

	if (trie->error)
		return 0;
	if (trie->plain) {
		same = intern_known(&trie->nodes, of->key, of->size);
		return same ? *same : place_plain(trie, of);
	}
	at = find_plain(trie, bucket, of);
	if (at)
		return at;
	known = intern_find(&trie->nodes, of->key, of->size);
	if (!known)
		trie_fail(trie, -ENOMEM);
	else if (*known == INTERN_NEW)
		*known = place_bucket(trie, of->layout, of->key + 1);
	return known ? *known : 0;
}

/* The target of @bucket, whose targets are set. */
static uint32_t add_bucket(struct trie *trie, const struct bucket *bucket, unsigned int bits)
{
	struct layout layout = lay_targets(bucket);
	uint32_t kind = bucket->kind + (layout.wide && bucket->kind != SMC_POLICY_NODE_PIVOT);
	/* One word before them, and yet aligned: lanes are of 64 bits. */
	uint64_t room[(BUCKET_WORDS_MAX + 2) / 2];
	uint32_t *words = (uint32_t *)(room + 1), at;

	words[-1] = kind << 16 | layout.children << 8 | layout.lane_words;
	memset(words, 0, layout.n_words * sizeof(*words));
	write_bucket(bucket, &layout, words);
	if (bits <= SHARED_BITS)
		at = share_bucket(trie, bucket,
				  &(struct candidate){ &layout, words - 1,
						       (layout.n_words + 1) * sizeof(*words) });
	else
		at = place_bucket(trie, &layout, words);
	return kind << SMC_POLICY_TARGET_KIND_SHIFT |
	       (layout.lane_words - 1) << SMC_POLICY_TARGET_LANES_SHIFT |
	       (at + layout.children) / SMC_POLICY_BUCKET_UNIT;
}

/* Build what is below the entries of @bucket, then the bucket. */
static uint32_t build_bucket(struct trie *trie, struct bucket *bucket, unsigned int bits,
			     unsigned int steps)
{
	for (uint32_t i = 0; i < bucket->n; i++) {
		const struct entry *entry = &bucket->entry[i];

		bucket->target[i] = entry->below.n ? trie_target(trie, &entry->below, bits, steps)
						   : SMC_POLICY_TARGET_LEAF | entry->leaf;
	}
	return trie->error ? 0 : add_bucket(trie, bucket, bits);
}

/* One bucket for @stretch, if there is room in one; else 0, which leads nowhere. */
static uint32_t try_bucket(struct trie *trie, const struct stretch *stretch, unsigned int bits,
			   unsigned int steps)
{
	unsigned int left = bits - stretch->depth;
	struct bucket bucket;

	if (left > 31 && lay_out(&bucket, stretch, 63))
		return build_bucket(trie, &bucket, bits, steps);
	if (left > 15 && lay_out(&bucket, stretch, 31))
		return build_bucket(trie, &bucket, bits, steps);
	if (lay_out(&bucket, stretch, 15))
		return build_bucket(trie, &bucket, bits, steps);
	return 0;
}

/* ---- pivots ---- */

/*
 * Entries that boundaries @from to before @to, which share 15 bits, need in a bucket behind one
 * that goes up to before @next.
 */
static uint32_t entries_of(const struct stretch *stretch, uint32_t from, uint32_t to,
			   uint64_t *next)
{
	uint64_t key = key_at(stretch, from, 15);
	uint32_t n = key != *next;

	*next = key;
	if (to - from == 1 && is_exact(stretch, from, 15))
		return n;
	*next = key + 1;
	return n + !(*next >> 15);
}

static uint32_t count_entries(const struct stretch *stretch)
{
	uint64_t next = UINT64_MAX;
	uint32_t n = 0;

	for (uint32_t from = 0, to; from < stretch->n; from = to) {
		to = end_of_group(stretch, from, 15);
		n += entries_of(stretch, from, to, &next);
	}
	return n;
}

/* Divide @stretch so that each part has about as many entries of 15 bits. */
static uint32_t build_pivot(struct trie *trie, const struct stretch *stretch, unsigned int bits,
			    unsigned int steps)
{
	uint32_t share = count_entries(stretch) / LANES_15 + 2, n = 0, first = 0;
	struct bucket bucket = { .width = 15, .kind = SMC_POLICY_NODE_PIVOT };
	struct entry *entry;
	uint64_t next = UINT64_MAX;

	if (share < LANES_15 / 2)
		share = LANES_15 / 2;
	for (uint32_t from = 0, to; from < stretch->n; from = to) {
		to = end_of_group(stretch, from, 15);
		n += entries_of(stretch, from, to, &next);
		if (n < share && to < stretch->n)
			continue;
		entry = add_entry(&bucket, first ? key_at(stretch, first, 15) : 0, 0);
		if (entry)
			entry->below = part_of(stretch, first, to, 0);
		else
			trie_fail(trie, -E2BIG);
		first = to;
		n = 0;
		next = UINT64_MAX;
	}
	return build_bucket(trie, &bucket, bits, steps);
}

/* ---- direct nodes ---- */

/* Fill the 2^@stride words from @first on for @stretch. */
static void fill_direct(struct trie *trie, uint32_t first, unsigned int stride,
			const struct stretch *stretch, unsigned int bits, unsigned int steps)
{
	uint32_t from = 0;

	for (uint32_t slot = 0; slot < 1u << stride && !trie->error; slot++) {
		uint32_t to = from, target;
		struct stretch below;

		while (to < stretch->n && key_at(stretch, to, stride) == slot)
			to++;
		below = part_of(stretch, from, to, stride);
		target = trie_target(trie, &below, bits, steps);
		if (!trie->error)
			trie->words[first + slot] = target;
		from = to;
	}
}

/* The most boundaries that share the upper @stride bits. */
static uint32_t largest_slot(const struct stretch *stretch, unsigned int stride)
{
	uint32_t most = 0;

	for (uint32_t from = 0, to; from < stretch->n; from = to) {
		to = end_of_group(stretch, from, stride);
		if (to - from > most)
			most = to - from;
	}
	return most;
}

/*
 * How many bits to index directly, so that 4 to 8 boundaries share an index; 0: that divides badly.
 */
static unsigned int choose_stride(const struct stretch *stretch, unsigned int bits)
{
	unsigned int stride, left = bits - stretch->depth;
	uint32_t n = stretch->n;

	if (n <= LANES_15)
		return 0;
	stride = 31 - (unsigned int)__builtin_clz(n) - 2;
	if (stride > SMC_POLICY_TARGET_STRIDE + 1)
		stride = SMC_POLICY_TARGET_STRIDE + 1;
	if (stride > left)
		stride = left;
	return largest_slot(stretch, stride) <= (n / 4 > LANES_15 ? n / 4 : LANES_15) ? stride : 0;
}

uint32_t trie_target(struct trie *trie, const struct stretch *of, unsigned int bits,
		     unsigned int steps)
{
	/* What starts with the stretch is all that holds before the next boundary. */
	bool at_once = of->n && is_exact(of, 0, 0);
	struct stretch rest = part_of(of, at_once, of->n, 0), *stretch = &rest;
	unsigned int stride;
	uint32_t target, at;

	if (trie->error)
		return 0;
	if (!stretch->n)
		return SMC_POLICY_TARGET_LEAF | stretch->before;
	if (!steps) {
		trie_fail(trie, -E2BIG);
		return 0;
	}
	target = try_bucket(trie, stretch, bits, steps - 1);
	if (target || trie->error)
		return target;
	stride = choose_stride(stretch, bits);
	if (!stride)
		return build_pivot(trie, stretch, bits, steps - 1);
	at = trie_reserve(trie, 1u << stride, SMC_POLICY_DIRECT_UNIT);
	fill_direct(trie, at, stride, stretch, bits, steps - 1);
	return SMC_POLICY_NODE_DIRECT << SMC_POLICY_TARGET_KIND_SHIFT |
	       (stride - 1) << SMC_POLICY_TARGET_STRIDE_SHIFT | at / SMC_POLICY_DIRECT_UNIT;
}

uint32_t trie_root(struct trie *trie, const struct boundaries *boundaries, unsigned int bits,
		   unsigned int *stride)
{
	const struct boundary *list = boundaries->list;
	uint32_t n = boundaries->n, at;
	struct stretch all = { list + 1, n - 1, list[0].leaf, 0 };

	*stride = n > 1 ? 8 : 0;
	while (*stride < 18 && n >> *stride >= 16)
		++*stride;
	at = trie_reserve(trie, 1u << *stride, SMC_POLICY_DIRECT_UNIT);
	fill_direct(trie, at, *stride, &all, bits, SMC_POLICY_WALK_MAX);
	return at;
}
