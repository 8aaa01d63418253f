// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/plural.h"
#include "policy/learn.h"
#include "policy/recommend.h"

#define OFTEN 100 /* connections that never are worth it, before a rule against them is proposed */
#define AGAINST_MAX 20 /* rules against services */

/* At least 9 of 10 are worth it; at most 1 of 100 is. */
static bool is_good(const struct smc_auto_tally *tally)
{
	return tally->connections >= RECOMMEND_ENOUGH &&
	       tally->worthwhile * 10 >= tally->connections * 9;
}

static bool is_bad(const struct smc_auto_tally *tally)
{
	return tally->connections >= OFTEN && tally->worthwhile * 100 <= tally->connections;
}

static int64_t net_gain(const struct smc_auto_tally *tally)
{
	return (int64_t)tally->gain -
	       (int64_t)(tally->connections - tally->worthwhile) * SMC_AUTO_ONE;
}

int64_t recommend_gain(const struct recommendation *one)
{
	int64_t gain = net_gain(&one->tally);

	if (one->expected)
		return (int64_t)one->expected * (one->live ? (int64_t)one->live : 1);
	if (one->action == SMC_POLICY_DENY)
		return -gain;
	/* Auto leaves out most of what is not worth it. */
	return one->action == SMC_POLICY_AUTO ? (int64_t)one->tally.gain : gain;
}

/* ---- the list ---- */

/* One more, zeroed; valid till the next one.  NULL: out of memory. */
static struct recommendation *add(struct recommend_list *list, const struct smc_auto_key *service,
				  int action, const char *suffix)
{
	struct recommendation *items = reallocarray(list->items, list->n + 1, sizeof(*list->items));
	struct recommendation *one;

	if (!items)
		return NULL;
	list->items = items;
	one = &items[list->n++];
	*one = (struct recommendation){
		.side = service->side,
		.port = service->port,
		.action = action,
	};
	snprintf(one->name, sizeof(one->name), "learned-%s-%u%s",
		 word_name(&words_side, service->side), service->port, suffix);
	return one;
}

void recommend_clear(struct recommend_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].peers);
	free(list->items);
	free(list->better);
	*list = (struct recommend_list){ 0 };
}

static void add_tally(struct smc_auto_tally *sum, const struct smc_auto_tally *one)
{
	sum->connections += one->connections;
	sum->worthwhile += one->worthwhile;
	sum->bytes += one->bytes;
	sum->messages += one->messages;
	sum->gain += one->gain;
}

/* ---- peers of a service ---- */

/* The contexts of one service. */
struct family {
	const struct recommend_context *service;
	const struct recommend_context *others; /* its subnets, then its peers, the most first */
	size_t n;
};

/* Of a family those that make up one rule. */
struct choice {
	const struct recommend_context *chosen[RECOMMEND_PEERS_MAX];
	size_t n;
	struct smc_auto_tally tally;
};

static bool is_inside(const struct smc_auto_key *inner, const struct smc_auto_key *outer)
{
	return outer->bits <= inner->bits && !memcmp(outer->peer, inner->peer, outer->bits / 8);
}

/* Subnets, and peers that are in none of them, of which @wanted is true. */
static void choose(const struct family *family, bool (*wanted)(const struct smc_auto_tally *tally),
		   struct choice *choice)
{
	*choice = (struct choice){ .n = 0 };
	for (size_t i = 0; i < family->n && choice->n < RECOMMEND_PEERS_MAX; i++) {
		const struct recommend_context *one = &family->others[i];
		bool covered = !wanted(&one->tally);

		for (size_t k = 0; k < choice->n && !covered; k++)
			covered = is_inside(&one->key, &choice->chosen[k]->key);
		if (covered)
			continue;
		choice->chosen[choice->n++] = one;
		add_tally(&choice->tally, &one->tally);
	}
}

static int add_choice(struct recommend_list *list, const struct family *family, int action,
		      const char *suffix, const struct choice *choice)
{
	struct recommendation *one = add(list, &family->service->key, action, suffix);

	if (!one)
		return -ENOMEM;
	one->peers = calloc(choice->n, sizeof(*one->peers));
	if (!one->peers)
		return -ENOMEM;
	for (size_t i = 0; i < choice->n; i++)
		one->peers[i] = learn_prefix(&choice->chosen[i]->key);
	one->n_peers = choice->n;
	one->tally = choice->tally;
	return 0;
}

/* ---- services ---- */

/* @family as a whole gets @action; those of its peers that are never worth it do not. */
static int add_whole(struct recommend_list *list, const struct family *family, int action)
{
	struct recommendation *one = add(list, &family->service->key, action, "");
	struct choice bad;

	if (!one)
		return -ENOMEM;
	one->tally = family->service->tally;
	choose(family, is_bad, &bad);
	return bad.n ? add_choice(list, family, SMC_POLICY_DENY, "-deny", &bad) : 0;
}

