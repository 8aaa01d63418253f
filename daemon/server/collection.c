// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "server/collection.h"
#include "server/lessons.h"

#define PART_NS 2000000u /* a part ends with the first step that is over after so much of the CPU */
/* The tables are looked through again once that was so many times its own duration ago: at most one
 * part in so many of a CPU goes there, however often somebody asks. */
#define SURVEY_SHARE 100

enum standing {
	STANDING_NONE, /* it has decided nothing yet */
	STANDING_OWN, /* it has series of its own */
	STANDING_SHARED, /* there was no room for these */
};

enum stage {
	STAGE_COUNTERS,
	STAGE_ADMIT,
	STAGE_ADMITTED,
	STAGE_SURVEY,
	STAGE_DONE,
};

/* A rule that has decided and has no standing yet. */
struct candidate {
	uint32_t slot;
	uint64_t hits;
};

struct collection *collection_new(const struct server *server)
{
	struct collection *collection = calloc(1, sizeof(*collection));

	if (!collection)
		return NULL;
	collection->server = server;
	collection->n_slots = kernel_slots(server->kernel);
	collection->standing = calloc(collection->n_slots, 1);
	if (collection->standing)
		return collection;
	free(collection);
	return NULL;
}

void collection_free(struct collection *collection)
{
	if (!collection)
		return;
	kernel_survey_free(collection->survey);
	kernel_survey_free(collection->last_survey);
	free(collection->candidates);
	free(collection->standing);
	free(collection);
}

void collection_begin(struct collection *collection)
{
	collection->stage = STAGE_COUNTERS;
	collection->next = 0;
	collection->cpu_ns = 0;
	collection->n_rules = collection->n_others = collection->n_candidates = 0;
	collection->all = collection->in_force = (struct collection_counts){ 0 };
	kernel_survey_free(collection->survey);
	collection->survey = NULL;
}

/* ---- counts ---- */

static void add_counters(struct smc_policy_counters *to, const struct smc_policy_counters *from)
{
	to->smc += from->smc;
	for (int i = 0; i < SMC_POLICY_REASONS; i++)
		to->tcp[i] += from->tcp[i];
}

static void add_counts(struct collection_counts *to, const struct collection_counts *from)
{
	for (int side = 0; side < SMC_POLICY_SIDES; side++)
		add_counters(&to->side[side], &from->side[side]);
}

static uint64_t count_hits(const struct collection_counts *counts)
{
	uint64_t hits = 0;

	for (int side = 0; side < SMC_POLICY_SIDES; side++) {
		hits += counts->side[side].smc;
		for (int i = 0; i < SMC_POLICY_REASONS; i++)
			hits += counts->side[side].tcp[i];
	}
	return hits;
}

static void add_rule(struct collection *collection, uint32_t slot,
		     const struct collection_counts *counts)
{
	collection->rules[collection->n_rules++] =
		(struct collection_rule){ .slot = slot, .counts = *counts };
}

/* What a rule in force has decided. */
static int take_rule(struct collection *collection, uint32_t slot,
		     const struct collection_counts *counts)
{
	uint64_t hits = count_hits(counts);
	int rc = 0;

	add_counts(&collection->in_force, counts);
	if (collection->standing[slot] == STANDING_OWN) {
		add_rule(collection, slot, counts);
	} else if (collection->standing[slot] == STANDING_SHARED) {
		collection->n_others++;
	} else if (hits) {
		rc = array_grow(collection->candidates, collection->n_candidates,
				collection->candidates_room);
		if (!rc)
			collection->candidates[collection->n_candidates++] =
				(struct candidate){ slot, hits };
	}
	return rc;
}

static int take_slot(struct collection *collection, uint32_t slot,
		     const struct collection_counts *counts)
{
	const struct slots *slots = &collection->server->slots;

	if (slot == SMC_POLICY_SLOT_DEFAULT)
		collection->unmatched = *counts;
	add_counts(&collection->all, counts);
	if (slot < SMC_POLICY_SLOT_FIRST)
		return 0;
	if (slots->in_use[slot])
		return take_rule(collection, slot, counts);
	collection->standing[slot] = STANDING_NONE;
	return 0;
}

static bool is_used(const struct collection *collection, uint32_t slot)
{
	return slot < SMC_POLICY_SLOT_FIRST ||
	       collection->server->slots.owners[slot].name[0] != '\0';
}

/* The next slots: those that nobody has had are not read. */
static int step_counters(struct collection *collection)
{
	const struct kernel *kernel = collection->server->kernel;
	uint32_t room = kernel_range_room(kernel), first = collection->next, n = 0;
	autofree struct collection_counts *counts = calloc(room, sizeof(*counts));
	int rc = counts ? 0 : -ENOMEM;

	while (first < collection->n_slots && !is_used(collection, first))
		first++;
	while (n < room && first + n < collection->n_slots && is_used(collection, first + n))
		n++;
	if (!rc && n)
		rc = kernel_read_range(kernel, first, n, (void *)counts);
	for (uint32_t i = 0; i < n && !rc; i++)
		rc = take_slot(collection, first + i, &counts[i]);
	collection->next = first + n;
	if (!rc && collection->next >= collection->n_slots) {
		collection->stage = STAGE_ADMIT;
		collection->next = 0;
	}
	return rc;
}

static int compare_hits(const void *a, const void *b)
{
	const struct candidate *one = a, *other = b;

	if (one->hits != other->hits)
		return one->hits > other->hits ? -1 : 1;
	return one->slot < other->slot ? -1 : 1;
}

/*
 * Those that have decided most get series of their own while there is room.  What a rule has once it
 * keeps as long as it is in force: counters must not go back.
 */
