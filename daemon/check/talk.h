/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What check connect and check serve say to each other, over SMC or TCP.  The client sends lines, each of
 * which is answered before the next:
 *
 *	hello 1		{"protocol": 1, "mode", "code", "peer_code"}: the server's view of this connection
 *	syn ISN		{"syn", "synack"}: true or false, whether SYN and SYN-ACK of the connection with
 *			this ISN had SMC's option when they passed the server; null: not seen
 *	data BYTES SEED WINDOW
 *			both ends send as many bytes, the client's of SEED and the server's of SEED + 1 (see
 *			talk_exchange()), then the server the line "ok" or "bad", for what it received
 *	ping COUNT SIZE	the server sends back SIZE bytes, COUNT times
 *
 * Whoever gets something else closes the connection.  Neither end trusts the other.
 */
#ifndef SMC_POLICY_CHECK_TALK_H
#define SMC_POLICY_CHECK_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALK_PORT 18254 /* of check serve, where none is named */
#define TALK_PROTOCOL 1
#define TALK_LINE_SIZE 256
#define TALK_BYTES_MAX (16u << 20) /* of one "data" */
#define TALK_PINGS_MAX 10000u
#define TALK_PING_SIZE_MAX 4096u
#define TALK_IDLE_MS 30000 /* without progress, which ends a connection */

/* All return 0 or a negative errno: -ETIMEDOUT without progress, -EPIPE if the other end has closed. */

int talk_send(int fd, const void *data, size_t length);
int talk_receive(int fd, void *data, size_t length);

/* A line without its end to @line of TALK_LINE_SIZE bytes; -EMSGSIZE: it is longer. */
int talk_receive_line(int fd, char *line);

/* Send a line and its end. */
__attribute__((format(printf, 2, 3))) int talk_send_line(int fd, const char *format, ...);

struct talk_data {
	uint32_t bytes; /* each way */
	uint32_t window; /* at most so many are sent ahead of what was received; not 0 */
	uint32_t seed, expected; /* of what is sent, and of what must be received */
};

/* Both ends send and receive at once; @right: what came depends on @data->expected. */
int talk_exchange(int fd, const struct talk_data *data, bool *right);

#endif
