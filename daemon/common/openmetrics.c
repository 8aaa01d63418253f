// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>

#include "common/openmetrics.h"

/*
 * @text with a backslash before what must have one.  Quotes need it in label values, and in the help
 * of OpenMetrics, not in that of Prometheus.
 */
static void put_escaped(FILE *out, const char *text, int quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs_unlocked("\\n", out);
		else if (*text == '\\' || (*text == '"' && quotes))
			fprintf(out, "\\%c", *text);
		else
			putc_unlocked(*text, out);
	}
}

static const char *suffix(enum openmetrics_type type)
{
	return type == OPENMETRICS_COUNTER ? "_total" : type == OPENMETRICS_INFO ? "_info" : "";
}

/* OpenMetrics describes the family, Prometheus its samples; Prometheus has no info. */
void openmetrics_family(struct openmetrics *to, const char *name, enum openmetrics_type type,
			const char *unit, const char *help)
{
	static const char *const types[] = {
		[OPENMETRICS_GAUGE] = "gauge",
		[OPENMETRICS_COUNTER] = "counter",
		[OPENMETRICS_INFO] = "info",
	};
	int old = to->format == OPENMETRICS_PROMETHEUS;
	const char *more = old ? suffix(type) : "";

	to->family = name;
	to->type = type;
	fprintf(to->out, "# TYPE %s%s %s\n", name, more,
		types[old && type == OPENMETRICS_INFO ? OPENMETRICS_GAUGE : type]);
	if (unit && !old)
		fprintf(to->out, "# UNIT %s %s\n", name, unit);
	fprintf(to->out, "# HELP %s%s ", name, more);
	put_escaped(to->out, help, !old);
	fputc('\n', to->out);
}

static void begin_sample(struct openmetrics *to, const struct openmetrics_label *labels)
{
	const struct openmetrics_label *label;

	fprintf(to->out, "%s%s", to->family, suffix(to->type));
	for (label = labels; label && label->name; label++) {
		fprintf(to->out, "%c%s=\"", label == labels ? '{' : ',', label->name);
		put_escaped(to->out, label->value, 1);
		fputc('"', to->out);
	}
	if (label && label != labels)
		fputc('}', to->out);
	to->samples++;
}

void openmetrics_count(struct openmetrics *to, const struct openmetrics_label *labels,
		       uint64_t value)
{
	begin_sample(to, labels);
	fprintf(to->out, " %" PRIu64 "\n", value);
}

void openmetrics_real(struct openmetrics *to, const struct openmetrics_label *labels, double value)
{
	begin_sample(to, labels);
	fprintf(to->out, " %.15g\n", value);
}

void openmetrics_end(struct openmetrics *to)
{
	if (to->format == OPENMETRICS)
		fputs("# EOF\n", to->out);
}
