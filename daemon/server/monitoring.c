// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/array.h"
#include "common/clock.h"
#include "common/json.h"
#include "kernel/places.h"
#include "server/control.h"
#include "server/lessons.h"
#include "server/monitoring.h"
#include "server/seen.h"
#include "server/server.h"
#include "wire/cause_json.h"

#define WAITING_MAX 16384 /* events for one client; what comes then is lost to it */
#define TAKEN_MAX 512 /* events of one response */
#define LOOK_USEC 200000 /* how often breakers and the cool-down are looked at */

/* One of the two. */
struct item {
	struct smc_policy_event event;
	json_t *json; /* NULL: it is the event */
};

struct monitoring {
	struct server *server;
	struct filter filter;
	unsigned int place; /* in the kernel's map of filters, and in struct monitors */
	struct item *items; /* that wait, from first on */
	size_t first, n, room;
	uint64_t lost; /* to this client, since it was told so */
	uint64_t lost_told; /* of what the ring buffer had no room for */
};

struct monitors {
	struct monitoring *at[SMC_POLICY_READERS];
	struct ring_buffer *ring;
	sd_event_source *source, *timer;
	uint64_t looked; /* CLOCK_MONOTONIC, ns: when breakers were looked at */
	uint64_t cooldowns; /* how many there had been then */
	uint64_t generation; /* of the policy that was told last */
};

/* ---- waiting events ---- */

static void count_lost(struct monitoring *monitoring)
{
	monitoring->lost++;
	monitoring->server->fallbacks.readers.lost++;
}

static struct item *add_item(struct monitoring *monitoring)
{
	monitoring->server->fallbacks.readers.received++;
	if (monitoring->n - monitoring->first >= WAITING_MAX ||
	    array_grow(monitoring->items, monitoring->n, monitoring->room)) {
		count_lost(monitoring);
		return NULL;
	}
	return &monitoring->items[monitoring->n++];
}

/* @json is taken over. */
static void add_json(struct monitoring *monitoring, json_t *json)
{
	struct item *item = add_item(monitoring);

	if (item)
		item->json = json;
	else
		json_decref(json);
}

/* What is told no filter has any say over, but that there is none. */
static void add_for_all(struct monitors *monitors, json_t *json)
{
	for (unsigned int i = 0; i < SMC_POLICY_READERS; i++)
		if (monitors->at[i] && filter_is_empty(&monitors->at[i]->filter))
			add_json(monitors->at[i], json_incref(json));
	json_decref(json);
}

static int on_event(void *context, void *data, size_t size)
{
	const struct smc_policy_event *event = data;
	struct server *server = context;
	struct monitors *monitors = server->monitors;

	if (size < sizeof(*event))
		return 0;
	server->fallbacks.events.received++;
	for (unsigned int i = 0; i < SMC_POLICY_READERS; i++) {
		struct item *item = NULL;

		if (monitors->at[i] && event->readers >> i & 1)
			item = add_item(monitors->at[i]);
		if (item)
			*item = (struct item){ .event = *event };
	}
	return 0;
}

/* ---- as JSON ---- */

/* "2026-11-29T09:06:15.123456Z" for @time of CLOCK_MONOTONIC. */
static json_t *report_stamp(uint64_t time)
{
	uint64_t age = clock_ns(CLOCK_MONOTONIC) - time;
	uint64_t us = (clock_ns(CLOCK_REALTIME) - age) / 1000;
	time_t seconds = (time_t)(us / 1000000);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%FT%T", &tm);
	return json_sprintf("%s.%06uZ", text, (unsigned int)(us % 1000000));
}

static json_t *new_event(uint64_t time, const char *name)
{
	return json_pack("{s:o, s:s}", "time", report_stamp(time), "event", name);
}

static void add_fallback(json_t *json, const struct smc_policy_event *event)
{
	json_object_set_new(
		json, "cause",
		json_text_or_null(seen_cause(&event->told, event->code, event->speaks)));
	json_object_set_new(json, "code", cause_json_code(event->code));
	json_object_set_new(json, "peer_code", cause_json_code(event->peer_code));
}

