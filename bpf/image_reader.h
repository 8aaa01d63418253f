/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a policy image: the one place that turns (peer, side, port) into a
 * result.  Compiled into the BPF programs and into the daemon and the command
 * line, so that an offline answer is the kernel's answer.
 *
 * The includer defines, before including this,
 *   smc_policy_image_t            handle of an image, passed by value
 *   smc_policy_image_row(img, n)  row @n, a const struct smc_policy_row *, or NULL
 *                                 if the image has no such row
 *   smc_policy_ntohl(x)           __be32 to host byte order
 *
 * An image is not trusted: every row access is checked, every loop is bounded.
 * A damaged image yields an error or a wrong result, never a stray access.
 *
 * The code is shaped for the BPF verifier (5.10 and later): the loops have
 * constant bounds and comparisons are arithmetic instead of branches, because
 * each branch in a loop doubles the paths that the verifier must follow.
 */
#ifndef SMC_POLICY_IMAGE_READER_H
#define SMC_POLICY_IMAGE_READER_H

#include <linux/types.h>
#include "smc_policy_image.h"
#include "smc_policy_verdict.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif

/* An image that is read: its handle, and row 0, which a small one has everything in. */
struct smc_policy_reading {
	smc_policy_image_t img;
	const struct smc_policy_row *header;
};

static __always_inline const struct smc_policy_row *
smc_policy_row(const struct smc_policy_reading *reading, __u64 row)
{
	return row ? smc_policy_image_row(reading->img, (__u32)row) : reading->header;
}

/*
 * @index below @count, a power of two: only a damaged image has more.  The compiler knows nothing
 * of the index, so it masks right here: the verifiers of 5.10 and 6.1 lose the bounds of what was
 * masked when `or` combines it, which the compiler makes of additions.
 */
static __always_inline __u64 smc_policy_below(__u64 index, __u64 count)
{
	asm volatile("" : "+r"(index));
	return index & (count - 1);
}

/* Words of 32 bits are kept in 64: the instructions of BPF are of 64 bits, -mcpu=v2. */

/*
 * Read word @index, below 2^32, into @value.  Returns 0, or -1 if the image ends before it.
 */
static __always_inline int smc_policy_word(const struct smc_policy_reading *reading, __u64 index,
					   __u64 *value)
{
	const struct smc_policy_row *row = smc_policy_row(reading, index >> SMC_POLICY_ROW_SHIFT);

	if (!row)
		return -1;
	*value = row->word[smc_policy_below(index, SMC_POLICY_ROW_WORDS)];
	return 0;
}

/* What is left of a key, the most significant bit first. */
struct smc_policy_key {
	__u64 high, low;
};

/* Use up @bits of @key, 0 to 63. */
static __always_inline void smc_policy_use(struct smc_policy_key *key, __u64 bits)
{
	key->high = key->high << (bits & 63) | key->low >> 1 >> (63 - (bits & 63));
	key->low <<= bits & 63;
}

/* One in each lane, by the width of a start. */
#define SMC_POLICY_UNIT_15 0x0001000100010001ULL
#define SMC_POLICY_UNIT_31 0x0000000100000001ULL
#define SMC_POLICY_UNIT_63 1ULL

/*
 * A one in each lane of a lane word that is a start and not beyond the key: @probe has the key
 * in each lane and above it the uppermost bit of the lane, which survives the subtraction if
 * and only if the start is not larger.  So no lane borrows from another one.
 */
static __always_inline __u64 smc_policy_passed(__u64 probe, __u64 lane_word, __u64 unit,
					       __u64 width)
{
	return (probe - lane_word) >> width & unit;
}

/* 1 if lane word @n is among the first @words, else 0. */
static __always_inline __u64 smc_policy_among(__s64 n, __u64 words)
{
	__u64 among;

	n -= (__s64)words;
	asm volatile("" : "+r"(n)); /* or the compiler makes a branch of it */
	among = (__u64)n >> 63;
	asm volatile("" : "+r"(among)); /* or a mask */
	return among;
}