/* Its connections live so long that few have closed, and promise a gain. */
static bool is_promising(const struct recommend_context *service)
{
	return service->tally.connections < RECOMMEND_ENOUGH && service->predictable &&
	       service->expected > 0;
}

static int propose_promising(struct recommend_list *list, const struct recommend_context *service)
{
	struct recommendation *one = add(list, &service->key, SMC_POLICY_AUTO, "");

	if (!one)
		return -ENOMEM;
	one->tally = service->tally;
	one->expected = service->expected;
	return 0;
}

static int propose(struct recommend_list *list, const struct family *family)
{
	const struct smc_auto_tally *tally = &family->service->tally;
	struct recommendation *against;
	struct choice good;

	if (is_good(tally))
		return add_whole(list, family, SMC_POLICY_ALLOW);
	if (is_bad(tally)) {
		against = add(list, &family->service->key, SMC_POLICY_DENY, "");
		if (!against)
			return -ENOMEM;
		against->tally = *tally;
		return 0;
	}
	choose(family, is_good, &good);
	if (good.n && good.tally.worthwhile * 2 >= tally->worthwhile)
		return add_choice(list, family, SMC_POLICY_ALLOW, "", &good);
	if (tally->gain && (family->service->predictable ||
			    (tally->worthwhile * 2 >= tally->connections && net_gain(tally) > 0)))
		return add_whole(list, family, SMC_POLICY_AUTO);
	list->undecided++;
	return 0;
}

/* ---- better than auto ---- */

static int judge_auto(struct recommend_list *list, const struct recommend_context *service)
{
	int64_t best = service->always > 0 ? service->always : 0, gain = best - service->decided;
	struct recommend_better *better;

	if (service->lessons < RECOMMEND_BETTER_LESSONS ||
	    gain < RECOMMEND_BETTER_GAIN * SMC_AUTO_ONE || gain * RECOMMEND_BETTER_SHARE < best)
		return 0;
	better = reallocarray(list->better, list->n_better + 1, sizeof(*better));
	if (!better)
		return -ENOMEM;
	list->better = better;
	better[list->n_better++] = (struct recommend_better){
		.key = service->key,
		.action = best ? SMC_POLICY_ALLOW : SMC_POLICY_DENY,
		.gain = gain,
		.lessons = service->lessons,
	};
	return 0;
}

static int compare_better(const void *a, const void *b)
{
	const struct recommend_better *one = a, *other = b;

	if (one->gain != other->gain)
		return one->gain > other->gain ? -1 : 1;
	return memcmp(&one->key, &other->key, sizeof(one->key));
}

/* ---- the whole ---- */

/* By service; in each the service itself, its subnets, its peers, what gained most first. */
static int compare_contexts(const void *a, const void *b)
{
	const struct recommend_context *one = a, *other = b;
	int one_kind = one->key.bits ? one->key.bits == SMC_AUTO_BITS_PEER ? 2 : 1 : 0;
	int other_kind = other->key.bits ? other->key.bits == SMC_AUTO_BITS_PEER ? 2 : 1 : 0;

	if (one->key.side != other->key.side)
		return one->key.side - other->key.side;
	if (one->key.port != other->key.port)
		return one->key.port - other->key.port;
	if (one_kind != other_kind)
		return one_kind - other_kind;
	if (one->tally.gain != other->tally.gain)
		return one->tally.gain > other->tally.gain ? -1 : 1;
	if (one->tally.connections != other->tally.connections)
		return one->tally.connections > other->tally.connections ? -1 : 1;
	return memcmp(&one->key, &other->key, sizeof(one->key));
}

/* What to accelerate by its gain, then what not to by how much that saves. */
static int compare_recommendations(const void *a, const void *b)
{
	const struct recommendation *one = a, *other = b;
	bool one_denies = one->action == SMC_POLICY_DENY;
	bool other_denies = other->action == SMC_POLICY_DENY;
	int64_t one_gain = recommend_gain(one), other_gain = recommend_gain(other);

	if (one_denies != other_denies)
		return one_denies - other_denies;
	if (one_gain != other_gain)
		return one_gain > other_gain ? -1 : 1;
	return strcmp(one->name, other->name);
}

static void limit_against(struct recommend_list *list)
{
	size_t against = 0, kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct recommendation *one = &list->items[i];

		if (one->action == SMC_POLICY_DENY && ++against > AGAINST_MAX)
			free(one->peers);
		else
			list->items[kept++] = *one;
	}
	list->n = kept;
}

static bool same_service(const struct recommend_context *a, const struct recommend_context *b)
{
	return a->key.side == b->key.side && a->key.port == b->key.port;
}

