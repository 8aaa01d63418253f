// SPDX-License-Identifier: GPL-2.0-or-later
/* record: connections of this host, as they close, into a trace that simulate takes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/stream.h"
#include "cli/table.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/plural.h"
#include "policy/trace.h"

/*
 * The kernel notes openings to a millisecond: what opened right after the start may seem earlier.
 */
#define SLACK_NS (2 * NSEC_PER_SEC / 1000)

/* A row is kept till the end: traces are sorted by opening, connections are told as they close. */
struct row {
	int64_t open, close; /* ns from the start */
	uint64_t sent, received, messages;
	uint8_t peer[16]; /* as in struct policy_prefix */
	uint16_t port;
	uint8_t side;
};

struct record {
	const char *file; /* "-": standard output */
	char *beside; /* written first; NULL: nothing to remove */
	bool force;
	FILE *out;
	struct row *rows;
	size_t n, room;
	uint64_t before; /* opened before the start, left out */
	uint64_t lost; /* the daemon had no room for them */
	uint64_t took; /* ns */
};

/* ---- rows ---- */

static int64_t number_at(const json_t *row, size_t at)
{
	return json_integer_value(json_array_get(row, at));
}

static int add_row(struct record *record, const json_t *json)
{
	const char *side = json_string_value(json_array_get(json, 2));
	const char *peer = json_string_value(json_array_get(json, 3));
	struct value_error error;
	struct row row = {
		.open = number_at(json, 0),
		.close = number_at(json, 1),
		.port = (uint16_t)number_at(json, 4),
		.sent = (uint64_t)number_at(json, 5),
		.received = (uint64_t)number_at(json, 6),
		.messages = (uint64_t)number_at(json, 7),
	};
	int found = side ? word_find(&words_side, side) : -1;

	if (found < 0 || !peer || value_address(peer, row.peer, &error))
		return cli_fail("the daemon's answer has a row that makes no sense");
	if (row.open < -SLACK_NS) {
		record->before++;
		return 0;
	}
	row.side = (uint8_t)found;
	row.open = row.open < 0 ? 0 : row.open;
	row.close = row.close < row.open ? row.open : row.close;
	if (array_grow(record->rows, record->n, record->room))
		return cli_fail("no memory for more than %zu %s; record for a shorter time",
				record->n, plural(record->n, "connection", "connections"));
	record->rows[record->n++] = row;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct row *one = a, *other = b;

	if (one->open != other->open)
		return one->open < other->open ? -1 : 1;
	return one->close < other->close ? -1 : one->close > other->close;
}

static void write_row(const struct record *record, const struct row *row)
{
	char peer[VALUE_TEXT_SIZE];

	value_format_address(row->peer, peer);
	fprintf(record->out,
		"%lld.%06lld,%lld.%06lld,%s,%s,%u,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
		(long long)(row->open / NSEC_PER_SEC), (long long)(row->open % NSEC_PER_SEC / 1000),
		(long long)(row->close / NSEC_PER_SEC),
		(long long)(row->close % NSEC_PER_SEC / 1000), word_name(&words_side, row->side),
		peer, row->port, row->sent, row->received, row->messages);
}

static int write_rows(const struct record *record)
{
	if (record->n)
		qsort(record->rows, record->n, sizeof(*record->rows), compare);
	fputs(TRACE_HEADER "\n", record->out);
	for (size_t i = 0; i < record->n; i++)
		write_row(record, &record->rows[i]);
	if (fflush(record->out) || (record->beside && fsync(fileno(record->out))))
		return cli_fail("cannot write %s: %s; free space or name another file",
				record->file, strerror(errno));
	return CLI_DONE;
}

/* ---- the file ---- */

/*
 * Open what is written first, so that a directory that takes no file is told before and not after.
 */
static int open_file(struct record *record)
{
	mode_t mask = umask(0);
	struct stat st;
	int fd;

	umask(mask);
	if (!strcmp(record->file, "-")) {
		record->out = stdout;
		return CLI_DONE;
	}
	if (!lstat(record->file, &st)) {
		if (!S_ISREG(st.st_mode))
			return cli_fail("%s is not a regular file; name another one", record->file);
		if (!record->force)
			return cli_fail("%s is there already; use --force to replace it",
					record->file);
	}
	if (asprintf(&record->beside, "%s.XXXXXX", record->file) < 0)
		record->beside = NULL;
	fd = record->beside ? mkostemp(record->beside, O_CLOEXEC) : -1;
	if (fd < 0) {
		free(steal_ptr(record->beside));
		return cli_fail("cannot write %s: %s; name another file", record->file,
				strerror(errno));
	}
	fchmod(fd, 0666 & ~mask);
	record->out = fdopen(fd, "w");
	return record->out ? CLI_DONE
			   : cli_fail("cannot write %s: %s; free memory", record->file,
				      strerror(errno));
}