/*
 * What lane word @n adds; one that the bucket does not have is not read: it may be in another
 * line.  Multiplied instead of masked: the verifier of 6.18 follows a constant under a mask of
 * all bits or none as two paths.
 */
#define SMC_POLICY_PASSED(n)                                                              \
	({                                                                                \
		__u64 among_ = smc_policy_among(n, words);                                \
		smc_policy_passed(probe,                                                  \
				  row->lanes[smc_policy_below(first + (n)*among_,         \
							      SMC_POLICY_ROW_WORDS / 2)], \
				  unit, width) *                                          \
			among_;                                                           \
	})

/*
 * How many starts of a bucket with @words lane words from @first of @row on, of @width bits with
 * @unit, are not beyond the upper bits of @key.  At once instead of by halves: no branch depends on
 * what is in memory, so the processor goes on to the next connection while it waits.
 */
static __always_inline __u64 smc_policy_search(const struct smc_policy_row *row, __u64 first,
					       __u64 words, __u64 key, __u64 unit, __u64 width)
{
	__u64 probe = (key >> (64 - width)) * unit | unit << width;
	__u64 passed = smc_policy_passed(
		probe, row->lanes[smc_policy_below(first, SMC_POLICY_ROW_WORDS / 2)], unit, width);

	passed += SMC_POLICY_PASSED(1);
	passed += SMC_POLICY_PASSED(2);
	passed += SMC_POLICY_PASSED(3);
	if (words > 4) {
		passed += SMC_POLICY_PASSED(4);
		passed += SMC_POLICY_PASSED(5);
		passed += SMC_POLICY_PASSED(6);
		passed += SMC_POLICY_PASSED(7);
	}
	return passed * SMC_POLICY_UNIT_15 >> 48; /* the sum of all lanes */
}

/* The same, by the @kind of the bucket. */
static __always_inline __u64 smc_policy_search_kind(const struct smc_policy_row *row, __u64 first,
						    __u64 words, __u64 key, __u64 kind)
{
	/* By the kind's bit of 4, without a branch: of 31 bits, or of 63 with one lane instead of two. */
	__u64 width = 31 | (kind << 3 & 32);
	__u64 unit = SMC_POLICY_UNIT_63 | ((kind ^ SMC_POLICY_NODE_63) << 30 & 1ULL << 32);

	if (kind <= SMC_POLICY_NODE_15_WIDE || kind == SMC_POLICY_NODE_PIVOT)
		return smc_policy_search(row, first, words, key, SMC_POLICY_UNIT_15, 15);
	return smc_policy_search(row, first, words, key, unit, width);
}

/* Whether targets are wide, by kind of node: a bit each. */
#define SMC_POLICY_WIDE 0x6au

/* A narrow result as one of 31 bits. */
static __always_inline __u64 smc_policy_widen(__u64 narrow)
{
	return (narrow & SMC_POLICY_NARROW_VALUE) |
	       (narrow & SMC_POLICY_NARROW_TABLE) *
		       (SMC_POLICY_RESULT_TABLE / SMC_POLICY_NARROW_TABLE);
}

