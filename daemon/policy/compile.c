// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The steps, per address family:
 *   1. Every prefix that a rule includes or excepts becomes a node; nodes are
 *      sorted so that each comes after those that enclose it.
 *   2. Each node gets a port table: its own rules laid over its parent's table.
 *      The longest prefix thus wins, as the contract wants it.  Below an
 *      exception the tables are laid again from the root without the rules
 *      that are out.
 *   3. The nodes are flattened into boundaries: "from this address on, that
 *      table", ascending.
 *   4. The boundaries become a trie of 16-bit steps, leaves first, equal nodes
 *      stored once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/compile.h"
#include "policy/ports.h"
#include "policy/trie.h"

#define NO_PARENT UINT32_MAX

/* An address as a number; IPv4 in the upper 32 bits, so that both families sort and split alike. */
typedef unsigned __int128 address_t;

#define ADDRESS_BITS 128
#define PIECE_BITS 16

/* A prefix that a rule includes or excepts. */
struct mention {
	address_t start;
	uint32_t rule; /* index in the policy */
	uint8_t length;
	bool except;
};

/* A distinct prefix and its mentions, a run in the sorted array. */
struct node {
	uint32_t parent; /* the closest node that encloses it */
	uint32_t first, n; /* its mentions */
	uint32_t table;
	bool excepted; /* here or above, some rule is taken out */
};

/* From this address on, that port table (as a leaf). */
struct boundary {
	address_t start;
	uint32_t leaf;
};

struct compiler {
	const struct policy *policy;
	struct trie trie;
	struct ports ports;
	/* of the family at hand */
	struct mention *mentions;
	struct node *nodes;
	struct boundary *boundaries;
	uint32_t n_mentions, n_nodes, n_boundaries;
	uint32_t *scratch, *out; /* rule indices, room for all mentions */
};

/* ---- 1. nodes ---- */

static address_t prefix_start(const struct policy_prefix *prefix)
{
	const uint8_t *bytes = prefix->addr + (prefix->v4 ? 12 : 0);
	address_t start = 0;

	for (int i = 0; i < (prefix->v4 ? 4 : 16); i++)
		start = start << 8 | bytes[i];
	return prefix->v4 ? start << 96 : start;
}

/* Last address of a prefix; what is below an IPv4 address is all ones. */
static address_t prefix_last(const struct mention *mention)
{
	return mention->length == 0
		       ? ~(address_t)0
		       : mention->start | (((address_t)1 << (ADDRESS_BITS - mention->length)) - 1);
}

static bool includes_none(const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_peers; i++)
		if (!rule->peers[i].except)
			return false;
	return true;
}

static void list_mentions(struct compiler *c, bool v4)
{
	const struct policy_rule *rule;

	c->n_mentions = 0;
	policy_for_each(rule, c->policy) {
		struct mention mention = { .rule = (uint32_t)rule_i };

		if (includes_none(rule))
			c->mentions[c->n_mentions++] = mention;
		for (size_t i = 0; i < rule->n_peers; i++) {
			if (rule->peers[i].v4 != v4)
				continue;
			mention.start = prefix_start(&rule->peers[i]);
			mention.length = rule->peers[i].length;
			mention.except = rule->peers[i].except;
			c->mentions[c->n_mentions++] = mention;
		}
	}
}

static int compare_mentions(const void *a, const void *b)
{
	const struct mention *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->length != y->length)
		return x->length - y->length;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return x->except - y->except;
}

static bool same_prefix(const struct mention *a, const struct mention *b)
{
	return a->start == b->start && a->length == b->length;
}

static bool encloses(const struct mention *outer, const struct mention *inner)
{
	return outer->start <= inner->start && prefix_last(outer) >= prefix_last(inner);
}

/* The mention that names the node's prefix; the root may have none. */
static const struct mention *node_prefix(const struct compiler *c, const struct node *node)
{
	static const struct mention root;

	return node->n ? &c->mentions[node->first] : &root;
}

static bool excepts_any(const struct compiler *c, const struct node *node)
{
	for (uint32_t i = 0; i < node->n; i++)
		if (c->mentions[node->first + i].except)
			return true;
	return false;
}

/* The mentions, sorted, as nodes; node 0 is the root, length 0. */
static void build_nodes(struct compiler *c)
{
	uint32_t i = 0, parent;

	qsort(c->mentions, c->n_mentions, sizeof(*c->mentions), compare_mentions);
	c->n_nodes = 1;
	c->nodes[0] = (struct node){ .parent = NO_PARENT };
	for (; i < c->n_mentions && !c->mentions[i].length; i++)
		c->nodes[0].n++;
	c->nodes[0].excepted = excepts_any(c, &c->nodes[0]);
	for (parent = 0; i < c->n_mentions; parent = c->n_nodes++) {
		struct node *node = &c->nodes[c->n_nodes];

		*node = (struct node){ .first = i };
		while (i < c->n_mentions && same_prefix(&c->mentions[i], &c->mentions[node->first]))
			node->n++, i++;
		while (!encloses(node_prefix(c, &c->nodes[parent]), node_prefix(c, node)))
			parent = c->nodes[parent].parent;
		node->parent = parent;
		node->excepted = c->nodes[parent].excepted || excepts_any(c, node);
	}
}

