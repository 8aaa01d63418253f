// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "server/control.h"
#include "server/metrics.h"
#include "server/metrics_text.h"

struct metrics {
	struct server *server;
	struct collection *collection;
	sd_event_source *work; /* on while the collection is gathered */
	bool gathering;
	bool ready; /* complete, and not all who wait for it have it yet */
	int failed; /* instead: a negative errno */
};

static void note_held(struct collection *collection, uint64_t start)
{
	uint64_t took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;

	if (took > collection->held_ns)
		collection->held_ns = took;
}

/* One request is answered in one turn.  What comes after the last of them gets new metrics. */
static void answer_next(struct metrics *metrics)
{
	uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	bool answered = control_resume(metrics->server->control);

	note_held(metrics->collection, start);
	if (answered)
		return;
	metrics->ready = false;
	metrics->failed = 0;
	sd_event_source_set_enabled(metrics->work, SD_EVENT_OFF);
}

static int on_work(sd_event_source *source, void *userdata)
{
	struct metrics *metrics = userdata;
	int rc;

	(void)source;
	if (!metrics->gathering) {
		answer_next(metrics);
		return 0;
	}
	rc = collection_step(metrics->collection);
	if (rc > 0)
		return 0;
	metrics->gathering = false;
	metrics->ready = !rc;
	metrics->failed = rc;
	return 0;
}

static void begin(struct metrics *metrics)
{
	if (metrics->gathering)
		return;
	collection_begin(metrics->collection);
	metrics->gathering = true;
	sd_event_source_set_enabled(metrics->work, SD_EVENT_ON);
}

int metrics_answer(struct metrics *metrics, enum openmetrics_format format, json_t **json,
		   struct kernel_error *error)
{
	autofree char *text = NULL;

	if (metrics->failed)
		return kernel_fail(error, metrics->failed, "cannot read what the kernel counts: %s",
				   strerror(-metrics->failed));
	if (!metrics->ready) {
		begin(metrics);
		return 1;
	}
	text = metrics_text(metrics->server, metrics->collection, format);
	*json = text ? metrics_json(metrics->server, metrics->collection, text) : NULL;
	return *json ? 0 : -ENOMEM;
}

int metrics_open(struct metrics **metrics, struct server *server, struct kernel_error *error)
{
	struct metrics *new = calloc(1, sizeof(*new));
	int rc;

	if (!new)
		return kernel_fail(error, -ENOMEM, "out of memory");
	*metrics = new;
	new->server = server;
	new->collection = collection_new(server);
	if (!new->collection)
		return kernel_fail(error, -ENOMEM, "out of memory");
	rc = sd_event_add_defer(server->event, &new->work, on_work, new);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(new->work, SD_EVENT_OFF);
	return rc < 0 ? kernel_fail(error, rc, "cannot set up the event loop: %s", strerror(-rc))
		      : 0;
}

void metrics_close(struct metrics *metrics)
{
	if (!metrics)
		return;
	sd_event_source_unref(metrics->work);
	collection_free(metrics->collection);
	free(metrics);
}
