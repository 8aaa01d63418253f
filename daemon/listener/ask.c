// SPDX-License-Identifier: GPL-2.0-or-later
/* Asking the daemon. */
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "listener/internal.h"
#include "wire/frame.h"
#include "wire/protocol.h"

#define FRESH_NS (1ull * NSEC_PER_SEC) /* however many ask: the daemon is asked once in that time */

static struct {
	json_t *result;
	uint64_t time; /* CLOCK_MONOTONIC, ns */
} last[2]; /* by format */

static json_t *receive(enum openmetrics_format format)
{
	autojson json_t *request = json_pack("{s:i, s:s, s:{s:s}}", "protocol", PROTOCOL_VERSION,
					     "command", "metrics", "arguments", "format",
					     format == OPENMETRICS ? "openmetrics" : "prometheus");
	autojson json_t *response = NULL;

	if (!request || frame_send(LISTENER_FD_DAEMON, request) ||
	    frame_receive(LISTENER_FD_DAEMON, PROTOCOL_RESPONSE_MAX, &response))
		return NULL;
	return json_incref(json_object_get(response, "result"));
}

const json_t *ask_metrics(enum openmetrics_format format)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (last[format].result && now - last[format].time < FRESH_NS)
		return last[format].result;
	json_decref(last[format].result);
	last[format].result = receive(format);
	last[format].time = clock_ns(CLOCK_MONOTONIC);
	return last[format].result;
}
