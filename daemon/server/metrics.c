// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "server/control.h"
#include "server/listening.h"
#include "server/metrics.h"
#include "server/metrics_text.h"
#include "server/textfile.h"

struct metrics {
	struct server *server;
	struct listening *listening;
	char textfile[PATH_MAX]; /* "": none */
	sd_event_source *textfile_timer;
	bool textfile_due; /* it is written as soon as the collection is complete */
	char textfile_why[PATH_MAX + 256]; /* it cannot be written, "": it was */
	struct collection *collection;
	sd_event_source *work; /* on while the collection is gathered */
	bool gathering;
	bool ready; /* complete, and not all who wait for it have it yet */
	int failed; /* instead: a negative errno */
};

static void begin(struct metrics *metrics)
{
	if (metrics->gathering)
		return;
	collection_begin(metrics->collection);
	metrics->gathering = true;
	sd_event_source_set_enabled(metrics->work, SD_EVENT_ON);
}

static void note_held(struct collection *collection, uint64_t start)
{
	uint64_t took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;

	if (took > collection->held_ns)
		collection->held_ns = took;
}

/* ---- the file ---- */

static void write_textfile(struct metrics *metrics)
{
	autofree char *text = metrics->failed ? NULL
					      : metrics_text(metrics->server, metrics->collection,
							     OPENMETRICS_PROMETHEUS);
	int rc = metrics->failed ? metrics->failed : -ENOMEM;
	bool told = metrics->textfile_why[0] != '\0';

	metrics->textfile_due = false;
	if (text)
		rc = textfile_write(metrics->textfile, text);
	metrics->textfile_why[0] = '\0';
	if (!rc)
		return;
	snprintf(metrics->textfile_why, sizeof(metrics->textfile_why),
		 "metrics: cannot write %s: %s; the unit needs its directory in ReadWritePaths=",
		 metrics->textfile, strerror(-rc));
	if (!told)
		log_warning("%s", metrics->textfile_why);
}

static int on_textfile(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct metrics *metrics = userdata;

	(void)usec;
	sd_event_source_set_time_relative(source, TEXTFILE_SECONDS * 1000000ULL);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	metrics->textfile_due = true;
	begin(metrics);
	return 0;
}

/* Write @path from now on; a file that is not written any more would tell of a past for good. */
static void set_textfile(struct metrics *metrics, const char *path)
{
	if (metrics->textfile[0] && strcmp(metrics->textfile, path))
		unlink(metrics->textfile);
	strcpy(metrics->textfile, path);
	metrics->textfile_due = false;
	metrics->textfile_why[0] = '\0';
	sd_event_source_set_time_relative(metrics->textfile_timer, 0);
	sd_event_source_set_enabled(metrics->textfile_timer,
				    *path ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* ---- gathering ---- */

/* One request is answered in one turn.  What comes after the last of them gets new metrics. */
static void answer_next(struct metrics *metrics)
{
	uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	bool answered = metrics->textfile_due;

	if (metrics->textfile_due)
		write_textfile(metrics);
	else
		answered = control_resume(metrics->server->control);
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

void metrics_set(struct metrics *metrics, const struct policy_settings *settings)
{
	set_textfile(metrics, settings->metrics_textfile);
	listening_set(metrics->listening, settings);
}

static size_t list_degraded(const struct metrics *metrics, const char *lines[2])
{
	size_t n = 0;

	if (metrics->textfile_why[0])
		lines[n++] = metrics->textfile_why;
	if (listening_why(metrics->listening)[0])
		lines[n++] = listening_why(metrics->listening);
	return n;
}

void metrics_append_degraded(const struct metrics *metrics, json_t *list)
{
	const char *lines[2];
	size_t n = metrics ? list_degraded(metrics, lines) : 0;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_text(lines[i]));
}

struct listener_counts metrics_listener_counts(const struct metrics *metrics)
{
	return listening_counts(metrics->listening);
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
	new->listening = listening_new(server);
	if (!new->listening)
		return kernel_fail(error, -ENOMEM, "out of memory");
	rc = sd_event_add_defer(server->event, &new->work, on_work, new);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(new->work, SD_EVENT_OFF);
	if (rc >= 0)
		rc = sd_event_add_time_relative(server->event, &new->textfile_timer,
						CLOCK_MONOTONIC, 0, 0, on_textfile, new);
	if (rc >= 0)
		metrics_set(new, &server->config.settings);
	return rc < 0 ? kernel_fail(error, rc, "cannot set up the event loop: %s", strerror(-rc))
		      : 0;
}

void metrics_close(struct metrics *metrics)
{
	if (!metrics)
		return;
	if (metrics->textfile[0])
		unlink(metrics->textfile);
	listening_free(metrics->listening);
	sd_event_source_unref(metrics->textfile_timer);
	sd_event_source_unref(metrics->work);
	collection_free(metrics->collection);
	free(metrics);
}
