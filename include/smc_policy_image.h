/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy image: all rules compiled into one flat, position-independent
 * array that the kernel's programs read.
 *
 * An image is an array of rows of 4096 bytes, words of 32 bits in native byte order.
 * Everything inside refers to words by their index from the start of the image, so it
 * can be copied, mapped and compared as it is.  A row is what one map lookup gives: it
 * begins with the header and the parameters of `auto`, budgets and breaker.  One array
 * map holds one image; a one-slot array-of-maps holds the image in force.
 *
 * What a decision costs is the cache lines it touches: everything that one step reads lies in one
 * line of 64 bytes.  A decision reads the header, a root, a bucket, and a port table where a
 * rule is for some ports; small policies have the last three in one line.
 *
 * TARGET (one word), what a step finds
 *   LEAF set:   the walk ends; the other bits are a result.
 *   LEAF clear: bits 28-30 the kind of the next node, enum smc_policy_node.
 *     direct:   bits 24-27 stride - 1, bit 23 SPREAD, bits 0-22 its place in units of 16 words.
 *     others:   bits 25-27 lane words - 1, bits 0-24 the place of its lanes in units of 2 words.
 *
 * NODE, a function from the uppermost bits of what is left of the key to a target
 *   direct: 2^stride targets, indexed by the upper stride bits, which are used up then.
 *       SPREAD: each target is the first word of a line, and what it leads to lies in that
 *       line if there is room.
 *   bucket: lane words of 64 bits, each of 4, 2 or 1 lanes, the lowest bits first.  The
 *       lanes are starts, ascending, of 15, 31 or 63 bits (the uppermost bit of each lane
 *       is clear; set: nothing starts here, nor in what follows).  Then the targets, one
 *       more than starts: the first holds for keys before the first start, each other one
 *       from its start on.  The bits that were compared are used up then, but not by a
 *       pivot: that is a bucket that only divides what would be too many for one.
 *   A wide bucket has targets of one word.  A narrow one has targets of 16 bits: below
 *       0x8000 a narrow result, else 0x8000 plus n: the n-th target, counted down, of
 *       those that lie in whole words before the lanes.
 *
 * ROOT of a family, in the header: keys whose upper SKIP bits are not those of BASE get the target
 * ELSE.  The others have these bits used up, and go on at the word ROOT as at a direct node.
 *
 * RESULT (31 bits): TABLE set: the other bits are the place of a port table in units of 4 words.
 * Else bits 0-1 action, bit 2 LIMITED: the rule has limits, and from bit 3 on the counter slot
 * of the rule (0: no rule, the default action speaks).  In 16 bits, a narrow result: bit 14
 * TABLE, and 14 others.
 *
 * PORT TABLE, from (side, service port) to a result.  Its first 16 bits say how:
 *   short: three starts of 16 bits, ascending, then four narrow results as in a bucket; a
 *       start that is not needed is 0.  DOUBLE: seven starts, then eight results.  SIDED: one
 *       such table for each side, one after the other.
 *   LONG: four targets from word 4 on, indexed by 2 * side + (port >> 15), for the
 *       lower 15 bits of the port.
 * A table may name another one as a result, which then never does.
 *
 * LIMITS: SMC_POLICY_LIMIT_WORDS words for each counter slot from 0 on, aligned to that
 * many, so that one slot's are in one row.  Those of slot 0 are the host's.
 */
#ifndef SMC_POLICY_IMAGE_H
#define SMC_POLICY_IMAGE_H

#include <linux/types.h>

#define SMC_POLICY_IMAGE_MAGIC 0x534d4350u /* "SMCP" */
#define SMC_POLICY_IMAGE_LAYOUT 4u /* raised with every change of the layout */

#define SMC_POLICY_ROW_WORDS 1024u
#define SMC_POLICY_ROW_SHIFT 10
#define SMC_POLICY_LINE_WORDS 16u /* a cache line */

