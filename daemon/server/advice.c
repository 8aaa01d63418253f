// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/buffers.h"
#include "common/cleanup.h"
#include "policy/learn.h"
#include "policy/recommend.h"
#include "server/advice.h"
#include "server/report.h"
#include "server/server.h"

/* ---- what was learned ---- */

struct collection {
	struct recommend_context *items;
	size_t n, room;
};

#define LESSONS (2 * SMC_AUTO_WEIGHT_ONE) /* that an expectation needs */

static int collect(struct collection *collection, const struct smc_auto_key *key,
		   const struct smc_auto_tally *tally, const struct smc_auto_service *service)
{
	int rc = array_grow(collection->items, collection->n, collection->room);

	if (rc)
		return rc;
	collection->items[collection->n++] = (struct recommend_context){
		.key = *key,
		.tally = *tally,
		.predictable = service && service->rate.decider,
		.decided = service ? (int64_t)service->account.gained - service->account.lost : 0,
		.always = service ? service->account.total[SMC_AUTO_ALWAYS] : 0,
		.lessons = service ? service->account.weight / SMC_AUTO_WEIGHT_ONE : 0,
		.expected = service && service->mean.weight >= LESSONS
				    ? smc_auto_outlook_gain(
					      smc_auto_expect(&service->mean, SMC_AUTO_PRIOR))
				    : 0,
	};
	return 0;
}

static int collect_service(void *arg, const void *key, const void *value)
{
	const struct smc_auto_service *service = value;

	return collect(arg, key, &service->tally, service);
}

static int collect_peer(void *arg, const void *key, const void *value)
{
	const struct smc_auto_peer *peer = value;

	if (peer->tally.connections < RECOMMEND_ENOUGH)
		return 0;
	return collect(arg, key, &peer->tally, NULL);
}

/* ---- what lives now ---- */

/* An established connection of the daemon's namespace. */
struct living {
	uint8_t peer[16];
	unsigned int local_port, remote_port;
};

#define ESTABLISHED 1u /* TCP_ESTABLISHED of include/net/tcp_states.h */

/* A line of /proc/net/tcp or tcp6 (net/ipv4/tcp_ipv4.c, get_tcp4_sock()); false: another state. */
static bool parse_living(const char *line, bool v6, struct living *living)
{
	uint32_t words[4] = { 0, 0, htonl(0xffff) };
	unsigned int state;
	int n;

	/* Addresses are written as 32-bit numbers of this host. */
	n = v6 ? sscanf(line, "%*u: %*32[0-9A-F]:%4x %8x%8x%8x%8x:%4x %2x", &living->local_port,
			&words[0], &words[1], &words[2], &words[3], &living->remote_port, &state)
	       : sscanf(line, "%*u: %*8[0-9A-F]:%4x %8x:%4x %2x", &living->local_port, &words[3],
			&living->remote_port, &state);
	memcpy(living->peer, words, sizeof(living->peer));
	return n == (v6 ? 7 : 4) && state == ESTABLISHED;
}

static bool is_about(const struct recommendation *one, const struct living *living)
{
	unsigned int port =
		one->side == SMC_POLICY_CONNECT ? living->remote_port : living->local_port;

	if (port != one->port)
		return false;
	for (size_t i = 0; i < one->n_peers; i++) {
		const struct policy_prefix *peer = &one->peers[i];

		if (!memcmp(peer->addr, living->peer, (peer->length + (peer->v4 ? 96u : 0)) / 8))
			return true;
	}
	return !one->n_peers;
}

static void count_living(struct recommend_list *list, const char *path, bool v6)
{
	autofclose FILE *file = fopen(path, "re");
	autofree char *line = NULL;
	struct living living;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		if (!parse_living(line, v6, &living))
			continue;
		for (size_t i = 0; i < list->n; i++)
			list->items[i].live += is_about(&list->items[i], &living);
	}
}

/* ---- described ---- */

static json_t *report_one(const struct recommendation *one, const struct recommend_units *units)
{
	double gain = (double)recommend_gain(one) / SMC_AUTO_ONE;
	char text[VALUE_TEXT_SIZE];
	uint64_t memory = one->live * units->connection_memory;

	snprintf(text, sizeof(text), "%u", one->port);
	return json_pack("{s:s, s:s, s:[s], s:o, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I}",
			 "name", one->name, "side", word_name(&words_side, one->side), "ports",
			 text, "peers", report_prefixes(one->peers, one->n_peers), "action",
			 word_name(&words_action, (unsigned int)one->action), "connections",
			 (json_int_t)one->tally.connections, "worthwhile",
			 (json_int_t)one->tally.worthwhile, "bytes", (json_int_t)one->tally.bytes,
			 "messages", (json_int_t)one->tally.messages, "gain", gain, "seconds",
			 gain * units->setup_cost / 1e9, "live", (json_int_t)one->live, "memory",
			 (json_int_t)memory);
}

static json_t *report_better(const struct recommend_better *better)
{
	return json_pack("{s:s, s:i, s:s, s:f, s:I}", "side",
			 word_name(&words_side, better->key.side), "port", better->key.port,
			 "action", word_name(&words_action, (unsigned int)better->action), "gain",
			 (double)better->gain / SMC_AUTO_ONE, "lessons",
			 (json_int_t)better->lessons);
}

static json_t *report_list(const struct server *server, const struct recommend_list *list)
{
	struct recommend_units units = {
		.setup_cost = server->config.settings.setup_cost,
		.connection_memory = smc_connection_memory(),
	};
	autofree char *text = recommend_text(list, &units);
	json_t *rules, *better;

	if (!text)
		return NULL;
	rules = json_array();
	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(rules, report_one(&list->items[i], &units));
	better = json_array();
	for (size_t i = 0; i < list->n_better; i++)
		json_array_append_new(better, report_better(&list->better[i]));
	return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I}", "text", text, "rules", rules,
			 "better", better, "connections", (json_int_t)list->connections, "services",
			 (json_int_t)list->services, "undecided", (json_int_t)list->undecided,
			 "connection_memory", (json_int_t)units.connection_memory);
}

json_t *advice_report(const struct server *server)
{
	struct collection collection = { 0 };
	struct recommend_list list = { 0 };
	json_t *json = NULL;
	int rc;

	rc = kernel_each(server->kernel, KERNEL_SERVICES, collect_service, &collection);
	if (!rc)
		rc = kernel_each(server->kernel, KERNEL_PEERS, collect_peer, &collection);
	if (!rc)
		rc = recommend(collection.items, collection.n, &list);
	if (!rc) {
		count_living(&list, "/proc/net/tcp", false);
		count_living(&list, "/proc/net/tcp6", true);
		json = report_list(server, &list);
	}
	recommend_clear(&list);
	free(collection.items);
	return json;
}
