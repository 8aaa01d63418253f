// SPDX-License-Identifier: GPL-2.0-or-later
/* policy test: one question, or a stream of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "wire/frame.h"
#include "common/json.h"
#include "wire/protocol.h"
#include "policy/value.h"

#define LINES_SIZE 65536

struct question {
	const char *side, *peer, *port;
};

json_t *cli_query(const char *side, const char *peer, const char *port, struct value_error *error)
{
	uint8_t addr[16];
	uint64_t number;
	int word;

	if (value_word(&words_side, side, &word, error) || value_address(peer, addr, error) ||
	    value_number("port", port, 0, UINT16_MAX, &number, error))
		return NULL;
	return json_pack("[s, s, I]", side, peer, (json_int_t)number);
}

void cli_print_verdict(const json_t *answer)
{
	const char *rule = json_string_value(json_object_get(answer, "rule"));

	printf("%s: %s%s%s (generation %lld, backend %s)\n", cli_text(answer, "verdict"),
	       cli_text(answer, "reason"), rule ? ", rule " : "", rule ? rule : "",
	       (long long)cli_number(answer, "generation"), cli_text(answer, "backend"));
}

/* {"verdict", "reason", "rule", "generation", "backend"} from one of the daemon's answers. */
static json_t *make_answer(json_t *answer, const char *backend)
{
	return json_pack("{s:O, s:O, s:O, s:O, s:s}", "verdict", json_array_get(answer, 0),
			 "reason", json_array_get(answer, 1), "rule", json_array_get(answer, 2),
			 "generation", json_array_get(answer, 3), "backend", backend);
}

static int print_answer(const struct cli *cli, json_t *answer, const char *backend)
{
	autojson json_t *json = make_answer(answer, backend);

	if (!json)
		return cli_fail("the daemon's answer is incomplete");
	return cli_print(cli, json, cli_print_verdict);
}

static int test_one(struct cli *cli, const struct question *question)
{
	autojson json_t *result = NULL;
	struct value_error error;
	json_t *query;
	int rc;

	if (!question->side || !question->peer || !question->port)
		return cli_usage(cli, "--side, --peer and --port are needed, or --batch");
	query = cli_query(question->side, question->peer, question->port, &error);
	if (!query)
		return cli_usage(cli, "%s", error.text);
	rc = cli_request(cli, "policy-test", json_pack("{s:[o]}", "queries", query), &result);
	if (rc)
		return rc;
	return print_answer(cli, json_array_get(json_object_get(result, "answers"), 0),
			    json_string_value(json_object_get(result, "backend")));
}

/* ---- a stream ---- */

/* Lines that were read and not yet answered. */
struct chunk {
	json_t *queries;
	char *error[PROTOCOL_QUERIES_MAX]; /* of each line, NULL: it is in queries */
	size_t n;
};

struct batch {
	struct cli *cli;
	const char *file;
	int in; /* its descriptor */
	char buf[LINES_SIZE]; /* what was read of it and not used */
	size_t start, end;
	bool at_end;
	unsigned long line;
	int fd; /* connection to the daemon */
	bool refused; /* some line was bad */
};

/* ---- reading lines, without waiting for more than there is ---- */

static char *find_newline(const struct batch *batch)
{
	return memchr(batch->buf + batch->start, '\n', batch->end - batch->start);
}

/* Whether the next read_line() can answer without waiting. */
static bool line_ready(const struct batch *batch)
{
	struct pollfd input = { .fd = batch->in, .events = POLLIN };

	return find_newline(batch) || batch->at_end || poll(&input, 1, 0) > 0;
}

/* Get more of the input into the buffer.  0, also at its end, or a negative errno. */
static int fill(struct batch *batch)
{
	ssize_t n;

	memmove(batch->buf, batch->buf + batch->start, batch->end - batch->start);
	batch->end -= batch->start;
	batch->start = 0;
	n = read(batch->in, batch->buf + batch->end, sizeof(batch->buf) - 1 - batch->end);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	batch->end += (size_t)n;
	batch->at_end = !n;
	return 0;
}

