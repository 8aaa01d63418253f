// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verdict is the kernel's.  The steps that lead to it are looked at one by one in the records that its
 * program reads (bpf/decide.bpf.h), also those behind the first that is against SMC: whoever wants SMC
 * needs to know all that is in the way.  Long because it follows that program step by step, in its order.
 */
#include <stdio.h>
#include <string.h>

#include "common/buffers.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/plural.h"
#include "policy/causes.h"
#include "server/lessons.h"
#include "server/report.h"
#include "server/story.h"

#define IN_THE_WAY_MAX 3 /* rules that are named as to be taken out */

/* How a step of the decision goes. */
enum step_state {
	STEP_PASSES, /* nothing against SMC */
	STEP_AGAINST, /* alone enough for TCP */
	STEP_SKIPPED, /* not asked for this connection */
};

static bool is_smc(const struct story *story)
{
	return story->answer->verdict == SMC_POLICY_SMC;
}

static const char *action_name(int action)
{
	return word_name(&words_action, (unsigned int)action);
}

/* ---- the parts of a story ---- */

/* Add a step called @name, of @text, which is taken over. */
static void add_step(struct story *story, const char *name, enum step_state state, json_t *text)
{
	static const char *const states[] = {
		[STEP_PASSES] = "passes", [STEP_AGAINST] = "against", [STEP_SKIPPED] = "skipped"
	};

	json_array_append_new(story->steps, json_pack("{s:s, s:s, s:o}", "name", name, "state",
						      states[state], "text", text));
}

static void pass(struct story *story, const char *name, json_t *text)
{
	add_step(story, name, STEP_PASSES, text);
}

/* The step of that reason is against SMC. */
static void object(struct story *story, enum smc_policy_reason reason, json_t *text)
{
	add_step(story, word_name(&words_reason, reason), STEP_AGAINST, text);
}

/* What would change how the last step went: @text, and a @command or NULL, both taken over. */
static void add_change(struct story *story, json_t *text, json_t *command)
{
	const json_t *last = json_array_get(story->steps, json_array_size(story->steps) - 1);

	json_array_append_new(story->changes,
			      json_pack("{s:O, s:o, s:o}", "step", json_object_get(last, "name"),
					"text", text, "command", command ? command : json_null()));
}

/* The time @ns of CLOCK_MONOTONIC as in all outputs. */
static void format_time(uint64_t ns, char text[VALUE_TEXT_SIZE])
{
	autojson json_t *time = lessons_report_time(ns);
	const char *string = json_string_value(time);

	snprintf(text, VALUE_TEXT_SIZE, "%s", string ? string : "?");
}

/* "0x03010000 (peer)". */
static void format_code(uint32_t code, char text[VALUE_TEXT_SIZE])
{
	char number[CAUSE_CODE_SIZE];

	cause_format_code(code, number);
	snprintf(text, VALUE_TEXT_SIZE, "%s (%s)", number, cause_word(code));
}

/* ---- which rule another one would have to beat ---- */

/* How a rule of @action for exactly this connection would match; @rule and @range are its room. */
static struct policy_match exact_match(const struct story *story, int action,
				       struct policy_rule *rule, struct policy_prefix *prefix,
				       struct policy_range *range)
{
	*rule = (struct policy_rule){ .side = story->query->side, .action = action };
	*prefix = (struct policy_prefix){ .v4 = value_is_v4(story->addr) };
	prefix->length = prefix->v4 ? 32 : 128;
	*range = (struct policy_range){ story->query->port, story->query->port };
	return (struct policy_match){ .rule = rule, .peers = prefix, .ports = range };
}

/* Whether an allow rule for exactly this connection would win. */
static bool exact_allow_wins(const struct story *story)
{
	struct policy_prefix prefix;
	struct policy_range range;
	struct policy_rule rule;
	struct policy_match match = exact_match(story, SMC_POLICY_ALLOW, &rule, &prefix, &range);
	enum policy_precedence by;

	return !story->n ||
	       (policy_match_compare(&match, story->matches, &by) < 0 && by != POLICY_BY_NAME);
}

static json_t *exact_command(const struct story *story, const char *action)
{
	return json_sprintf("smc-ebpf policy add NAME --side %s --peer %s --port %u%s",
			    word_name(&words_side, story->query->side), story->peer,
			    story->query->port, action);
}

/* Another rule, or another action of the winner, would say allow. */
static void change_rule(struct story *story)
{
	autojson json_t *origin = story_winner(story) ? report_origin(story_winner(story)) : NULL;

	if (exact_allow_wins(story))
		add_change(
			story,
			json_string("allow it by a rule that is more specific, at the most one for "
				    "exactly this connection"),
			exact_command(story, ""));
	else
		add_change(
			story,
			json_sprintf("change the action of rule %s (%s): none can be more specific",
				     story_winner(story)->name, json_string_value(origin)),
			NULL);
}

