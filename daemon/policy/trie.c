// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stretch of keys becomes one bucket if it can.  If there is too much in it, a direct node
 * divides it where that divides well, else a pivot: that always does, however close together
 * the boundaries lie.
 *
 * What counts is how many lines a walk touches.  So a bucket takes one line at most, and never lies
 * in two; a stretch that is a little too large for one is divided by a direct node whose
 * targets lie in the lines of their buckets (spread); and so is a whole family of few
 * boundaries.
 *
 * Long because each kind of node is made of the others: buckets, pivots and direct nodes call one another.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "policy/trie.h"

#define SHARED_BITS 16 /* buckets for so short keys recur: those of port tables */
#define LINE SMC_POLICY_LINE_WORDS
/* The most starts of 15 bits that a line has room for, in a narrow bucket and in a pivot. */
#define STARTS_15 15
#define STARTS_PIVOT 9
#define SPREAD_STRIDE 3 /* the most bits that divide what is a little too large */
#define CELLS_STRIDE 10 /* of a root whose targets are spread: 64 KiB */
#define ROOT_STRIDE 22 /* of another root: 16 MiB */

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
	for (uint32_t i = 0; i < TRIE_LINE_UNITS; i++)
		free(trie->rooms[i].at);
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

static void keep_room(struct trie *trie, uint32_t at, uint32_t units)
{
	struct trie_room *room = &trie->rooms[units];

	if (!units)
		return;
	if (array_grow(room->at, room->n, room->room))
		trie_fail(trie, -ENOMEM);
	else
		room->at[room->n++] = at;
}

/*
 * The first of @n free words in one line, from a multiple of @unit on: in a line that is used
 * in part, the one with the least room, else in a new one.
 */
static uint32_t find_room(struct trie *trie, uint32_t n, uint32_t unit)
{
	uint32_t units = n / SMC_POLICY_BUCKET_UNIT, left = TRIE_LINE_UNITS, line, at;

	for (uint32_t i = units; i < TRIE_LINE_UNITS; i++) {
		struct trie_room *room = &trie->rooms[i];

		if (!room->n || room->at[room->n - 1] % unit)
			continue;
		at = room->at[--room->n];
		keep_room(trie, at + n, i - units);
		return at;
	}
	line = trie_reserve(trie, LINE, LINE);
	keep_room(trie, line + n, left - units);
	return line;
}

