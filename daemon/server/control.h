/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket (common/protocol.h): many clients, none of which can hold
 * up the others.  Limits on their number, on the size of a request and on the
 * time to finish one are in control.c.
 */
#ifndef SMC_POLICY_CONTROL_H
#define SMC_POLICY_CONTROL_H

#include <jansson.h>

#include "kernel/error.h"
#include "policy/config.h"

struct control;
struct server;

/* What a client may do, by its credentials when it connected. */
enum access {
	ACCESS_NONE,
	ACCESS_READ,
	ACCESS_CHANGE,
};

/* Listen at the socket of the configuration. */
int control_open(struct control **control, struct server *server, struct kernel_error *error);
void control_close(struct control *control);

/* Apply group and read-access of @settings to the socket and to clients from now on. */
int control_set_access(struct control *control, const struct policy_settings *settings,
		       struct kernel_error *error);

/* Answer one request of a client with @access; never NULL but when memory is short. */
json_t *commands_answer(struct server *server, const json_t *request, enum access access);

/* An answer that says what is wrong. */
json_t *commands_refuse(const char *text);

#endif