/* One bucket: replace @target, which leads to it, by what it has for the upper bits of @key. */
static __always_inline int smc_policy_bucket(const struct smc_policy_reading *reading,
					     __u64 *target, __u64 key)
{
	__u64 at = *target, found, half;
	__u64 kind = at >> SMC_POLICY_TARGET_KIND_SHIFT;
	__u64 words = (at >> SMC_POLICY_TARGET_LANES_SHIFT & SMC_POLICY_TARGET_LANES) + 1;
	__u64 first = at & (SMC_POLICY_ROW_WORDS / SMC_POLICY_BUCKET_UNIT - 1);
	const struct smc_policy_row *row = smc_policy_row(
		reading, (at & SMC_POLICY_TARGET_BUCKET) >> (SMC_POLICY_ROW_SHIFT - 1));

	if (!row)
		return -1;
	found = smc_policy_search_kind(row, first, words, key, kind);
	if (SMC_POLICY_WIDE >> kind & 1) {
		found += (first + words) * 2;
		*target = row->word[smc_policy_below(found, SMC_POLICY_ROW_WORDS)];
		return 0;
	}
	found += (first + words) * 4;
	half = row->half[smc_policy_below(found, SMC_POLICY_ROW_WORDS * 2)];
	*target = SMC_POLICY_TARGET_LEAF | smc_policy_widen(half);
	if (half < SMC_POLICY_NARROW_CHILD)
		return 0;
	half = first * 2 - 1 - (half - SMC_POLICY_NARROW_CHILD);
	*target = row->word[smc_policy_below(half, SMC_POLICY_ROW_WORDS)];
	return 0;
}

/* Bits of the key that a bucket uses up, by kind without its lowest bit: a byte each. */
#define SMC_POLICY_USES 0x003f1f0fu

/* From the number of a target of direct node @at to that of its word, as a power of two. */
static __always_inline __u64 smc_policy_spread(__u64 at)
{
	return (at & SMC_POLICY_TARGET_SPREAD) /
	       (SMC_POLICY_TARGET_SPREAD / SMC_POLICY_SPREAD_SHIFT);
}

/*
 * One node: replace @target, which leads to it, by what it has for @key, and use up of the key
 * what was looked at.  Returns 0, or -1 on a damaged image.
 */
static __always_inline int smc_policy_node(const struct smc_policy_reading *reading, __u64 *target,
					   struct smc_policy_key *key)
{
	__u64 at = *target, kind = at >> SMC_POLICY_TARGET_KIND_SHIFT, used;
	int rc;

	if (kind == SMC_POLICY_NODE_DIRECT) {
		used = (at >> SMC_POLICY_TARGET_STRIDE_SHIFT & SMC_POLICY_TARGET_STRIDE) + 1;
		rc = smc_policy_word(reading,
				     (at & SMC_POLICY_TARGET_DIRECT) * SMC_POLICY_DIRECT_UNIT +
					     ((key->high >> (64 - used)) << smc_policy_spread(at)),
				     target);
	} else {
		used = SMC_POLICY_USES >> (kind & 6) * 4 & 0x3f;
		rc = smc_policy_bucket(reading, target, key->high);
	}
	if (rc)
		return -1;
	/* At a leaf too, which needs no key any more: no branch for the verifier. */
	smc_policy_use(key, used);
	return 0;
}

/*
 * Follow @target down to a leaf, @steps nodes at most (a constant).  Returns 0 and the value
 * of the leaf in @target, or -1 on a damaged image.
 */
static __always_inline int smc_policy_walk(const struct smc_policy_reading *reading, __u64 *target,
					   struct smc_policy_key *key, int steps)
{
	int step;

	for (step = 0; step < steps; step++) {
		if (*target & SMC_POLICY_TARGET_LEAF)
			break;
		if (smc_policy_node(reading, target, key))
			return -1;
	}
	if (!(*target & SMC_POLICY_TARGET_LEAF))
		return -1;
	*target &= SMC_POLICY_LEAF_VALUE;
	return 0;
}

/* All bits set if @start is not beyond @port, else none. */
static __always_inline __u64 smc_policy_reached(__s64 start, __s64 port)
{
	start -= port + 1;
	asm volatile("" : "+r"(start)); /* or the compiler makes a branch of it */
	return (__u64)(start >> 63);
}

/*
 * Which result of the short table at @at of @row, whose first 16 bits are @how, holds for
 * @port: its index from @at on.  All compared at once, as in a bucket.
 */
