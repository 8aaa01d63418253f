// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "policy/learn.h"
#include "smc_policy_verdict.h"

#define WAYS 8 /* a record can be in one of so many places */

/* A service, a subnet or a peer. */
struct record {
	struct smc_auto_key key;
	uint32_t used; /* 0: free */
	uint64_t touched; /* by the count of touches */
	union {
		struct smc_auto_service service;
		struct smc_auto_peer peer;
	};
};

struct learn {
	struct learn_options options;
	struct record *records;
	size_t sets; /* of WAYS records, a power of two */
	uint64_t touches;
	uint64_t tickets; /* connections that have opened */
};

struct learn *learn_new(const struct learn_options *options)
{
	struct learn *learn = calloc(1, sizeof(*learn));

	if (!learn)
		return NULL;
	learn->options = *options;
	learn->sets = 1;
	while (learn->sets * WAYS < options->records)
		learn->sets *= 2;
	learn->records = calloc(learn->sets * WAYS, sizeof(*learn->records));
	if (!learn->records) {
		free(learn);
		return NULL;
	}
	return learn;
}

void learn_free(struct learn *learn)
{
	if (learn)
		free(learn->records);
	free(learn);
}

size_t learn_size(const struct learn *learn)
{
	return sizeof(*learn) + learn->sets * WAYS * sizeof(*learn->records);
}

/* ---- records ---- */

static uint64_t hash(const struct smc_auto_key *key)
{
	uint64_t h = fnv1a(FNV1A_START, key, sizeof(*key));

	return h ^ h >> 32;
}

/*
 * The record of @key, NULL if there is none; with @create the one touched least recently gives way.
 */
static struct record *find(struct learn *learn, const struct smc_auto_key *key, bool create)
{
	struct record *set = &learn->records[(hash(key) & (learn->sets - 1)) * WAYS];
	struct record *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].used && !memcmp(&set[i].key, key, sizeof(*key))) {
			set[i].touched = ++learn->touches;
			return &set[i];
		}
		if (set[i].touched < oldest->touched)
			oldest = &set[i];
	}
	if (!create)
		return NULL;
	*oldest = (struct record){ .key = *key, .used = 1, .touched = ++learn->touches };
	return oldest;
}

static struct record *find_bits(struct learn *learn, const struct learn_connection *connection,
				unsigned int bits, bool create)
{
	struct smc_auto_key key;

	memset(&key, 0, sizeof(key));
	key.side = connection->side;
	key.bits = (uint8_t)bits;
	key.port = connection->port;
	memcpy(key.peer, connection->peer, bits / 8);
	return find(learn, &key, create);
}

/* What is known about the surroundings of @connection. */
static struct smc_auto_memory recall(struct learn *learn, const struct learn_connection *connection,
				     bool create)
{
	unsigned int subnet = value_is_v4(connection->peer) ? SMC_AUTO_BITS_V4 : SMC_AUTO_BITS_V6;
	struct record *found[] = {
		find_bits(learn, connection, 0, create),
		find_bits(learn, connection, subnet, create),
		find_bits(learn, connection, SMC_AUTO_BITS_PEER, create),
	};

	return (struct smc_auto_memory){
		.service = found[0] ? &found[0]->service : NULL,
		.subnet = found[1] ? &found[1]->peer : NULL,
		.peer = found[2] ? &found[2]->peer : NULL,
	};
}

/* ---- opening ---- */

int learn_open(struct learn *learn, struct learn_connection *connection, uint64_t now)
{
	struct smc_auto_memory memory = recall(learn, connection, true);
	uint32_t lately = memory.service ? smc_auto_lately(&memory.service->rate, now) : 0;
	uint32_t times;
	int reason;

	connection->ticket = learn->tickets++;
	connection->rates = (struct smc_auto_rates){
		.service = smc_auto_rate_class(lately),
		.peer = memory.peer ? smc_auto_rate_at(&memory.peer->rate, now) : 0,
	};
	connection->share = smc_auto_share(lately);
	times = smc_auto_times(connection->share, connection->ticket);
	if (times && memory.service)
		smc_auto_count(&memory.service->rate, now, times);
	if (times && memory.peer)
		smc_auto_count(&memory.peer->rate, now, times);
	connection->votes = smc_auto_votes(&memory, &connection->rates);
	connection->opened = now;
	connection->told = false;
	connection->watched = times || connection->votes;
	reason = (int)smc_auto_judgement(memory.service, connection->votes);
	connection->decided = reason == SMC_POLICY_REASON_LONG_LIVED;
	return reason;
}

/* ---- lessons ---- */

void learn_tell(struct learn *learn, struct learn_connection *connection, uint64_t worth,
		bool ended, uint64_t now)
{
	int32_t gain = smc_auto_gain(worth, learn->options.setup_bytes);
	uint32_t times = smc_auto_lesson_times(connection->share, connection->votes, gain,
					       connection->ticket);
	struct smc_auto_memory memory;
	struct smc_auto_lesson lesson;

	/* A living one tells nothing before it has paid. */
	if (!connection->watched || (!connection->told && !times) || (!ended && gain <= 0))
		return;
	memory = recall(learn, connection, !connection->told);
	lesson = (struct smc_auto_lesson){
		.now = now,
		.age = now - connection->opened,
		.half = learn->options.half_life * SMC_AUTO_SEC,
		.gain = ended ? gain : smc_auto_foresee(memory.service, gain),
		.times = smc_auto_lesson_weight(times),
		.votes = connection->votes,
		.decided = connection->decided,
	};
	/* What has been forgotten meanwhile is not corrected. */
	if (!connection->told)
		smc_auto_tell(&memory, &connection->rates, &lesson);
	else if (lesson.gain != connection->gain)
		smc_auto_tell_again(&memory, &connection->rates, &lesson, connection->gain);
	connection->told = true;
	connection->gain = lesson.gain;
}

/* ---- judging ---- */

struct policy_prefix learn_prefix(const struct smc_auto_key *key)
{
	struct policy_prefix prefix = { .length = key->bits };

	memcpy(prefix.addr, key->peer, sizeof(prefix.addr));
	prefix.v4 = value_is_v4(prefix.addr);
	if (prefix.v4)
		prefix.length = (uint8_t)(prefix.length - 96);
	return prefix;
}

void learn_judge(const struct smc_auto_memory *memory, uint64_t now, struct learn_opinion *opinion)
{
	struct smc_auto_rates rates = {
		.service = memory->service ? smc_auto_rate_at(&memory->service->rate, now) : 0,
		.peer = memory->peer ? smc_auto_rate_at(&memory->peer->rate, now) : 0,
	};
	struct smc_auto_outlook outlook = SMC_AUTO_PRIOR;

	if (memory->service)
		outlook = smc_auto_expect(&memory->service->mean, outlook);
	if (memory->subnet)
		outlook = smc_auto_expect(&memory->subnet->mean, outlook);
	if (memory->peer)
		outlook = smc_auto_expect(&memory->peer->mean, outlook);
	*opinion = (struct learn_opinion){
		.reason = (int)smc_auto_judgement(memory->service, smc_auto_votes(memory, &rates)),
		.decider = memory->service ? (int)memory->service->rate.decider - 1 : -1,
		.gain = smc_auto_outlook_gain(outlook),
	};
}

uint64_t learn_next_look(uint64_t opened, uint64_t now)
{
	uint64_t age = smc_auto_look(0);

	while (opened + age <= now)
		age *= 2;
	return opened + age;
}
