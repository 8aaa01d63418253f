// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/stream.h"
#include "common/clock.h"
#include "common/json.h"
#include "wire/frame.h"
#include "wire/protocol.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* SIGINT and SIGTERM come only while it waits. */
static void take_signals(sigset_t *before)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, before);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int receive(const struct cli_stream *stream, const char *what, json_t **result)
{
	autojson json_t *response = NULL;
	int rc = frame_receive(stream->fd, PROTOCOL_RESPONSE_MAX, &response);

	if (rc)
		return cli_fail("smc-policyd does not go on: %s; %s", strerror(-rc), what);
	return cli_result(response, result);
}

int cli_stream_open(struct cli *cli, struct cli_stream *stream, const char *command,
		    json_t *arguments, uint64_t seconds)
{
	autojson json_t *request = cli_pack_request(command, arguments), *result = NULL;
	int rc;

	*stream = (struct cli_stream){ .fd = cli_connect(cli), .start = clock_ns(CLOCK_MONOTONIC) };
	if (stream->fd < 0)
		return CLI_UNREACHABLE;
	if (!request)
		return cli_fail("a word is not valid UTF-8, or memory is short");
	if (seconds)
		stream->deadline = stream->start + seconds * NSEC_PER_SEC;
	take_signals(&stream->signals);
	rc = frame_send(stream->fd, request);
	return rc ? cli_fail("cannot ask smc-policyd: %s", strerror(-rc))
		  : receive(stream, "nothing has come", &result);
}

/* Wait for an answer: false if the time is over or a signal came. */
static bool wait_for_answer(const struct cli_stream *stream)
{
	struct pollfd fd = { .fd = stream->fd, .events = POLLIN };

	while (!interrupted) {
		int64_t left = (int64_t)(stream->deadline - clock_ns(CLOCK_MONOTONIC));
		struct timespec timeout = { .tv_sec = left / NSEC_PER_SEC,
					    .tv_nsec = left % NSEC_PER_SEC };

		if (stream->deadline && left <= 0)
			return false;
		if (ppoll(&fd, 1, stream->deadline ? &timeout : NULL, &stream->signals) > 0)
			return true;
	}
	return false;
}

int cli_stream_next(struct cli_stream *stream, const char *what, json_t **result)
{
	int rc;

	*result = NULL;
	if (stream->fd < 0)
		return CLI_DONE;
	if (!stream->stopping && !wait_for_answer(stream)) {
		shutdown(stream->fd, SHUT_WR);
		stream->stopping = true;
	}
	rc = receive(stream, what, result);
	if (rc || json_is_true(json_object_get(*result, "end")))
		cli_stream_close(stream);
	return rc;
}

void cli_stream_close(struct cli_stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}