/* How many rules in front, with the winner, say deny. */
static size_t count_denying(const struct story *story)
{
	size_t n = 0;

	while (n < story->n && story->matches[n].rule->action == SMC_POLICY_DENY)
		n++;
	return n;
}

/* The names of the first @n candidates with @apart between them into @text; whether all are by command. */
static bool name_rules(const struct story *story, size_t n, const char *apart, char *text,
		       size_t size)
{
	bool by_command = true;
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		const struct policy_rule *rule = story->matches[i].rule;

		by_command = by_command && rule->origin != POLICY_ORIGIN_FILE;
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? apart : "",
					 rule->name);
	}
	return by_command;
}

/* What would decide if the rules that deny were not there, if that is not deny. */
static void change_by_taking_out(struct story *story)
{
	char names[IN_THE_WAY_MAX * (SMC_POLICY_NAME_SIZE + 2)], words[sizeof(names)];
	size_t n = count_denying(story);
	const struct policy_rule *next = n < story->n ? story->matches[n].rule : NULL;
	int action = next ? next->action : story->server->in_force.default_action;
	bool by_command;

	if (!n || n > IN_THE_WAY_MAX || action == SMC_POLICY_DENY)
		return;
	by_command = name_rules(story, n, " ", words, sizeof(words));
	name_rules(story, n, ", ", names, sizeof(names));
	add_change(story,
		   json_sprintf("or take out %s %s: then %s%s decides, by %s",
				plural(n, "rule", "rules"), names, next ? "rule " : "the default",
				next ? next->name : "", action_name(action)),
		   by_command ? json_sprintf("smc-ebpf policy del %s", words) : NULL);
}

/* ---- the steps, in the order of the kernel's program ---- */

static void tell_suspension(struct story *story)
{
	const struct suspension *suspension = &story->server->suspension;
	autojson json_t *until = report_time(suspension->until);
	const char *text = json_string_value(until);

	if (story->answer->reason != SMC_POLICY_REASON_SUSPENDED) {
		pass(story, "suspended", json_string("SMC is not suspended"));
		return;
	}
	object(story, SMC_POLICY_REASON_SUSPENDED,
	       json_sprintf("SMC is suspended on this host%s%s, whatever the rules say",
			    text ? " until " : "", text ? text : ""));
	add_change(story, json_string("end the suspension"), json_string("smc-ebpf resume"));
}

static void tell_rule(struct story *story)
{
	const struct policy_rule *rule = story_winner(story);
	bool denied = story->action == SMC_POLICY_DENY;
	enum smc_policy_reason reason = rule ? SMC_POLICY_REASON_RULE : SMC_POLICY_REASON_DEFAULT;
	json_t *text = json_sprintf("%s%s says %s", rule ? "rule " : "the default",
				    rule ? rule->name : "", action_name(story->action));

	if (!denied) {
		pass(story, word_name(&words_reason, reason), text);
		if (is_smc(story))
			add_change(story,
				   json_string("deny it by a rule for exactly this connection"),
				   exact_command(story, " --action deny"));
		return;
	}
	object(story, reason, text);
	change_rule(story);
	if (rule)
		change_by_taking_out(story);
}

static json_t *auto_text(const struct learn_opinion *opinion, int reason)
{
	double gain = (double)opinion->gain / SMC_AUTO_ONE;

	if (reason == SMC_POLICY_REASON_UNPROVEN)
		return json_string("nothing is known of this service yet");
	if (reason == SMC_POLICY_REASON_SHORT_LIVED)
		return json_sprintf(
			"SMC does not pay: the next connection is expected to gain %.1f "
			"set-ups",
			gain);
	if (opinion->decider == SMC_AUTO_ALWAYS)
		return json_sprintf("SMC pays for the connections of this service as a whole; the "
				    "next one is expected to gain %.1f set-ups",
				    gain);
	return json_sprintf(
		"SMC pays, as the records by %s tell; the next connection is expected to "
		"gain %.1f set-ups",
		word_name(&words_voter, (unsigned int)opinion->decider), gain);
}

static void tell_auto(struct story *story)
{
	int reason = story->answer->reason;
	bool against =
		reason == SMC_POLICY_REASON_SHORT_LIVED || reason == SMC_POLICY_REASON_UNPROVEN;

	if (story->action != SMC_POLICY_AUTO) {
		add_step(story, "auto", STEP_SKIPPED,
			 json_string("not asked: what decides is no auto rule"));
		return;
	}
	if (!against) {
		pass(story, "auto", auto_text(&story->opinion, SMC_POLICY_REASON_LONG_LIVED));
		return;
	}
	object(story, (enum smc_policy_reason)reason, auto_text(&story->opinion, reason));
	add_change(
		story,
		json_string("wait for connections that pay: auto learns from each that closes, on "
			    "TCP too"),
		NULL);
	change_rule(story);
}