static __always_inline __u64 smc_policy_short_table(const struct smc_policy_row *row, __u64 at,
						    __u64 how, __s64 port)
{
	__u64 passed = smc_policy_reached(row->half[at + 1], port) +
		       smc_policy_reached(row->half[at + 2], port) +
		       smc_policy_reached(row->half[at + 3], port);

	if (!(how & SMC_POLICY_TABLE_DOUBLE))
		return SMC_POLICY_TABLE_STARTS + 1 - passed;
	passed += smc_policy_reached(row->half[at + 4], port) +
		  smc_policy_reached(row->half[at + 5], port) +
		  smc_policy_reached(row->half[at + 6], port) +
		  smc_policy_reached(row->half[at + 7], port);
	return SMC_POLICY_TABLE_STARTS_DOUBLE + 1 - passed;
}

/*
 * Ask the port table at @place for @side and @port: its result into @result.  Returns 0, or -1 on
 * a damaged image.
 */
static __always_inline int smc_policy_port(const struct smc_policy_reading *reading, __u64 place,
					   __u64 side, __u64 port, __u64 *result)
{
	const struct smc_policy_row *row =
		smc_policy_row(reading, place * SMC_POLICY_TABLE_UNIT >> SMC_POLICY_ROW_SHIFT);
	__u64 at = place * SMC_POLICY_TABLE_UNIT * 2 & (SMC_POLICY_ROW_WORDS * 2 - 1), how;
	struct smc_policy_key key = { .high = port << 49 };

	if (!row)
		return -1;
	how = row->half[at];
	if (how & SMC_POLICY_TABLE_LONG) {
		at = at / 2 + SMC_POLICY_TABLE_TARGETS + (side & 1) * 2 + (port >> 15 & 1);
		*result = row->word[smc_policy_below(at, SMC_POLICY_ROW_WORDS)];
		return smc_policy_walk(reading, result, &key, SMC_POLICY_PORT_WALK_MAX);
	}
	at += (side & 1) * (SMC_POLICY_TABLE_SIDED | SMC_POLICY_TABLE_SIDED_DOUBLE) & how;
	at = smc_policy_below(at, SMC_POLICY_ROW_WORDS * 2) & -(__u64)(SMC_POLICY_TABLE_UNIT * 2);
	at += smc_policy_short_table(row, at, how, (__s64)port);
	*result = smc_policy_widen(row->half[smc_policy_below(at, SMC_POLICY_ROW_WORDS * 2)]);
	return 0;
}

/* Begin at the root at word @root of the header: @target for @key, which loses what is used up. */
static __always_inline int smc_policy_root(const struct smc_policy_reading *reading, __u64 root,
					   struct smc_policy_key *key, __u64 *target)
{
	const __u32 *words = reading->header->word + root;
	__u64 shape = words[SMC_POLICY_ROOT_SHAPE];
	__u64 skip = shape >> SMC_POLICY_SHAPE_SKIP & 63;
	__u64 stride = shape >> SMC_POLICY_SHAPE_STRIDE & 31;
	__u64 spread = shape >> SMC_POLICY_SHAPE_SPREAD & 15;
	__u64 other = (key->high >> 32 ^ words[SMC_POLICY_ROOT_BASE]) << 32, index;

	if (other >> 1 >> (63 - skip)) {
		*target = words[SMC_POLICY_ROOT_ELSE];
		return 0;
	}
	smc_policy_use(key, skip);
	index = key->high >> 1 >> (63 - stride);
	smc_policy_use(key, stride);
	return smc_policy_word(
		reading, (words[SMC_POLICY_ROOT_WORD] + (index << spread)) & 0xffffffff, target);
}

/* What an image says about one connection. */
struct smc_policy_result {
	__u32 slot; /* counter slot of the rule, SMC_POLICY_SLOT_DEFAULT for none */
	__u32 action; /* enum smc_policy_action */
	__u32 limited; /* not zero: smc_policy_limits() says how */
};

/*
 * Row 0 of @img, or NULL if it is of another layout: then nothing in it must be read
 * as if it were of this one.
 */