/*
 * The next line, NUL in the place of its newline, into @line: valid until the
 * next call.  Returns its length, -ENODATA at the end, or another negative errno.
 */
static ssize_t next_line(struct batch *batch, char **line)
{
	char *newline;
	int rc;

	while (!(newline = find_newline(batch))) {
		if (batch->end - batch->start == sizeof(batch->buf) - 1)
			break; /* too long for a query: told as a bad one, in pieces */
		if (batch->at_end && batch->start == batch->end)
			return -ENODATA;
		if (batch->at_end)
			break;
		rc = fill(batch);
		if (rc)
			return rc;
	}
	*line = batch->buf + batch->start;
	if (!newline)
		newline = batch->buf + batch->end;
	*newline = '\0';
	batch->start = (size_t)(newline - batch->buf) + (newline < batch->buf + batch->end);
	batch->line++;
	return newline - *line;
}

/* ---- asking ---- */

/* The daemon drops a client that is idle for long: connect again for what comes after a pause. */
static int keep_connected(struct batch *batch)
{
	char byte;

	if (recv(batch->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
		return CLI_DONE;
	close(batch->fd);
	batch->fd = cli_connect(batch->cli);
	return batch->fd < 0 ? CLI_UNREACHABLE : CLI_DONE;
}

/* The message about a bad line, to be freed; told on stderr too. */
static char *bad_line(struct batch *batch, const char *why)
{
	char *text = NULL;

	batch->refused = true;
	if (asprintf(&text, "%s:%lu: %s", batch->file, batch->line, why) < 0)
		return NULL;
	fprintf(stderr, "smc-ebpf: %s\n", text);
	return text;
}

static void read_line(struct batch *batch, struct chunk *chunk, char *line, size_t length)
{
	struct question question;
	struct value_error error = { "write SIDE PEER PORT, for example connect 192.0.2.7 443" };
	bool binary = strlen(line) != length;
	json_t *query = NULL;
	char *rest = NULL, *more;

	question.side = strtok_r(line, " \t\r\n", &rest);
	question.peer = strtok_r(NULL, " \t\r\n", &rest);
	question.port = strtok_r(NULL, " \t\r\n", &rest);
	more = strtok_r(NULL, " \t\r\n", &rest);
	if (question.port && !more && !binary)
		query = cli_query(question.side, question.peer, question.port, &error);
	chunk->error[chunk->n++] = query ? NULL : bad_line(batch, error.text);
	if (query)
		json_array_append_new(chunk->queries, query);
}

/* Add the lines that are there to @chunk, waiting only for the first. */
static int read_chunk(struct batch *batch, struct chunk *chunk)
{
	ssize_t length = 0;
	char *line = NULL;

	while (chunk->n < PROTOCOL_QUERIES_MAX && (!chunk->n || line_ready(batch))) {
		length = next_line(batch, &line);
		if (length < 0)
			break;
		read_line(batch, chunk, line, (size_t)length);
	}
	if (length < 0 && length != -ENODATA)
		return cli_fail("cannot read %s: %s; name a file, or \"-\" for standard input",
				batch->file, strerror((int)-length));
	return CLI_DONE;
}

/*
 * Read @chunk and send it; @alone: no other is under way.  CLI_DONE also at the
 * end of input.
 */
static int send_chunk(struct batch *batch, struct chunk *chunk, bool alone)
{
	autojson json_t *request = NULL;
	int rc;

	chunk->n = 0;
	chunk->queries = json_array();
	rc = read_chunk(batch, chunk);
	if (!rc && chunk->n && alone)
		rc = keep_connected(batch);
	if (rc || !chunk->n)
		return rc;
	request = cli_pack_request("policy-test", json_pack("{s:O}", "queries", chunk->queries));
	if (!request || frame_send(batch->fd, request))
		return cli_fail("the connection to the daemon broke; run the command again");
	return CLI_DONE;
}

/* Rule names and words need no escaping: see value_name(). */
static void print_answer_line(json_t *answer, const char *backend)
{
	const char *rule = json_string_value(json_array_get(answer, 2));

	printf("{\"verdict\":\"%s\",\"reason\":\"%s\",\"rule\":%s%s%s,\"generation\":%lld,"
	       "\"backend\":\"%s\"}\n",
	       cli_string(json_array_get(answer, 0)), cli_string(json_array_get(answer, 1)),
	       rule ? "\"" : "", rule ? rule : "null", rule ? "\"" : "",
	       (long long)json_integer_value(json_array_get(answer, 3)), backend);
}

static void print_error_line(const char *text)
{
	autojson json_t *json = json_pack("{s:s}", "error", text ? text : "bad line");

	if (json)
		json_dumpf(json, stdout, JSON_COMPACT);
	else
		fputs("{\"error\":\"bad line\"}", stdout);
	putchar('\n');
}

/* Receive the answers to @chunk and print a line for each of its lines. */
static int print_chunk(struct batch *batch, struct chunk *chunk)
{
	autojson json_t *response = NULL;
	autojson json_t *result = NULL;
	const char *backend;
	json_t *answers;
	size_t at = 0;
	int rc = frame_receive(batch->fd, PROTOCOL_RESPONSE_MAX, &response);

	if (rc)
		return cli_fail("the connection to the daemon broke: %s; run the command again",
				strerror(-rc));
	rc = cli_result(response, &result);
	if (rc)
		return rc;
	answers = json_object_get(result, "answers");
	backend = json_string_value(json_object_get(result, "backend"));
	if (json_array_size(answers) != json_array_size(chunk->queries) || !backend)
		return cli_fail("the daemon's answer is incomplete");
	for (size_t i = 0; i < chunk->n; i++) {
		if (chunk->error[i])
			print_error_line(chunk->error[i]);
		else
			print_answer_line(json_array_get(answers, at++), backend);
	}
	return CLI_DONE;
}

static void clear_chunk(struct chunk *chunk)
{
	for (size_t i = 0; i < chunk->n; i++)
		free(chunk->error[i]);
	json_decref(chunk->queries);
	chunk->queries = NULL;
	chunk->n = 0;
}

/*
 * While the daemon works on one chunk the next is sent, if its lines are there
 * already; if not, the answers that are due come first.
 */
static int stream(struct batch *batch)
{
	static struct chunk chunks[2];
	unsigned int at = 0;
	int rc = send_chunk(batch, &chunks[0], true);

	while (!rc && chunks[at].n) {
		bool early = line_ready(batch);

		if (early)
			rc = send_chunk(batch, &chunks[!at], false);
		if (!rc)
			rc = print_chunk(batch, &chunks[at]);
		if (!rc && !early) {
			fflush(stdout);
			rc = send_chunk(batch, &chunks[!at], true);
		}
		clear_chunk(&chunks[at]);
		at = !at;
	}
	clear_chunk(&chunks[0]);
	clear_chunk(&chunks[1]);
	return rc;
}

static int test_batch(struct cli *cli, const char *file)
{
	static struct batch batch;
	int rc;

	batch = (struct batch){ .cli = cli, .file = file };
	if (strcmp(file, "-"))
		batch.in = open(file, O_RDONLY | O_CLOEXEC);
	if (batch.in < 0)
		return cli_fail(
			"cannot read %s: %s; name another file, or \"-\" for standard input", file,
			strerror(errno));
	batch.fd = cli_connect(cli);
	rc = batch.fd < 0 ? CLI_UNREACHABLE : stream(&batch);
	if (batch.fd >= 0)
		close(batch.fd);
	if (batch.in > STDIN_FILENO)
		close(batch.in);
	return cli_finish(rc ? rc : batch.refused ? CLI_FAILED : CLI_DONE);
}

int cli_policy_test(struct cli *cli)
{
	const struct question question = {
		.side = cli_value(cli, "side"),
		.peer = cli_value(cli, "peer"),
		.port = cli_value(cli, "port"),
	};
	const char *batch = cli_value(cli, "batch");

	if (batch && (question.side || question.peer || question.port))
		return cli_usage(cli, "--batch goes without --side, --peer and --port");
	return batch ? test_batch(cli, batch) : test_one(cli, &question);
}
