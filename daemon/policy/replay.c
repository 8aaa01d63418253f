// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "policy/compile.h"
#include "policy/learn.h"
#include "policy/replay.h"

/* A connection that has not closed yet, and when it is looked at next. */
struct live {
	uint64_t next;
	uint64_t opened, closed;
	uint64_t bytes, messages; /* all that it carries */
	bool smc;
	uint32_t slot; /* counter slot of the rule that decided */
	struct learn_connection connection;
};

/* How far the limits of a rule, or of the host, are used. */
struct usage {
	uint32_t limits[SMC_POLICY_LIMIT_WORDS]; /* as in the image */
	__u64 due; /* smc_auto_pace()'s */
	uint64_t live; /* SMC connections now */
};

struct replay {
	const struct policy *policy;
	uint32_t setup_bytes, message_bytes;
	struct usage *usage; /* by counter slot; the host's is SMC_POLICY_SLOT_DEFAULT */
	struct policy_image image;
	struct learn *learn;
	struct live *live; /* a heap by next: the first is the least */
	size_t n_live, room;
	uint64_t now;
	struct replay_totals totals;
};

static int compile(struct replay *replay, const struct policy_settings *settings,
		   uint64_t connection_memory)
{
	struct policy_image_options options = {
		.parameters = &settings->parameters,
		.budget = &settings->budget,
		.connection_memory = connection_memory,
	};
	uint32_t slots = SMC_POLICY_SLOT_FIRST + (uint32_t)replay->policy->n_rules;
	struct policy_rule *rule;
	int rc;

	policy_for_each(rule, replay->policy)
		rule->slot = SMC_POLICY_SLOT_FIRST + (uint32_t)rule_i;
	rc = policy_compile(replay->policy, &options, &replay->image);
	if (rc)
		return rc;
	replay->usage = calloc(slots, sizeof(*replay->usage));
	if (!replay->usage)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < slots; slot++)
		policy_image_limits(&replay->image, slot, replay->usage[slot].limits);
	return 0;
}

struct replay *replay_new(const struct policy_config *config, uint64_t connection_memory)
{
	const struct policy_settings *settings = &config->settings;
	struct learn_options learn = {
		.records = settings->auto_peers,
		.setup_bytes = settings->parameters.setup_bytes,
		.half_life = settings->parameters.half_life,
	};
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay)
		return NULL;
	replay->policy = &config->policy;
	replay->setup_bytes = learn.setup_bytes;
	replay->message_bytes = settings->parameters.message_bytes;
	replay->learn = learn_new(&learn);
	if (replay->learn && !compile(replay, settings, connection_memory))
		return replay;
	replay_free(replay);
	return NULL;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	policy_image_free(&replay->image);
	learn_free(replay->learn);
	free(replay->usage);
	free(replay->live);
	free(replay);
}

const struct replay_totals *replay_totals(const struct replay *replay)
{
	return &replay->totals;
}

/* ---- the heap ---- */

static void swap(struct live *a, struct live *b)
{
	struct live c = *a;

	*a = *b;
	*b = c;
}

static void sift_up(struct live *heap, size_t at)
{
	for (; at && heap[at].next < heap[(at - 1) / 2].next; at = (at - 1) / 2)
		swap(&heap[at], &heap[(at - 1) / 2]);
}

static void sift_down(struct live *heap, size_t n)
{
	size_t at = 0;

	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
			if (heap[child].next < heap[least].next)
				least = child;
		if (least == at)
			return;
		swap(&heap[at], &heap[least]);
		at = least;
	}
}

static int push(struct replay *replay, const struct live *live)
{
	int rc = array_grow(replay->live, replay->n_live, replay->room);

	if (rc)
		return rc;
	replay->live[replay->n_live] = *live;
	sift_up(replay->live, replay->n_live++);
	return 0;
}

/* ---- limits ---- */

/* The host's own usage is that of every connection. */
static struct usage *host_usage(const struct replay *replay)
{
	return &replay->usage[SMC_POLICY_SLOT_DEFAULT];
}

/* Count a connection of @slot that is SMC, or (@by -1) that was. */
static void count_live(struct replay *replay, uint32_t slot, int by)
{
	host_usage(replay)->live += (uint64_t)by;
	if (slot != SMC_POLICY_SLOT_DEFAULT)
		replay->usage[slot].live += (uint64_t)by;
}

static bool is_full(const struct usage *usage)
{
	uint32_t limit = usage->limits[SMC_POLICY_LIMIT_CONNECTIONS];

	return limit && usage->live >= limit - 1;
}

static bool pace(struct usage *usage, uint64_t now, bool book)
{
	return smc_auto_pace(&usage->due, usage->limits[SMC_POLICY_LIMIT_INTERVAL],
			     usage->limits[SMC_POLICY_LIMIT_BURST], now, book);
}

/*
 * Take a connection of @slot at @now in, or say which reason keeps it out: nothing is
 * booked then.  Returns enum smc_policy_reason, or -1: none.
 */