/* Put what is written in its place. */
static int settle_file(struct record *record)
{
	int rc;

	if (!record->beside)
		return CLI_DONE;
	rc = record->force ? rename(record->beside, record->file)
			   : renameat2(AT_FDCWD, record->beside, AT_FDCWD, record->file,
				       RENAME_NOREPLACE);
	/* Not every file system can. */
	if (rc && errno == EINVAL)
		rc = rename(record->beside, record->file);
	if (rc) {
		cli_fail("cannot write %s: %s; the trace is in %s", record->file, strerror(errno),
			 record->beside);
		free(steal_ptr(record->beside));
		return CLI_FAILED;
	}
	free(steal_ptr(record->beside));
	return CLI_DONE;
}

static void close_file(struct record *record)
{
	if (record->out && record->out != stdout)
		fclose(record->out);
	if (record->beside)
		unlink(record->beside);
	free(record->beside);
	free(record->rows);
}

/* ---- recording ---- */

/* Take the next rows; @end: that was all. */
static int take_rows(struct record *record, struct cli_stream *stream, bool *end)
{
	autojson json_t *result = NULL;
	const json_t *row;
	size_t i;
	int rc = cli_stream_next(stream, "the trace ends here", &result);

	json_array_foreach(json_object_get(result, "rows"), i, row)
		if (!rc)
			rc = add_row(record, row);
	record->lost += (uint64_t)cli_number(result, "lost");
	*end = !result;
	return rc;
}

/* Until the time is over, then what is on its way. */
static int take_all(struct record *record, struct cli_stream *stream)
{
	bool end = false;
	int rc = 0;

	while (!rc && !end) {
		rc = take_rows(record, stream, &end);
		if (!record->took && (stream->stopping || rc || end))
			record->took = clock_ns(CLOCK_MONOTONIC) - stream->start;
	}
	return rc;
}

static int print_summary(const struct cli *cli, const struct record *record)
{
	FILE *out = record->out == stdout ? stderr : stdout;
	double seconds = (double)record->took / (double)NSEC_PER_SEC;
	autojson json_t *json = NULL;

	if (cli->json) {
		json = json_pack("{s:o, s:f, s:I, s:I, s:I}", "file", json_text(record->file),
				 "seconds", seconds, "connections", (json_int_t)record->n,
				 "opened_before", (json_int_t)record->before, "lost",
				 (json_int_t)record->lost);
		return cli_print_json(json);
	}
	fprintf(out, "%zu %s in %.1f s", record->n, plural(record->n, "connection", "connections"),
		seconds);
	if (record->before)
		fprintf(out, "; %" PRIu64 " had opened before and %s left out", record->before,
			plural(record->before, "is", "are"));
	if (record->lost)
		fprintf(out, "; %" PRIu64 " came too fast and %s lost", record->lost,
			plural(record->lost, "is", "are"));
	fputc('\n', out);
	return cli_finish(CLI_DONE);
}

int cli_record(struct cli *cli)
{
	struct record record = {
		.file = cli_value(cli, "file"),
		.force = cli_value(cli, "force"),
	};
	struct cli_stream stream = { .fd = -1 };
	int status, written;

	if (cli->json && !strcmp(record.file, "-"))
		return cli_usage(cli, "-j and the trace cannot both go to standard output");
	status = open_file(&record);
	if (status == CLI_DONE) {
		status = cli_stream_open(cli, &stream, "record", NULL,
					 cli_value_number(cli, "seconds"));
		if (status == CLI_DONE) {
			/* What came before something went wrong is worth keeping. */
			status = take_all(&record, &stream);
			written = write_rows(&record);
			if (written == CLI_DONE)
				written = settle_file(&record);
			if (written == CLI_DONE)
				written = print_summary(cli, &record);
			status = status == CLI_DONE ? written : status;
		}
	}
	cli_stream_close(&stream);
	close_file(&record);
	return status;
}