uint32_t trie_place(struct trie *trie, const uint32_t *words, uint32_t n, uint32_t unit)
{
	uint32_t at = trie->error ? 0 : find_room(trie, n, unit);

	if (trie->error)
		return 0;
	memcpy(trie->words + at, words, n * sizeof(*words));
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

/* ---- results in 16 bits ---- */

bool trie_is_narrow(uint32_t value)
{
	return !(value & ~(SMC_POLICY_RESULT_TABLE | SMC_POLICY_NARROW_VALUE));
}

uint16_t trie_narrow(uint32_t value)
{
	return (uint16_t)((value & SMC_POLICY_NARROW_VALUE) |
			  (value & SMC_POLICY_RESULT_TABLE ? SMC_POLICY_NARROW_TABLE : 0));
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
	struct entry entry[STARTS_15 + 2];
	uint32_t target[STARTS_15 + 1];
};

/* How many lanes there are in a word, as a power of two: dividing would take most of the time. */
static unsigned int lanes_shift(unsigned int width)
{
	return width == 15 ? 2 : width == 31 ? 1 : 0;
}

/* Add an entry, or change the last one, that has @leaf from @start on; NULL: there is no room. */
static struct entry *add_entry(struct bucket *bucket, uint64_t start, uint32_t leaf)
{
	struct entry *entry;

	if (bucket->n && bucket->entry[bucket->n - 1].start == start)
		bucket->n--;
	if (bucket->n == STARTS_15 + 1)
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

/* How a bucket lies in memory. */
struct layout {
	uint32_t lane_words, target_words;
	uint32_t children; /* words before the lanes, an even number */
	uint32_t n_words; /* of all, an even number */
	bool wide;
};

/* Whether @entry needs a target of a whole word. */
static bool is_child(const struct entry *entry)
{
	return entry->below.n || !trie_is_narrow(entry->leaf);
}

static struct layout lay_targets(const struct bucket *bucket)
{
	struct layout layout = {
		.lane_words =
			bucket->n < 2 ? 1 : ((bucket->n - 2) >> lanes_shift(bucket->width)) + 1,
	};
	uint32_t children = 0;

	for (uint32_t i = 0; i < bucket->n; i++)
		children += is_child(&bucket->entry[i]);
	layout.wide = children > bucket->n / 2 || bucket->kind == SMC_POLICY_NODE_PIVOT;
	layout.children = layout.wide ? 0 : (children + 1) / 2 * 2;
	layout.target_words = ((layout.wide ? bucket->n : (bucket->n + 1) / 2) + 1) / 2 * 2;
	layout.n_words = layout.children + layout.lane_words * 2 + layout.target_words;
	return layout;
}

/* Lay @stretch out in lanes of @width bits; false if it takes more than @room words. */
static bool lay_out(struct bucket *bucket, const struct stretch *stretch, unsigned int width,
		    uint32_t room)
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
	return lay_targets(bucket).n_words <= room;
}

static bool all_exact(const struct stretch *stretch, unsigned int width)
{
	for (uint32_t i = 0; i < stretch->n; i++)
		if (!is_exact(stretch, i, width))
			return false;
	return true;
}

/*
 * Lay @stretch out in one bucket of at most @room words: with lanes as wide as they can be, but
 * no wider than it takes to have nothing below it.
 */
static bool lay_out_any(struct bucket *bucket, const struct stretch *stretch, unsigned int bits,
			uint32_t room)
{
	static const unsigned int widths[] = { 15, 31, 63 };
	unsigned int left = bits - stretch->depth;
	int widest = left > 31 ? 2 : left > 15 ? 1 : 0;

	for (int i = 0; i < widest; i++)
		if (all_exact(stretch, widths[i]))
			widest = i;
	for (int i = widest; i >= 0; i--)
		if (lay_out(bucket, stretch, widths[i], room))
			return true;
	return false;
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
		if (is_child(&bucket->entry[i])) {
			words[layout->children - ++children] = value;
			value = SMC_POLICY_NARROW_CHILD + children - 1;
		} else {
			value = trie_narrow(value & SMC_POLICY_LEAF_VALUE);
		}
		((uint16_t *)targets)[i] = (uint16_t)value;
	}
}

static uint32_t bucket_kind(const struct bucket *bucket, const struct layout *layout)
{
	return bucket->kind + (layout->wide && bucket->kind != SMC_POLICY_NODE_PIVOT);
}

/* The target that leads to @bucket, whose first word of all is word @at. */
static uint32_t bucket_target(const struct bucket *bucket, const struct layout *layout, uint32_t at)
{
	return bucket_kind(bucket, layout) << SMC_POLICY_TARGET_KIND_SHIFT |
	       (layout->lane_words - 1) << SMC_POLICY_TARGET_LANES_SHIFT |
	       (at + layout->children) / SMC_POLICY_BUCKET_UNIT;
}

static uint32_t place_bucket(struct trie *trie, const struct layout *layout, const uint32_t *words)
{
	return trie_place(trie, words, layout->n_words, SMC_POLICY_BUCKET_UNIT);
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

		if (bucket->target[i] & SMC_POLICY_TARGET_LEAF && !(leaf & SMC_POLICY_RESULT_TABLE))
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
	/* One word before them, and yet aligned: lanes are of 64 bits. */
	uint64_t room[LINE / 2 + 1];
	uint32_t *words = (uint32_t *)(room + 1), at;

	words[-1] = bucket_kind(bucket, &layout) << 16 | layout.children << 8 | layout.lane_words;
	memset(words, 0, layout.n_words * sizeof(*words));
	write_bucket(bucket, &layout, words);
	if (bits <= SHARED_BITS)
		at = share_bucket(trie, bucket,
				  &(struct candidate){ &layout, words - 1,
						       (layout.n_words + 1) * sizeof(*words) });
	else
		at = place_bucket(trie, &layout, words);
	return bucket_target(bucket, &layout, at);
}