/* ---- 2. tables ---- */

static int compare_words(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The rules that are taken out at @node or above into c->out, ascending; their number. */
static uint32_t list_excepted(struct compiler *c, const struct node *node)
{
	uint32_t n = 0;

	for (;; node = &c->nodes[node->parent]) {
		for (uint32_t i = 0; i < node->n; i++)
			if (c->mentions[node->first + i].except)
				c->out[n++] = c->mentions[node->first + i].rule;
		if (node->parent == NO_PARENT || !c->nodes[node->parent].excepted)
			break;
	}
	qsort(c->out, n, sizeof(*c->out), compare_words);
	return n;
}

/* The rules that @node includes, but for @n_out in c->out, into c->scratch; their number. */
static uint32_t list_included(struct compiler *c, const struct node *node, uint32_t n_out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < node->n; i++) {
		const struct mention *mention = &c->mentions[node->first + i];

		if (mention->except || (n && c->scratch[n - 1] == mention->rule))
			continue;
		if (n_out && bsearch(&mention->rule, c->out, n_out, sizeof(*c->out), compare_words))
			continue;
		c->scratch[n++] = mention->rule;
	}
	return n;
}

/* The table of @node laid from the root, without the @n_out rules of c->out. */
static uint32_t lay_path(struct compiler *c, const struct node *node, uint32_t n_out)
{
	uint32_t below = PORTS_DEFAULT, n;

	if (node->parent != NO_PARENT)
		below = lay_path(c, &c->nodes[node->parent], n_out);
	n = list_included(c, node, n_out);
	return ports_lay(&c->ports, below, c->scratch, n);
}

static void build_tables(struct compiler *c)
{
	for (uint32_t i = 0; i < c->n_nodes; i++) {
		struct node *node = &c->nodes[i];

		if (node->excepted) {
			node->table = lay_path(c, node, list_excepted(c, node));
		} else {
			uint32_t below = i ? c->nodes[node->parent].table : PORTS_DEFAULT;
			uint32_t n = list_included(c, node, 0);

			node->table = ports_lay(&c->ports, below, c->scratch, n);
		}
	}
}

/* ---- 3. boundaries ---- */

static void add_boundary(struct compiler *c, address_t start, const struct node *node)
{
	uint32_t leaf = ports_word(&c->ports, node->table) | SMC_POLICY_TARGET_LEAF;

	if (c->n_boundaries && c->boundaries[c->n_boundaries - 1].start == start)
		c->n_boundaries--;
	if (c->n_boundaries && c->boundaries[c->n_boundaries - 1].leaf == leaf)
		return;
	c->boundaries[c->n_boundaries++] = (struct boundary){ start, leaf };
}

/* Leave @node and what encloses it up to @until, which goes on. */
static void leave_nodes(struct compiler *c, uint32_t node, uint32_t until)
{
	while (node != until) {
		address_t last = prefix_last(node_prefix(c, &c->nodes[node]));

		node = c->nodes[node].parent;
		if (last != ~(address_t)0)
			add_boundary(c, last + 1, &c->nodes[node]);
	}
}

static void build_boundaries(struct compiler *c)
{
	c->n_boundaries = 0;
	add_boundary(c, 0, &c->nodes[0]);
	for (uint32_t i = 1; i < c->n_nodes; i++) {
		leave_nodes(c, i - 1, c->nodes[i].parent);
		add_boundary(c, node_prefix(c, &c->nodes[i])->start, &c->nodes[i]);
	}
	leave_nodes(c, c->n_nodes - 1, 0);
}

/* ---- 4. trie ---- */

/*
 * The target for the @n boundaries, which agree in the @depth uppermost bits;
 * @leaf holds before the first of them.
 */
static uint32_t build_trie(struct compiler *c, const struct boundary *boundaries, uint32_t n,
			   uint32_t leaf, int depth)
{
	int shift = ADDRESS_BITS - PIECE_BITS - depth;
	struct entries entries = { 0 };
	uint32_t from = 0, target;

	trie_add_entry(&c->trie, &entries, 0, leaf);
	while (from < n) {
		uint32_t key = (uint32_t)(boundaries[from].start >> shift) & (TRIE_KEYS - 1);
		bool exact = !shift || !(boundaries[from].start << (ADDRESS_BITS - shift));
		uint32_t to = from + 1;

		while (to < n && ((boundaries[to].start >> shift) & (TRIE_KEYS - 1)) == key)
			to++;
		if (!exact || to - from > 1) {
			target = build_trie(c, boundaries + from, to - from, leaf,
					    depth + PIECE_BITS);
			trie_add_entry(&c->trie, &entries, key, target);
			key++;
		}
		leaf = boundaries[to - 1].leaf;
		if (key < TRIE_KEYS)
			trie_add_entry(&c->trie, &entries, key, leaf);
		from = to;
	}
	target = trie_node(&c->trie, &entries);
	free(entries.list);
	return target;
}

