// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "common/clock.h"
#include "server/recording.h"

struct recording {
	const struct kernel *kernel;
	uint64_t start; /* CLOCK_MONOTONIC, ns */
	uint64_t lost; /* since the last was taken */
	uint64_t unrecorded; /* of struct smc_policy_host, as far as it has been told */
	size_t n;
	struct smc_policy_record rows[RECORDING_ROWS_MAX];
};

/* How many the ring buffer had no room for, ever. */
static uint64_t read_unrecorded(const struct recording *recording)
{
	struct smc_policy_host host;

	kernel_read_host(recording->kernel, &host);
	return host.lost[SMC_POLICY_LOST_RING];
}

struct recording *recording_new(const struct kernel *kernel)
{
	struct recording *recording = calloc(1, sizeof(*recording));

	if (!recording)
		return NULL;
	recording->kernel = kernel;
	recording->start = clock_ns(CLOCK_MONOTONIC);
	recording->unrecorded = read_unrecorded(recording);
	return recording;
}

void recording_free(struct recording *recording)
{
	free(recording);
}

uint64_t recording_start(const struct recording *recording)
{
	return recording->start;
}

bool recording_add(struct recording *recording, const struct smc_policy_record *record)
{
	if (recording->n == RECORDING_ROWS_MAX) {
		recording->lost++;
		return false;
	}
	recording->rows[recording->n++] = *record;
	return true;
}

bool recording_waits(const struct recording *recording)
{
	return recording->n || recording->lost;
}

static json_t *report_row(const struct recording *recording, const struct smc_policy_record *row)
{
	char peer[VALUE_TEXT_SIZE];

	value_format_address((const uint8_t *)row->peer, peer);
	return json_pack("[I, I, s, s, i, I, I, I]", (json_int_t)(row->opened - recording->start),
			 (json_int_t)(row->closed - recording->start),
			 word_name(&words_side, row->side), peer, row->port, (json_int_t)row->sent,
			 (json_int_t)row->received, (json_int_t)row->messages);
}

json_t *recording_take(struct recording *recording, bool end)
{
	uint64_t unrecorded = read_unrecorded(recording);
	json_t *rows = json_array();

	for (size_t i = 0; i < recording->n; i++)
		json_array_append_new(rows, report_row(recording, &recording->rows[i]));
	recording->lost += unrecorded - recording->unrecorded;
	recording->unrecorded = unrecorded;
	rows = json_pack("{s:o, s:I, s:b}", "rows", rows, "lost", (json_int_t)recording->lost,
			 "end", end);
	recording->n = 0;
	recording->lost = 0;
	return rows;
}
