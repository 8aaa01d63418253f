// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding out what is known of a connection, and reporting it. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/plural.h"
#include "server/explain.h"
#include "server/lessons.h"
#include "server/report.h"
#include "server/story.h"

#define CANDIDATES_MAX 50 /* that are listed */

/* ---- what is known ---- */

/* The bits of @word from the most significant on, of network byte order, as a mask. */
static __be32 leading_bits(unsigned int bits)
{
	uint32_t mask = bits ? ~0u << (32 - (bits < 32 ? bits : 32)) : 0;

	return htobe32(mask);
}

/* As smc_policy_path_key() of bpf/path.bpf.h. */
static void find_path(struct story *story)
{
	const struct policy_parameters *parameters = &story->server->config.settings.parameters;
	bool v4 = value_is_v4(story->addr);
	unsigned int bits = v4 ? parameters->prefix_v4 : parameters->prefix_v6;
	const __be32 *peer = story->query->peer;

	story->path_key = (struct smc_policy_path_key){ .side = story->query->side, .v6 = !v4 };
	story->path_key.prefix[0] = (v4 ? peer[3] : peer[0]) & leading_bits(bits);
	if (!v4 && bits > 32)
		story->path_key.prefix[1] = peer[1] & leading_bits(bits - 32);
	if (kernel_find(story->server->kernel, KERNEL_PATHS, &story->path_key, &story->path))
		memset(&story->path, 0, sizeof(story->path));
}

static struct smc_auto_key subnet_key(const struct story *story)
{
	return lessons_coarser_key(&story->key,
				   value_is_v4(story->addr) ? SMC_AUTO_BITS_V4 : SMC_AUTO_BITS_V6);
}

static void find_lessons(struct story *story)
{
	const struct kernel *kernel = story->server->kernel;
	struct smc_auto_key service, subnet;

	story->key = (struct smc_auto_key){
		.side = story->query->side,
		.bits = SMC_AUTO_BITS_PEER,
		.port = story->query->port,
	};
	memcpy(story->key.peer, story->query->peer, sizeof(story->key.peer));
	service = lessons_coarser_key(&story->key, 0);
	subnet = subnet_key(story);
	if (!kernel_find(kernel, KERNEL_SERVICES, &service, &story->service))
		story->memory.service = &story->service;
	if (!kernel_find(kernel, KERNEL_PEERS, &subnet, &story->subnet))
		story->memory.subnet = &story->subnet;
	if (!kernel_find(kernel, KERNEL_PEERS, &story->key, &story->one))
		story->memory.peer = &story->one;
}

static int find_all(struct story *story)
{
	story->addr = (const uint8_t *)story->query->peer;
	story->now = clock_ns(CLOCK_MONOTONIC);
	value_format_address(story->addr, story->peer);
	find_lessons(story);
	find_path(story);
	kernel_read_host(story->server->kernel, &story->host);
	if (policy_match_list(&story->server->in_force, story->addr, story->query->side,
			      story->query->port, &story->matches, &story->n))
		return -ENOMEM;
	story->action = story_winner(story) ? story_winner(story)->action
					    : story->server->in_force.default_action;
	return 0;
}

/* ---- candidates ---- */

static const char *action_name(int action)
{
	return word_name(&words_action, (unsigned int)action);
}

/* What makes @match lose against @best. */
static json_t *why_it_loses(const struct policy_match *best, const struct policy_match *match)
{
	enum policy_precedence by;

	policy_match_compare(best, match, &by);
	switch (by) {
	case POLICY_BY_PREFIX:
		return json_sprintf("its prefix is shorter: %u bits against %u",
				    policy_match_length(match), policy_match_length(best));
	case POLICY_BY_PORTS:
		return json_sprintf("its port range is wider: %u %s against %u",
				    policy_match_width(match),
				    plural(policy_match_width(match), "port", "ports"),
				    policy_match_width(best));
	case POLICY_BY_SIDE:
		return json_string("it is for both sides, the winner for this one alone");
	case POLICY_BY_ACTION:
		return json_sprintf("%s goes before %s", action_name(best->rule->action),
				    action_name(match->rule->action));
	case POLICY_BY_NAME:
		break;
	}
	return json_string("all else is equal, and the winner's name comes first");
}