int recommend(struct recommend_context *contexts, size_t n, struct recommend_list *list)
{
	int rc = 0;

	*list = (struct recommend_list){ 0 };
	if (n)
		qsort(contexts, n, sizeof(*contexts), compare_contexts);
	for (size_t i = 0, next; i < n && !rc; i = next) {
		struct family family = { .service = &contexts[i], .others = &contexts[i + 1] };

		next = i + 1;
		while (next < n && same_service(&contexts[i], &contexts[next]))
			next++;
		/* Peers may be remembered for longer than their service. */
		if (contexts[i].key.bits)
			continue;
		family.n = next - i - 1;
		list->connections += contexts[i].tally.connections;
		rc = judge_auto(list, family.service);
		if (!rc && is_promising(family.service)) {
			list->services++;
			rc = propose_promising(list, family.service);
		} else if (!rc && contexts[i].tally.connections >= RECOMMEND_ENOUGH) {
			list->services++;
			rc = propose(list, &family);
		}
	}
	if (rc) {
		recommend_clear(list);
		return rc;
	}
	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), compare_recommendations);
	if (list->n_better)
		qsort(list->better, list->n_better, sizeof(*list->better), compare_better);
	limit_against(list);
	return 0;
}

/* ---- in words ---- */

static void write_time(FILE *out, double ns)
{
	if (ns >= 1e9)
		fprintf(out, "%.1f s", ns / 1e9);
	else if (ns >= 1e6)
		fprintf(out, "%.1f ms", ns / 1e6);
	else
		fprintf(out, "%.0f us", ns / 1e3);
}

static void write_seen(FILE *out, const struct recommendation *one)
{
	const struct smc_auto_tally *tally = &one->tally;
	char bytes[VALUE_TEXT_SIZE];

	if (one->expected) {
		fprintf(out, "# only %llu %s closed; one promises %.1f set-ups\n",
			(unsigned long long)tally->connections,
			plural(tally->connections, "connection has", "connections have"),
			(double)one->expected / SMC_AUTO_ONE);
		return;
	}
	value_format_bytes(tally->bytes, bytes);
	fprintf(out, "# %llu %s, %.1f %% of them worth SMC, %s\n",
		(unsigned long long)tally->connections,
		plural(tally->connections, "connection", "connections"),
		100 * (double)tally->worthwhile / (double)tally->connections, bytes);
	if (tally->messages)
		fprintf(out, "# in %llu %s\n", (unsigned long long)tally->messages,
			plural(tally->messages, "message", "messages"));
}

static void write_memory(FILE *out, const struct recommendation *one, uint64_t connection_memory)
{
	char each[VALUE_TEXT_SIZE], all[VALUE_TEXT_SIZE];

	value_format_bytes(connection_memory, each);
	value_format_bytes(connection_memory * one->live, all);
	if (one->live)
		fprintf(out, "# each takes %s of memory; %" PRIu64 " %s now: %s\n", each, one->live,
			plural(one->live, "lives", "live"), all);
	else
		fprintf(out, "# each takes %s of memory; none lives now\n", each);
}

static void write_evidence(FILE *out, const struct recommendation *one,
			   const struct recommend_units *units)
{
	double gain = (double)recommend_gain(one) / SMC_AUTO_ONE;
	bool denies = one->action == SMC_POLICY_DENY;

	write_seen(out, one);
	fprintf(out, "# %s %.1f set-ups, ", denies ? "TCP saves" : "SMC gains as much as", gain);
	write_time(out, gain * units->setup_cost);
	fputs(" of this host\n", out);
	if (!denies)
		write_memory(out, one, units->connection_memory);
}

static void write_rule(FILE *out, const struct recommendation *one)
{
	char peer[VALUE_TEXT_SIZE];

	fprintf(out, "[rule %s]\nside = %s\nports = %u\n", one->name,
		word_name(&words_side, one->side), one->port);
	for (size_t i = 0; i < one->n_peers; i++) {
		value_format_prefix(&one->peers[i], peer);
		fprintf(out, "%s%s", i ? ", " : "peers = ", peer);
	}
	fprintf(out, "%saction = %s\n", one->n_peers ? "\n" : "",
		word_name(&words_action, (unsigned int)one->action));
}

static void write_better(FILE *out, const struct recommend_better *better)
{
	fprintf(out,
		"# %s %u: %s for all would have gained %.1f set-ups more than auto in the last %u lessons\n",
		word_name(&words_side, better->key.side), better->key.port,
		better->action == SMC_POLICY_ALLOW ? "allow" : "deny",
		(double)better->gain / SMC_AUTO_ONE, better->lessons);
}

char *recommend_text(const struct recommend_list *list, const struct recommend_units *units)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out,
		"# Proposed from %" PRIu64
		" %s of services that were seen at least %d times: %zu %s,\n"
		"# of which %zu cannot be decided, and %s best left as %s.\n",
		list->connections, plural(list->connections, "connection", "connections"),
		RECOMMEND_ENOUGH, list->services, plural(list->services, "service", "services"),
		list->undecided, plural(list->undecided, "is", "are"),
		plural(list->undecided, "it is", "they are"));
	for (size_t i = 0; i < list->n_better; i++)
		write_better(out, &list->better[i]);
	if (!list->n)
		fputs("# Nothing to propose yet.\n", out);
	for (size_t i = 0; i < list->n; i++) {
		fputc('\n', out);
		write_evidence(out, &list->items[i], units);
		write_rule(out, &list->items[i]);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
