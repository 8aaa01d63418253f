// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/frame.h"
#include "common/protocol.h"

#define READ_SIZE 65536

char *frame_encode(const json_t *json, size_t *size)
{
	size_t length = json_dumpb(json, NULL, 0, JSON_COMPACT);
	uint32_t header = htonl((uint32_t)length);
	char *frame;

	if (!length || length > PROTOCOL_RESPONSE_MAX)
		return NULL;
	frame = malloc(PROTOCOL_HEADER + length);
	if (!frame)
		return NULL;
	memcpy(frame, &header, PROTOCOL_HEADER);
	json_dumpb(json, frame + PROTOCOL_HEADER, length, JSON_COMPACT);
	*size = PROTOCOL_HEADER + length;
	return frame;
}

size_t frame_length(const char *header)
{
	uint32_t length;

	memcpy(&length, header, sizeof(length));
	return ntohl(length);
}

void frame_close(struct frame_stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->in);
	*stream = (struct frame_stream)FRAME_STREAM_CLOSED;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait for one of @events: those that came, or -ETIMEDOUT. */
static int wait_for(int fd, short events)
{
	int64_t end = now_ms() + FRAME_TIMEOUT_MS, left;

	while ((left = end - now_ms()) > 0) {
		struct pollfd poller = { .fd = fd, .events = events };
		int n = poll(&poller, 1, (int)left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			return poller.revents;
	}
	return -ETIMEDOUT;
}

/* Space for READ_SIZE more bytes.  Grows by half, so that long frames are not copied often. */
static int make_room(struct frame_stream *stream)
{
	size_t room;
	char *in;

	if (stream->start) {
		memmove(stream->in, stream->in + stream->start, stream->end - stream->start);
		stream->end -= stream->start;
		stream->start = 0;
	}
	if (stream->room - stream->end >= READ_SIZE)
		return 0;
	room = stream->end + stream->end / 2 + READ_SIZE;
	in = realloc(stream->in, room);
	if (!in)
		return -ENOMEM;
	stream->in = in;
	stream->room = room;
	return 0;
}

/* Take in what is there, without waiting: how many bytes, -EAGAIN for none. */
static ssize_t take_in(struct frame_stream *stream)
{
	ssize_t n;
	int rc = make_room(stream);

	if (rc)
		return rc;
	n = recv(stream->fd, stream->in + stream->end, stream->room - stream->end, MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (!n)
		return -ECONNRESET;
	stream->end += (size_t)n;
	return n;
}

/* The socket takes no more for now: wait until it does, and take in what comes. */
static int wait_to_send(struct frame_stream *stream)
{
	int events = wait_for(stream->fd, POLLOUT | POLLIN);
	ssize_t n;

	if (events < 0)
		return events;
	if (!(events & POLLIN))
		return 0;
	n = take_in(stream);
	return n < 0 && n != -EAGAIN ? (int)n : 0;
}

int frame_send(struct frame_stream *stream, const json_t *json)
{
	size_t size = 0, sent = 0;
	autofree char *frame = frame_encode(json, &size);
	int rc;

	if (!frame)
		return -ENOMEM;
	while (sent < size) {
		ssize_t n = send(stream->fd, frame + sent, size - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		rc = wait_to_send(stream);
		if (rc)
			return rc;
	}
	return 0;
}

/* Wait until @size unused bytes are there. */
static int await_bytes(struct frame_stream *stream, size_t size)
{
	while (stream->end - stream->start < size) {
		ssize_t n = take_in(stream);

		if (n == -EAGAIN)
			n = wait_for(stream->fd, POLLIN);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

int frame_receive(struct frame_stream *stream, size_t max, json_t **json)
{
	size_t length;
	int rc = await_bytes(stream, PROTOCOL_HEADER);

	if (rc)
		return rc;
	length = frame_length(stream->in + stream->start);
	if (!length || length > max)
		return -EMSGSIZE;
	rc = await_bytes(stream, PROTOCOL_HEADER + length);
	if (rc)
		return rc;
	*json = json_loadb(stream->in + stream->start + PROTOCOL_HEADER, length,
			   JSON_REJECT_DUPLICATES, NULL);
	stream->start += PROTOCOL_HEADER + length;
	if (json_is_object(*json))
		return 0;
	json_decref(*json);
	*json = NULL;
	return -EBADMSG;
}
