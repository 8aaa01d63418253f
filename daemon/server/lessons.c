// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Long because what is shown and what is forgotten find prefixes, peers and breakers in the same way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/clock.h"
#include "policy/causes.h"
#include "policy/learn.h"
#include "server/costs.h"
#include "server/lessons.h"
#include "server/report.h"
#include "wire/cause_json.h"

#define SUMMARY_SERVICES 3
#define RULE_SERVICES 10
#define LISTED_MAX 65536 /* peers, and subnets, in one answer */

json_t *lessons_report_time(uint64_t ns)
{
	uint64_t real = clock_ns(CLOCK_REALTIME), now = clock_ns(CLOCK_MONOTONIC);

	return report_time(ns ? (real - now + ns) / NSEC_PER_SEC : 0);
}

static json_t *report_gain(int64_t gain)
{
	return json_real((double)gain / SMC_AUTO_ONE);
}

/* ---- prefixes ---- */

struct policy_prefix lessons_path_prefix(const struct server *server,
					 const struct smc_policy_path_key *key)
{
	const struct policy_parameters *parameters = &server->config.settings.parameters;
	struct policy_prefix prefix = { .v4 = !key->v6 };

	if (key->v6) {
		prefix.length = (uint8_t)parameters->prefix_v6;
		memcpy(prefix.addr, key->prefix, sizeof(key->prefix));
		return prefix;
	}
	prefix.length = (uint8_t)parameters->prefix_v4;
	prefix.addr[10] = prefix.addr[11] = 0xff;
	memcpy(prefix.addr + 12, key->prefix, 4);
	return prefix;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	return !memcmp(a, b, bits / 8) &&
	       (!(bits % 8) || !((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8)));
}

/* Whether all of @inner is in @outer. */
static bool contains(const struct policy_prefix *outer, const struct policy_prefix *inner)
{
	return outer->v4 == inner->v4 && outer->length <= inner->length &&
	       same_bits(outer->addr, inner->addr, outer->length + (outer->v4 ? 96u : 0));
}

static bool overlaps(const struct policy_prefix *a, const struct policy_prefix *b)
{
	return contains(a, b) || contains(b, a);
}

bool lessons_rule_covers(const struct policy_rule *rule, uint8_t side, uint16_t port)
{
	bool covers = !rule->n_ports;

	for (size_t i = 0; i < rule->n_ports; i++)
		covers |= port >= rule->ports[i].first && port <= rule->ports[i].last;
	return covers && (rule->side == POLICY_SIDE_BOTH || rule->side == side);
}

bool lessons_any(const struct smc_auto_peer *peer)
{
	return peer->mean.weight || peer->no_smc_times;
}

/* ---- what gained most ---- */

struct ranked {
	struct smc_auto_key key;
	uint64_t gained, connections;
};

struct ranking {
	struct ranked *items; /* NULL: only counted */
	size_t n, room;
};

/* What a walk through the maps is about; each ranking and filter may be NULL. */
struct survey {
	const struct policy_prefix *prefix;
	const struct policy_rule *rule;
	bool count_peers; /* and subnets: no more is wanted of them */
	uint8_t *named; /* with prefix: a bit for each side and port that a peer inside it has */
	struct ranking services, subnets, peers;
};

#define NAMED_BYTES (SMC_POLICY_SIDES * 65536 / 8)

static void survey_clear(struct survey *survey)
{
	free(survey->services.items);
	free(survey->subnets.items);
	free(survey->peers.items);
	free(survey->named);
}

static int rank(struct ranking *ranking, const struct smc_auto_key *key,
		const struct smc_auto_tally *tally)
{
	int rc = array_grow(ranking->items, ranking->n, ranking->room);

	if (rc)
		return rc;
	ranking->items[ranking->n++] = (struct ranked){
		.key = *key,
		.gained = tally->gain,
		.connections = tally->connections,
	};
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;

	if (one->gained != other->gained)
		return one->gained > other->gained ? -1 : 1;
	if (one->connections != other->connections)
		return one->connections > other->connections ? -1 : 1;
	return memcmp(&one->key, &other->key, sizeof(one->key));
}