/* Build what is below the entries of @bucket. */
static void build_entries(struct trie *trie, struct bucket *bucket, unsigned int bits,
			  unsigned int steps)
{
	for (uint32_t i = 0; i < bucket->n; i++) {
		const struct entry *entry = &bucket->entry[i];

		bucket->target[i] = entry->below.n ? trie_target(trie, &entry->below, bits, steps)
						   : SMC_POLICY_TARGET_LEAF | entry->leaf;
	}
}

/* Build what is below the entries of @bucket, then the bucket. */
static uint32_t build_bucket(struct trie *trie, struct bucket *bucket, unsigned int bits,
			     unsigned int steps)
{
	build_entries(trie, bucket, bits, steps);
	return trie->error ? 0 : add_bucket(trie, bucket, bits);
}

/* ---- pivots ---- */

/*
 * Divide @stretch into parts of about @share boundaries, with a group of as many alone; false:
 * these are more than a pivot takes.
 */
static bool divide(struct bucket *bucket, const struct stretch *stretch, uint32_t share)
{
	uint32_t first = 0;

	bucket->n = 0;
	for (uint32_t from = 0, to; from < stretch->n; from = to) {
		uint32_t end;

		to = end_of_group(stretch, from, 15);
		/* Divide before and behind a group that is alone, and where there is enough. */
		end = to - from >= share && first < from ? from : to;
		if (end == to && to - first < share && to < stretch->n)
			continue;
		if (bucket->n == STARTS_PIVOT + 1)
			return false;
		add_entry(bucket, first ? key_at(stretch, first, 15) : 0, 0)->below =
			part_of(stretch, first, end, 0);
		first = end;
		to = end;
	}
	return true;
}

/* Each part has a share of the boundaries, so that what is heavy is soon alone. */
static uint32_t build_pivot(struct trie *trie, const struct stretch *stretch, unsigned int bits,
			    unsigned int steps)
{
	struct bucket bucket = { .width = 15, .kind = SMC_POLICY_NODE_PIVOT };

	if (!divide(&bucket, stretch, stretch->n / (STARTS_PIVOT + 1) + 1) &&
	    !divide(&bucket, stretch, stretch->n / (STARTS_PIVOT / 2 + 1) + 1))
		trie_fail(trie, -E2BIG);
	return build_bucket(trie, &bucket, bits, steps);
}

/* ---- cells: lines of spread nodes ---- */

#define MISFIT 16
#define CELL_BUCKET 2 /* the word of a cell that its bucket begins with */

/* A line under construction: a target, and what it leads to. */
struct cell {
	union {
		uint32_t word[LINE];
		uint64_t align;
	};
	uint32_t at; /* index of its first word */
	uint32_t end; /* of the words that port tables have left, from this one on they are used */
	uint32_t n_tables;
	uint32_t from[LINE / SMC_POLICY_TABLE_UNIT], to[LINE / SMC_POLICY_TABLE_UNIT];
};

/* Words of the port table at @place, 0: it is a long one. */
static uint32_t table_words(const struct trie *trie, uint32_t place)
{
	uint32_t how = trie->words[place * SMC_POLICY_TABLE_UNIT] & UINT16_MAX;

	if (how & SMC_POLICY_TABLE_LONG)
		return 0;
	return SMC_POLICY_TABLE_UNIT
	       << !!(how & SMC_POLICY_TABLE_DOUBLE)
	       << !!(how & (SMC_POLICY_TABLE_SIDED | SMC_POLICY_TABLE_SIDED_DOUBLE));
}

/*
 * Copy the port table that @leaf leads to, unless it is a long one, into @cell, whose first
 * @used words are in use; false: there is no room.
 */
static bool copy_table(const struct trie *trie, struct cell *cell, uint32_t used, uint32_t *leaf)
{
	uint32_t place = *leaf & SMC_POLICY_RESULT_PLACE, n, i = 0;

	if (!(*leaf & SMC_POLICY_RESULT_TABLE))
		return true;
	while (i < cell->n_tables && cell->from[i] != place)
		i++;
	if (i == cell->n_tables) {
		n = table_words(trie, place);
		if (!n)
			return true;
		if (cell->end < used + n ||
		    !trie_is_narrow(SMC_POLICY_RESULT_TABLE | cell->at / SMC_POLICY_TABLE_UNIT))
			return false;
		cell->end -= n;
		memcpy(cell->word + cell->end, trie->words + place * SMC_POLICY_TABLE_UNIT,
		       n * sizeof(*cell->word));
		cell->from[i] = place;
		cell->to[i] = (cell->at + cell->end) / SMC_POLICY_TABLE_UNIT;
		cell->n_tables++;
	}
	*leaf = SMC_POLICY_RESULT_TABLE | cell->to[i];
	return true;
}

