/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing of the control protocol (wire/protocol.h), for both ends. */
#ifndef SMC_POLICY_FRAME_H
#define SMC_POLICY_FRAME_H

#include <jansson.h>
#include <stddef.h>

/*
 * A frame that holds @json, to be freed; its length into @size.  NULL: out of memory or too large.
 */
char *frame_encode(const json_t *json, size_t *size);

/* Length of the JSON that follows the PROTOCOL_HEADER bytes at @header. */
size_t frame_length(const char *header);

/*
 * Send @json on the blocking socket @fd.  Returns 0 or a negative errno;
 * -ETIMEDOUT where the socket's SO_SNDTIMEO ends without progress.
 */
int frame_send(int fd, const json_t *json);

/*
 * Receive one object of at most @max bytes from the blocking socket @fd into
 * @json, to be released.  Returns 0 or a negative errno: -ECONNRESET (the peer
 * closed), -EMSGSIZE, -EBADMSG (not a JSON object), -ETIMEDOUT (SO_RCVTIMEO).
 */
int frame_receive(int fd, size_t max, json_t **json);

#endif
