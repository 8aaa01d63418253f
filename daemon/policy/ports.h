/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port tables: for one set of effective rules, which rule each port of each
 * side gets.  Built by laying the rules of a longer prefix over the table of a
 * shorter one; equal layings give the same table.
 */
#ifndef SMC_POLICY_PORTS_H
#define SMC_POLICY_PORTS_H

#include "policy/rule.h"
#include "policy/trie.h"

#define PORTS_DEFAULT 0u /* the table where no rule applies */

struct ports {
	const struct policy *policy;
	struct trie *trie; /* where the words of tables go; errors too */
	struct port_table *tables;
	uint32_t n, room;
	struct intern known; /* (table below, rules) -> table */
	uint32_t *alone; /* by rule: its table over the default one, PORTS_DEFAULT: not made yet */
	struct intern places; /* words of a table in the image -> its first word */
	struct arena lists; /* the boundaries of the tables */
	/* what tables are made in, and nothing lasts in */
	struct boundaries painted[SMC_POLICY_SIDES], below[SMC_POLICY_SIDES], filled, named;
	void *scratch;
	size_t scratch_size;
};

/* Start with the default table.  @policy and @trie must outlive @ports. */
void ports_init(struct ports *ports, const struct policy *policy, struct trie *trie);
void ports_clear(struct ports *ports);

/*
 * The table of @rules (@n indices into the policy, ascending) where they apply,
 * of table @below elsewhere.
 */
uint32_t ports_lay(struct ports *ports, uint32_t below, const uint32_t *rules, uint32_t n);

/* The result that stands for @table in the image: its place, or what it says for all ports. */
uint32_t ports_result(const struct ports *ports, uint32_t table);

/* Say that some peer gets @table. */
void ports_use(struct ports *ports, uint32_t table);

/* Set @decides[slot] for each rule that decides some port of some side in a table in use. */
void ports_list_deciding(const struct ports *ports, bool *decides);

#endif
