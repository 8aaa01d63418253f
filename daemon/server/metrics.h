/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metrics: what the request of that name answers, and what is done with it by itself. */
#ifndef SMC_POLICY_METRICS_H
#define SMC_POLICY_METRICS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/openmetrics.h"
#include "kernel/error.h"
#include "listener/listener.h"

struct metrics;
struct policy_settings;
struct server;

int metrics_open(struct metrics **metrics, struct server *server, struct kernel_error *error);
void metrics_close(struct metrics *metrics);

/* Do as [metrics] of @settings says from now on. */
void metrics_set(struct metrics *metrics, const struct policy_settings *settings);

/* Append what does not work to @list, a text each; @metrics may be NULL. */
void metrics_append_degraded(const struct metrics *metrics, json_t *list);

/* What the listener has received and lost. */
struct listener_counts metrics_listener_counts(const struct metrics *metrics);

/*
 * The result of `metrics` as of now in *@json, to be released.  1: it is being gathered; the request is
 * to wait for control_resume().  0, or a negative errno and @error.
 */
int metrics_answer(struct metrics *metrics, enum openmetrics_format format, json_t **json,
		   struct kernel_error *error);

#endif