static json_t *report_candidate(const struct story *story, size_t i)
{
	const struct policy_match *match = &story->matches[i], *best = story->matches;
	char peers[VALUE_TEXT_SIZE], ports[VALUE_TEXT_SIZE];
	enum policy_precedence by;

	if (match->peers)
		value_format_prefix(match->peers, peers);
	if (match->ports)
		value_format_range(match->ports, ports);
	policy_match_compare(best, match, &by);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", match->rule->name,
			 "action", action_name(match->rule->action), "side",
			 word_name(&words_rule_side, (unsigned int)match->rule->side), "prefix",
			 match->peers ? json_string(peers) : json_null(), "range",
			 match->ports ? json_string(ports) : json_null(), "origin",
			 report_origin(match->rule), "loses_by",
			 i ? json_string(word_name(&words_precedence, by)) : json_null(), "why",
			 i ? why_it_loses(best, match) : json_null());
}

static json_t *report_candidates(const struct story *story)
{
	json_t *list = json_array();

	for (size_t i = 0; i < story->n && i < CANDIDATES_MAX; i++)
		json_array_append_new(list, report_candidate(story, i));
	return list;
}

/* Why the winner won, in a sentence without its full stop. */
static json_t *report_why(const struct story *story)
{
	const struct policy_match *next = story->matches + 1;
	autojson json_t *loses = NULL;

	if (!story->n)
		return json_sprintf("no rule matches, so the default holds: %s",
				    action_name(story->action));
	if (story->n == 1)
		return json_sprintf("rule %s is the only one that matches",
				    story_winner(story)->name);
	loses = why_it_loses(story->matches, next);
	return json_sprintf("rule %s wins; the next one, %s, loses: %s", story_winner(story)->name,
			    next->rule->name, json_string_value(loses));
}

/* ---- the whole ---- */

static json_t *or_null(json_t *json)
{
	return json ? json : json_null();
}

/* What auto would say, whatever the rule, and from what. */
static json_t *report_learned(const struct story *story)
{
	const struct learn_opinion *opinion = &story->opinion;
	const struct server *server = story->server;
	struct smc_auto_key service = lessons_coarser_key(&story->key, 0);
	struct smc_auto_key subnet = subnet_key(story);

	return json_pack(
		"{s:s, s:o, s:f, s:o, s:o, s:o}", "reason",
		word_name(&words_reason, (unsigned int)opinion->reason), "decides",
		opinion->decider < 0
			? json_null()
			: json_string(word_name(&words_voter, (unsigned int)opinion->decider)),
		"gain", (double)opinion->gain / SMC_AUTO_ONE, "service",
		or_null(lessons_report_service(server, &service)), "subnet",
		or_null(lessons_report_peer(server, &subnet)), "peer",
		or_null(lessons_report_peer(server, &story->key)));
}

static json_t *report_story(const struct story *story)
{
	const struct smc_policy_answer *answer = story->answer;
	const struct server *server = story->server;
	json_t *json =
		json_pack("{s:s, s:s, s:i, s:s, s:s, s:I, s:s, s:s}", "side",
			  word_name(&words_side, story->query->side), "peer", story->peer, "port",
			  story->query->port, "verdict", word_name(&words_verdict, answer->verdict),
			  "reason", word_name(&words_reason, answer->reason), "generation",
			  (json_int_t)answer->generation, "backend",
			  word_name(&words_backend, server->backend), "default",
			  action_name(server->in_force.default_action));

	json_object_set_new(json, "rule", report_slot(server, answer->slot));
	json_object_set_new(json, "why", report_why(story));
	json_object_set_new(json, "candidates", report_candidates(story));
	json_object_set_new(json, "matching", json_integer((json_int_t)story->n));
	json_object_set(json, "steps", story->steps);
	json_object_set(json, "changes", story->changes);
	json_object_set_new(json, "learned", report_learned(story));
	json_object_set_new(json, "breaker",
			    story->path.state == SMC_POLICY_PATH_CLOSED
				    ? json_null()
				    : lessons_report_path(server, &story->path_key, &story->path));
	json_object_set_new(json, "cooldown", lessons_report_cooldown(&story->host));
	return json;
}

json_t *explain_connection(const struct server *server, const struct smc_policy_query *query,
			   const struct smc_policy_answer *answer)
{
	autojson json_t *steps = json_array();
	autojson json_t *changes = json_array();
	struct story story = {
		.server = server,
		.query = query,
		.answer = answer,
		.steps = steps,
		.changes = changes,
	};
	json_t *json;

	if (find_all(&story))
		return NULL;
	learn_judge(&story.memory, story.now, &story.opinion);
	story_tell_steps(&story);
	json = report_story(&story);
	free(story.matches);
	return json;
}