static int take_in(struct replay *replay, uint32_t slot, uint64_t now)
{
	struct usage *host = host_usage(replay), *rule = &replay->usage[slot];

	if (is_full(rule) || is_full(host))
		return SMC_POLICY_REASON_BUDGET;
	if (pace(rule, now, false) || pace(host, now, false))
		return SMC_POLICY_REASON_PACING;
	pace(host, now, true);
	if (rule != host)
		pace(rule, now, true);
	count_live(replay, slot, 1);
	return -1;
}

/* ---- time passes ---- */

static void set_next(struct live *live, uint64_t now)
{
	uint64_t look = learn_next_look(live->opened, now);

	live->next = look < live->closed ? look : live->closed;
}

/* Of @whole what has flowed by @now. */
static uint64_t part_by(const struct live *live, uint64_t whole, uint64_t now)
{
	if (now >= live->closed)
		return whole;
	return (uint64_t)((unsigned __int128)whole * (now - live->opened) /
			  (live->closed - live->opened));
}

static uint64_t worth_by(const struct replay *replay, const struct live *live, uint64_t now)
{
	return smc_auto_worth(part_by(live, live->bytes, now), part_by(live, live->messages, now),
			      replay->message_bytes);
}

/* The first of the heap is due: a lesson, and perhaps the end. */
static void look_at_first(struct replay *replay)
{
	struct live *first = replay->live;
	uint64_t now = first->next;

	learn_tell(replay->learn, &first->connection, worth_by(replay, first, now),
		   now >= first->closed, now);
	if (now < first->closed) {
		set_next(first, now);
	} else {
		if (first->smc)
			count_live(replay, first->slot, -1);
		*first = replay->live[--replay->n_live];
	}
	sift_down(replay->live, replay->n_live);
}

/* ---- a connection ---- */

/* What rules and estimator say. */
static void judge(struct replay *replay, const struct trace_row *row, struct live *live,
		  struct replay_verdict *verdict)
{
	int action = SMC_POLICY_DENY, learned;

	policy_image_lookup(&replay->image, row->peer, row->side, row->port, &live->slot, &action);
	/* Asked in any case: every connection is a lesson, whatever the rules say. */
	learned = learn_open(replay->learn, &live->connection, row->opened);
	verdict->rule = live->slot == SMC_POLICY_SLOT_DEFAULT
				? NULL
				: replay->policy->rules[live->slot - SMC_POLICY_SLOT_FIRST];
	if (action == SMC_POLICY_AUTO) {
		verdict->smc = learned == SMC_POLICY_REASON_LONG_LIVED;
		verdict->reason = learned;
	} else {
		verdict->smc = action == SMC_POLICY_ALLOW;
		verdict->reason =
			verdict->rule ? SMC_POLICY_REASON_RULE : SMC_POLICY_REASON_DEFAULT;
	}
}

/* And what the limits leave of it. */
static void decide(struct replay *replay, const struct trace_row *row, struct live *live,
		   struct replay_verdict *verdict)
{
	int reason;

	judge(replay, row, live, verdict);
	reason = verdict->smc ? take_in(replay, live->slot, row->opened) : -1;
	if (reason >= 0)
		*verdict = (struct replay_verdict){ false, reason, verdict->rule };
	live->smc = verdict->smc;
}

static uint64_t worth_of(const struct replay *replay, const struct trace_row *row)
{
	return smc_auto_worth(row->bytes, row->messages, replay->message_bytes);
}

static void add_up(struct replay *replay, const struct trace_row *row,
		   const struct replay_verdict *verdict)
{
	bool pays = smc_auto_gain(worth_of(replay, row), replay->setup_bytes) >= 0;
	struct replay_totals *totals = &replay->totals;

	totals->connections++;
	totals->bytes += row->bytes;
	totals->reasons[verdict->reason]++;
	if (!verdict->smc) {
		totals->avoided += !pays;
		return;
	}
	totals->smc++;
	totals->bytes_smc += row->bytes;
	totals->wasted += !pays;
	if (host_usage(replay)->live > totals->smc_peak)
		totals->smc_peak = host_usage(replay)->live;
}

int replay_row(struct replay *replay, const struct trace_row *row, struct replay_verdict *verdict)
{
	struct live live = {
		.opened = row->opened,
		.closed = row->closed,
		.bytes = row->bytes,
		.messages = row->messages,
		.connection = { .side = (uint8_t)row->side, .port = row->port },
	};

	if (row->opened < replay->now)
		return -EINVAL;
	replay->now = row->opened;
	while (replay->n_live && replay->live[0].next <= row->opened)
		look_at_first(replay);
	memcpy(live.connection.peer, row->peer, sizeof(live.connection.peer));
	decide(replay, row, &live, verdict);
	set_next(&live, row->opened);
	add_up(replay, row, verdict);
	return push(replay, &live);
}
