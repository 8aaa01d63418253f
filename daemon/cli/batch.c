// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy test --batch: lines are read, asked for in chunks, and answered in
 * order.  The next chunk is prepared while the daemon works on the one before;
 * when input pauses, all that was read is answered before waiting for more, so
 * that a program can ask one line at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/question.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/protocol.h"

#define INPUT_SIZE 65536 /* longest line, too */
#define PAUSE_MS 20000 /* input that pauses longer: no connection is held meanwhile */

/* Lines that were read and not yet answered. */
struct chunk {
	json_t *queries;
	char *error[PROTOCOL_QUERIES_MAX]; /* of each line, NULL: it is in queries */
	size_t n;
};

struct batch {
	struct cli *cli;
	const char *file;
	int fd;
	bool refused; /* some line was bad */
	struct frame_stream stream;

	char input[INPUT_SIZE + 1]; /* room for a NUL */
	size_t start, end; /* bytes [start, end) of input are not yet used */
	bool ended; /* there is no more to read */
	bool overlong; /* inside a line that does not fit */
	unsigned long line;

	struct chunk chunks[2];
	unsigned int filling; /* which chunk */
	bool asked; /* the other chunk is with the daemon */
};

/* ---- answers ---- */

/* Whether @word needs no escaping in JSON. */
static bool plain(const char *word)
{
	struct value_error error;

	return word && !value_name(word, &error);
}

/* Words and rule names need no escaping, so the line is written in one go. */
static int print_answer(const struct batch *batch, const json_t *answer, const char *backend)
{
	const char *verdict = json_string_value(json_array_get(answer, 0));
	const char *reason = json_string_value(json_array_get(answer, 1));
	const char *rule = json_string_value(json_array_get(answer, 2));

	if (!plain(verdict) || !plain(reason) || (rule && !plain(rule)))
		return cli_fail("the answer to line %lu of %s is not understood; use the smc-ebpf "
				"of the daemon's release",
				batch->line, batch->file);
	printf("{\"verdict\":\"%s\",\"reason\":\"%s\",\"rule\":%s%s%s,\"generation\":%lld,"
	       "\"backend\":\"%s\"}\n",
	       verdict, reason, rule ? "\"" : "", rule ? rule : "null", rule ? "\"" : "",
	       (long long)json_integer_value(json_array_get(answer, 3)), backend);
	return CLI_DONE;
}

static int print_error(const char *text)
{
	autojson json_t *json = json_pack("{s:o}", "error", cli_json_text(text));

	if (!json)
		return cli_fail("out of memory; close other programs and try again");
	json_dumpf(json, stdout, JSON_COMPACT);
	putchar('\n');
	return CLI_DONE;
}

/* A line for each of the lines of @chunk; @result is the daemon's, NULL if none was asked. */
static int print_chunk(struct batch *batch, const struct chunk *chunk, const json_t *result)
{
	const char *backend = json_string_value(json_object_get(result, "backend"));
	const json_t *answers = json_object_get(result, "answers");
	size_t at = 0;
	int rc = CLI_DONE;

	if (json_array_size(answers) != json_array_size(chunk->queries) ||
	    (result && !plain(backend)))
		return cli_fail("the daemon's answer is incomplete; use the smc-ebpf of its release");
	for (size_t i = 0; i < chunk->n && !rc; i++)
		rc = chunk->error[i] ? print_error(chunk->error[i])
				     : print_answer(batch, json_array_get(answers, at++), backend);
	return rc || !ferror(stdout) ? rc : cli_finish(CLI_FAILED);
}

static void clear_chunk(struct chunk *chunk)
{
	for (size_t i = 0; i < chunk->n; i++)
		free(chunk->error[i]);
	json_decref(chunk->queries);
	chunk->queries = NULL;
	chunk->n = 0;
}

/* Print the answers to the chunk that the daemon has, if it has one. */
static int collect(struct batch *batch)
{
	struct chunk *chunk = &batch->chunks[!batch->filling];
	autojson json_t *result = NULL;
	int rc = CLI_DONE;

	if (!batch->asked)
		return CLI_DONE;
	batch->asked = false;
	if (json_array_size(chunk->queries))
		rc = cli_receive(batch->cli, &batch->stream, &result);
	if (!rc)
		rc = print_chunk(batch, chunk, result);
	clear_chunk(chunk);
	return rc;
}

/* Give the daemon the chunk that was filled, and print the one before it. */
static int submit(struct batch *batch)
{
	struct chunk *chunk = &batch->chunks[batch->filling];
	int rc = CLI_DONE;

	if (!chunk->n)
		return collect(batch);
	if (json_array_size(chunk->queries) && batch->stream.fd < 0)
		rc = cli_connect(batch->cli, &batch->stream);
	if (!rc && json_array_size(chunk->queries))
		rc = cli_send(batch->cli, &batch->stream, "policy-test",
			      json_pack("{s:O}", "queries", chunk->queries));
	if (!rc)
		rc = collect(batch);
	batch->filling = !batch->filling;
	batch->asked = true;
	return rc;
}

