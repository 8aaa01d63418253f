/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smc-ebpf suspend: every new connection is TCP, whatever the rules say.  What holds is a bit of the
 * image in force; STATE_DIR/suspended makes it last, over restarts of the daemon and of the host.
 */
#ifndef SMC_POLICY_SUSPENSION_H
#define SMC_POLICY_SUSPENSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "kernel/error.h"

struct server;

/* Zero-initialised: not suspended. */
struct suspension {
	bool active;
	uint64_t since,
		until; /* seconds of CLOCK_REALTIME; since 0: unknown; until 0: until resume */
	sd_event_source *timer;
};

/*
 * Read what an earlier daemon has left in server->state, which is open, and set the timer for its end.
 * A file that cannot be read counts as suspended without an end.  The image is not touched.
 */
void suspension_read(struct server *server);

/* Drop the timer; what holds stays. */
void suspension_close(struct suspension *suspension);

/*
 * Suspend for @seconds, 0: until suspension_end(), in the place of an earlier suspension; @saved: it will
 * survive the daemon.  Returns 0, or a negative errno and @error with everything as it was.
 */
int suspension_begin(struct server *server, uint64_t seconds, bool *saved,
		     struct kernel_error *error);

/* Resume.  Returns 0, or a negative errno and @error: suspended it remains. */
int suspension_end(struct server *server, struct kernel_error *error);

/* null, or {"since": time|null, "until": time|null}. */
json_t *suspension_report(const struct server *server);

/* That it is suspended, as a warning in one line.  False: it is not. */
bool suspension_warning(const struct server *server, char *line, size_t size);

#endif
