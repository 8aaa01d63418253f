/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Framing of the control protocol (common/protocol.h): encoding for both ends,
 * and a client's end of a connection.
 */
#ifndef SMC_POLICY_FRAME_H
#define SMC_POLICY_FRAME_H

#include <jansson.h>
#include <stddef.h>

#define FRAME_TIMEOUT_MS 30000 /* without a byte moving */

/* A frame that holds @json, to be freed; its length into @size.  NULL: out of memory or too large. */
char *frame_encode(const json_t *json, size_t *size);

/* Length of the JSON that follows the PROTOCOL_HEADER bytes at @header. */
size_t frame_length(const char *header);

/* A connected stream socket, owned, and what came in on it ahead of being asked for. */
struct frame_stream {
	int fd; /* -1: closed */
	char *in;
	size_t start, end, room; /* bytes [start, end) of in are not yet used */
};

#define FRAME_STREAM_CLOSED { .fd = -1 }

/* Close and release; closed again is allowed. */
void frame_close(struct frame_stream *stream);

#define autostream __attribute__((cleanup(frame_close)))

/*
 * Send @json.  What the peer sends meanwhile is taken in, so that two ends that
 * both send never wait for each other.  Returns 0, -ENOMEM, -ETIMEDOUT, or the
 * socket's error (-EPIPE: the peer closed; an answer may still be there).
 */
int frame_send(struct frame_stream *stream, const json_t *json);

/*
 * Receive one object of at most @max bytes into @json, to be released.  Returns
 * 0, -ECONNRESET (the peer closed), -EMSGSIZE, -EBADMSG (not a JSON object),
 * -ENOMEM, -ETIMEDOUT, or the socket's error.
 */
int frame_receive(struct frame_stream *stream, size_t max, json_t **json);

#endif