static void sort(struct ranking *ranking)
{
	if (ranking->items)
		qsort(ranking->items, ranking->n, sizeof(*ranking->items), compare);
}

static unsigned int named_bit(const struct smc_auto_key *key)
{
	return (key->side & 1u) << 16 | key->port;
}

static int survey_peer(void *arg, const void *key_, const void *value)
{
	const struct smc_auto_key *key = key_;
	const struct smc_auto_peer *peer = value;
	struct policy_prefix prefix = learn_prefix(key);
	struct survey *survey = arg;
	struct ranking *ranking;

	if (!lessons_any(peer))
		return 0;
	if (survey->prefix) {
		if (!overlaps(survey->prefix, &prefix))
			return 0;
		survey->named[named_bit(key) / 8] |= (uint8_t)(1u << named_bit(key) % 8);
	}
	ranking = key->bits == SMC_AUTO_BITS_PEER ? &survey->peers : &survey->subnets;
	if (!survey->count_peers)
		return rank(ranking, key, &peer->tally);
	ranking->n++;
	return 0;
}

static int survey_service(void *arg, const void *key_, const void *value)
{
	const struct smc_auto_key *key = key_;
	const struct smc_auto_service *service = value;
	struct survey *survey = arg;

	if (!service->mean.weight)
		return 0;
	if (survey->prefix && !(survey->named[named_bit(key) / 8] >> named_bit(key) % 8 & 1))
		return 0;
	if (survey->rule && !lessons_rule_covers(survey->rule, key->side, key->port))
		return 0;
	return rank(&survey->services, key, &service->tally);
}

/* Find what @survey is about, and sort it; peers too if @peers. */
static int take_survey(const struct server *server, struct survey *survey, bool peers)
{
	int rc = 0;

	if (survey->prefix) {
		survey->named = calloc(1, NAMED_BYTES);
		rc = survey->named ? 0 : -ENOMEM;
	}
	if (!rc && peers)
		rc = kernel_each(server->kernel, KERNEL_PEERS, survey_peer, survey);
	if (!rc)
		rc = kernel_each(server->kernel, KERNEL_SERVICES, survey_service, survey);
	sort(&survey->services);
	sort(&survey->subnets);
	sort(&survey->peers);
	return rc;
}

/* ---- services, subnets, peers ---- */

static void add_tally(json_t *json, const struct smc_auto_tally *tally)
{
	json_object_set_new(json, "connections", json_integer((json_int_t)tally->connections));
	json_object_set_new(json, "worthwhile", json_integer((json_int_t)tally->worthwhile));
	json_object_set_new(json, "bytes", json_integer((json_int_t)tally->bytes));
	json_object_set_new(json, "messages", json_integer((json_int_t)tally->messages));
	json_object_set_new(json, "gained", report_gain((int64_t)tally->gain));
}

/* Side, port and what a connection would get; without peer of one that is unknown. */
static json_t *report_opinion(const struct smc_auto_key *key, const struct smc_auto_memory *memory)
{
	struct learn_opinion opinion;

	learn_judge(memory, clock_ns(CLOCK_MONOTONIC), &opinion);
	return json_pack(
		"{s:s, s:i, s:s, s:o, s:o}", "side", word_name(&words_side, key->side), "port",
		key->port, "reason", word_name(&words_reason, (unsigned int)opinion.reason),
		"decides",
		opinion.decider < 0
			? json_null()
			: json_string(word_name(&words_voter, (unsigned int)opinion.decider)),
		"gain", report_gain(opinion.gain));
}

/* What auto's decisions did in the lessons that are remembered, beside the two constant answers. */
static json_t *report_decisions(const struct smc_auto_account *account)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I}", "gained", report_gain(account->gained),
			 "lost", report_gain(account->lost), "smc_for_all",
			 report_gain(account->total[SMC_AUTO_ALWAYS]), "tcp_for_all",
			 report_gain(0), "lessons",
			 (json_int_t)(account->weight / SMC_AUTO_WEIGHT_ONE));
}