static __always_inline const struct smc_policy_row *smc_policy_header(smc_policy_image_t img)
{
	const struct smc_policy_row *header = smc_policy_image_row(img, 0);

	if (!header || header->word[SMC_POLICY_HDR_LAYOUT] != SMC_POLICY_IMAGE_LAYOUT)
		return 0;
	return header;
}

/*
 * Look up the rule for @peer (network byte order, IPv4 as ::ffff:a.b.c.d), @side
 * and service port @port (host byte order) in @img, whose header is @header.
 * Returns 0 and fills @result, or -1 on a damaged image.
 */
static __always_inline int smc_policy_lookup(smc_policy_image_t img,
					     const struct smc_policy_row *header,
					     const __be32 peer[4], __u32 side, __u32 port,
					     struct smc_policy_result *result)
{
	struct smc_policy_key key = {
		.high = (__u64)smc_policy_ntohl(peer[0]) << 32 | smc_policy_ntohl(peer[1]),
		.low = (__u64)smc_policy_ntohl(peer[2]) << 32 | smc_policy_ntohl(peer[3]),
	};
	struct smc_policy_reading reading = { img, header };
	__u64 root = SMC_POLICY_HDR_V6, found;

	if (!key.high && key.low >> 32 == 0xffff) {
		root = SMC_POLICY_HDR_V4;
		key.high = key.low << 32;
		key.low = 0;
	}
	if (smc_policy_root(&reading, root, &key, &found) ||
	    smc_policy_walk(&reading, &found, &key, SMC_POLICY_WALK_MAX))
		return -1;
	if (found & SMC_POLICY_RESULT_TABLE &&
	    smc_policy_port(&reading, found & SMC_POLICY_RESULT_PLACE, side, port, &found))
		return -1;
	if (found & SMC_POLICY_RESULT_TABLE &&
	    smc_policy_port(&reading, found & SMC_POLICY_RESULT_PLACE, side, port, &found))
		return -1;
	result->slot = (__u32)found >> SMC_POLICY_RESULT_SLOT_SHIFT & SMC_POLICY_RESULT_SLOT;
	result->action = (__u32)found & SMC_POLICY_RESULT_ACTION;
	result->limited = (__u32)found & SMC_POLICY_RESULT_LIMITED;
	return 0;
}

/*
 * The limits in @img, whose header is @header, of the rule with counter slot @slot, for
 * which smc_policy_lookup() said limited, or of the host (SMC_POLICY_SLOT_DEFAULT), into
 * @words as enum smc_policy_image_limits.  Returns 0, or -1 if nothing is limited or the
 * image is damaged.
 */
static __always_inline int smc_policy_limits(smc_policy_image_t img,
					     const struct smc_policy_row *header, __u32 slot,
					     __u32 words[SMC_POLICY_LIMIT_WORDS])
{
	__u32 at = header->word[SMC_POLICY_HDR_LIMITS];
	const struct smc_policy_row *row;

	if (!at)
		return -1;
	at += slot * SMC_POLICY_LIMIT_WORDS;
	row = smc_policy_image_row(img, at >> SMC_POLICY_ROW_SHIFT);
	if (!row)
		return -1;
	at &= SMC_POLICY_ROW_WORDS - SMC_POLICY_LIMIT_WORDS;
	words[SMC_POLICY_LIMIT_INTERVAL] = row->word[at + SMC_POLICY_LIMIT_INTERVAL];
	words[SMC_POLICY_LIMIT_BURST] = row->word[at + SMC_POLICY_LIMIT_BURST];
	words[SMC_POLICY_LIMIT_CONNECTIONS] = row->word[at + SMC_POLICY_LIMIT_CONNECTIONS];
	words[SMC_POLICY_LIMIT_RTT] = row->word[at + SMC_POLICY_LIMIT_RTT];
	return 0;
}

#endif