static json_t *count_or_null(const struct smc_policy_event *event, uint64_t count)
{
	return event->unbytes ? json_null() : json_integer((json_int_t)count);
}

static void add_close(json_t *json, const struct smc_policy_event *event)
{
	json_object_set_new(json, "mode", seen_mode(event->mode));
	json_object_set_new(json, "sent", count_or_null(event, event->sent));
	json_object_set_new(json, "received", count_or_null(event, event->received));
	json_object_set_new(json, "seconds", json_real((double)event->lived / NSEC_PER_SEC));
}

/* The rule of a decision is of this moment, so its slot has no other owner yet. */
static const char *rule_of(const struct server *server, const struct smc_policy_event *event)
{
	if (event->kind != SMC_POLICY_EVENT_DECISION)
		return seen_rule(server, &event->told, event->epoch);
	return event->told.slot >= SMC_POLICY_SLOT_FIRST && event->told.slot < server->slots.n
		       ? server->slots.owners[event->told.slot].name
		       : NULL;
}

static json_t *report_event(const struct server *server, const struct smc_policy_event *event)
{
	static const char *const names[] = { [SMC_POLICY_EVENT_DECISION] = "decision",
					     [SMC_POLICY_EVENT_FALLBACK] = "fallback",
					     [SMC_POLICY_EVENT_CLOSE] = "close" };
	json_t *json = new_event(event->time, names[event->kind % 3]), *rest;

	rest = json_pack(
		"{s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "side",
		word_name(&words_side, event->side), "peer",
		seen_address((const uint8_t *)event->peer), "peer_port", (int)event->peer_port,
		"port", (int)event->port, "verdict", seen_verdict(&event->told), "reason",
		seen_reason(&event->told), "rule", json_text_or_null(rule_of(server, event)),
		"generation",
		event->told.asked ? json_integer((json_int_t)event->told.generation) : json_null(),
		"netns",
		json_text_or_null(places_netns(server->places, event->netns, event->netns_cookie)),
		"cgroup", json_text_or_null(places_cgroup(server->places, event->cgroup)));
	json_object_update(json, rest);
	json_decref(rest);
	if (event->kind == SMC_POLICY_EVENT_FALLBACK)
		add_fallback(json, event);
	else if (event->kind == SMC_POLICY_EVENT_CLOSE)
		add_close(json, event);
	return json;
}

static json_t *report_lost(uint64_t lost)
{
	json_t *json = new_event(clock_ns(CLOCK_MONOTONIC), "lost");

	json_object_set_new(json, "count", json_integer((json_int_t)lost));
	return json;
}

/* How many were lost to @monitoring since that was told. */
static uint64_t find_lost(const struct monitoring *monitoring, uint64_t *in_ring)
{
	uint64_t all = kernel_events_lost(monitoring->server->kernel, monitoring->place);

	*in_ring = all - monitoring->lost_told;
	return monitoring->lost + *in_ring;
}

bool monitoring_waits(const struct monitoring *monitoring)
{
	uint64_t in_ring;

	return monitoring->n > monitoring->first || find_lost(monitoring, &in_ring);
}

static void append_lost(struct monitoring *monitoring, json_t *events)
{
	uint64_t in_ring, lost = find_lost(monitoring, &in_ring);

	if (!lost)
		return;
	json_array_append_new(events, report_lost(lost));
	monitoring->server->fallbacks.events.received += in_ring;
	monitoring->server->fallbacks.events.lost += in_ring;
	monitoring->lost_told += in_ring;
	monitoring->lost = 0;
}

