// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The contract's order of precedence, below the peer's prefix length: the rules
 * of one prefix are painted the best first, so a port keeps the first rule that
 * claims it.
 *
 * A large table is not copied into every longer prefix: a table may have holes
 * and name the table below that fills them.  That one has no holes, so a
 * lookup reads two tables at most.
 *
 * Long because painting, laying over and writing tables share one state that nobody else needs to know.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "policy/ports.h"

#define PORTS 65536u
#define PORT_BITS 16
#define HOLE SMC_POLICY_RESULT_TABLE /* of which table, is added in the end */
#define COPY_MAX 128 /* entries of a table that are worth a copy */
#define PLAIN_RANGES 8 /* of ports that surely go into one bucket */

struct port_table {
	struct boundaries side[SMC_POLICY_SIDES]; /* none yet of a rule alone: see table_at() */
	uint32_t below; /* fills the holes; PORTS_DEFAULT if there are none */
	uint32_t rule; /* that is alone in it */
	uint32_t result; /* in the image: see ports_result() */
	bool used; /* by some peer */
};

/* A port range of a rule. */
struct claim {
	uint32_t first, last; /* ends included */
	uint32_t rule, result;
	bool both_sides;
	uint8_t action;
};

static address_t port_key(uint32_t port)
{
	return (address_t)port << (ADDRESS_BITS - PORT_BITS);
}

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

static bool has_side(const struct policy_rule *rule, int side)
{
	return rule->side == POLICY_SIDE_BOTH || rule->side == side;
}

static uint32_t result_of(const struct policy_rule *rule)
{
	uint32_t limited = policy_limits_any(&rule->limits) ? SMC_POLICY_RESULT_LIMITED : 0;

	return rule->slot << SMC_POLICY_RESULT_SLOT_SHIFT | limited | (uint32_t)rule->action;
}

/* The ranges of ports that @rule has, @n of them. */
static const struct policy_range *ranges_of(const struct policy_rule *rule, size_t *n)
{
	static const struct policy_range any = { 0, PORTS - 1 };

	*n = rule->n_ports ? rule->n_ports : 1;
	return rule->n_ports ? rule->ports : &any;
}

