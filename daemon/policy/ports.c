// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The contract's order of precedence, below the peer's prefix length: the rules
 * of one prefix are painted the best first, so a port keeps the first rule that
 * claims it.
 *
 * A large table is not copied into every longer prefix: a table may have holes
 * and name the table below that fills them.  That one has no holes, so a
 * lookup reads two tables at most.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/ports.h"

#define HOLE (SMC_POLICY_TARGET_LEAF | SMC_POLICY_RESULT_BELOW)
#define COPY_MAX 128 /* entries of a table that are worth a copy */

struct port_table {
	struct entries side[SMC_POLICY_SIDES];
	uint32_t below; /* fills the holes; PORTS_DEFAULT if there are none */
	uint32_t word;
};

/* A port range of a rule. */
struct claim {
	uint32_t first, last; /* ends included */
	uint32_t rule, target;
	bool both_sides;
	uint8_t action;
};

/* ---- claims ---- */

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	uint32_t width_x = x->last - x->first, width_y = y->last - y->first;

	if (width_x != width_y)
		return width_x < width_y ? -1 : 1;
	if (x->both_sides != y->both_sides)
		return x->both_sides - y->both_sides;
	if (x->action != y->action)
		return x->action - y->action;
	return (x->rule > y->rule) - (x->rule < y->rule); /* a policy is sorted by name */
}

static uint32_t count_claims(const struct policy *policy, const uint32_t *rules, uint32_t n)
{
	size_t claims = 0;

	for (uint32_t i = 0; i < n; i++) {
		size_t n_ports = policy->rules[rules[i]]->n_ports;

		claims += n_ports ? n_ports : 1;
	}
	return (uint32_t)claims;
}

static uint32_t add_claims(const struct policy *policy, uint32_t index, struct claim *claims)
{
	static const struct policy_range any = { 0, TRIE_KEYS - 1 };
	const struct policy_rule *rule = policy->rules[index];
	size_t n = rule->n_ports ? rule->n_ports : 1;

	for (size_t i = 0; i < n; i++) {
		const struct policy_range *range = rule->n_ports ? &rule->ports[i] : &any;

		claims[i] = (struct claim){
			.first = range->first,
			.last = range->last,
			.rule = index,
			.target = SMC_POLICY_TARGET_LEAF | rule->slot |
				  (uint32_t)rule->action << SMC_POLICY_RESULT_ACTION_SHIFT,
			.both_sides = rule->side == POLICY_SIDE_BOTH,
			.action = (uint8_t)rule->action,
		};
	}
	return (uint32_t)n;
}

/* The claims of @rules on @side into @claims, the best first; their number. */
static uint32_t list_claims(const struct policy *policy, const uint32_t *rules, uint32_t n,
			    int side, struct claim *claims)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct policy_rule *rule = policy->rules[rules[i]];

		if (rule->side == POLICY_SIDE_BOTH || rule->side == side)
			count += add_claims(policy, rules[i], claims + count);
	}
	qsort(claims, count, sizeof(*claims), compare_claims);
	return count;
}

/* ---- painting ---- */

/* The ports cut into pieces at every end of a claim. */
struct pieces {
	uint32_t *start; /* ascending, the first 0 */
	uint32_t *target; /* HOLE: not painted */
	uint32_t *next; /* a way to the first piece from here that is not painted */
	uint32_t n;
};