struct smc_policy_row {
	union {
		__u32 word[SMC_POLICY_ROW_WORDS];
		__u16 half[SMC_POLICY_ROW_WORDS * 2];
		__u64 lanes[SMC_POLICY_ROW_WORDS / 2];
	};
};

_Static_assert(sizeof(struct smc_policy_row) == 4096, "a row is the least that a map takes");

/*
 * Row 0, word by word: one line, with all that every decision reads.  Every layout keeps the
 * meaning of the words up to GENERATION_HI.
 */
enum smc_policy_image_header {
	SMC_POLICY_HDR_MAGIC = 0,
	SMC_POLICY_HDR_LAYOUT = 1,
	SMC_POLICY_HDR_ROWS = 2, /* rows in the image, this one included */
	SMC_POLICY_HDR_FLAGS = 3, /* SMC_POLICY_IMAGE_F_* */
	SMC_POLICY_HDR_GENERATION_LO = 4,
	SMC_POLICY_HDR_GENERATION_HI = 5,
	SMC_POLICY_HDR_V4 = 6, /* enum smc_policy_image_root, for IPv4 peers */
	SMC_POLICY_HDR_V6 = 10, /* likewise for IPv6 */
	SMC_POLICY_HDR_LIMITS = 14, /* word index of the limits, 0: nothing is limited */
	SMC_POLICY_HDR_DEFAULT = 15, /* enum smc_policy_action */
};

/* The root of a family, word by word. */
enum smc_policy_image_root {
	SMC_POLICY_ROOT_WORD = 0, /* index of its first word */
	SMC_POLICY_ROOT_SHAPE = 1, /* SMC_POLICY_SHAPE_* */
	SMC_POLICY_ROOT_BASE = 2, /* the upper 32 bits of the keys that go on there */
	SMC_POLICY_ROOT_ELSE = 3,
	SMC_POLICY_ROOT_WORDS = 4,
};

#define SMC_POLICY_SHAPE_SKIP 0 /* 6 bits, 0 to 32 */
#define SMC_POLICY_SHAPE_STRIDE 8 /* 5 bits */
#define SMC_POLICY_SHAPE_SPREAD 16 /* 4 bits: a power of two, of words from target to target */

/* Behind it in row 0, word by word.  Times in seconds. */
enum smc_policy_image_parameters {
	SMC_POLICY_PAR_SETUP_BYTES =
		16, /* bytes whose transfer on SMC saves one set-up, at least 1 */
	SMC_POLICY_PAR_HALF_LIFE = 17, /* of a lesson, at least 1 */
	SMC_POLICY_PAR_PEER = 18, /* first memory of a peer without SMC, 0: none */
	SMC_POLICY_PAR_PEER_MAX = 19,
	SMC_POLICY_PAR_COOLDOWN = 20, /* first pause after a resource error, 0: none */
	SMC_POLICY_PAR_COOLDOWN_MAX = 21,
	SMC_POLICY_PAR_VOTES = 22, /* connections that open a breaker, 0: no breaker */
	SMC_POLICY_PAR_BACKOFF = 23, /* first time that a breaker is open */
	SMC_POLICY_PAR_BACKOFF_MAX = 24,
	SMC_POLICY_PAR_PREFIX_V4 =
		25, /* length of the peer prefix that shares a breaker, 0 to 32 */
	SMC_POLICY_PAR_PREFIX_V6 = 26, /* 0 to 64 */
	SMC_POLICY_PAR_MESSAGE_BYTES = 27, /* bytes that save as much as one message, 0: none */
};

#define SMC_POLICY_IMAGE_RESERVED 32 /* words of header and parameters */

/* Limits of a rule, word by word; 0: no such limit. */
enum smc_policy_image_limits {
	SMC_POLICY_LIMIT_INTERVAL = 0, /* us between SMC connections, on average */
	SMC_POLICY_LIMIT_BURST = 1, /* SMC connections that may come at once, at least 1 */
	SMC_POLICY_LIMIT_CONNECTIONS = 2, /* SMC connections that live at a time, plus 1 */
	SMC_POLICY_LIMIT_RTT = 3, /* us, smoothed round-trip time to the peer */
	SMC_POLICY_LIMIT_WORDS = 4,
};