static uint32_t add_claims(const struct policy *policy, uint32_t index, struct claim *claims)
{
	const struct policy_rule *rule = policy->rules[index];
	const struct policy_range *range;
	size_t n;

	range = ranges_of(rule, &n);
	for (size_t i = 0; i < n; i++) {
		claims[i] = (struct claim){
			.first = range[i].first,
			.last = range[i].last,
			.rule = index,
			.result = result_of(rule),
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

		if (has_side(rule, side))
			count += add_claims(policy, rules[i], claims + count);
	}
	qsort(claims, count, sizeof(*claims), compare_claims);
	return count;
}

/* ---- painting ---- */

/* The ports cut into pieces at every end of a claim. */
struct pieces {
	uint32_t *start; /* ascending, the first 0 */
	uint32_t *result; /* HOLE: not painted */
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
		if (start[i] != start[pieces->n - 1] && start[i] < PORTS)
			start[pieces->n++] = start[i];
	for (uint32_t i = 0; i < pieces->n; i++) {
		pieces->result[i] = HOLE;
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
		pieces->result[at] = claim->result;
		pieces->next[at] = at + 1;
		at = next_hole(pieces, at);
	}
}

/* Memory for @size bytes until the next call; NULL, with the error noted: there is none. */
static void *borrow(struct ports *ports, size_t size)
{
	void *scratch;

	if (size <= ports->scratch_size)
		return ports->scratch;
	scratch = malloc(2 * size);
	if (!scratch) {
		trie_fail(ports->trie, -ENOMEM);
		return NULL;
	}
	free(ports->scratch);
	ports->scratch = scratch;
	ports->scratch_size = 2 * size;
	return scratch;
}

/* What @rules say for the ports of @side: @boundaries, with holes. */
static void paint_side(struct ports *ports, const uint32_t *rules, uint32_t n, int side,
		       struct boundaries *boundaries)
{
	uint32_t room = count_claims(ports->policy, rules, n);
	uint32_t most = 2 * room + 2; /* pieces */
	struct claim *claims = borrow(ports, room * sizeof(*claims) + 3 * most * sizeof(uint32_t));
	struct pieces pieces;
	uint32_t count;

	boundaries->n = 0;
	if (!claims)
		return;
	pieces.start = (uint32_t *)(claims + room);
	pieces.result = pieces.start + most;
	pieces.next = pieces.result + most;
	count = list_claims(ports->policy, rules, n, side, claims);
	cut_pieces(&pieces, claims, count);
	for (uint32_t i = 0; i < count; i++)
		paint(&pieces, &claims[i]);
	for (uint32_t i = 0; i < pieces.n; i++)
		trie_add_boundary(ports->trie, boundaries, port_key(pieces.start[i]),
				  pieces.result[i]);
}

/* What @rule, alone over the default table, says for the ports of @side: without holes. */
static void paint_alone(struct ports *ports, const struct policy_rule *rule, int side,
			struct boundaries *boundaries)
{
	uint32_t rest = (uint32_t)ports->policy->default_action, result = result_of(rule), end = 0;
	const struct policy_range *range;
	size_t n;

	boundaries->n = 0;
	trie_add_boundary(ports->trie, boundaries, 0, rest);
	range = ranges_of(rule, &n);
	for (size_t i = 0; i < n && has_side(rule, side); i++) {
		if (range[i].last < end)
			continue;
		trie_add_boundary(ports->trie, boundaries,
				  port_key(range[i].first < end ? end : range[i].first), result);
		end = range[i].last + 1u;
		if (end < PORTS)
			trie_add_boundary(ports->trie, boundaries, port_key(end), rest);
	}
}

/* The boundaries of both sides of @table, in which @rule is alone, made in @lists. */
static void paint_sides(struct ports *ports, const struct policy_rule *rule,
			struct boundaries lists[SMC_POLICY_SIDES], struct port_table *table)
{
	for (int side = 0; side < SMC_POLICY_SIDES; side++) {
		if (side != SMC_POLICY_CONNECT && rule->side == POLICY_SIDE_BOTH) {
			table->side[side] = lists[SMC_POLICY_CONNECT];
			continue;
		}
		paint_alone(ports, rule, side, &lists[side]);
		table->side[side] = lists[side];
	}
}

static bool any_one_sided(const struct policy *policy, const uint32_t *rules, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (policy->rules[rules[i]]->side != POLICY_SIDE_BOTH)
			return true;
	return false;
}

static void copy_boundaries(struct ports *ports, struct boundaries *to,
			    const struct boundaries *from)
{
	to->n = 0;
	for (uint32_t i = 0; i < from->n; i++)
		trie_add_boundary(ports->trie, to, from->list[i].start, from->list[i].leaf);
}

/* ---- keeping what was painted ---- */

static bool sides_equal(const struct port_table *table)
{
	const struct boundaries *a = &table->side[SMC_POLICY_CONNECT];
	const struct boundaries *b = &table->side[SMC_POLICY_ACCEPT];

	return a->n == b->n &&
	       (a->list == b->list || !memcmp(a->list, b->list, a->n * sizeof(*a->list)));
}

/* Give @table lists of its own. */
static void keep_lists(struct ports *ports, struct port_table *table)
{
	bool equal = sides_equal(table);

	for (int side = 0; side < SMC_POLICY_SIDES; side++) {
		struct boundaries *list = &table->side[side];

		if (side != SMC_POLICY_CONNECT && equal) {
			*list = table->side[SMC_POLICY_CONNECT];
			continue;
		}
		list->room = list->n;
		list->list = arena_keep(&ports->lists, list->list, list->n * sizeof(*list->list));
		if (!list->list)
			trie_fail(ports->trie, -ENOMEM);
	}
}

/* Table @at with its boundaries, until another one is added. */
static const struct port_table *table_at(struct ports *ports, uint32_t at)
{
	struct port_table *table = &ports->tables[at];

	if (!table->side[SMC_POLICY_CONNECT].n) {
		paint_sides(ports, ports->policy->rules[table->rule], ports->below, table);
		if (!ports->trie->error)
			keep_lists(ports, table);
	}
	return table;
}

/* ---- laying one table over another ---- */

/* The last of @boundaries that is not beyond @key; the first one begins at 0. */
static uint32_t find_boundary(const struct boundaries *boundaries, address_t key)
{
	uint32_t low = 0;

	for (uint32_t n = boundaries->n; n > 1;) {
		uint32_t half = n / 2;

		if (boundaries->list[low + half].start <= key)
			low += half;
		n -= half;
	}
	return low;
}

/* Add to @boundaries what @below says for the keys from @first to before @end. */
static void fill_hole(struct ports *ports, struct boundaries *boundaries,
		      const struct boundaries *below, address_t first, address_t end)
{
	uint32_t low = find_boundary(below, first);

	trie_add_boundary(ports->trie, boundaries, first, below->list[low].leaf);
	for (low++; low < below->n && below->list[low].start < end; low++)
		trie_add_boundary(ports->trie, boundaries, below->list[low].start,
				  below->list[low].leaf);
}

/* Replace the holes of @boundaries by what @below says there. */
static void fill_holes(struct ports *ports, struct boundaries *boundaries,
		       const struct boundaries *below)
{
	struct boundaries filled = ports->filled;

	if (ports->trie->error)
		return;
	filled.n = 0;
	for (uint32_t i = 0; i < boundaries->n; i++) {
		const struct boundary *at = &boundaries->list[i];
		address_t end = i + 1 < boundaries->n ? at[1].start : ~(address_t)0;

		if (at->leaf == HOLE)
			fill_hole(ports, &filled, below, at->start, end);
		else
			trie_add_boundary(ports->trie, &filled, at->start, at->leaf);
	}
	ports->filled = *boundaries;
	*boundaries = filled;
}

static void fill_table(struct ports *ports, struct port_table *table, uint32_t below)
{
	const struct port_table *under = table_at(ports, below);

	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		fill_holes(ports, &table->side[side], &under->side[side]);
}

static uint32_t table_size(const struct port_table *table)
{
	return table->side[SMC_POLICY_CONNECT].n + table->side[SMC_POLICY_ACCEPT].n;
}

static bool has_holes(const struct port_table *table)
{
	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		for (uint32_t i = 0; i < table->side[side].n; i++)
			if (table->side[side].list[i].leaf == HOLE)
				return true;
	return false;
}

/* Lay @table, holes and all, over table @below. */
static void lay_over(struct ports *ports, struct port_table *table, uint32_t below)
{
	const struct port_table *under = table_at(ports, below);

	table->below = below;
	if (under->below != PORTS_DEFAULT) {
		/* What is below has holes itself: the result may keep them. */
		table->below = under->below;
		fill_table(ports, table, below);
		under = table_at(ports, table->below);
		if (table_size(table) <= COPY_MAX)
			return;
	}
	if (below == table->below && table_size(under) > COPY_MAX && has_holes(table))
		return;
	fill_table(ports, table, table->below);
	table->below = PORTS_DEFAULT;
}

/* ---- tables ---- */

/* The boundaries of @side of @table, with the table below named in its holes. */
static const struct boundaries *name_below(struct ports *ports, const struct port_table *table,
					   int side)
{
	const struct boundaries *from = &table->side[side];
	uint32_t hole;

	if (table->below == PORTS_DEFAULT)
		return from;
	hole = ports->tables[table->below].result;
	ports->named.n = 0;
	for (uint32_t i = 0; i < from->n; i++)
		trie_add_boundary(ports->trie, &ports->named, from->list[i].start,
				  from->list[i].leaf == HOLE ? hole : from->list[i].leaf);
	return &ports->named;
}

/* The target for the ports with uppermost bit @upper, of which @boundaries tell. */
static uint32_t half_target(struct trie *trie, const struct boundaries *boundaries, uint32_t upper)
{
	const struct boundary *list = boundaries->list;
	uint32_t n = boundaries->n;
	address_t start = port_key(upper * (PORTS / 2));
	struct stretch half = { .before = list[0].leaf, .depth = 1 };
	uint32_t first = 1;

	for (; first < n && list[first].start < start; first++)
		half.before = list[first].leaf;
	half.list = list + first;
	while (first + half.n < n && (upper || half.list[half.n].start < port_key(PORTS / 2)))
		half.n++;
	return trie_target(trie, &half, PORT_BITS, SMC_POLICY_PORT_WALK_MAX);
}

/* Words of a table in the image. */
#define SHORT_WORDS SMC_POLICY_TABLE_UNIT /* for each side, twice as many if it is double */
#define LONG_WORDS (2 * SMC_POLICY_TABLE_UNIT)

/* Whether @boundaries fit a short table of @most starts. */
static bool is_short(const struct boundaries *boundaries, uint32_t most)
{
	for (uint32_t i = 0; i < boundaries->n; i++)
		if (i > most || !trie_is_narrow(boundaries->list[i].leaf))
			return false;
	return true;
}

/* @boundaries as a short table of @most starts. */
static void fill_short(const struct boundaries *boundaries, uint32_t most, uint16_t *half)
{
	uint16_t *starts = half + 1, *results = starts + most;
	uint32_t unused = most + 1 - boundaries->n;

	for (uint32_t i = 0; i < boundaries->n; i++) {
		const struct boundary *at = &boundaries->list[i];

		if (i)
			starts[unused + i - 1] =
				(uint16_t)(at->start >> (ADDRESS_BITS - PORT_BITS));
		results[unused + i] = trie_narrow(at->leaf);
	}
}

/* The result for a table of @n words: its place. */
static uint32_t place_table(struct ports *ports, const uint32_t *words, uint32_t n)
{
	uint32_t *known = intern_find(&ports->places, words, n * sizeof(*words));

	if (!known) {
		trie_fail(ports->trie, -ENOMEM);
		return 0;
	}
	if (*known == INTERN_NEW)
		*known = trie_place(ports->trie, words, n, SMC_POLICY_TABLE_UNIT);
	return SMC_POLICY_RESULT_TABLE | *known / SMC_POLICY_TABLE_UNIT;
}

/* Put @table into the image as a short one of @most starts; false: that is too few. */
static bool emit_short(struct ports *ports, struct port_table *table, bool equal, uint32_t most)
{
	union {
		uint32_t word[4 * SHORT_WORDS];
		uint16_t half[8 * SHORT_WORDS];
	} words = { { 0 } };
	bool is_double = most > SMC_POLICY_TABLE_STARTS;
	uint32_t sided = is_double ? SMC_POLICY_TABLE_SIDED_DOUBLE : SMC_POLICY_TABLE_SIDED;
	uint32_t sides = equal ? 1 : SMC_POLICY_SIDES;
	const struct boundaries *named;

	for (uint32_t side = 0; side < sides; side++) {
		uint16_t *half = words.half + side * sided;

		named = name_below(ports, table, (int)side);
		if (ports->trie->error || !is_short(named, most))
			return false;
		fill_short(named, most, half);
		half[0] =
			(uint16_t)((is_double ? SMC_POLICY_TABLE_DOUBLE : 0) | (equal ? 0 : sided));
	}
	table->result = place_table(ports, words.word, sides * sided / 2);
	return true;
}

static void emit_long(struct ports *ports, struct port_table *table, bool equal)
{
	uint32_t words[LONG_WORDS] = { SMC_POLICY_TABLE_LONG };
	const struct boundaries *named;

	for (int side = 0; side < SMC_POLICY_SIDES; side++) {
		uint32_t *half = words + SMC_POLICY_TABLE_TARGETS + side * 2;

		if (side != SMC_POLICY_CONNECT && equal) {
			memcpy(half, half - 2, 2 * sizeof(*half));
			continue;
		}
		named = name_below(ports, table, side);
		for (uint32_t upper = 0; upper < 2 && !ports->trie->error; upper++)
			half[upper] = half_target(ports->trie, named, upper);
	}
	if (!ports->trie->error)
		table->result = place_table(ports, words, LONG_WORDS);
}

/* Put @table into the image, unless it says one thing for all ports of both sides. */
static void emit(struct ports *ports, struct port_table *table)
{
	bool equal = sides_equal(table);
	const struct boundaries *connect = &table->side[SMC_POLICY_CONNECT];

	if (equal && connect->n == 1 && connect->list->leaf != HOLE)
		table->result = connect->list->leaf;
	else if (!emit_short(ports, table, equal, SMC_POLICY_TABLE_STARTS) &&
		 !emit_short(ports, table, equal, SMC_POLICY_TABLE_STARTS_DOUBLE))
		emit_long(ports, table, equal);
}

/* Add a copy of @table with its lists as they are. */
static uint32_t add_table(struct ports *ports, const struct port_table *table)
{
	if (array_grow(ports->tables, ports->n, ports->room)) {
		trie_fail(ports->trie, -ENOMEM);
		return PORTS_DEFAULT;
	}
	ports->tables[ports->n] = *table;
	return ports->n++;
}

void ports_init(struct ports *ports, const struct policy *policy, struct trie *trie)
{
	uint32_t result = (uint32_t)policy->default_action;
	struct boundary all = { 0, result };
	struct boundaries any = { &all, 1, 1 };
	struct port_table table = { .side = { any, any }, .below = PORTS_DEFAULT };

	*ports = (struct ports){ .policy = policy, .trie = trie };
	ports->alone = calloc(policy->n_rules + 1, sizeof(*ports->alone));
	if (!ports->alone)
		trie_fail(trie, -ENOMEM);
	emit(ports, &table);
	keep_lists(ports, &table);
	add_table(ports, &table);
}

void ports_clear(struct ports *ports)
{
	for (int side = 0; side < SMC_POLICY_SIDES; side++) {
		free(ports->painted[side].list);
		free(ports->below[side].list);
	}
	free(ports->filled.list);
	free(ports->named.list);
	free(ports->scratch);
	free(ports->alone);
	free(ports->tables);
	arena_clear(&ports->lists);
	intern_clear(&ports->known);
	intern_clear(&ports->places);
	*ports = (struct ports){ 0 };
}

/* What @rules say where nothing is below: with holes. */
static void paint_table(struct ports *ports, const uint32_t *rules, uint32_t n,
			struct port_table *table)
{
	struct boundaries *connect = &table->side[SMC_POLICY_CONNECT];
	struct boundaries *accept = &table->side[SMC_POLICY_ACCEPT];

	paint_side(ports, rules, n, SMC_POLICY_CONNECT, connect);
	if (any_one_sided(ports->policy, rules, n))
		paint_side(ports, rules, n, SMC_POLICY_ACCEPT, accept);
	else
		copy_boundaries(ports, accept, connect);
}

static uint32_t build_table(struct ports *ports, uint32_t below, const uint32_t *rules, uint32_t n)
{
	/* The lists are those that the table before was made in. */
	struct port_table table = { .side = { ports->painted[0], ports->painted[1] } };

	paint_table(ports, rules, n, &table);
	if (!ports->trie->error)
		lay_over(ports, &table, below);
	if (!ports->trie->error)
		emit(ports, &table);
	memcpy(ports->painted, table.side, sizeof(table.side));
	if (ports->trie->error)
		return PORTS_DEFAULT;
	keep_lists(ports, &table);
	return add_table(ports, &table);
}

/*
 * Whether the buckets of @rule alone differ from those of other such rules, for a result of its own
 * is in each, and from one another: there is one, or one that begins with the result and one that
 * does not.  On both sides they are the same.
 */
static bool is_plain(const struct policy_rule *rule)
{
	const struct policy_range *range;
	size_t n;

	range = ranges_of(rule, &n);
	if (n > 1 && range[0].first < PORTS / 2 && range[n - 1].last >= PORTS / 2)
		return false;
	return n <= PLAIN_RANGES;
}

/* The table of rule @index alone over the default one. */
static uint32_t build_alone(struct ports *ports, uint32_t index)
{
	const struct policy_rule *rule = ports->policy->rules[index];
	struct port_table table = { .rule = index };

	paint_sides(ports, rule, ports->painted, &table);
	ports->trie->plain = is_plain(rule) ? result_of(rule) : 0;
	emit(ports, &table);
	ports->trie->plain = 0;
	memset(table.side, 0, sizeof(table.side));
	return add_table(ports, &table);
}

/* Whether one of @rules is for all ports of both sides: then nothing shows of what is below. */
static bool covers_all(const struct policy *policy, const uint32_t *rules, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct policy_rule *rule = policy->rules[rules[i]];

		if (!rule->n_ports && rule->side == POLICY_SIDE_BOTH)
			return true;
	}
	return false;
}

