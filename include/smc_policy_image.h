/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy image: all rules compiled into one flat, position-independent
 * array that the kernel's programs read.
 *
 * An image is an array of 64-byte rows, each 16 words of 32 bits in native
 * byte order.  Everything inside refers to words by their index from the
 * start of the image, so it can be copied, mapped and compared as it is.
 * Row 0 is the header.  One array map holds one image; a one-slot
 * array-of-maps holds the image in force.
 *
 * A decision walks two maps from 16-bit keys to targets:
 *   1. the peer address, 16 bits at a time from the most significant end
 *      (2 steps at most for IPv4, 8 for IPv6), to a port table;
 *   2. the port table, by side and service port, to a result.
 *
 * TARGET (one word)
 *   LEAF set:   the walk ends; the other bits are the value: the word index of
 *               a port table (step 1) or a result (step 2).
 *   LEAF clear: word index of the next node.  SAME set: that node looks at
 *               the same 16 bits again (a bucket below a direct node), else
 *               at the next 16.
 *
 * NODE, a function from a 16-bit key to a target
 *   word 0: bits 0-4   stride s
 *           bits 16-31 n - 1 (bucket only)
 *   s = 0, bucket: n targets, then n - 1 starts of 16 bits, ascending, two to a
 *       word, the lower half first.  Target i holds for keys from start i-1
 *       (target 0: from 0) up to the next start.
 *   s > 0, direct: 2^s targets, indexed by the upper s bits of the key.
 *
 * PORT TABLE: two targets, one per side (a leaf if all ports agree), then the
 * word index of another port table: the one to ask where the result is BELOW.
 * That one never says BELOW.
 *
 * RESULT (31 bits): BELOW, or bits 0-23 counter slot of the rule (0: no rule,
 * the default action speaks), bits 24-25 action.
 */
#ifndef SMC_POLICY_IMAGE_H
#define SMC_POLICY_IMAGE_H

#include <linux/types.h>

#define SMC_POLICY_IMAGE_MAGIC 0x534d4350u /* "SMCP" */
#define SMC_POLICY_IMAGE_LAYOUT 1u /* raised with every change of the layout */

#define SMC_POLICY_ROW_WORDS 16u
#define SMC_POLICY_ROW_SHIFT 4

struct smc_policy_row {
	__u32 word[SMC_POLICY_ROW_WORDS];
};

_Static_assert(sizeof(struct smc_policy_row) == 64, "a row is a cache line");

/* Row 0, word by word. */
enum smc_policy_image_header {
	SMC_POLICY_HDR_MAGIC = 0,
	SMC_POLICY_HDR_LAYOUT = 1,
	SMC_POLICY_HDR_ROWS = 2, /* rows in the image, this one included */
	SMC_POLICY_HDR_FLAGS = 3, /* SMC_POLICY_IMAGE_F_* */
	SMC_POLICY_HDR_GENERATION_LO = 4,
	SMC_POLICY_HDR_GENERATION_HI = 5,
	SMC_POLICY_HDR_ROOT_V4 = 6, /* target: first 16 bits of an IPv4 peer */
	SMC_POLICY_HDR_ROOT_V6 = 7, /* target: first 16 bits of an IPv6 peer */
	SMC_POLICY_HDR_DEFAULT = 8, /* enum smc_policy_action */
};

/* Only the namespaces in the netns map may speak SMC; others get reason disabled. */
#define SMC_POLICY_IMAGE_F_NETNS_LISTED 1u

#define SMC_POLICY_TARGET_LEAF 0x80000000u
#define SMC_POLICY_TARGET_SAME 0x40000000u
#define SMC_POLICY_TARGET_INDEX 0x3fffffffu /* word index of a node */
#define SMC_POLICY_LEAF_VALUE 0x7fffffffu

#define SMC_POLICY_NODE_STRIDE 0x1fu
#define SMC_POLICY_NODE_COUNT_SHIFT 16

#define SMC_POLICY_PORT_TABLE_WORDS 3

#define SMC_POLICY_RESULT_BELOW 0x40000000u
#define SMC_POLICY_RESULT_SLOT 0x00ffffffu
#define SMC_POLICY_RESULT_ACTION_SHIFT 24
#define SMC_POLICY_RESULT_ACTION 0x3u

/* A walk takes at most this many nodes: 8 pieces of IPv6, each perhaps direct plus bucket. */
#define SMC_POLICY_WALK_MAX 16
/* And one port: a direct node and a bucket. */
#define SMC_POLICY_PORT_WALK_MAX 2

#endif
