// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "server/report.h"
#include "server/server.h"
#include "server/suspension.h"

#define FILE_NAME "suspended"
#define NEXT_NAME "suspended.next"
#define RETRY_SECONDS 10

static uint64_t now_seconds(void)
{
	return clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC;
}

/* ---- the file ---- */

static int write_file(const struct server *server, const struct suspension *suspension)
{
	autofclose FILE *out = state_create(&server->state, NEXT_NAME);
	autojson json_t *json = json_pack("{s:I, s:I}", "since", (json_int_t)suspension->since,
					  "until", (json_int_t)suspension->until);
	int dir = server->state.dir;

	if (!json)
		return -ENOMEM;
	if (!out || json_dumpf(json, out, 0) || fflush(out) || fsync(fileno(out)) ||
	    renameat(dir, NEXT_NAME, dir, FILE_NAME) || fsync(dir))
		return errno ? -errno : -EIO;
	return 0;
}

static int remove_file(const struct server *server)
{
	int dir = server->state.dir;

	if (unlinkat(dir, FILE_NAME, 0) && errno != ENOENT)
		return -errno;
	return fsync(dir) ? -errno : 0;
}

/* A time of the file: a whole number, not negative.  Returns 0 or -EBADMSG. */
static int read_time(const json_t *json, const char *key, uint64_t *seconds)
{
	const json_t *time = json_object_get(json, key);

	if (!json_is_integer(time) || json_integer_value(time) < 0)
		return -EBADMSG;
	*seconds = (uint64_t)json_integer_value(time);
	return 0;
}

/* Returns 0, -ENOENT (not suspended), or another negative errno. */
static int read_file(const struct server *server, struct suspension *suspension)
{
	autoclose int fd = openat(server->state.dir, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	autojson json_t *json = fd < 0 ? NULL : json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);

	if (fd < 0)
		return -errno;
	if (read_time(json, "since", &suspension->since) ||
	    read_time(json, "until", &suspension->until))
		return -EBADMSG;
	return 0;
}

/* ---- the history ---- */

/* Note what has just been done. */
static void note(struct server *server)
{
	autojson json_t *until = report_time(server->suspension.until);
	struct history_draft draft;

	history_begin(&draft);
	if (!server->suspension.active)
		history_remark(&draft, "resumed");
	else if (json_is_string(until))
		history_remark(&draft, "suspended until %s", json_string_value(until));
	else
		history_remark(&draft, "suspended");
	state_note(&server->state, &server->added, server->generation,
		   history_end(&draft, server->generation, &server->author));
}

/* ---- its end ---- */

static void arm(struct server *server, uint64_t seconds);

static int on_end(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *server = userdata;
	struct kernel_error error;

	(void)source;
	(void)usec;
	server->author = (struct author){ .way = "suspend --for" };
	if (suspension_end(server, &error)) {
		log_error("the time to suspend is over, but not the suspension, will try again: %s",
			  error.text);
		arm(server, now_seconds() + RETRY_SECONDS);
	} else {
		log_notice("the time to suspend is over: the policy decides again");
	}
	return 0;
}

/* Call on_end() at @seconds of CLOCK_REALTIME; 0: never. */
static void arm(struct server *server, uint64_t seconds)
{
	struct suspension *suspension = &server->suspension;

	suspension_close(suspension);
	if (seconds && sd_event_add_time(server->event, &suspension->timer, CLOCK_REALTIME,
					 seconds * 1000000, 1000, on_end, server) < 0)
		log_error("cannot set a timer: suspended until \"smc-ebpf resume\"");
}

void suspension_close(struct suspension *suspension)
{
	suspension->timer = sd_event_source_disable_unref(suspension->timer);
}

/* ---- what others call ---- */

void suspension_read(struct server *server)
{
	struct suspension found = { .active = true };
	char line[256];
	int rc = read_file(server, &found);

	unlinkat(server->state.dir, NEXT_NAME, 0);
	if (rc == -ENOENT)
		return;
	if (rc) {
		found = (struct suspension){ .active = true };
		log_warning("%s/" FILE_NAME
			    " cannot be read: %s; suspended until \"smc-ebpf resume\"",
			    server->state.dir_path, strerror(-rc));
	} else if (found.until && found.until <= now_seconds()) {
		log_notice("the time to suspend was over while no daemon ran");
		remove_file(server);
		return;
	}
	server->suspension = found;
	arm(server, found.until);
	if (suspension_warning(server, line, sizeof(line)))
		log_warning("%s", line);
}

int suspension_begin(struct server *server, uint64_t seconds, bool *saved,
		     struct kernel_error *error)
{
	uint64_t now = now_seconds();
	struct suspension next = {
		.active = true,
		.since = server->suspension.active ? server->suspension.since : now,
		.until = seconds ? now + seconds : 0,
		.timer = server->suspension.timer,
	};
	/* First what helps now: a disk may be slow. */
	int rc = kernel_suspend(server->kernel, true, error);

	if (rc)
		return rc;
	server->suspension = next;
	arm(server, next.until);
	rc = write_file(server, &next);
	*saved = !rc;
	if (rc)
		log_warning("cannot save in %s that SMC is suspended: %s; a restart of smc-policyd "
			    "will resume it",
			    server->state.dir_path, strerror(-rc));
	note(server);
	return 0;
}

int suspension_end(struct server *server, struct kernel_error *error)
{
	int rc;

	if (!server->suspension.active)
		return 0;
	rc = remove_file(server);
	if (rc)
		return kernel_fail(error, rc, "cannot remove %s/" FILE_NAME ": %s",
				   server->state.dir_path, strerror(-rc));
	rc = kernel_suspend(server->kernel, false, error);
	if (rc) {
		write_file(server, &server->suspension);
		return rc;
	}
	suspension_close(&server->suspension);
	server->suspension = (struct suspension){ 0 };
	note(server);
	return 0;
}

/* ---- telling ---- */

json_t *suspension_report(const struct server *server)
{
	const struct suspension *suspension = &server->suspension;

	if (!suspension->active)
		return json_null();
	return json_pack("{s:o, s:o}", "since", report_time(suspension->since), "until",
			 report_time(suspension->until));
}

bool suspension_warning(const struct server *server, char *line, size_t size)
{
	const struct suspension *suspension = &server->suspension;
	autojson json_t *until = report_time(suspension->until);
	const char *what = server->backend == POLICY_BACKEND_OBSERVE
				   ? "this does nothing, because backend observe enforces nothing"
				   : "every new connection is TCP, whatever the rules say";

	if (!suspension->active)
		return false;
	snprintf(line, size, "suspended%s%s: %s; \"smc-ebpf resume\" ends it",
		 suspension->until ? " until " : "",
		 suspension->until ? json_string_value(until) : "", what);
	return true;
}
