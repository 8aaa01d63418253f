// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The compiler notes which rules decide (struct policy_image).  Of each other rule one connection
 * that it matches is looked up in the image: what decides that is the winner.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "policy/shadow.h"

/* An address as in struct policy_prefix, as a number. */
typedef unsigned __int128 address_t;

#define ADDRESS_MAX (~(address_t)0)
#define MAPPED_FIRST ((address_t)0xffff << 32) /* ::ffff:0:0/96, of IPv4 peers */
#define MAPPED_LAST (MAPPED_FIRST | 0xffffffff)

/*
 * A way through the prefixes of a rule in ascending order, to the first address that one
 * includes and none excepts.
 */
struct sweep {
	bool open; /* some prefix is included */
	bool full; /* all addresses from here on are excepted */
	address_t included; /* the last address that is */
	address_t free; /* not excepted by what was taken so far, nor any included one before it */
};

static bool sweep_found(const struct sweep *sweep)
{
	return sweep->open && !sweep->full && sweep->free <= sweep->included;
}

/* Go on with the prefix from @first to @last; true if the address lies before it. */
static bool sweep_prefix(struct sweep *sweep, address_t first, address_t last, bool except)
{
	if (sweep_found(sweep) && sweep->free < first)
		return true;
	if (except) {
		sweep->full = sweep->full || last == ADDRESS_MAX;
		if (last >= sweep->free)
			sweep->free = last + 1;
		return false;
	}
	if ((!sweep->open || first > sweep->included) && first > sweep->free)
		sweep->free = first;
	if (!sweep->open || last > sweep->included)
		sweep->included = last;
	sweep->open = true;
	return false;
}

static address_t number_of(const uint8_t addr[16])
{
	address_t number = 0;

	for (int i = 0; i < 16; i++)
		number = number << 8 | addr[i];
	return number;
}

/* The first IPv4 (@v4) or IPv6 peer of @rule into @peer; false: it has none. */
static bool first_of_family(const struct policy_rule *rule, bool v4, address_t *peer)
{
	struct sweep sweep = { 0 };
	bool found = false, mapped_out = v4;

	if (policy_rule_includes_none(rule))
		sweep_prefix(&sweep, v4 ? MAPPED_FIRST : 0, v4 ? MAPPED_LAST : ADDRESS_MAX, false);
	for (size_t i = 0; i < rule->n_peers && !found; i++) {
		const struct policy_prefix *prefix = &rule->peers[i];
		unsigned int length = prefix->length + (prefix->v4 ? 96u : 0);
		address_t first = number_of(prefix->addr);

		if (prefix->v4 != v4)
			continue;
		if (!mapped_out && first > MAPPED_FIRST) {
			mapped_out = true;
			found = sweep_prefix(&sweep, MAPPED_FIRST, MAPPED_LAST, true);
		}
		if (!found)
			found = sweep_prefix(&sweep, first,
					     first | (length ? ((address_t)1 << (128 - length)) - 1
							     : ADDRESS_MAX),
					     prefix->except);
	}
	if (!found && !mapped_out)
		found = sweep_prefix(&sweep, MAPPED_FIRST, MAPPED_LAST, true);
	*peer = sweep.free;
	return found || sweep_found(&sweep);
}

/* Some peer of @rule into @addr; false: it has none. */
static bool any_peer(const struct policy_rule *rule, uint8_t addr[16])
{
	address_t peer;

	if (!first_of_family(rule, true, &peer) && !first_of_family(rule, false, &peer))
		return false;
	for (int i = 15; i >= 0; i--, peer >>= 8)
		addr[i] = (uint8_t)peer;
	return true;
}

/* Index of each rule by its slot, and SIZE_MAX for others; NULL: out of memory. */
static size_t *index_by_slot(const struct policy *policy, const struct policy_image *image)
{
	size_t *by_slot = reallocarray(NULL, image->n_slots, sizeof(*by_slot));
	const struct policy_rule *rule;

	if (!by_slot)
		return NULL;
	memset(by_slot, 0xff, image->n_slots * sizeof(*by_slot));
	policy_for_each(rule, policy)
		if (rule->slot < image->n_slots)
			by_slot[rule->slot] = rule_i;
	return by_slot;
}

/* The rule that wins for some connection that @rule, which never decides, matches. */
static int find_winner(const struct policy_image *image, const struct policy_rule *rule,
		       const size_t *by_slot, size_t *winner)
{
	int side = rule->side == POLICY_SIDE_BOTH ? SMC_POLICY_CONNECT : rule->side, action, rc;
	uint16_t port = rule->n_ports ? rule->ports[0].first : 0;
	uint8_t peer[16];
	uint32_t slot;

	*winner = POLICY_SHADOW_NO_PEERS;
	if (!any_peer(rule, peer))
		return 0;
	rc = policy_image_lookup(image, peer, side, port, &slot, &action);
	if (rc)
		return rc;
	*winner = slot < image->n_slots ? by_slot[slot] : SIZE_MAX;
	return *winner == SIZE_MAX ? -EBADMSG : 0;
}

int policy_shadow_list(const struct policy *policy, const struct policy_image *image,
		       struct policy_shadow **shadows, size_t *n)
{
	autofree struct policy_shadow *list = NULL;
	autofree size_t *by_slot = index_by_slot(policy, image);
	const struct policy_rule *rule;
	size_t count = 0, room = 0;
	int rc;

	*shadows = NULL;
	*n = 0;
	if (!by_slot)
		return -ENOMEM;
	policy_for_each(rule, policy) {
		if (rule->slot >= image->n_slots)
			return -EBADMSG;
		if (image->decides[rule->slot])
			continue;
		if (array_grow(list, count, room))
			return -ENOMEM;
		list[count].rule = rule_i;
		rc = find_winner(image, rule, by_slot, &list[count++].winner);
		if (rc)
			return rc;
	}
	*shadows = steal_ptr(list);
	*n = count;
	return 0;
}