static int compare_words(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void cut_pieces(struct pieces *pieces, const struct claim *claims, uint32_t n)
{
	uint32_t *start = pieces->start, count = 1;

	start[0] = 0;
	for (uint32_t i = 0; i < n; i++) {
		start[count++] = claims[i].first;
		start[count++] = claims[i].last + 1;
	}
	qsort(start, count, sizeof(*start), compare_words);
	pieces->n = 1;
	for (uint32_t i = 1; i < count; i++)
		if (start[i] != start[pieces->n - 1] && start[i] < TRIE_KEYS)
			start[pieces->n++] = start[i];
	for (uint32_t i = 0; i < pieces->n; i++) {
		pieces->target[i] = HOLE;
		pieces->next[i] = i;
	}
	pieces->next[pieces->n] = pieces->n;
}

static uint32_t next_hole(struct pieces *pieces, uint32_t at)
{
	while (pieces->next[at] != at) {
		pieces->next[at] = pieces->next[pieces->next[at]];
		at = pieces->next[at];
	}
	return at;
}

/* The piece that begins at @start. */
static uint32_t find_piece(const struct pieces *pieces, uint32_t start)
{
	const uint32_t *found =
		bsearch(&start, pieces->start, pieces->n, sizeof(start), compare_words);

	return (uint32_t)(found - pieces->start);
}

static void paint(struct pieces *pieces, const struct claim *claim)
{
	uint32_t at = next_hole(pieces, find_piece(pieces, claim->first));

	while (at < pieces->n && pieces->start[at] <= claim->last) {
		pieces->target[at] = claim->target;
		pieces->next[at] = at + 1;
		at = next_hole(pieces, at);
	}
}

/* What @rules say for the ports of @side: @entries, with holes. */
static void paint_side(struct ports *ports, const uint32_t *rules, uint32_t n, int side,
		       struct entries *entries)
{
	uint32_t room = count_claims(ports->policy, rules, n);
	autofree struct claim *claims = calloc(room + 1, sizeof(*claims));
	autofree uint32_t *scratch = calloc(3 * (2 * room + 2), sizeof(*scratch));
	struct pieces pieces;
	uint32_t count;

	if (!claims || !scratch) {
		trie_fail(ports->trie, -ENOMEM);
		return;
	}
	pieces.start = scratch;
	pieces.target = scratch + 2 * room + 2;
	pieces.next = pieces.target + 2 * room + 2;
	count = list_claims(ports->policy, rules, n, side, claims);
	cut_pieces(&pieces, claims, count);
	for (uint32_t i = 0; i < count; i++)
		paint(&pieces, &claims[i]);
	for (uint32_t i = 0; i < pieces.n; i++)
		trie_add_entry(ports->trie, entries, pieces.start[i], pieces.target[i]);
}

/* ---- laying one table over another ---- */

/* Add to @entries what @below says for the keys from @first to before @end. */
static void fill_hole(struct ports *ports, struct entries *entries, const struct entries *below,
		      uint32_t first, uint32_t end)
{
	uint32_t low = 0;

	for (uint32_t n = below->n; n > 1;) {
		uint32_t half = n / 2;

		if (below->list[low + half].start <= first)
			low += half;
		n -= half;
	}
	trie_add_entry(ports->trie, entries, first, below->list[low].target);
	for (low++; low < below->n && below->list[low].start < end; low++)
		trie_add_entry(ports->trie, entries, below->list[low].start,
			       below->list[low].target);
}

/* Replace the holes of @entries by what @below says there. */
static void fill_holes(struct ports *ports, struct entries *entries, const struct entries *below)
{
	struct entries filled = { 0 };

	if (ports->trie->error)
		return;
	for (uint32_t i = 0; i < entries->n; i++) {
		const struct entry *entry = &entries->list[i];
		uint32_t end = i + 1 < entries->n ? entries->list[i + 1].start : TRIE_KEYS;

		if (entry->target == HOLE)
			fill_hole(ports, &filled, below, entry->start, end);
		else
			trie_add_entry(ports->trie, &filled, entry->start, entry->target);
	}
	free(entries->list);
	*entries = filled;
}

static void fill_table(struct ports *ports, struct port_table *table, uint32_t below)
{
	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		fill_holes(ports, &table->side[side], &ports->tables[below].side[side]);
}

static uint32_t table_size(const struct port_table *table)
{
	return table->side[SMC_POLICY_CONNECT].n + table->side[SMC_POLICY_ACCEPT].n;
}

static bool has_holes(const struct port_table *table)
{
	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		for (uint32_t i = 0; i < table->side[side].n; i++)
			if (table->side[side].list[i].target == HOLE)
				return true;
	return false;
}

/* Lay @table, holes and all, over table @below. */
static void lay_over(struct ports *ports, struct port_table *table, uint32_t below)
{
	const struct port_table *under = &ports->tables[below];

	table->below = below;
	if (under->below != PORTS_DEFAULT) {
		/* What is below has holes itself: the result may keep them. */
		table->below = under->below;
		fill_table(ports, table, below);
		under = &ports->tables[table->below];
		if (table_size(table) <= COPY_MAX)
			return;
	}
	if (below == table->below && table_size(under) > COPY_MAX && has_holes(table))
		return;
	fill_table(ports, table, table->below);
	table->below = PORTS_DEFAULT;
}

/* ---- tables ---- */

static void emit(struct ports *ports, struct port_table *table)
{
	uint32_t words[SMC_POLICY_PORT_TABLE_WORDS];

	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		words[side] = trie_node(ports->trie, &table->side[side]);
	words[SMC_POLICY_SIDES] = ports->tables[table->below].word;
	table->word = trie_append(ports->trie, words, SMC_POLICY_PORT_TABLE_WORDS);
}

static void release_table(const struct port_table *table)
{
	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		free(table->side[side].list);
}

/* Takes over the lists of @table. */
static uint32_t add_table(struct ports *ports, const struct port_table *table)
{
	if (ports->n == ports->room) {
		uint32_t room = ports->room ? ports->room * 2 : 64;
		struct port_table *tables = reallocarray(ports->tables, room, sizeof(*tables));

		if (!tables) {
			trie_fail(ports->trie, -ENOMEM);
			release_table(table);
			return PORTS_DEFAULT;
		}
		ports->tables = tables;
		ports->room = room;
	}
	ports->tables[ports->n] = *table;
	return ports->n++;
}

void ports_init(struct ports *ports, const struct policy *policy, struct trie *trie)
{
	uint32_t result = SMC_POLICY_TARGET_LEAF | (uint32_t)policy->default_action
							   << SMC_POLICY_RESULT_ACTION_SHIFT;
	struct port_table table = { .below = PORTS_DEFAULT };

	*ports = (struct ports){ .policy = policy, .trie = trie };
	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		trie_add_entry(trie, &table.side[side], 0, result);
	add_table(ports, &table);
	if (!trie->error)
		emit(ports, &ports->tables[PORTS_DEFAULT]);
}

void ports_clear(struct ports *ports)
{
	for (uint32_t i = 0; i < ports->n; i++)
		release_table(&ports->tables[i]);
	free(ports->tables);
	intern_clear(&ports->known);
	*ports = (struct ports){ 0 };
}

static uint32_t build_table(struct ports *ports, uint32_t below, const uint32_t *rules, uint32_t n)
{
	struct port_table table = { 0 };

	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		paint_side(ports, rules, n, side, &table.side[side]);
	if (!ports->trie->error)
		lay_over(ports, &table, below);
	if (!ports->trie->error)
		emit(ports, &table);
	return add_table(ports, &table);
}

uint32_t ports_lay(struct ports *ports, uint32_t below, const uint32_t *rules, uint32_t n)
{
	autofree uint32_t *key = malloc((n + 1) * sizeof(*key));
	uint32_t *known, table;

	if (!n || ports->trie->error)
		return below;
	if (key) {
		key[0] = below;
		memcpy(key + 1, rules, n * sizeof(*key));
	}
	known = key ? intern_find(&ports->known, key, (n + 1) * sizeof(*key)) : NULL;
	if (!known) {
		trie_fail(ports->trie, -ENOMEM);
		return below;
	}
	if (*known != INTERN_NEW)
		return *known;
	table = build_table(ports, below, rules, n);
	*known = table;
	return table;
}

uint32_t ports_word(const struct ports *ports, uint32_t table)
{
	return ports->tables[table].word;
}
