// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "listener/confine.h"
#include "listener/internal.h"

#define ANSWER_SECONDS 30 /* that the daemon may take: a reload of a million peers is far below */
#define FILES_MAX 64

/* Who starts it by hand has none of the descriptors. */
static bool is_started_by_daemon(void)
{
	for (int fd = LISTENER_FD_SOCKET; fd < LISTENER_FDS_END; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return false;
	return true;
}

static int fail(const char *what)
{
	log_error("metrics listener: cannot %s: %s", what, strerror(errno));
	return EXIT_FAILURE;
}

/* Nothing but the descriptors that it has: no user's files, no other processes, no core. */
static int drop_privileges(void)
{
	struct rlimit files = { FILES_MAX, FILES_MAX }, none = { 0, 0 };

	if (close_range(LISTENER_FDS_END, ~0u, 0))
		return fail("close what it does not need");
	if (setgroups(0, NULL) || setresgid(LISTENER_UID, LISTENER_UID, LISTENER_UID) ||
	    setresuid(LISTENER_UID, LISTENER_UID, LISTENER_UID))
		return fail("change to a user without privileges (CAP_SETUID, CAP_SETGID)");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0) || chdir("/") ||
	    setrlimit(RLIMIT_NOFILE, &files) || setrlimit(RLIMIT_FSIZE, &none) ||
	    setrlimit(RLIMIT_CORE, &none))
		return fail("limit itself");
	return 0;
}

static int limit_waiting(void)
{
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };

	if (setsockopt(LISTENER_FD_DAEMON, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(LISTENER_FD_DAEMON, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		return fail("use the daemon's socket");
	return 0;
}

/* Wait until there is something to do, or a sample is due. */
static void wait_for_work(uint64_t due)
{
	struct pollfd fds[] = { { .fd = http_fd(), .events = POLLIN },
				{ .fd = LISTENER_FD_DAEMON, .events = POLLRDHUP } };
	uint64_t now = clock_ns(CLOCK_MONOTONIC) / 1000000;
	int timeout = http_timeout(), left = due > now ? (int)(due - now) : 0;

	poll(fds, 2, timeout >= 0 && timeout < left ? timeout : left);
	if (fds[1].revents)
		_exit(EXIT_SUCCESS); /* the daemon has ended, or has had enough */
}

static bool add_sample(struct history *history)
{
	const json_t *metrics = ask_metrics(OPENMETRICS);

	if (metrics)
		history_add(history, metrics);
	return metrics != NULL;
}

static int serve(struct history *history)
{
	uint64_t due = 0; /* CLOCK_MONOTONIC, ms */

	for (;;) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC) / 1000000;

		if (now >= due) {
			if (!add_sample(history))
				break;
			due = now + HISTORY_STEP * 1000;
		}
		wait_for_work(due);
		if (!http_run())
			break;
	}
	/* Without leave of the sanitizers, which may do nothing here any more. */
	_exit(EXIT_FAILURE);
}

/* Run until the daemon ends.  Errors go to stderr. */
int main(void)
{
	static struct history history;
	struct listener_counts *counts;
	sigset_t none;

	if (!is_started_by_daemon()) {
		fputs("smc-policy-listener: smc-policyd starts this; set [metrics] listen\n",
		      stderr);
		return EXIT_FAILURE;
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (drop_privileges() || limit_waiting())
		return EXIT_FAILURE;
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, LISTENER_FD_COUNTS,
		      0);
	if (counts == MAP_FAILED)
		return fail("map memory");
	json_object_seed(0); /* reads a file */
	errno = -http_start(counts, &history);
	if (errno)
		return fail("answer HTTP");
	errno = -confine();
	if (errno)
		return fail("restrict its system calls");
	return serve(&history);
}
