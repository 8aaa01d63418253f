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

/* Binary search halves at most 65,536 targets. */
#define SMC_POLICY_BUCKET_STEPS 16

/*
 * All ones if @start <= @key, else zero.  Both are 16-bit values.
 */
static __always_inline __u32 smc_policy_mask_le(__u32 start, __u32 key)
{
	__s64 distance = (__s64)key - (__s64)start;

	asm volatile("" : "+r"(distance)); /* or the compiler makes a branch of it */
	return ~(__u32)(distance >> 63);
}

/*
 * Read word @index of @img into @value.  Returns 0, or -1 if the image ends
 * before it.
 */
static __always_inline int smc_policy_word(smc_policy_image_t img, __u32 index, __u32 *value)
{
	const struct smc_policy_row *row = smc_policy_image_row(img, index >> SMC_POLICY_ROW_SHIFT);

	if (!row)
		return -1;
	*value = row->word[index & (SMC_POLICY_ROW_WORDS - 1)];
	return 0;
}

/*
 * Search a bucket of @count targets whose first target is word @base: store the
 * target that holds for @key in @target.  Returns 0, or -1 on a damaged image.
 */
static __always_inline int smc_policy_bucket(smc_policy_image_t img, __u32 base, __u32 count,
					     __u32 key, __u32 *target)
{
	/* Start i-1 opens target i: bias the base so that start i is at halfword i. */
	__u32 halves = (base + count) * 2 - 1;
	__u32 found = 0;
	int step;

	for (step = 0; step < SMC_POLICY_BUCKET_STEPS; step++) {
		__u32 half = count / 2, at = halves + found + half, word;

		if (!half)
			break;
		if (smc_policy_word(img, at / 2, &word))
			return -1;
		word = (word >> (16 * (at & 1))) & 0xffff;
		found += half & smc_policy_mask_le(word, key);
		count -= half;
	}
	return smc_policy_word(img, base + found, target);
}

/*
 * One node: replace @target, which is not a leaf, by the target that its node
 * has for the 16-bit @key.  Returns 0, or -1 on a damaged image.
 */
static __always_inline int smc_policy_node(smc_policy_image_t img, __u32 *target, __u32 key)
{
	__u32 node = *target & SMC_POLICY_TARGET_INDEX;
	__u32 head, stride;

	if (smc_policy_word(img, node, &head))
		return -1;
	stride = head & SMC_POLICY_NODE_STRIDE;
	if (stride)
		return smc_policy_word(img, node + 1 + (key >> ((16 - stride) & 15)), target);
	return smc_policy_bucket(img, node + 1, (head >> SMC_POLICY_NODE_COUNT_SHIFT) + 1, key,
				 target);
}

/*
 * The peer address as a queue of 16-bit pieces, the most significant first.
 * Two registers instead of an array: the verifier of 5.10 knows no variable
 * offset into the stack.
 */
struct smc_policy_pieces {
	__u64 high, low;
};

/* Drop the first piece where @keep is zero; where it is all ones change nothing. */
static __always_inline void smc_policy_next_piece(struct smc_policy_pieces *pieces, __u64 keep)
{
	__u64 high = pieces->high << 16 | pieces->low >> 48, low = pieces->low << 16;

	pieces->high = (pieces->high & keep) | (high & ~keep);
	pieces->low = (pieces->low & keep) | (low & ~keep);
}

/*
 * Follow @target down to a leaf, one node a piece, @steps at most (a constant).
 * Returns 0 and the value of the leaf in @target, or -1 on a damaged image.
 */
static __always_inline int smc_policy_walk(smc_policy_image_t img, __u32 *target,
					   struct smc_policy_pieces pieces, int steps)
{
	__u32 at = *target;
	int step;

	for (step = 0; step < steps; step++) {
		if (at & SMC_POLICY_TARGET_LEAF)
			break;
		if (smc_policy_node(img, &at, pieces.high >> 48))
			return -1;
		smc_policy_next_piece(&pieces, -(__u64) !!(at & SMC_POLICY_TARGET_SAME));
	}
	*target = at & SMC_POLICY_LEAF_VALUE;
	return at & SMC_POLICY_TARGET_LEAF ? 0 : -1;
}

/*
 * Ask the port table at word @table for @side and @port: its result into
 * @result.  Returns 0, or -1 on a damaged image.
 */
static __always_inline int smc_policy_port(smc_policy_image_t img, __u32 table, __u32 side,
					   __u32 port, __u32 *result)
{
	struct smc_policy_pieces pieces = { .high = (__u64)port << 48 };

	if (smc_policy_word(img, table + (side & 1), result))
		return -1;
	return smc_policy_walk(img, result, pieces, SMC_POLICY_PORT_WALK_MAX);
}

/* What an image says about one connection. */
struct smc_policy_result {
	__u32 slot; /* counter slot of the rule, SMC_POLICY_SLOT_DEFAULT for none */
	__u32 action; /* enum smc_policy_action */
};

/*
 * Look up the rule for @peer (network byte order, IPv4 as ::ffff:a.b.c.d), @side
 * and service port @port (host byte order) in @img.  Returns 0 and fills
 * @result, or -1 on a damaged image.
 */
static __always_inline int smc_policy_lookup(smc_policy_image_t img, const __be32 peer[4],
					     __u32 side, __u32 port,
					     struct smc_policy_result *result)
{
	struct smc_policy_pieces pieces = {
		.high = (__u64)smc_policy_ntohl(peer[0]) << 32 | smc_policy_ntohl(peer[1]),
		.low = (__u64)smc_policy_ntohl(peer[2]) << 32 | smc_policy_ntohl(peer[3]),
	};
	__u32 root = SMC_POLICY_HDR_ROOT_V6, table, found;

	if (!pieces.high && pieces.low >> 32 == 0xffff) {
		root = SMC_POLICY_HDR_ROOT_V4;
		pieces.high = pieces.low << 32;
		pieces.low = 0;
	}
	if (smc_policy_word(img, root, &table) ||
	    smc_policy_walk(img, &table, pieces, SMC_POLICY_WALK_MAX) ||
	    smc_policy_port(img, table, side, port, &found))
		return -1;
	if (found & SMC_POLICY_RESULT_BELOW &&
	    (smc_policy_word(img, table + SMC_POLICY_SIDES, &table) ||
	     smc_policy_port(img, table, side, port, &found)))
		return -1;
	result->slot = found & SMC_POLICY_RESULT_SLOT;
	result->action = (found >> SMC_POLICY_RESULT_ACTION_SHIFT) & SMC_POLICY_RESULT_ACTION;
	return 0;
}

#endif
