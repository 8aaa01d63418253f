/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits for what changes around the daemon and tells the server: modules that come
 * and go, mounts (so named network namespaces too), pins that are removed.  No
 * timers but a short one that gathers events, so an idle daemon sleeps.
 */
#ifndef SMC_POLICY_WATCH_H
#define SMC_POLICY_WATCH_H

#include "kernel/error.h"

struct server;
struct watch;

int watch_open(struct watch **watch, struct server *server, struct kernel_error *error);
void watch_close(struct watch *watch);

#endif