/* The root target of one family. */
static uint32_t build_family(struct compiler *c, bool v4)
{
	list_mentions(c, v4);
	build_nodes(c);
	build_tables(c);
	if (c->trie.error)
		return 0;
	build_boundaries(c);
	return build_trie(c, c->boundaries, c->n_boundaries, 0, 0);
}

static int allocate(struct compiler *c)
{
	const struct policy_rule *rule;
	size_t room = 1;

	policy_for_each(rule, c->policy)
		room += rule->n_peers + 1;
	if (room > UINT32_MAX / 4)
		return -E2BIG;
	c->mentions = calloc(room, sizeof(*c->mentions));
	c->nodes = calloc(room + 1, sizeof(*c->nodes));
	c->boundaries = calloc(2 * room + 2, sizeof(*c->boundaries));
	c->scratch = calloc(room, sizeof(*c->scratch));
	c->out = calloc(room, sizeof(*c->out));
	return c->mentions && c->nodes && c->boundaries && c->scratch && c->out ? 0 : -ENOMEM;
}

static void release(struct compiler *c)
{
	free(c->mentions);
	free(c->nodes);
	free(c->boundaries);
	free(c->scratch);
	free(c->out);
	ports_clear(&c->ports);
	trie_clear(&c->trie);
}

static int finish(struct compiler *c, const struct policy_image_options *options,
		  struct policy_image *image)
{
	uint32_t n_rows = (c->trie.n_words + SMC_POLICY_ROW_WORDS - 1) / SMC_POLICY_ROW_WORDS;
	uint32_t *header = c->trie.words;

	header[SMC_POLICY_HDR_MAGIC] = SMC_POLICY_IMAGE_MAGIC;
	header[SMC_POLICY_HDR_LAYOUT] = SMC_POLICY_IMAGE_LAYOUT;
	header[SMC_POLICY_HDR_ROWS] = n_rows;
	header[SMC_POLICY_HDR_FLAGS] = options->flags;
	header[SMC_POLICY_HDR_GENERATION_LO] = (uint32_t)options->generation;
	header[SMC_POLICY_HDR_GENERATION_HI] = (uint32_t)(options->generation >> 32);
	header[SMC_POLICY_HDR_DEFAULT] = (uint32_t)c->policy->default_action;
	image->rows = calloc(n_rows, sizeof(*image->rows));
	if (!image->rows)
		return -ENOMEM;
	memcpy(image->rows, c->trie.words, c->trie.n_words * sizeof(*c->trie.words));
	image->n_rows = n_rows;
	return 0;
}

int policy_compile(const struct policy *policy, const struct policy_image_options *options,
		   struct policy_image *image)
{
	struct compiler c = { .policy = policy };
	uint32_t root_v4, root_v6;
	int rc;

	*image = (struct policy_image){ 0 };
	rc = allocate(&c);
	if (!rc) {
		trie_init(&c.trie, SMC_POLICY_ROW_WORDS);
		ports_init(&c.ports, policy, &c.trie);
		root_v4 = build_family(&c, true);
		root_v6 = build_family(&c, false);
		rc = c.trie.error;
	}
	if (!rc) {
		c.trie.words[SMC_POLICY_HDR_ROOT_V4] = root_v4;
		c.trie.words[SMC_POLICY_HDR_ROOT_V6] = root_v6;
		rc = finish(&c, options, image);
	}
	release(&c);
	return rc;
}

void policy_image_free(struct policy_image *image)
{
	free(image->rows);
	*image = (struct policy_image){ 0 };
}

/* ---- the kernel's reader, in user space ---- */

typedef const struct policy_image *smc_policy_image_t;
#define smc_policy_ntohl(x) ntohl(x)

static inline const struct smc_policy_row *smc_policy_image_row(smc_policy_image_t image,
								uint32_t row)
{
	return row < image->n_rows ? &image->rows[row] : NULL;
}

#include "image_reader.h"

int policy_image_lookup(const struct policy_image *image, const uint8_t peer[16], int side,
			uint16_t port, uint32_t *slot, int *action)
{
	struct smc_policy_result result;
	__be32 words[4];

	memcpy(words, peer, sizeof(words));
	if (smc_policy_lookup(image, words, (uint32_t)side, port, &result))
		return -EBADMSG;
	*slot = result.slot;
	*action = (int)result.action;
	return 0;
}
