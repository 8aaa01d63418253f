// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>

#include "check/report.h"
#include "common/json.h"

#define TEXT_SIZE 1024

const char *const check_state_words[CHECK_STATES] = { "ok", "warning", "problem" };

void check_report_init(struct check_report *report)
{
	*report = (struct check_report){ .items = json_array() };
}

void check_report_free(struct check_report *report)
{
	json_decref(report->items);
}

void check_add(struct check_report *report, const char *name, enum check_state state,
	       const char *remedy, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(report->items,
			      json_pack("{s:s, s:s, s:o, s:o}", "name", name, "state",
					check_state_words[state], "text", json_text(text), "remedy",
					remedy ? json_text(remedy) : json_null()));
	if (state > report->state)
		report->state = state;
}

json_t *check_report_json(const struct check_report *report)
{
	return json_pack("{s:O, s:s}", "items", report->items, "state",
			 check_state_words[report->state]);
}

static const char *text_of(const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text ? text : "";
}

void check_report_print(const struct check_report *report)
{
	const json_t *item;
	size_t i;

	json_array_foreach(report->items, i, item) {
		const char *remedy = text_of(item, "remedy");

		printf("%-8s %s: %s%s%s\n", text_of(item, "state"), text_of(item, "name"),
		       text_of(item, "text"), *remedy ? "; " : "", remedy);
	}
}