static void start_cell(struct cell *cell, uint32_t at)
{
	memset(cell, 0, sizeof(*cell));
	cell->at = at;
	cell->end = LINE;
}

/*
 * Lay @stretch, at least one boundary, out as @bucket in @cell; false: it takes more.  @alone:
 * all that it leads to is in the line.
 */
static bool lay_out_cell(const struct trie *trie, struct cell *cell, struct bucket *bucket,
			 const struct stretch *stretch, unsigned int bits, bool *alone)
{
	uint32_t used;

	if (!lay_out_any(bucket, stretch, bits, LINE - CELL_BUCKET))
		return false;
	used = CELL_BUCKET + lay_targets(bucket).n_words;
	for (uint32_t i = 0; i < bucket->n; i++)
		*alone = !bucket->entry[i].below.n &&
			 copy_table(trie, cell, used, &bucket->entry[i].leaf) && *alone;
	return true;
}

/*
 * What does not fit into a cell for @stretch: 0, 1 for each boundary if port tables are left
 * over, MISFIT for each if the bucket is too large.
 */
static uint64_t misfit(const struct trie *trie, const struct stretch *stretch, unsigned int bits)
{
	struct bucket bucket;
	struct cell cell;
	bool alone = true;

	start_cell(&cell, 0);
	if (!stretch->n || lay_out_cell(trie, &cell, &bucket, stretch, bits, &alone))
		return alone ? 0 : stretch->n;
	return (uint64_t)stretch->n * MISFIT;
}

/* Build the cell whose first word is word @at, which is reserved. */
static void build_cell(struct trie *trie, uint32_t at, const struct stretch *stretch,
		       unsigned int bits, unsigned int steps)
{
	uint32_t leaf = stretch->before;
	struct layout layout;
	struct bucket bucket;
	struct cell cell;
	bool alone = true;

	start_cell(&cell, at);
	if (!stretch->n) {
		copy_table(trie, &cell, 1, &leaf);
		cell.word[0] = SMC_POLICY_TARGET_LEAF | leaf;
	} else if (steps && lay_out_cell(trie, &cell, &bucket, stretch, bits, &alone)) {
		layout = lay_targets(&bucket);
		build_entries(trie, &bucket, bits, steps - 1);
		write_bucket(&bucket, &layout, cell.word + CELL_BUCKET);
		cell.word[0] = bucket_target(&bucket, &layout, at + CELL_BUCKET);
	} else {
		cell.word[0] = trie_target(trie, stretch, bits, steps);
	}
	if (!trie->error)
		memcpy(trie->words + at, cell.word, sizeof(cell.word));
}

/* ---- direct nodes ---- */

/* The part of @stretch with @slot in its upper @stride bits, which begins with boundary @from. */
static struct stretch part_at(const struct stretch *stretch, uint32_t from, uint32_t slot,
			      unsigned int stride)
{
	uint32_t to = from;
	struct stretch part;

	while (to < stretch->n && (!stride || key_at(stretch, to, stride) == slot))
		to++;
	part = part_of(stretch, from, to, stride);
	/* What starts with it is all that holds before the next boundary. */
	if (part.n && is_exact(&part, 0, 0)) {
		part.before = part.list->leaf;
		part.list++;
		part.n--;
	}
	return part;
}

/* How many boundaries of @stretch, of which @part was taken, are behind @part. */
static uint32_t end_of(const struct stretch *stretch, const struct stretch *part)
{
	return (uint32_t)(part->list - stretch->list) + part->n;
}