json_t *lessons_report_service(const struct server *server, const struct smc_auto_key *key)
{
	struct smc_auto_service service;
	struct smc_auto_memory memory = { .service = &service };
	json_t *json;

	if (kernel_find(server->kernel, KERNEL_SERVICES, key, &service))
		return NULL;
	json = report_opinion(key, &memory);
	add_tally(json, &service.tally);
	json_object_set_new(json, "decisions", report_decisions(&service.account));
	return json;
}

struct smc_auto_key lessons_coarser_key(const struct smc_auto_key *key, uint8_t bits)
{
	struct smc_auto_key other = { .side = key->side, .bits = bits, .port = key->port };

	memcpy(other.peer, key->peer, bits / 8);
	return other;
}

static json_t *report_no_smc(const struct smc_auto_peer *peer)
{
	if (!peer->no_smc_times)
		return json_null();
	return json_pack("{s:o, s:o, s:I}", "code", cause_json_code(peer->no_smc_code), "until",
			 lessons_report_time(peer->no_smc_until), "times",
			 (json_int_t)peer->no_smc_times);
}

json_t *lessons_report_peer(const struct server *server, const struct smc_auto_key *key)
{
	bool one = key->bits == SMC_AUTO_BITS_PEER;
	struct policy_prefix prefix = learn_prefix(key);
	struct smc_auto_key up =
		lessons_coarser_key(key, prefix.v4 ? SMC_AUTO_BITS_V4 : SMC_AUTO_BITS_V6);
	struct smc_auto_service service;
	struct smc_auto_peer subnet, peer;
	struct smc_auto_memory memory = { .subnet = &subnet };
	char text[VALUE_TEXT_SIZE];
	json_t *json;

	if (kernel_find(server->kernel, KERNEL_PEERS, key, one ? &peer : &subnet))
		return NULL;
	if (one)
		memory.peer = &peer;
	if (one && kernel_find(server->kernel, KERNEL_PEERS, &up, &subnet))
		memory.subnet = NULL;
	up = lessons_coarser_key(key, 0);
	if (!kernel_find(server->kernel, KERNEL_SERVICES, &up, &service))
		memory.service = &service;
	json = report_opinion(key, &memory);
	json_object_del(json, "decides"); /* that is the service's */
	if (one)
		value_format_address(prefix.addr, text);
	else
		value_format_prefix(&prefix, text);
	json_object_set_new(json, one ? "peer" : "subnet", json_string(text));
	add_tally(json, one ? &peer.tally : &subnet.tally);
	if (!one)
		return json;
	json_object_set_new(json, "rtt", peer.rtt ? json_integer(peer.rtt) : json_null());
	json_object_set_new(json, "no_smc", report_no_smc(&peer));
	return json;
}

static json_t *
report_ranking(const struct server *server, const struct ranking *ranking, size_t most,
	       json_t *(*report)(const struct server *server, const struct smc_auto_key *key))
{
	json_t *list = json_array();

	for (size_t i = 0; i < ranking->n && i < most; i++) {
		json_t *json = report(server, &ranking->items[i].key);

		if (json)
			json_array_append_new(list, json);
	}
	return list;
}

/* ---- breakers, cool-down, the host ---- */

/* Breakers that something speaks against; @open: only those that keep SMC off. */
struct path_list {
	const struct server *server;
	const struct policy_prefix *prefix; /* NULL: all */
	bool open;
	json_t *list;
};

json_t *lessons_report_path(const struct server *server, const struct smc_policy_path_key *key,
			    const struct smc_policy_path *path)
{
	struct policy_prefix prefix = lessons_path_prefix(server, key);
	json_t *evidence = json_object();
	char text[VALUE_TEXT_SIZE];

	for (unsigned int i = 0; i < SMC_POLICY_EVIDENCES; i++)
		json_object_set_new(evidence, word_name(&words_evidence, i),
				    json_integer(path->evidence[i]));
	value_format_prefix(&prefix, text);
	return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:I}", "side",
			 word_name(&words_side, key->side), "prefix", text, "state",
			 word_name(&words_path_state, path->state), "votes",
			 (json_int_t)path->votes, "evidence", evidence, "code",
			 cause_json_code(path->code), "since", lessons_report_time(path->since),
			 "until", lessons_report_time(path->until), "backoff",
			 (json_int_t)path->backoff);
}