json_t *monitoring_take(struct monitoring *monitoring, bool end)
{
	json_t *events = json_array();

	for (size_t taken = 0; monitoring->first < monitoring->n && (end || taken < TAKEN_MAX);
	     taken++) {
		struct item *item = &monitoring->items[monitoring->first++];

		json_array_append_new(events,
				      item->json ? item->json
						 : report_event(monitoring->server, &item->event));
	}
	if (monitoring->first == monitoring->n)
		monitoring->first = monitoring->n = 0;
	/* What was lost came after what still waits. */
	if (!monitoring->n)
		append_lost(monitoring, events);
	return json_pack("{s:o, s:b}", "events", events, "end", end);
}

/* ---- what the daemon finds out itself ---- */

static json_t *until_of(uint64_t time)
{
	return time ? report_stamp(time) : json_null();
}

/* A breaker that has changed since the last look. */
static int tell_breaker(void *arg, const void *key, const void *value)
{
	const struct smc_policy_path_key *of = key;
	const struct smc_policy_path *path = value;
	struct server *server = arg;
	struct policy_prefix prefix = lessons_path_prefix(server, of);
	char text[VALUE_TEXT_SIZE];
	json_t *json;

	if (path->since <= server->monitors->looked)
		return 0;
	value_format_prefix(&prefix, text);
	json = new_event(path->since, "breaker");
	json_object_set_new(json, "side", json_string(word_name(&words_side, of->side)));
	json_object_set_new(json, "prefix", json_string(text));
	json_object_set_new(json, "state", json_string(word_name(&words_path_state, path->state)));
	json_object_set_new(json, "code", cause_json_code(path->code));
	json_object_set_new(json, "until", until_of(path->until));
	add_for_all(server->monitors, json);
	return 0;
}

static void tell_cooldown(struct server *server, const struct smc_policy_host *host)
{
	json_t *json = new_event(clock_ns(CLOCK_MONOTONIC), "cooldown");

	json_object_set_new(json, "code", cause_json_code(host->cooldown_code));
	json_object_set_new(json, "seconds", json_integer(host->cooldown));
	json_object_set_new(json, "until", until_of(host->cooldown_until));
	add_for_all(server->monitors, json);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *server = userdata;
	struct monitors *monitors = server->monitors;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	struct smc_policy_host host;

	(void)usec;
	kernel_each(server->kernel, KERNEL_PATHS, tell_breaker, server);
	monitors->looked = now;
	kernel_read_host(server->kernel, &host);
	if (host.cooldown_times != monitors->cooldowns)
		tell_cooldown(server, &host);
	monitors->cooldowns = host.cooldown_times;
	sd_event_source_set_time_relative(source, LOOK_USEC);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	/* The last ones to be lost are followed by none that would bring it up. */
	control_send_waiting(server->control);
	return 0;
}

/* Rules may have other slots now. */
static void renew_filters(struct server *server)
{
	struct smc_policy_filter filter;
	struct kernel_error error;

	for (unsigned int i = 0; i < SMC_POLICY_READERS; i++) {
		struct monitoring *monitoring = server->monitors->at[i];

		if (!monitoring)
			continue;
		filter_for_kernel(server, &monitoring->filter, &filter);
		kernel_monitor(server->kernel, i, &filter, &error);
	}
}

/* "uid N"; null where nobody asked for the change. */
static json_t *author_text(const struct author *author)
{
	return author->known ? json_sprintf("uid %u", author->uid) : json_null();
}

void monitoring_tell_policy(struct server *server)
{
	struct monitors *monitors = server->monitors;
	json_t *json;

	if (!monitors || monitors->generation == server->generation)
		return;
	monitors->generation = server->generation;
	renew_filters(server);
	json = new_event(clock_ns(CLOCK_MONOTONIC), "policy");
	json_object_set_new(json, "generation", json_integer((json_int_t)server->generation));
	json_object_set_new(json, "rules", json_integer((json_int_t)server->in_force.n_rules));
	json_object_set_new(json, "by", author_text(&server->author));
	json_object_set_new(json, "way", json_string(server->author.way));
	add_for_all(monitors, json);
}

/* ---- coming and going ---- */

