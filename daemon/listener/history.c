// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "listener/internal.h"

static uint64_t number(const json_t *json, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(json, name));
}

/* Where @cause is counted: where it was before, else in the next free place, else with others. */
static size_t place_of(struct history *history, const char *cause)
{
	for (size_t i = 0; i < HISTORY_CAUSES - 1; i++) {
		if (!history->causes[i][0])
			snprintf(history->causes[i], sizeof(history->causes[i]), "%s", cause);
		if (!strcmp(history->causes[i], cause))
			return i;
	}
	strcpy(history->causes[HISTORY_CAUSES - 1], "others");
	return HISTORY_CAUSES - 1;
}

static void add_fallbacks(struct history *history, struct sample *sample, const json_t *fallbacks)
{
	const json_t *one;
	size_t i;

	json_array_foreach(fallbacks, i, one) {
		const char *cause = json_string_value(json_object_get(one, "cause"));

		if (cause && !json_is_true(json_object_get(one, "expected")))
			sample->fallbacks[place_of(history, cause)] += number(one, "count");
	}
}

void history_add(struct history *history, const json_t *metrics)
{
	const json_t *verdicts = json_object_get(metrics, "verdicts");
	struct sample sample = {
		.time = clock_ns(CLOCK_MONOTONIC) / NSEC_PER_SEC,
		.smc = number(verdicts, "smc"),
		.tcp = number(verdicts, "tcp"),
		.open = number(metrics, "open"),
	};

	add_fallbacks(history, &sample, json_object_get(metrics, "fallbacks"));
	if (history->n == HISTORY_SAMPLES) {
		memmove(&history->samples[0], &history->samples[1],
			(HISTORY_SAMPLES - 1) * sizeof(*history->samples));
		history->n--;
	}
	history->samples[history->n++] = sample;
}