/* Only the namespaces in the netns map may speak SMC; others get reason disabled. */
#define SMC_POLICY_IMAGE_F_NETNS_LISTED 1u

/* Every connection gets tcp, reason suspended.  Set and cleared in the image that is in force. */
#define SMC_POLICY_IMAGE_F_SUSPENDED 2u

/* Kinds of nodes. */
enum smc_policy_node {
	SMC_POLICY_NODE_15 = 0, /* buckets with lanes of 15 bits, narrow and wide */
	SMC_POLICY_NODE_15_WIDE = 1,
	SMC_POLICY_NODE_31 = 2,
	SMC_POLICY_NODE_31_WIDE = 3,
	SMC_POLICY_NODE_63 = 4,
	SMC_POLICY_NODE_63_WIDE = 5,
	SMC_POLICY_NODE_PIVOT = 6, /* as 15_WIDE */
	SMC_POLICY_NODE_DIRECT = 7,
};

#define SMC_POLICY_TARGET_LEAF 0x80000000u
#define SMC_POLICY_LEAF_VALUE 0x7fffffffu
#define SMC_POLICY_TARGET_KIND_SHIFT 28
#define SMC_POLICY_TARGET_KIND 0x7u
#define SMC_POLICY_TARGET_STRIDE_SHIFT 24
#define SMC_POLICY_TARGET_STRIDE 0xfu
#define SMC_POLICY_TARGET_SPREAD 0x00800000u
#define SMC_POLICY_SPREAD_SHIFT 4 /* from the number of a target to that of its word */
#define SMC_POLICY_TARGET_DIRECT 0x007fffffu
#define SMC_POLICY_DIRECT_UNIT 16 /* words */
#define SMC_POLICY_TARGET_LANES_SHIFT 25
#define SMC_POLICY_TARGET_LANES 0x7u
#define SMC_POLICY_TARGET_BUCKET 0x01ffffffu
#define SMC_POLICY_BUCKET_UNIT 2 /* words */

#define SMC_POLICY_LANE_WORDS 8 /* of 64 bits, the most that a bucket has */
#define SMC_POLICY_NARROW_CHILD 0x8000u

#define SMC_POLICY_RESULT_TABLE 0x40000000u
#define SMC_POLICY_RESULT_PLACE 0x3fffffffu /* of TABLE */
#define SMC_POLICY_RESULT_ACTION 0x3u
#define SMC_POLICY_RESULT_LIMITED 0x4u
#define SMC_POLICY_RESULT_SLOT_SHIFT 3
#define SMC_POLICY_RESULT_SLOT 0x00ffffffu /* after the shift */
#define SMC_POLICY_NARROW_TABLE 0x4000u
#define SMC_POLICY_NARROW_VALUE 0x3fffu

#define SMC_POLICY_TABLE_UNIT 4 /* words */
#define SMC_POLICY_TABLE_STARTS 3 /* of a short table */
#define SMC_POLICY_TABLE_STARTS_DOUBLE 7
#define SMC_POLICY_TABLE_LONG 0x1u
#define SMC_POLICY_TABLE_DOUBLE 0x2u
#define SMC_POLICY_TABLE_SIDED 0x8u /* as many 16 bits are from one side's to the other's */
#define SMC_POLICY_TABLE_SIDED_DOUBLE 0x10u /* likewise, of DOUBLE */
#define SMC_POLICY_TABLE_TARGETS 4 /* of a long table: where they are, and their number */

/*
 * A walk takes at most this many nodes.  Each bucket uses up 15 bits at least: 8 of them for IPv6,
 * each behind two pivots that part it from what is heavier, and as many more as divide all by 9.
 */
#define SMC_POLICY_WALK_MAX 40
/* And 15 bits of a port. */
#define SMC_POLICY_PORT_WALK_MAX 6

#endif
