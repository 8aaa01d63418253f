// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "wire/frame.h"
#include "common/json.h"
#include "wire/protocol.h"

#define RECEIVE_ROOM 65536u /* bytes, for the beginning of a frame */

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

static int socket_error(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
}

int frame_send(int fd, const json_t *json)
{
	size_t size, sent = 0;
	autofree char *frame = frame_encode(json, &size);

	if (!frame)
		return -ENOMEM;
	while (sent < size) {
		ssize_t n = send(fd, frame + sent, size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return socket_error();
		if (n > 0)
			sent += (size_t)n;
	}
	return 0;
}

static int receive_all(int fd, char *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = recv(fd, buf + got, size - got, 0);

		if (!n)
			return -ECONNRESET;
		if (n < 0 && errno != EINTR)
			return socket_error();
		if (n > 0)
			got += (size_t)n;
	}
	return 0;
}

/*
 * @length bytes into @text, to be freed in any case; no more is allocated than twice what has come.
 */
static int receive_text(int fd, size_t length, char **text)
{
	size_t got = 0;
	int rc = 0;

	while (got < length && !rc) {
		size_t room = got ? 2 * got : RECEIVE_ROOM;
		char *grown;

		room = room < length ? room : length;
		grown = realloc(*text, room);
		if (!grown)
			return -ENOMEM;
		*text = grown;
		rc = receive_all(fd, grown + got, room - got);
		got = room;
	}
	return rc;
}

int frame_receive(int fd, size_t max, json_t **json)
{
	char header[PROTOCOL_HEADER];
	autojson json_t *received = NULL;
	autofree char *text = NULL;
	size_t length;
	int rc = receive_all(fd, header, sizeof(header));

	if (rc)
		return rc;
	length = frame_length(header);
	if (!length || length > max)
		return -EMSGSIZE;
	rc = receive_text(fd, length, &text);
	if (rc)
		return rc;
	received = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(received))
		return -EBADMSG;
	*json = steal_ptr(received);
	return 0;
}
