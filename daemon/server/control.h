/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket (wire/protocol.h): many clients, none of which can hold
 * up the others.  Limits on their number, on the size of a request and on the
 * time to finish one are in control.c.
 */
#ifndef SMC_POLICY_CONTROL_H
#define SMC_POLICY_CONTROL_H

#include "kernel/error.h"
#include "policy/config.h"

struct control;
struct server;
struct smc_policy_record;

/* Listen at the socket of the configuration. */
int control_open(struct control **control, struct server *server, struct kernel_error *error);
void control_close(struct control *control);

/* Apply group and read-access of @settings to the socket and to clients from now on. */
int control_set_access(struct control *control, const struct policy_settings *settings,
		       struct kernel_error *error);

/* What requests wait for has come: answer one of them.  False: there is none. */
bool control_resume(struct control *control);

/* Give a closed connection to the clients that record, and count them; nothing is sent yet. */
void control_record(struct control *control, const struct smc_policy_record *record);

/* Send the clients that record or monitor what waits for them. */
void control_send_waiting(struct control *control);

#endif