static int on_events(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct server *server = userdata;

	(void)source;
	(void)fd;
	(void)events;
	monitoring_drain(server);
	control_send_waiting(server->control);
	return 0;
}

void monitoring_drain(struct server *server)
{
	if (server->monitors && server->monitors->ring)
		ring_buffer__consume(server->monitors->ring);
}

static void close_monitors(struct server *server)
{
	struct monitors *monitors = server->monitors;

	sd_event_source_disable_unref(monitors->source);
	sd_event_source_disable_unref(monitors->timer);
	ring_buffer__free(monitors->ring);
	free(monitors);
	server->monitors = NULL;
}

static int open_monitors(struct server *server)
{
	struct monitors *monitors = calloc(1, sizeof(*monitors));
	struct smc_policy_host host;
	int rc;

	if (!monitors)
		return -ENOMEM;
	server->monitors = monitors;
	kernel_read_host(server->kernel, &host);
	monitors->cooldowns = host.cooldown_times;
	monitors->looked = clock_ns(CLOCK_MONOTONIC);
	monitors->generation = server->generation;
	monitors->ring = ring_buffer__new(kernel_events(server->kernel), on_event, server, NULL);
	if (!monitors->ring)
		return -errno;
	/* What an earlier reader has left is nobody's. */
	monitoring_drain(server);
	rc = sd_event_add_io(server->event, &monitors->source,
			     ring_buffer__epoll_fd(monitors->ring), EPOLLIN, on_events, server);
	if (rc >= 0)
		rc = sd_event_add_time_relative(server->event, &monitors->timer, CLOCK_MONOTONIC,
						LOOK_USEC, LOOK_USEC / 10, on_look, server);
	return rc < 0 ? rc : 0;
}

static bool is_last(const struct monitors *monitors)
{
	for (unsigned int i = 0; i < SMC_POLICY_READERS; i++)
		if (monitors->at[i])
			return false;
	return true;
}

static unsigned int free_place(const struct monitors *monitors)
{
	unsigned int place = 0;

	while (place < SMC_POLICY_READERS && monitors->at[place])
		place++;
	return place;
}

/* Give @monitoring a place among the readers. */
static int join(struct server *server, struct monitoring *monitoring, struct kernel_error *error)
{
	struct smc_policy_filter filter;
	int rc = server->monitors ? 0 : open_monitors(server);

	if (rc)
		return kernel_fail(error, rc, "cannot read the ring buffer: %s", strerror(-rc));
	monitoring->place = free_place(server->monitors);
	if (monitoring->place == SMC_POLICY_READERS)
		return kernel_fail(error, -EBUSY, "%d clients monitor already; end one of them",
				   SMC_POLICY_READERS);
	filter_for_kernel(server, &monitoring->filter, &filter);
	/* Not before: events from before it are for whoever had the place. */
	monitoring_drain(server);
	rc = kernel_monitor(server->kernel, monitoring->place, &filter, error);
	if (!rc)
		server->monitors->at[monitoring->place] = monitoring;
	return rc;
}

struct monitoring *monitoring_new(struct server *server, const struct filter *filter,
				  struct kernel_error *error)
{
	struct monitoring *monitoring = calloc(1, sizeof(*monitoring));

	if (!monitoring)
		return NULL;
	monitoring->server = server;
	monitoring->filter = *filter;
	if (!join(server, monitoring, error))
		return monitoring;
	if (server->monitors && is_last(server->monitors))
		close_monitors(server);
	free(monitoring);
	return NULL;
}

void monitoring_free(struct monitoring *monitoring)
{
	struct server *server;

	if (!monitoring)
		return;
	server = monitoring->server;
	kernel_monitor_end(server->kernel, monitoring->place);
	server->monitors->at[monitoring->place] = NULL;
	if (is_last(server->monitors))
		close_monitors(server);
	for (size_t i = monitoring->first; i < monitoring->n; i++)
		json_decref(monitoring->items[i].json);
	free(monitoring->items);
	free(monitoring);
}
