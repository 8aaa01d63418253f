// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * STATE_DIR/learned: records that may say anything, under a header and a tail that are right in most
 * cases.  The first byte: 1 the header is as it should be, 2 so is the tail.
 */
#include "fuzz.h"
#include "kernel/internal.h"

#include "server/saved.c"

static struct smc_policy_host host;
static struct kernel kernel = { .host = &host };
static struct server server = { .kernel = &kernel };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* No map is there: what would be put back is refused by the kernel. */
	for (int i = 0; i < MAPS; i++)
		kernel.map[i] = -1;
	policy_config_init(&server.config);
	log_set_level(LOG_EMERG);
	return 0;
}

static void mend_header(unsigned char *file, size_t size)
{
	struct header header;

	if (size < sizeof(header))
		return;
	fill_header(&server, &header);
	memcpy(file, &header, offsetof(struct header, real));
}

/* The tail says so many records and the sum that is right, if the records end before it. */
static void mend_tail(unsigned char *file, size_t size)
{
	struct reader reader = { .data = file, .at = file, .end = file + size };
	struct tail tail = { .end = END };
	struct record record;

	if (size < sizeof(tail) || read_header(&reader) ||
	    (size_t)(reader.end - reader.at) < sizeof(tail))
		return;
	memcpy(file + size - sizeof(tail), &tail, sizeof(tail));
	while (next_record(&reader, &record) > 0)
		tail.records++;
	tail.sum = fnv1a(FNV1A_START, file, size - sizeof(tail));
	memcpy(file + size - sizeof(tail), &tail, sizeof(tail));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t how = input_byte(&input);
	struct reader reader = { 0 };
	size_t length;
	unsigned char *file = input_rest(&input, &length);

	if (how & 1)
		mend_header(file, length);
	if (how & 2)
		mend_tail(file, length);
	reader.data = reader.at = file;
	reader.end = file + length;
	if (!verify(&reader))
		restore_all(&server, &reader);
	free(file);
	return 0;
}