static bool is_spotless(const struct smc_policy_path *path)
{
	uint32_t evidence = 0;

	for (int i = 0; i < SMC_POLICY_EVIDENCES; i++)
		evidence |= path->evidence[i];
	return path->state == SMC_POLICY_PATH_CLOSED && !evidence;
}

void lessons_count_breaker(const struct smc_policy_path *path, uint64_t *states)
{
	if (!is_spotless(path) && path->state < SMC_POLICY_PATH_STATES)
		states[path->state]++;
}

static int list_path(void *arg, const void *key, const void *value)
{
	const struct smc_policy_path *path = value;
	struct path_list *paths = arg;
	struct policy_prefix prefix = lessons_path_prefix(paths->server, key);

	if (is_spotless(path) || (paths->open && path->state == SMC_POLICY_PATH_CLOSED) ||
	    (paths->prefix && !overlaps(paths->prefix, &prefix)))
		return 0;
	return json_array_append_new(paths->list, lessons_report_path(paths->server, key, path))
		       ? -ENOMEM
		       : 0;
}

static json_t *report_paths(const struct server *server, const struct policy_prefix *prefix,
			    bool open)
{
	struct path_list paths = {
		.server = server,
		.prefix = prefix,
		.open = open,
		.list = json_array(),
	};

	kernel_each(server->kernel, KERNEL_PATHS, list_path, &paths);
	return paths.list;
}

json_t *lessons_report_cooldown(const struct smc_policy_host *host)
{
	if (clock_ns(CLOCK_MONOTONIC) >= host->cooldown_until)
		return json_null();
	return json_pack("{s:o, s:I, s:o, s:I}", "until", lessons_report_time(host->cooldown_until),
			 "seconds", (json_int_t)host->cooldown, "code",
			 cause_json_code(host->cooldown_code), "times",
			 (json_int_t)host->cooldown_times);
}

static json_int_t count_smc(const struct server *server)
{
	struct smc_policy_rule_state state;

	kernel_read_rule_state(server->kernel, SMC_POLICY_SLOT_DEFAULT, &state);
	return state.live > 0 ? state.live : 0;
}

/* Lessons that were lost, in all and by how they were lost, into @json. */
static void add_lost(const struct smc_policy_host *host, json_t *json)
{
	json_t *by = json_object();
	uint64_t sum = 0;

	for (unsigned int i = 0; i < SMC_POLICY_LOSSES; i++) {
		json_object_set_new(by, word_name(&words_loss, i),
				    json_integer((json_int_t)host->lost[i]));
		sum += host->lost[i];
	}
	json_object_set_new(json, "lost", json_integer((json_int_t)sum));
	json_object_set_new(json, "lost_by", by);
}

/* Breakers, cool-down and what is counted for the host, into @json. */
static void add_host(const struct server *server, const struct policy_prefix *prefix, bool open,
		     json_t *json)
{
	struct smc_policy_host host;

	kernel_read_host(server->kernel, &host);
	json_object_set_new(json, "breakers", report_paths(server, prefix, open));
	json_object_set_new(json, "cooldown", lessons_report_cooldown(&host));
	add_lost(&host, json);
	json_object_set_new(json, "smc_connections", json_integer(count_smc(server)));
}

/* ---- described ---- */

json_t *lessons_show(const struct server *server, const struct policy_prefix *prefix, size_t most)
{
	struct survey survey = { .prefix = prefix };
	json_t *json;

	if (most > LISTED_MAX)
		most = LISTED_MAX;
	if (take_survey(server, &survey, true)) {
		survey_clear(&survey);
		return NULL;
	}
	json = json_pack("{s:o, s:o, s:o, s:{s:I, s:I, s:I}}", "services",
			 report_ranking(server, &survey.services, SIZE_MAX, lessons_report_service),
			 "peers", report_ranking(server, &survey.peers, most, lessons_report_peer),
			 "subnets",
			 report_ranking(server, &survey.subnets, most, lessons_report_peer),
			 "known", "services", (json_int_t)survey.services.n, "peers",
			 (json_int_t)survey.peers.n, "subnets", (json_int_t)survey.subnets.n);
	survey_clear(&survey);
	if (json) {
		json_object_set_new(json, "costs", costs_report(server));
		add_host(server, prefix, false, json);
	}
	return json;
}