/* Print the answers to all that was read. */
static int settle(struct batch *batch)
{
	int rc = submit(batch);

	if (!rc)
		rc = collect(batch);
	return rc ? rc : cli_finish(CLI_DONE);
}

/* ---- lines ---- */

/* The message about a bad line, to be freed; told on stderr too. */
static char *bad_line(struct batch *batch, const char *why)
{
	char *text = NULL;

	batch->refused = true;
	if (asprintf(&text, "%s:%lu: %s", batch->file, batch->line, why) < 0)
		return NULL;
	cli_line(text);
	return text;
}

/* Split @line and parse its words: a query, or NULL and @error. */
static json_t *parse_line(char *line, size_t length, struct value_error *error)
{
	static const char blank[] = " \t\r";
	struct question question;
	char *rest = NULL;

	if (strlen(line) == length) {
		question.side = strtok_r(line, blank, &rest);
		question.peer = strtok_r(NULL, blank, &rest);
		question.port = strtok_r(NULL, blank, &rest);
		if (question.port && !strtok_r(NULL, blank, &rest))
			return question_query(&question, error);
	}
	value_refuse(error, "write SIDE PEER PORT, for example connect 192.0.2.7 443");
	return NULL;
}

/* Note the next line; NULL if it was too long. */
static int add_line(struct batch *batch, char *line, size_t length)
{
	struct chunk *chunk = &batch->chunks[batch->filling];
	struct value_error error = { "line is too long; write SIDE PEER PORT" };
	json_t *query = NULL;

	batch->line++;
	if (!chunk->queries)
		chunk->queries = json_array();
	if (line)
		query = parse_line(line, length, &error);
	chunk->error[chunk->n] = query ? NULL : bad_line(batch, error.text);
	if (query ? json_array_append_new(chunk->queries, query) : !chunk->error[chunk->n])
		return cli_fail("out of memory; close other programs and try again");
	return ++chunk->n == PROTOCOL_QUERIES_MAX ? submit(batch) : CLI_DONE;
}

/* Note the complete lines of what was read; at the end of input also what has no newline. */
static int add_lines(struct batch *batch)
{
	int rc = CLI_DONE;

	while (!rc && batch->start < batch->end) {
		char *line = batch->input + batch->start;
		size_t left = batch->end - batch->start, length;
		char *newline = memchr(line, '\n', left);

		if (!newline && !batch->ended)
			break;
		length = newline ? (size_t)(newline - line) : left;
		line[length] = '\0';
		batch->start += newline ? length + 1 : length;
		rc = add_line(batch, batch->overlong ? NULL : line, length);
		batch->overlong = false;
	}
	return rc;
}

/* ---- input ---- */

/* Whether input is there, or its end, within @timeout milliseconds. */
static bool ready(const struct batch *batch, int timeout)
{
	struct pollfd poller = { .fd = batch->fd, .events = POLLIN };

	return poll(&poller, 1, timeout) != 0;
}

/* Before input makes us wait, answer what was read; the daemon drops clients that stay silent. */
static int wait_for_input(struct batch *batch)
{
	int rc;

	if (ready(batch, 0))
		return CLI_DONE;
	rc = settle(batch);
	if (!rc && !ready(batch, PAUSE_MS))
		frame_close(&batch->stream);
	return rc;
}

static int read_input(struct batch *batch)
{
	size_t left = batch->end - batch->start;
	ssize_t n;

	memmove(batch->input, batch->input + batch->start, left);
	if (left == INPUT_SIZE) {
		batch->overlong = true;
		left = 0;
	}
	batch->start = 0;
	batch->end = left;
	do
		n = read(batch->fd, batch->input + left, INPUT_SIZE - left);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return cli_fail("cannot read %s: %s; name a file of lines SIDE PEER PORT",
				batch->file, strerror(errno));
	batch->end += (size_t)n;
	batch->ended = !n;
	return CLI_DONE;
}

static int stream_lines(struct batch *batch)
{
	int rc = cli_connect(batch->cli, &batch->stream);

	while (!rc && !batch->ended) {
		rc = wait_for_input(batch);
		if (!rc)
			rc = read_input(batch);
		if (!rc)
			rc = add_lines(batch);
	}
	return rc ? rc : settle(batch);
}

int cli_batch(struct cli *cli, const char *file)
{
	bool standard = !strcmp(file, "-");
	autoclose int opened = standard ? -1 : open(file, O_RDONLY | O_CLOEXEC);
	autofree struct batch *batch = calloc(1, sizeof(*batch));
	int rc;

	if (!batch)
		return cli_fail("out of memory; close other programs and try again");
	if (!standard && opened < 0)
		return cli_fail("cannot read %s: %s; name a file of lines SIDE PEER PORT", file,
				strerror(errno));
	*batch = (struct batch){ .cli = cli, .file = file, .stream = FRAME_STREAM_CLOSED };
	batch->fd = standard ? STDIN_FILENO : opened;
	rc = stream_lines(batch);
	clear_chunk(&batch->chunks[0]);
	clear_chunk(&batch->chunks[1]);
	frame_close(&batch->stream);
	return cli_finish(rc ? rc : batch->refused ? CLI_FAILED : CLI_DONE);
}
