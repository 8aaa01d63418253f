/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing metrics: OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/), or the
 * text format of Prometheus, 0.0.4, which older readers want.
 */
#ifndef SMC_POLICY_OPENMETRICS_H
#define SMC_POLICY_OPENMETRICS_H

#include <stdint.h>
#include <stdio.h>

enum openmetrics_format {
	OPENMETRICS,
	OPENMETRICS_PROMETHEUS,
};

enum openmetrics_type {
	OPENMETRICS_GAUGE,
	OPENMETRICS_COUNTER, /* its samples end with _total */
	OPENMETRICS_INFO, /* its samples end with _info */
};

struct openmetrics {
	FILE *out;
	enum openmetrics_format format;
	const char *family;
	enum openmetrics_type type;
	size_t samples; /* that were written */
};

struct openmetrics_label {
	const char *name, *value; /* the value: any UTF-8 */
};

/* Begin family @name, whose last word is @unit (NULL: none).  @help: one line of UTF-8. */
void openmetrics_family(struct openmetrics *to, const char *name, enum openmetrics_type type,
			const char *unit, const char *help);

/* A sample of the family that was begun last.  @labels end with one without name; NULL: none. */
void openmetrics_count(struct openmetrics *to, const struct openmetrics_label *labels,
		       uint64_t value);
void openmetrics_real(struct openmetrics *to, const struct openmetrics_label *labels, double value);

#define OPENMETRICS_LABELS(...) ((const struct openmetrics_label[]){ __VA_ARGS__, { NULL, NULL } })

/* There are no more families. */
void openmetrics_end(struct openmetrics *to);

#endif