static void admit(struct collection *collection)
{
	size_t room = COLLECTION_RULES_MAX - collection->n_rules;

	if (collection->n_candidates)
		qsort(collection->candidates, collection->n_candidates,
		      sizeof(*collection->candidates), compare_hits);
	for (size_t i = 0; i < collection->n_candidates; i++)
		collection->standing[collection->candidates[i].slot] =
			i < room ? STANDING_OWN : STANDING_SHARED;
	if (collection->n_candidates > room) {
		collection->n_others += collection->n_candidates - room;
		collection->n_candidates = room;
	}
	collection->stage = STAGE_ADMITTED;
}

/*
 * What the others have decided together.  When one of them is dropped its part stays: a counter does
 * not go back.
 */
static void keep_up(__u64 now, __u64 *base, __u64 *told)
{
	if (now + *base < *told)
		*base = *told - now;
	*told = now + *base;
}

static void sum_others(struct collection *collection)
{
	for (int side = 0; side < SMC_POLICY_SIDES; side++) {
		struct smc_policy_counters rest = collection->in_force.side[side];
		struct smc_policy_counters *base = &collection->base.side[side];
		struct smc_policy_counters *told = &collection->others.side[side];

		for (size_t i = 0; i < collection->n_rules; i++) {
			const struct smc_policy_counters *own =
				&collection->rules[i].counts.side[side];

			rest.smc -= own->smc < rest.smc ? own->smc : rest.smc;
			for (int r = 0; r < SMC_POLICY_REASONS; r++)
				rest.tcp[r] -=
					own->tcp[r] < rest.tcp[r] ? own->tcp[r] : rest.tcp[r];
		}
		keep_up(rest.smc, &base->smc, &told->smc);
		for (int r = 0; r < SMC_POLICY_REASONS; r++)
			keep_up(rest.tcp[r], &base->tcp[r], &told->tcp[r]);
	}
}

/* Read one of the rules that have just been admitted. */
static int step_admitted(struct collection *collection)
{
	struct collection_counts counts;
	uint32_t slot;
	int rc;

	if (collection->next >= collection->n_candidates) {
		sum_others(collection);
		collection->stage = STAGE_SURVEY;
		return 0;
	}
	slot = collection->candidates[collection->next++].slot;
	rc = kernel_read_range(collection->server->kernel, slot, 1, (void *)&counts);
	if (!rc)
		add_rule(collection, slot, &counts);
	return rc;
}

/* ---- tables ---- */

static unsigned int mode_of(const struct smc_policy_smc *smc)
{
	return smc->flags & SMC_POLICY_SMC_FALLBACK ? SMC_POLICY_MODE_TCP
	       : smc->mode < SMC_POLICY_MODES       ? smc->mode
						    : SMC_POLICY_MODE_UNKNOWN;
}

static void count_peer(struct collection_known *known, const struct smc_auto_key *key,
		       const struct smc_auto_peer *peer)
{
	if (!lessons_any(peer))
		return;
	if (key->bits == SMC_AUTO_BITS_PEER)
		known->peers++;
	else
		known->subnets++;
}

static int visit(void *arg, enum kernel_surveyed table, const void *key, const void *value)
{
	struct collection *collection = arg;
	struct collection_known *known = &collection->counting;

	switch (table) {
	case SURVEYED_SERVICES:
		known->services += ((const struct smc_auto_service *)value)->mean.weight != 0;
		break;
	case SURVEYED_PEERS:
		count_peer(known, key, value);
		break;
	case SURVEYED_PATHS:
		lessons_count_breaker(value, known->breakers);
		break;
	case SURVEYED_SMC:
		known->connections[mode_of(value)]++;
		break;
	case SURVEYED_REFUSED:
		known->connections[SMC_POLICY_MODE_TCP]++;
		break;
	case SURVEYED_TABLES:
		break;
	}
	return 0;
}

static bool survey_is_due(const struct collection *collection)
{
	return !collection->surveyed || clock_ns(CLOCK_MONOTONIC) - collection->surveyed >
						SURVEY_SHARE * collection->survey_cpu_ns;
}

static int step_survey(struct collection *collection)
{
	uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int rc;

	if (!collection->survey) {
		if (!survey_is_due(collection)) {
			collection->stage = STAGE_DONE;
			return 0;
		}
		collection->counting = (struct collection_known){ 0 };
		collection->survey =
			kernel_survey_new(collection->server->kernel, visit, collection);
		collection->survey_cpu_ns = 0;
	}
	rc = collection->survey ? kernel_survey_step(collection->survey) : -ENOMEM;
	collection->survey_cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	if (rc)
		return rc < 0 ? rc : 0;
	kernel_survey_free(collection->last_survey);
	collection->last_survey = steal_ptr(collection->survey);
	collection->fills = kernel_survey_fills(collection->last_survey, &collection->n_fills);
	collection->known = collection->counting;
	collection->surveyed = clock_ns(CLOCK_MONOTONIC);
	collection->stage = STAGE_DONE;
	return 0;
}

static int step(struct collection *collection)
{
	switch ((enum stage)collection->stage) {
	case STAGE_COUNTERS:
		return step_counters(collection);
	case STAGE_ADMIT:
		admit(collection);
		return 0;
	case STAGE_ADMITTED:
		return step_admitted(collection);
	case STAGE_SURVEY:
		return step_survey(collection);
	case STAGE_DONE:
		break;
	}
	return 0;
}

int collection_step(struct collection *collection)
{
	uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), took;
	int rc;

	do {
		rc = step(collection);
		took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	} while (!rc && collection->stage != STAGE_DONE && took < PART_NS);
	collection->cpu_ns += took;
	if (took > collection->held_ns)
		collection->held_ns = took;
	return rc ? rc : collection->stage != STAGE_DONE;
}
