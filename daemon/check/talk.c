// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "check/talk.h"

#define CHUNK 16384

static int wait_for(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&poll_fd, 1, TALK_IDLE_MS);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? 0 : -ETIMEDOUT;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

int talk_send(int fd, const void *data, size_t length)
{
	const char *at = data;

	while (length) {
		int rc = wait_for(fd, POLLOUT);
		ssize_t n = rc ? -1 : send(fd, at, length, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (rc || (n < 0 && !would_block()))
			return rc ? rc : -errno;
		at += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int talk_receive(int fd, void *data, size_t length)
{
	char *at = data;

	while (length) {
		int rc = wait_for(fd, POLLIN);
		ssize_t n = rc ? -1 : recv(fd, at, length, MSG_DONTWAIT);

		if (!n)
			return -EPIPE;
		if (rc || (n < 0 && !would_block()))
			return rc ? rc : -errno;
		at += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int talk_receive_line(int fd, char *line)
{
	for (size_t i = 0; i < TALK_LINE_SIZE; i++) {
		int rc = talk_receive(fd, line + i, 1);

		if (rc)
			return rc;
		if (line[i] == '\n') {
			line[i] = '\0';
			return 0;
		}
	}
	return -EMSGSIZE;
}

int talk_send_line(int fd, const char *format, ...)
{
	char line[TALK_LINE_SIZE];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(line) - 1)
		return -EMSGSIZE;
	line[length] = '\n';
	return talk_send(fd, line, (size_t)length + 1);
}

/* ---- data ---- */

/* Byte @at of the stream of @seed: no two places, nor two streams, look alike for long. */
static uint8_t stream_byte(uint32_t seed, uint32_t at)
{
	uint32_t word = (at + seed) * 2654435761u;

	return (uint8_t)(word >> 24 ^ word >> 11);
}

struct stream {
	const struct talk_data *data;
	uint32_t sent, received;
	bool right;
};

/*
 * How many bytes may have been sent by now.  Both ends keep to it, so at most two windows are on their way:
 * the peer can be one behind when its own has come.
 */
static uint32_t may_send(const struct stream *stream)
{
	const struct talk_data *data = stream->data;
	uint64_t most = (stream->received / data->window + 1) * (uint64_t)data->window;

	return most < data->bytes ? (uint32_t)most : data->bytes;
}

/* How many bytes went out, or a negative errno. */
static int send_some(int fd, struct stream *stream)
{
	uint32_t left = may_send(stream) - stream->sent, length = left < CHUNK ? left : CHUNK;
	uint8_t chunk[CHUNK];
	ssize_t n;

	for (uint32_t i = 0; i < length; i++)
		chunk[i] = stream_byte(stream->data->seed, stream->sent + i);
	n = length ? send(fd, chunk, length, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (n < 0)
		return would_block() ? 0 : -errno;
	stream->sent += (uint32_t)n;
	return (int)n;
}

static int receive_some(int fd, struct stream *stream)
{
	uint32_t left = stream->data->bytes - stream->received;
	uint8_t chunk[CHUNK];
	ssize_t n = left ? recv(fd, chunk, left < CHUNK ? left : CHUNK, MSG_DONTWAIT) : 0;

	if (!left)
		return 0;
	if (n < 0)
		return would_block() ? 0 : -errno;
	if (!n)
		return -EPIPE;
	for (ssize_t i = 0; i < n; i++)
		stream->right &= chunk[i] == stream_byte(stream->data->expected,
							 stream->received + (uint32_t)i);
	stream->received += (uint32_t)n;
	return (int)n;
}

static short wanted_events(const struct stream *stream)
{
	return (short)((stream->sent < may_send(stream) ? POLLOUT : 0) |
		       (stream->received < stream->data->bytes ? POLLIN : 0));
}

int talk_exchange(int fd, const struct talk_data *data, bool *right)
{
	struct stream stream = { .data = data, .right = true };
	int rc = 0;

	while (!rc && (stream.sent < data->bytes || stream.received < data->bytes)) {
		int sent = send_some(fd, &stream);
		int received = sent < 0 ? 0 : receive_some(fd, &stream);

		if (sent < 0 || received < 0)
			rc = sent < 0 ? sent : received;
		else if (!sent && !received)
			rc = wait_for(fd, wanted_events(&stream));
	}
	*right = !rc && stream.right;
	return rc;
}
