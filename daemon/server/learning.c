// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "policy/learn.h"
#include "server/control.h"
#include "server/costs.h"
#include "server/learning.h"
#include "server/saved.h"
#include "server/server.h"

#define USEC_PER_SEC 1000000ULL
#define LOOK_USEC (USEC_PER_SEC / 2) /* looks are at least so far apart */
#define FOLLOW_USEC LOOK_USEC /* how often the use of SMC is asked for, while it is used */
#define SHARE 100 /* a look takes at most one part in so many of the time */

struct learning {
	struct server *server;
	struct ring_buffer *records;
	sd_event_source *source; /* of records */
	sd_event_source *timer;
	sd_event_source *save;
	bool woken; /* connections have opened since the last look */
	uint64_t
		unsaved; /* us, when something may first have been learned since it was saved; 0: nothing */
};

/* Look again in @usec at the latest. */
static void look_in(struct learning *learning, uint64_t usec)
{
	sd_event_source_set_time(learning->timer, clock_us(CLOCK_MONOTONIC) + usec);
	sd_event_source_set_enabled(learning->timer, SD_EVENT_ONESHOT);
}

/* ---- saving ---- */

/* Something may have been learned.  An idle host saves once more and then sleeps. */
static void note_lessons(struct learning *learning)
{
	uint64_t interval = learning->server->config.settings.save_interval;

	if (!learning->unsaved)
		learning->unsaved = clock_us(CLOCK_MONOTONIC);
	/* Each time anew: a reload may have changed the interval. */
	sd_event_source_set_time(learning->save, learning->unsaved + interval * USEC_PER_SEC);
	sd_event_source_set_enabled(learning->save, SD_EVENT_ONESHOT);
}

static int on_save(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct learning *learning = userdata;

	(void)source;
	(void)usec;
	learning->unsaved = 0;
	saved_write(learning->server);
	return 0;
}

/* ---- looking ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct learning *learning = userdata;
	struct kernel *kernel = learning->server->kernel;
	bool follow = kernel_follow_smc(kernel);
	uint64_t start = clock_us(CLOCK_MONOTONIC), next = kernel_next_look(kernel), took;

	(void)source;
	(void)usec;
	if (!next) {
		if (kernel_look_at_living(kernel))
			log_debug("cannot look at living connections");
		note_lessons(learning);
		next = kernel_next_look(kernel);
	}
	/* Also of those that have opened since the call to wake up. */
	if (learning->woken)
		note_lessons(learning);
	learning->woken = false;
	costs_follow(learning->server);
	took = clock_us(CLOCK_MONOTONIC) - start;
	next = next == UINT64_MAX ? UINT64_MAX : next / 1000;
	next = next < LOOK_USEC ? LOOK_USEC : next;
	next = next < SHARE * took ? SHARE * took : next;
	if (follow && next > FOLLOW_USEC)
		next = FOLLOW_USEC;
	if (next != UINT64_MAX)
		look_in(learning, next);
	/* What opens from now on may be due earlier. */
	kernel_wake_me(kernel);
	fallbacks_check(learning->server);
	return 0;
}

static int on_record(void *context, void *data, size_t size)
{
	const struct smc_policy_record *record = data;
	struct learning *learning = context;

	if (size < sizeof(*record))
		return 0;
	if (record->closed) {
		learning->server->fallbacks.records.received++;
		control_record(learning->server->control, record);
		return 0;
	}
	kernel_follow_smc(learning->server->kernel);
	look_in(learning, LOOK_USEC);
	learning->woken = true;
	return 0;
}

static int on_records(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct learning *learning = userdata;

	(void)source;
	(void)fd;
	(void)events;
	learning_take_records(learning);
	control_send_waiting(learning->server->control);
	return 0;
}

void learning_take_records(struct learning *learning)
{
	if (learning)
		ring_buffer__consume(learning->records);
}

void learning_refresh(struct learning *learning)
{
	if (learning)
		look_in(learning, 0);
}

int learning_open(struct learning **learning, struct server *server, struct kernel_error *error)
{
	struct learning *new = calloc(1, sizeof(*new));
	int rc;

	if (!new)
		return kernel_fail(error, -ENOMEM, "out of memory");
	*learning = new;
	new->server = server;
	for (unsigned int i = 0; i < SMC_POLICY_READERS; i++)
		kernel_monitor_end(server->kernel, i);
	kernel_set_recording(server->kernel,
			     false); /* an earlier daemon may have been killed at it */
	new->records = ring_buffer__new(kernel_records(server->kernel), on_record, new, NULL);
	if (!new->records)
		return kernel_fail(error, -errno, "cannot read the ring buffer: %s",
				   strerror(errno));
	rc = sd_event_add_io(server->event, &new->source, ring_buffer__epoll_fd(new->records),
			     EPOLLIN, on_records, new);
	if (rc >= 0)
		rc = sd_event_add_time(server->event, &new->timer, CLOCK_MONOTONIC,
				       clock_us(CLOCK_MONOTONIC), LOOK_USEC / 10, on_timer, new);
	if (rc >= 0)
		rc = sd_event_add_time(server->event, &new->save, CLOCK_MONOTONIC, 0, USEC_PER_SEC,
				       on_save, new);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(new->save, SD_EVENT_OFF);
	return rc < 0 ? kernel_fail(error, rc, "cannot set up the event loop: %s", strerror(-rc))
		      : 0;
}

void learning_close(struct learning *learning)
{
	if (!learning)
		return;
	sd_event_source_unref(learning->save);
	sd_event_source_unref(learning->timer);
	sd_event_source_unref(learning->source);
	ring_buffer__free(learning->records);
	free(learning);
}
