/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A collection in words: as text for Prometheus, as JSON for smc-ebpf and the page for people. */
#ifndef SMC_POLICY_METRICS_TEXT_H
#define SMC_POLICY_METRICS_TEXT_H

#include <jansson.h>

#include "common/openmetrics.h"
#include "server/collection.h"

/* All families, as text to be freed.  NULL: out of memory. */
char *metrics_text(const struct server *server, const struct collection *collection,
		   enum openmetrics_format format);

/* The result of `metrics`, with @text.  NULL: out of memory. */
json_t *metrics_json(const struct server *server, const struct collection *collection,
		     const char *text);

#endif
