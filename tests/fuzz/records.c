// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of the ring buffer: each a byte for its size, then so many bytes.  Those of closed
 * connections go to a client that records; what it is sent is whole, whatever they say.
 */
#include "fuzz.h"
#include "kernel/internal.h"
#include "server/control.h"
#include "server/recording.h"

static void take_record(struct control *control, const struct smc_policy_record *record);
static void send_nothing(struct control *control);

#define control_record take_record
#define control_send_waiting send_nothing
#include "server/learning.c"
#undef control_record
#undef control_send_waiting

static struct smc_policy_host host;
static struct kernel kernel = { .host = &host };
static struct server server = { .kernel = &kernel };
static struct recording *recording;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < MAPS; i++)
		kernel.map[i] = -1;
	return 0;
}

/* In place of client.c: the one client that records. */
static void take_record(struct control *control, const struct smc_policy_record *record)
{
	(void)control;
	recording_add(recording, record);
}

static void send_nothing(struct control *control)
{
	(void)control;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct learning learning = { .server = &server };
	struct input input = { data, size };
	size_t n = 0;
	json_t *rows;

	recording = recording_new(&kernel);
	must(recording);
	while (input.left) {
		size_t length = input_byte(&input);
		char *record = malloc(length + !length);
		const struct smc_policy_record *whole = (const void *)record;

		input_bytes(&input, record, length);
		n += length >= sizeof(*whole) && whole->closed;
		must(!on_record(&learning, record, length));
		free(record);
	}
	rows = recording_take(recording, true);
	must(rows);
	must(json_array_size(json_object_get(rows, "rows")) ==
	     (n < RECORDING_ROWS_MAX ? n : RECORDING_ROWS_MAX));
	json_decref(rows);
	recording_free(recording);
	return 0;
}