json_t *lessons_summary(const struct server *server)
{
	struct survey survey = { .count_peers = true };
	json_t *json = NULL;

	if (!take_survey(server, &survey, true))
		json = json_pack("{s:I, s:I, s:I, s:o}", "services", (json_int_t)survey.services.n,
				 "peers", (json_int_t)survey.peers.n, "subnets",
				 (json_int_t)survey.subnets.n, "top",
				 report_ranking(server, &survey.services, SUMMARY_SERVICES,
						lessons_report_service));
	survey_clear(&survey);
	if (json)
		add_host(server, NULL, true, json);
	return json;
}

json_t *lessons_services(const struct server *server, size_t most)
{
	struct survey survey = { 0 };
	json_t *list = NULL;

	if (!take_survey(server, &survey, false))
		list = report_ranking(server, &survey.services, most, lessons_report_service);
	survey_clear(&survey);
	return list;
}

json_t *lessons_of_rule(const struct server *server, const struct policy_rule *rule)
{
	struct survey survey = { .rule = rule };
	json_t *json = NULL;

	if (!take_survey(server, &survey, false))
		json = json_pack("{s:I, s:o}", "services", (json_int_t)survey.services.n, "top",
				 report_ranking(server, &survey.services, RULE_SERVICES,
						lessons_report_service));
	survey_clear(&survey);
	return json;
}

/* ---- forgotten ---- */

struct forgetting {
	const struct server *server;
	const struct policy_prefix *prefix; /* NULL: everything */
	json_int_t services, subnets, peers, paths;
};

static int forget_service(void *arg, const void *key, const void *value)
{
	struct forgetting *forgetting = arg;

	(void)value;
	forgetting->services += !kernel_forget(forgetting->server->kernel, KERNEL_SERVICES, key);
	return 0;
}

static int forget_peer(void *arg, const void *key_, const void *value)
{
	const struct smc_auto_key *key = key_;
	struct policy_prefix prefix = learn_prefix(key);
	struct forgetting *forgetting = arg;
	bool shown = lessons_any(value);

	if (forgetting->prefix && !contains(forgetting->prefix, &prefix))
		return 0;
	if (kernel_forget(forgetting->server->kernel, KERNEL_PEERS, key) || !shown)
		return 0;
	if (key->bits == SMC_AUTO_BITS_PEER)
		forgetting->peers++;
	else
		forgetting->subnets++;
	return 0;
}

static int forget_path(void *arg, const void *key, const void *value)
{
	struct forgetting *forgetting = arg;
	struct policy_prefix prefix = lessons_path_prefix(forgetting->server, key);
	bool shown = !is_spotless(value);

	if (forgetting->prefix && !contains(forgetting->prefix, &prefix))
		return 0;
	if (!kernel_forget(forgetting->server->kernel, KERNEL_PATHS, key) && shown)
		forgetting->paths++;
	return 0;
}

int lessons_forget(const struct server *server, const struct policy_prefix *prefix, json_t **counts,
		   struct kernel_error *error)
{
	struct forgetting forgetting = { .server = server, .prefix = prefix };
	struct smc_policy_host nothing = { 0 };
	int rc = 0;

	if (!prefix)
		rc = kernel_each(server->kernel, KERNEL_SERVICES, forget_service, &forgetting);
	if (!rc)
		rc = kernel_each(server->kernel, KERNEL_PEERS, forget_peer, &forgetting);
	if (!rc)
		rc = kernel_each(server->kernel, KERNEL_PATHS, forget_path, &forgetting);
	if (rc)
		return kernel_fail(error, rc, "cannot read what is learned: %s", strerror(-rc));
	if (!prefix)
		kernel_set_cooldown(server->kernel, &nothing);
	*counts = json_pack("{s:I, s:I, s:I, s:I}", "services", forgetting.services, "peers",
			    forgetting.peers, "subnets", forgetting.subnets, "breakers",
			    forgetting.paths);
	return *counts ? 0 : kernel_fail(error, -ENOMEM, "out of memory");
}
