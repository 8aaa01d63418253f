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
 *   4. The boundaries become a trie, leaves first.
 *
 * Long because the steps share one state, struct compiler, that nobody else needs to know.
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

/* A table that was laid for one rule over another table.  Most nodes are of one rule. */
struct laid {
	uint32_t below, rule, table;
};

#define LAID 256u /* that are remembered, a power of two */

/* The first address of each block of IPv4-mapped ones, and the first behind it: no IPv6 peers. */
#define MAPPED_FIRST ((address_t)0xffff << 32)
#define MAPPED_END ((address_t)0x10000 << 32)

struct compiler {
	const struct policy *policy;
	uint32_t n_slots; /* that its rules have, from 0 on */
	struct trie trie;
	struct ports ports;
	/* of the family at hand */
	struct mention *mentions;
	struct node *nodes;
	struct boundaries boundaries;
	uint32_t n_mentions, n_nodes, n_runs;
	uint32_t *runs; /* where each run of sorted mentions begins, and where the last one ends */
	struct mention *spare; /* room for half of the mentions */
	uint32_t *scratch, *out; /* rule indices, room for all mentions */
	struct laid laid[LAID];
	/* what add_boundary() was given last */
	address_t last_start;
	uint32_t last_table;
	bool v4;
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

/* Whether @x may come before @y, where the rule of @x does not come after that of @y. */
static bool in_order(const struct mention *x, const struct mention *y)
{
	if (x->start != y->start)
		return x->start < y->start;
	return x->length <= y->length;
}

/* A run goes on while mentions are in order: a rule's peers are. */
static void add_mention(struct compiler *c, const struct mention *mention)
{
	if (!c->n_mentions || !in_order(&c->mentions[c->n_mentions - 1], mention))
		c->runs[c->n_runs++] = c->n_mentions;
	c->mentions[c->n_mentions++] = *mention;
}

static void list_mentions(struct compiler *c, bool v4)
{
	const struct policy_rule *rule;

	c->n_mentions = 0;
	c->n_runs = 0;
	policy_for_each(rule, c->policy) {
		struct mention mention = { .rule = (uint32_t)rule_i };

		if (policy_rule_includes_none(rule))
			add_mention(c, &mention);
		for (size_t i = 0; i < rule->n_peers; i++) {
			if (rule->peers[i].v4 != v4)
				continue;
			mention.start = prefix_start(&rule->peers[i]);
			mention.length = rule->peers[i].length;
			mention.except = rule->peers[i].except;
			add_mention(c, &mention);
		}
	}
	c->runs[c->n_runs] = c->n_mentions;
}

/* Merge the sorted mentions from @at to before @middle with those from there to before @end. */
static void merge_upwards(struct compiler *c, uint32_t at, uint32_t middle, uint32_t end)
{
	struct mention *to = c->mentions + at, *right = c->mentions + middle, *left = c->spare;
	const struct mention *right_end = c->mentions + end, *left_end = left + (middle - at);

	memcpy(left, to, (middle - at) * sizeof(*left));
	while (left < left_end && right < right_end)
		*to++ = in_order(left, right) ? *left++ : *right++;
	memcpy(to, left, (size_t)(left_end - left) * sizeof(*left));
}

/* The same from the end, where the second run is the shorter one. */
static void merge_downwards(struct compiler *c, uint32_t at, uint32_t middle, uint32_t end)
{
	struct mention *to = c->mentions + end, *left_end = c->mentions + middle;
	const struct mention *left = c->mentions + at, *right = c->spare;
	const struct mention *right_end = right + (end - middle);

	memcpy(c->spare, left_end, (end - middle) * sizeof(*right));
	while (right < right_end && left < left_end)
		*--to = in_order(left_end - 1, right_end - 1) ? *--right_end : *--left_end;
	while (right < right_end)
		*--to = *--right_end;
}

/*
 * Merge @n runs from @first on into one, with those on each side of about half of the mentions
 * first.
 */
static void merge_runs(struct compiler *c, uint32_t first, uint32_t n)
{
	uint32_t at = c->runs[first], end = c->runs[first + n], left = 1, middle;

	if (n < 2)
		return;
	while (left + 1 < n && c->runs[first + left] - at < (end - at) / 2)
		left++;
	merge_runs(c, first, left);
	merge_runs(c, first + left, n - left);
	middle = c->runs[first + left];
	if (in_order(&c->mentions[middle - 1], &c->mentions[middle]))
		return;
	if (middle - at <= end - middle)
		merge_upwards(c, at, middle, end);
	else
		merge_downwards(c, at, middle, end);
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

	merge_runs(c, 0, c->n_runs);
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

/* The table of the @n rules of c->scratch over table @below. */
static uint32_t lay(struct compiler *c, uint32_t below, uint32_t n)
{
	struct laid *laid = &c->laid[(below * 31 + c->scratch[0]) % LAID];

	if (n != 1)
		return ports_lay(&c->ports, below, c->scratch, n);
	if (laid->below != below || laid->rule != c->scratch[0])
		*laid = (struct laid){ below, c->scratch[0],
				       ports_lay(&c->ports, below, c->scratch, 1) };
	return laid->table;
}

static void build_tables(struct compiler *c)
{
	for (uint32_t i = 0; i < c->n_nodes; i++) {
		struct node *node = &c->nodes[i];

		if (node->excepted) {
			node->table = lay_path(c, node, list_excepted(c, node));
		} else {
			uint32_t below = i ? c->nodes[node->parent].table : PORTS_DEFAULT;

			node->table = lay(c, below, list_included(c, node, 0));
		}
	}
}

/* ---- 3. boundaries ---- */

/*
 * The last boundary holds before @next: then its table decides, unless another one took its
 * place at once, or no peer has such an address.
 */
static void use_last_table(struct compiler *c, address_t next)
{
	if (next == c->last_start)
		return;
	if (!c->v4 && c->last_start >= MAPPED_FIRST && next <= MAPPED_END)
		return;
	ports_use(&c->ports, c->last_table);
}

static void add_boundary(struct compiler *c, address_t start, const struct node *node)
{
	use_last_table(c, start);
	c->last_start = start;
	c->last_table = node->table;
	trie_add_boundary(&c->trie, &c->boundaries, start, ports_result(&c->ports, node->table));
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
	c->boundaries.n = 0;
	c->last_start = 0;
	add_boundary(c, 0, &c->nodes[0]);
	for (uint32_t i = 1; i < c->n_nodes; i++) {
		leave_nodes(c, i - 1, c->nodes[i].parent);
		add_boundary(c, node_prefix(c, &c->nodes[i])->start, &c->nodes[i]);
	}
	leave_nodes(c, c->n_nodes - 1, 0);
	ports_use(&c->ports, c->last_table);
}

/* ---- 4. trie ---- */

/* The root of one family, which will be at word @header of the header. */
static struct trie_root build_family(struct compiler *c, bool v4, uint32_t header)
{
	struct trie_root root = { { 0 } };

	c->v4 = v4;
	list_mentions(c, v4);
	build_nodes(c);
	build_tables(c);
	if (c->trie.error)
		return root;
	build_boundaries(c);
	if (!c->trie.error)
		root = trie_root(&c->trie, &c->boundaries, v4 ? 32 : ADDRESS_BITS, header);
	return root;
}

static int allocate(struct compiler *c)
{
	const struct policy_rule *rule;
	size_t room = 1;

	c->n_slots = 1;
	policy_for_each(rule, c->policy) {
		room += rule->n_peers + 1;
		if (rule->slot >= c->n_slots)
			c->n_slots = rule->slot + 1;
	}
	if (room > UINT32_MAX / 4)
		return -E2BIG;
	c->mentions = reallocarray(NULL, room, sizeof(*c->mentions));
	c->nodes = reallocarray(NULL, room + 1, sizeof(*c->nodes));
	c->runs = reallocarray(NULL, room + 1, sizeof(*c->runs));
	c->spare = reallocarray(NULL, room / 2 + 1, sizeof(*c->spare));
	c->scratch = reallocarray(NULL, room, sizeof(*c->scratch));
	c->out = reallocarray(NULL, room, sizeof(*c->out));
	for (uint32_t i = 0; i < LAID; i++)
		c->laid[i].below = NO_PARENT;
	return c->mentions && c->nodes && c->runs && c->spare && c->scratch && c->out ? 0 : -ENOMEM;
}

static void release(struct compiler *c)
{
	free(c->mentions);
	free(c->nodes);
	free(c->boundaries.list);
	free(c->runs);
	free(c->spare);
	free(c->scratch);
	free(c->out);
	ports_clear(&c->ports);
	trie_clear(&c->trie);
}

/* ---- limits ---- */

#define CONNECTION_MEMORY (128u * 1024) /* net.smc.wmem and rmem, as the kernel sets them */

/* How many slots have to be in the table of limits: up to the last that has any. */
static uint32_t count_limits(const struct compiler *c, const struct policy_image_options *options)
{
	uint32_t n = options->budget && policy_limits_any(options->budget);
	const struct policy_rule *rule;

	policy_for_each(rule, c->policy)
		if (policy_limits_any(&rule->limits) && rule->slot >= n)
			n = rule->slot + 1;
	return n;
}

static uint32_t *row_word(struct smc_policy_row *rows, uint32_t at)
{
	return &rows[at / SMC_POLICY_ROW_WORDS].word[at % SMC_POLICY_ROW_WORDS];
}

/* The limits of each slot into @rows, whose word @at is the first. */
static void write_limits(const struct compiler *c, const struct policy_image_options *options,
			 struct smc_policy_row *rows, uint32_t at)
{
	uint64_t memory =
		options->connection_memory ? options->connection_memory : CONNECTION_MEMORY;
	const struct policy_rule *rule;

	if (options->budget)
		policy_limits_words(options->budget, memory, row_word(rows, at));
	policy_for_each(rule, c->policy) {
		uint32_t own = at + rule->slot * SMC_POLICY_LIMIT_WORDS;

		if (policy_limits_any(&rule->limits))
			policy_limits_words(&rule->limits, memory, row_word(rows, own));
	}
}

/* ---- the whole ---- */

static void write_header(const struct compiler *c, const struct policy_image_options *options,
			 uint32_t *header)
{
	header[SMC_POLICY_HDR_MAGIC] = SMC_POLICY_IMAGE_MAGIC;
	header[SMC_POLICY_HDR_LAYOUT] = SMC_POLICY_IMAGE_LAYOUT;
	header[SMC_POLICY_HDR_FLAGS] = options->flags;
	header[SMC_POLICY_HDR_GENERATION_LO] = (uint32_t)options->generation;
	header[SMC_POLICY_HDR_GENERATION_HI] = (uint32_t)(options->generation >> 32);
	header[SMC_POLICY_HDR_DEFAULT] = (uint32_t)c->policy->default_action;
}

static int finish(struct compiler *c, const struct policy_image_options *options,
		  struct policy_image *image)
{
	uint32_t n_limits = count_limits(c, options);
	uint32_t limits = (c->trie.n_words + SMC_POLICY_LIMIT_WORDS - 1) / SMC_POLICY_LIMIT_WORDS *
			  SMC_POLICY_LIMIT_WORDS;
	uint32_t n_words = limits + n_limits * SMC_POLICY_LIMIT_WORDS;
	uint32_t n_rows = (n_words + SMC_POLICY_ROW_WORDS - 1) / SMC_POLICY_ROW_WORDS;
	struct smc_policy_row *rows = calloc(n_rows, sizeof(*rows));
	bool *decides = calloc(c->n_slots, sizeof(*decides));

	if (!rows || !decides) {
		free(rows);
		free(decides);
		return -ENOMEM;
	}
	memcpy(rows, c->trie.words, c->trie.n_words * sizeof(*c->trie.words));
	write_header(c, options, rows[0].word);
	rows[0].word[SMC_POLICY_HDR_ROWS] = n_rows;
	policy_parameters_words(options->parameters ? options->parameters
						    : &policy_parameters_default,
				rows[0].word);
	if (n_limits) {
		rows[0].word[SMC_POLICY_HDR_LIMITS] = limits;
		write_limits(c, options, rows, limits);
	}
	ports_list_deciding(&c->ports, decides);
	*image = (struct policy_image){ rows, n_rows, c->n_slots, decides };
	return 0;
}

int policy_compile(const struct policy *policy, const struct policy_image_options *options,
		   struct policy_image *image)
{
	struct compiler c = { .policy = policy };
	struct trie_root v4, v6;
	int rc;

	*image = (struct policy_image){ 0 };
	rc = allocate(&c);
	if (!rc) {
		trie_init(&c.trie, SMC_POLICY_IMAGE_RESERVED, c.n_slots);
		ports_init(&c.ports, policy, &c.trie);
		v4 = build_family(&c, true, SMC_POLICY_HDR_V4);
		v6 = build_family(&c, false, SMC_POLICY_HDR_V6);
		rc = c.trie.error;
	}
	if (!rc) {
		memcpy(c.trie.words + SMC_POLICY_HDR_V4, v4.word, sizeof(v4.word));
		memcpy(c.trie.words + SMC_POLICY_HDR_V6, v6.word, sizeof(v6.word));
		rc = finish(&c, options, image);
	}
	release(&c);
	return rc;
}

void policy_image_free(struct policy_image *image)
{
	free(image->rows);
	free(image->decides);
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
	const struct smc_policy_row *header = smc_policy_header(image);
	struct smc_policy_result result;
	__be32 words[4];

	memcpy(words, peer, sizeof(words));
	if (!header || smc_policy_lookup(image, header, words, (uint32_t)side, port, &result))
		return -EBADMSG;
	*slot = result.slot;
	*action = (int)result.action;
	return 0;
}

void policy_image_limits(const struct policy_image *image, uint32_t slot,
			 uint32_t words[SMC_POLICY_LIMIT_WORDS])
{
	const struct smc_policy_row *header = smc_policy_header(image);

	if (!header || smc_policy_limits(image, header, slot, words))
		memset(words, 0, SMC_POLICY_LIMIT_WORDS * sizeof(*words));
}
