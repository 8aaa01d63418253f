// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/limits.h"
#include "smc_policy_image.h"

const char *const policy_limit_keys[] = { "max-rate", "max-connections", "max-memory", "max-rtt",
					  NULL };

static int set_connections(struct policy_limits *limits, const char *text,
			   struct value_error *error)
{
	uint64_t number;
	int rc = value_number("max-connections", text, 0, POLICY_CONNECTIONS_MAX, &number, error);

	if (!rc)
		limits->connections = (uint32_t)number + 1;
	return rc;
}

/* No limit @key any more; it exists. */
static void unset(struct policy_limits *limits, const char *key)
{
	if (!strcmp(key, "max-rate"))
		limits->rate = (struct policy_rate){ 0 };
	else if (!strcmp(key, "max-connections"))
		limits->connections = 0;
	else if (!strcmp(key, "max-memory"))
		limits->memory = 0;
	else
		limits->rtt_us = 0;
}

static bool is_key(const char *key)
{
	for (int i = 0; policy_limit_keys[i]; i++)
		if (!strcmp(policy_limit_keys[i], key))
			return true;
	return false;
}

int policy_limits_set(struct policy_limits *limits, const char *key, const char *text,
		      struct value_error *error)
{
	if (!is_key(key))
		return -ENOENT;
	if (!strcmp(text, "none")) {
		unset(limits, key);
		return 0;
	}
	if (!strcmp(key, "max-rate"))
		return value_rate(text, &limits->rate, error);
	if (!strcmp(key, "max-connections"))
		return set_connections(limits, text, error);
	if (!strcmp(key, "max-memory"))
		return value_size(text, &limits->memory, error);
	return value_time_us(text, &limits->rtt_us, error);
}

bool policy_limits_get(const struct policy_limits *limits, const char *key, char *buf)
{
	buf[0] = '\0';
	if (!strcmp(key, "max-rate") && limits->rate.count)
		value_format_rate(&limits->rate, buf);
	else if (!strcmp(key, "max-connections") && limits->connections)
		sprintf(buf, "%" PRIu32, limits->connections - 1);
	else if (!strcmp(key, "max-memory") && limits->memory)
		value_format_size(limits->memory, buf);
	else if (!strcmp(key, "max-rtt") && limits->rtt_us)
		value_format_time_us(limits->rtt_us, buf);
	return is_key(key);
}

bool policy_limits_any(const struct policy_limits *limits)
{
	return limits->rate.count || limits->connections || limits->memory || limits->rtt_us;
}

bool policy_limits_equal(const struct policy_limits *a, const struct policy_limits *b)
{
	return a->rate.count == b->rate.count && a->rate.seconds == b->rate.seconds &&
	       a->rate.burst == b->rate.burst && a->connections == b->connections &&
	       a->memory == b->memory && a->rtt_us == b->rtt_us;
}

void policy_limits_words(const struct policy_limits *limits, uint64_t connection_memory,
			 uint32_t words[])
{
	const struct policy_rate *rate = &limits->rate;
	uint64_t room = limits->memory / connection_memory;
	uint32_t connections = limits->connections;

	if (room > POLICY_CONNECTIONS_MAX)
		room = POLICY_CONNECTIONS_MAX;
	if (limits->memory && (!connections || room + 1 < connections))
		connections = (uint32_t)room + 1;
	/* To the nearest: at the highest rates a microsecond is 10 %. */
	words[SMC_POLICY_LIMIT_INTERVAL] =
		rate->count
			? (uint32_t)((rate->seconds * 1000000ULL + rate->count / 2) / rate->count)
			: 0;
	words[SMC_POLICY_LIMIT_BURST] = rate->burst;
	words[SMC_POLICY_LIMIT_CONNECTIONS] = connections;
	words[SMC_POLICY_LIMIT_RTT] = limits->rtt_us;
}