/* Fill the 2^@stride targets from word @first on, spread or not, for @stretch. */
static void fill_direct(struct trie *trie, uint32_t first, unsigned int stride, bool spread,
			const struct stretch *stretch, unsigned int bits, unsigned int steps)
{
	uint32_t from = 0, target;

	for (uint32_t slot = 0; slot < 1u << stride && !trie->error; slot++) {
		struct stretch part = part_at(stretch, from, slot, stride);

		from = end_of(stretch, &part);
		if (spread) {
			build_cell(trie, first + (slot << SMC_POLICY_SPREAD_SHIFT), &part, bits,
				   steps);
			continue;
		}
		target = trie_target(trie, &part, bits, steps);
		if (!trie->error)
			trie->words[first + slot] = target;
	}
}

/* misfit() of all cells of a spread node of @stride bits for @stretch. */
static uint64_t sum_misfits(const struct trie *trie, const struct stretch *stretch,
			    unsigned int stride, unsigned int bits)
{
	uint64_t sum = 0;
	uint32_t from = 0;

	for (uint32_t slot = 0; slot < 1u << stride; slot++) {
		struct stretch part = part_at(stretch, from, slot, stride);

		from = end_of(stretch, &part);
		sum += misfit(trie, &part, bits);
	}
	return sum;
}

/*
 * The stride from @least to @most of a spread node for @stretch that leaves the least over, and
 * no more than one boundary in MISFIT or the port tables of all; -1: there is none.
 */
static int spread_stride(const struct trie *trie, const struct stretch *stretch, unsigned int least,
			 unsigned int most, unsigned int bits)
{
	uint64_t best = (uint64_t)stretch->n + 1, sum;
	int found = -1;

	if (stretch->n >> most > STARTS_15 || bits <= SHARED_BITS)
		return -1;
	for (unsigned int stride = least; best && stride <= most && stretch->depth + stride <= bits;
	     stride++) {
		if (stretch->n >> stride > STARTS_15)
			continue;
		sum = sum_misfits(trie, stretch, stride, bits);
		if (sum < best) {
			best = sum;
			found = (int)stride;
		}
	}
	return found;
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

	if (n <= 2 * STARTS_15)
		return 0;
	stride = 31 - (unsigned int)__builtin_clz(n) - 2;
	if (stride > SMC_POLICY_TARGET_STRIDE + 1)
		stride = SMC_POLICY_TARGET_STRIDE + 1;
	if (stride > left)
		stride = left;
	return largest_slot(stretch, stride) <= (n / 4 > 2 * STARTS_15 ? n / 4 : 2 * STARTS_15)
		       ? stride
		       : 0;
}

/* A direct node of @stride bits for @stretch: the target that leads to it. */
static uint32_t build_direct(struct trie *trie, const struct stretch *stretch, unsigned int stride,
			     bool spread, unsigned int bits, unsigned int steps)
{
	uint32_t at = trie_reserve(trie, 1u << (stride + (spread ? SMC_POLICY_SPREAD_SHIFT : 0)),
				   SMC_POLICY_DIRECT_UNIT);

	fill_direct(trie, at, stride, spread, stretch, bits, steps);
	return SMC_POLICY_NODE_DIRECT << SMC_POLICY_TARGET_KIND_SHIFT |
	       (stride - 1) << SMC_POLICY_TARGET_STRIDE_SHIFT |
	       (spread ? SMC_POLICY_TARGET_SPREAD : 0) | at / SMC_POLICY_DIRECT_UNIT;
}

uint32_t trie_target(struct trie *trie, const struct stretch *of, unsigned int bits,
		     unsigned int steps)
{
	/* What starts with the stretch is all that holds before the next boundary. */
	bool at_once = of->n && is_exact(of, 0, 0);
	struct stretch rest = part_of(of, at_once, of->n, 0), *stretch = &rest;
	struct bucket bucket;
	unsigned int stride;
	int spread;

	if (trie->error)
		return 0;
	if (!stretch->n)
		return SMC_POLICY_TARGET_LEAF | stretch->before;
	if (!steps) {
		trie_fail(trie, -E2BIG);
		return 0;
	}
	if (lay_out_any(&bucket, stretch, bits, LINE))
		return build_bucket(trie, &bucket, bits, steps - 1);
	spread = spread_stride(trie, stretch, 1, SPREAD_STRIDE, bits);
	if (spread >= 0)
		return build_direct(trie, stretch, (unsigned int)spread, true, bits, steps - 1);
	stride = choose_stride(stretch, bits);
	if (stride)
		return build_direct(trie, stretch, stride, false, bits, steps - 1);
	return build_pivot(trie, stretch, bits, steps - 1);
}