/* Whether [daemon] netns leaves the initial namespace out, for which policy test answers. */
static bool netns_left_out(const struct story *story)
{
	const struct policy_settings *settings = &story->server->config.settings;

	if (story->answer->reason == SMC_POLICY_REASON_DISABLED)
		return true;
	if (settings->netns != POLICY_NETNS_LIST || is_smc(story))
		return false;
	for (size_t i = 0; i < settings->n_netns_names; i++)
		if (!strcmp(settings->netns_names[i], "init"))
			return false;
	return true;
}

static void tell_netns(struct story *story)
{
	if (!netns_left_out(story)) {
		pass(story, "netns", json_string("the initial network namespace may speak SMC"));
		return;
	}
	object(story, SMC_POLICY_REASON_DISABLED,
	       json_string("[daemon] netns leaves the initial network namespace out"));
	add_change(story, json_string("add init to [daemon] netns, and reload"),
		   json_string("smc-ebpf reload"));
}

static void tell_cooldown(struct story *story)
{
	char until[VALUE_TEXT_SIZE], code[VALUE_TEXT_SIZE];

	if (story->now >= story->host.cooldown_until) {
		pass(story, "cooldown", json_string("SMC has not run out of a resource lately"));
		return;
	}
	format_time(story->host.cooldown_until, until);
	format_code(story->host.cooldown_code, code);
	object(story, SMC_POLICY_REASON_COOLDOWN,
	       json_sprintf("SMC ran out of a resource on this host, %s: none until %s", code,
			    until));
	add_change(story,
		   json_sprintf("wait until %s, or forget it with all that is learned", until),
		   json_string("smc-ebpf auto forget"));
}

static void tell_peer(struct story *story)
{
	const struct smc_auto_peer *peer = &story->one;
	char until[VALUE_TEXT_SIZE], code[VALUE_TEXT_SIZE];
	const char *times = plural(peer->no_smc_times, "time", "times");

	format_code(peer->no_smc_code, code);
	if (!peer->no_smc_times) {
		pass(story, "peer", json_string("nothing says that this peer does not speak SMC"));
		return;
	}
	if (story->now >= peer->no_smc_until) {
		pass(story, "peer",
		     json_sprintf("the peer did not speak SMC %u %s, %s; SMC may be tried again",
				  peer->no_smc_times, times, code));
		return;
	}
	format_time(peer->no_smc_until, until);
	object(story, SMC_POLICY_REASON_PEER,
	       json_sprintf("the peer did not speak SMC %u %s, %s: no try until %s",
			    peer->no_smc_times, times, code, until));
	add_change(story, json_sprintf("wait until %s, or forget the peer", until),
		   json_sprintf("smc-ebpf auto forget %s", story->peer));
}

static void tell_breaker(struct story *story)
{
	struct policy_prefix covered = lessons_path_prefix(story->server, &story->path_key);
	const char *state = word_name(&words_path_state, story->path.state);
	char prefix[VALUE_TEXT_SIZE], until[VALUE_TEXT_SIZE];

	value_format_prefix(&covered, prefix);
	if (story->path.state == SMC_POLICY_PATH_CLOSED) {
		pass(story, "breaker",
		     json_sprintf("the path to %s is not known to harm SMC", prefix));
		return;
	}
	if (story->now >= story->path.until) {
		pass(story, "breaker",
		     json_sprintf("the breaker for %s is %s, and the next connection is its probe",
				  prefix, state));
		return;
	}
	format_time(story->path.until, until);
	object(story, SMC_POLICY_REASON_BREAKER,
	       json_sprintf("the breaker for %s is %s until %s", prefix, state, until));
	add_change(story,
		   json_sprintf("wait until %s, or forget what is known of %s", until, prefix),
		   json_sprintf("smc-ebpf auto forget %s", prefix));
}

/* ---- limits ---- */

/* Those of a rule, or of the host. */
struct limited {
	const struct policy_limits *limits;
	uint32_t words[SMC_POLICY_LIMIT_WORDS];
	struct smc_policy_rule_state state;
	char of[SMC_POLICY_NAME_SIZE + 16]; /* "rule web" */
};

static void find_limited(const struct story *story, const struct policy_rule *rule,
			 struct limited *limited)
{
	limited->limits = rule ? &rule->limits : &story->server->config.settings.budget;
	policy_limits_words(limited->limits, smc_connection_memory(), limited->words);
	kernel_read_rule_state(story->server->kernel, rule ? rule->slot : SMC_POLICY_SLOT_DEFAULT,
			       &limited->state);
	snprintf(limited->of, sizeof(limited->of), "%s%s", rule ? "rule " : "[budget]",
		 rule ? rule->name : "");
}

