/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's side of the metrics listener (listener/listener.h): the socket, starting it, ending it. */
#ifndef SMC_POLICY_LISTENING_H
#define SMC_POLICY_LISTENING_H

#include "listener/listener.h"
#include "server/server.h"

struct listening;

/* NULL: out of memory. */
struct listening *listening_new(struct server *server);
void listening_free(struct listening *listening);

/*
 * Listen as @settings say; what is so already stays.  What does not work is tried again every ten
 * seconds, and why it does not is in listening_why().
 */
void listening_set(struct listening *listening, const struct policy_settings *settings);

/* Why nobody listens although somebody should, one line; "": all is well. */
const char *listening_why(const struct listening *listening);

/* What the listener has received and lost since this daemon started. */
struct listener_counts listening_counts(const struct listening *listening);

#endif