/* ---- roots ---- */

/* The upper bits that @first and @last share, up to @most. */
static unsigned int common_bits(address_t first, address_t last, unsigned int most)
{
	uint32_t differ = (uint32_t)((first ^ last) >> (ADDRESS_BITS - 32));
	unsigned int common = differ ? (unsigned int)__builtin_clz(differ) : 32;

	return common < most ? common : most;
}

/*
 * Whether nearly all boundaries of @stretch are exact in lanes of @width bits behind @stride
 * bits.
 */
static bool mostly_exact(const struct stretch *stretch, unsigned int stride, unsigned int width)
{
	uint32_t inexact = 0;

	for (uint32_t i = 0; i < stretch->n; i++)
		inexact += !is_exact(stretch, i, stride + width);
	return inexact <= stretch->n / 64;
}

/*
 * The stride of a root with targets one after the other: so few boundaries share an index that
 * a line takes them, in lanes as wide as they have to be.
 */
static unsigned int root_stride(const struct stretch *stretch, unsigned int bits)
{
	static const struct {
		unsigned int width;
		uint32_t most; /* boundaries for an index, on average */
	} lanes[] = { { 15, 8 }, { 31, 5 }, { 63, 3 } };
	unsigned int left = bits - stretch->depth, stride = 0;

	for (int i = 0; i < 3; i++) {
		while (stride < ROOT_STRIDE && stride < left &&
		       stretch->n >> stride >= lanes[i].most)
			stride++;
		if (left <= stride + lanes[i].width ||
		    mostly_exact(stretch, stride, lanes[i].width))
			break;
	}
	return stride;
}

/* The boundaries of a family that its root has to tell apart, behind the bits that they share. */
static struct stretch inner_stretch(const struct boundaries *boundaries, unsigned int bits)
{
	const struct boundary *list = boundaries->list;
	uint32_t n = boundaries->n;
	struct stretch all = { list + 1, n - 1, list[0].leaf, 0 };

	if (n < 3 || list[n - 1].leaf != all.before)
		return all;
	all.depth = common_bits(list[1].start, list[n - 1].start - 1, bits < 32 ? bits : 31);
	/* Where the last one is the end of what they share, it is outside. */
	if (all.depth && (list[1].start ^ list[n - 1].start) >> (ADDRESS_BITS - all.depth))
		all.n--;
	return all;
}

struct trie_root trie_root(struct trie *trie, const struct boundaries *boundaries,
			   unsigned int bits, uint32_t header)
{
	struct stretch all = inner_stretch(boundaries, bits);
	int stride = spread_stride(trie, &all, 0, CELLS_STRIDE, bits);
	unsigned int spread = stride < 0 ? 0 : SMC_POLICY_SPREAD_SHIFT;
	struct trie_root root = { { 0 } };

	root.word[SMC_POLICY_ROOT_ELSE] = SMC_POLICY_TARGET_LEAF | all.before;
	if (!all.n && !(all.before & SMC_POLICY_RESULT_TABLE)) {
		root.word[SMC_POLICY_ROOT_WORD] = header + SMC_POLICY_ROOT_ELSE;
		return root;
	}
	if (stride < 0)
		stride = (int)root_stride(&all, bits);
	root.word[SMC_POLICY_ROOT_WORD] =
		trie_reserve(trie, 1u << ((unsigned int)stride + spread), SMC_POLICY_DIRECT_UNIT);
	fill_direct(trie, root.word[SMC_POLICY_ROOT_WORD], (unsigned int)stride, spread, &all, bits,
		    SMC_POLICY_WALK_MAX);
	root.word[SMC_POLICY_ROOT_SHAPE] = all.depth << SMC_POLICY_SHAPE_SKIP |
					   (uint32_t)stride << SMC_POLICY_SHAPE_STRIDE |
					   spread << SMC_POLICY_SHAPE_SPREAD;
	if (all.n)
		root.word[SMC_POLICY_ROOT_BASE] =
			(uint32_t)(all.list->start >> (ADDRESS_BITS - 32));
	return root;
}