static void tell_rtt(struct story *story, const struct limited *limited)
{
	uint32_t rtt = story->memory.peer ? story->one.rtt : 0;
	char most[VALUE_TEXT_SIZE], has[VALUE_TEXT_SIZE];
	json_t *text;

	if (!limited->words[SMC_POLICY_LIMIT_RTT])
		return;
	value_format_time_us(limited->words[SMC_POLICY_LIMIT_RTT], most);
	value_format_time_us(rtt, has);
	text = rtt ? json_sprintf("max-rtt of %s is %s, and the peer is %s away", limited->of, most,
				  has)
		   : json_sprintf("max-rtt of %s is %s, and nothing is known of the peer's",
				  limited->of, most);
	if (rtt <= limited->words[SMC_POLICY_LIMIT_RTT]) {
		pass(story, "rtt", text);
		return;
	}
	object(story, SMC_POLICY_REASON_RTT, text);
	add_change(story, json_sprintf("raise max-rtt of %s to %s or more", limited->of, has),
		   NULL);
}

/* The keys that limit how many connections there may be at a time: "max-memory". */
static const char *budget_keys(const struct policy_limits *limits)
{
	if (limits->connections && limits->memory)
		return "max-connections and max-memory";
	return limits->memory ? "max-memory" : "max-connections";
}

static void tell_budget(struct story *story, const struct limited *limited)
{
	uint32_t most = limited->words[SMC_POLICY_LIMIT_CONNECTIONS];
	int64_t live = limited->state.live > 0 ? limited->state.live : 0;
	const char *keys = budget_keys(limited->limits);
	json_t *text;

	if (!most)
		return;
	if (most == 1) {
		object(story, SMC_POLICY_REASON_BUDGET,
		       json_sprintf("%s of %s allows no SMC connections", keys, limited->of));
		add_change(story, json_sprintf("raise %s of %s", keys, limited->of), NULL);
		return;
	}
	text = json_sprintf("%lld of %u SMC %s of %s %s open (%s)", (long long)live, most - 1,
			    plural(most - 1, "connection", "connections"), limited->of,
			    plural((unsigned long long)live, "is", "are"), keys);
	if (limited->state.live + 1 < most) {
		pass(story, "budget", text);
		return;
	}
	object(story, SMC_POLICY_REASON_BUDGET, text);
	add_change(
		story,
		json_sprintf("wait until one of them ends, or raise %s of %s", keys, limited->of),
		NULL);
}

static void tell_pacing(struct story *story, const struct limited *limited)
{
	uint32_t interval = limited->words[SMC_POLICY_LIMIT_INTERVAL];
	__u64 due = limited->state.due;
	char rate[VALUE_TEXT_SIZE];

	if (!interval)
		return;
	value_format_rate(&limited->limits->rate, rate);
	if (!smc_auto_pace(&due, interval, limited->words[SMC_POLICY_LIMIT_BURST], story->now, 0)) {
		pass(story, "pacing",
		     json_sprintf("max-rate of %s is %s, and one more keeps it", limited->of,
				  rate));
		return;
	}
	object(story, SMC_POLICY_REASON_PACING,
	       json_sprintf("max-rate of %s is %s, and it is reached", limited->of, rate));
	add_change(story,
		   json_sprintf("wait at most %.1f s, or raise max-rate of %s",
				(double)interval / 1e6, limited->of),
		   NULL);
}

static void tell_limits(struct story *story)
{
	const struct policy_rule *rules[] = { story_winner(story), NULL };
	size_t before = json_array_size(story->steps);

	for (size_t i = story_winner(story) ? 0 : 1; i < 2; i++) {
		struct limited limited;

		find_limited(story, rules[i], &limited);
		tell_rtt(story, &limited);
		tell_budget(story, &limited);
		tell_pacing(story, &limited);
	}
	if (json_array_size(story->steps) == before)
		pass(story, "limits", json_string("neither a rule nor [budget] limits it"));
}

/* ---- the whole ---- */

void story_tell_steps(struct story *story)
{
	if (!story->answer->generation) {
		object(story, SMC_POLICY_REASON_DISABLED,
		       json_string("the program in the kernel can read no policy"));
		add_change(story, json_string("put the policy in force again"),
			   json_string("systemctl restart smc-policyd"));
		return;
	}
	tell_suspension(story);
	tell_rule(story);
	tell_auto(story);
	tell_netns(story);
	tell_cooldown(story);
	tell_peer(story);
	tell_breaker(story);
	tell_limits(story);
}