uint32_t ports_lay(struct ports *ports, uint32_t below, const uint32_t *rules, uint32_t n)
{
	uint32_t *key, *known, table;

	if (!n || ports->trie->error)
		return below;
	/* So that prefixes within prefixes do not make a table for each combination of rules. */
	if (covers_all(ports->policy, rules, n))
		below = PORTS_DEFAULT;
	if (n == 1 && below == PORTS_DEFAULT) {
		known = &ports->alone[*rules];
		if (*known == PORTS_DEFAULT)
			*known = build_alone(ports, *rules);
		return *known;
	}
	key = borrow(ports, (n + 1) * sizeof(*key));
	if (!key)
		return below;
	key[0] = below;
	memcpy(key + 1, rules, n * sizeof(*key));
	known = intern_find(&ports->known, key, (n + 1) * sizeof(*key));
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

uint32_t ports_result(const struct ports *ports, uint32_t table)
{
	return ports->tables[table].result;
}

/* ---- which rules decide ---- */

void ports_use(struct ports *ports, uint32_t table)
{
	ports->tables[table].used = true;
}

static void set_deciding(bool *decides, uint32_t result)
{
	decides[result >> SMC_POLICY_RESULT_SLOT_SHIFT] = true;
}

/* The rules that @below has for the keys from @first to before @end. */
static void list_in_hole(const struct boundaries *below, address_t first, address_t end,
			 bool *decides)
{
	for (uint32_t i = find_boundary(below, first); i < below->n; i++) {
		if (below->list[i].start >= end)
			break;
		set_deciding(decides, below->list[i].leaf);
	}
}

static void list_side(const struct boundaries *boundaries, const struct boundaries *below,
		      bool *decides)
{
	for (uint32_t i = 0; i < boundaries->n; i++) {
		const struct boundary *at = &boundaries->list[i];
		address_t end = i + 1 < boundaries->n ? at[1].start : ~(address_t)0;

		if (at->leaf == HOLE)
			list_in_hole(below, at->start, end, decides);
		else
			set_deciding(decides, at->leaf);
	}
}

void ports_list_deciding(const struct ports *ports, bool *decides)
{
	for (uint32_t i = 0; i < ports->n; i++) {
		const struct port_table *table = &ports->tables[i];

		if (!table->used)
			continue;
		if (!table->side[SMC_POLICY_CONNECT].n)
			set_deciding(decides, result_of(ports->policy->rules[table->rule]));
		for (int side = 0; side < SMC_POLICY_SIDES; side++)
			list_side(&table->side[side], &ports->tables[table->below].side[side],
				  decides);
	}
}
