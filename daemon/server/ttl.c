// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules whose ttl ends. */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "server/internal.h"

#define TTL_RETRY_USEC (10 * 1000000ULL)

/* Tell @draft of the rules of files in force whose ttl has ended. */
static void note_ended_files(const struct server *server, struct history_draft *draft)
{
	const struct policy_rule *rule;

	policy_for_each(rule, &server->in_force)
		if (rule->origin == POLICY_ORIGIN_FILE && rule->expires &&
		    rule->expires <= clock_ns(CLOCK_REALTIME))
			history_name(draft, '-', rule->name);
}

/* Forget added rules whose ttl has ended, and tell @draft of them. */
static bool drop_ended(struct server *server, struct history_draft *draft)
{
	bool durable = false;

	for (size_t i = server->added.n_rules; i-- > 0;) {
		struct policy_rule *rule = server->added.rules[i];

		if (!rule->expires || rule->expires > clock_ns(CLOCK_REALTIME))
			continue;
		log_info("rule %s has reached the end of its ttl", rule->name);
		durable |= rule->origin == POLICY_ORIGIN_COMMAND;
		history_rule(draft, rule->name, rule, NULL);
		/* It may be in force still; server_enforce() merges anew before anyone looks. */
		for (size_t k = 0; k < server->in_force.n_rules; k++)
			if (server->in_force.rules[k] == rule) {
				warnings_clear(&server->warnings); /* they count rules */
				server->in_force.n_rules--;
				memmove(server->in_force.rules + k, server->in_force.rules + k + 1,
					(server->in_force.n_rules - k) *
						sizeof(struct policy_rule *));
				break;
			}
		policy_rule_free(policy_take(&server->added, rule->name));
	}
	return durable;
}

static int on_ttl(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *server = userdata;
	struct state_change change = { .all = true };
	struct history_draft draft;
	struct kernel_error error;
	bool changed, durable;

	(void)usec;
	server->author = (struct author){ .way = "ttl" };
	history_begin(&draft);
	note_ended_files(server, &draft);
	durable = drop_ended(server, &draft);
	if (!server_commit_added(server, &change, &draft, durable, &changed, &error))
		return 0; /* and the timer is set anew */
	log_error("cannot take a rule whose ttl has ended out of force, will try again: %s",
		  error.text);
	sd_event_source_set_time(source, clock_us(CLOCK_REALTIME) + TTL_RETRY_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void server_arm_ttl(struct server *server)
{
	const struct policy_rule *rule;
	uint64_t first = UINT64_MAX;

	policy_for_each(rule, &server->in_force)
		if (rule->expires && rule->expires < first)
			first = rule->expires;
	server->ttl_timer = sd_event_source_unref(server->ttl_timer);
	if (first == UINT64_MAX || !server->event)
		return;
	if (sd_event_add_time(server->event, &server->ttl_timer, CLOCK_REALTIME, first / 1000 + 1,
			      1000, on_ttl, server) < 0)
		log_error("cannot set a timer: the rule with the next ttl stays in force after it");
}
