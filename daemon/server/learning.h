/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's part in learning: looks at living connections now and then, and follows the
 * use of SMC, and has what is learned saved.  Sleeps while no connection opens and none is to be
 * looked at.
 */
#ifndef SMC_POLICY_LEARNING_H
#define SMC_POLICY_LEARNING_H

#include "kernel/error.h"

struct learning;
struct server;

/* Before it, the functions below may be called with NULL, and do nothing. */
int learning_open(struct learning **learning, struct server *server, struct kernel_error *error);
void learning_close(struct learning *learning);

/* Take what the ring buffer has now: connections that have closed go to control_record(). */
void learning_take_records(struct learning *learning);

/* Module smc has come: look whether it is in use. */
void learning_refresh(struct learning *learning);

#endif
