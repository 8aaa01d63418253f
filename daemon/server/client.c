// SPDX-License-Identifier: GPL-2.0-or-later
/* Clients: their requests and answers, and the streams that those who record or monitor get. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/log.h"
#include "server/client.h"
#include "server/recording.h"
#include "server/requests.h"
#include "server/server.h"
#include "wire/frame.h"
#include "wire/protocol.h"

#define IDLE_USEC (60 * 1000000ULL) /* without a request */
#define STREAM_USEC (600 * 1000000ULL) /* for a client to take some of its stream */
#define STALL_USEC (10 * 1000000ULL) /* for the rest of a request, or to take an answer */
#define READ_SIZE 65536

/* ---- time and bytes ---- */

static void stop_stream(struct client *client)
{
	bool recorded = client->stream.recording, others = false;

	stream_close(&client->stream);
	for (const struct client *c = client->control->clients; c; c = c->next)
		others |= c->stream.recording != NULL;
	if (recorded && !others)
		kernel_set_recording(client->control->server->kernel, false);
}

void client_free(struct client *client)
{
	for (struct client **at = &client->control->clients; *at; at = &(*at)->next) {
		if (*at != client)
			continue;
		*at = client->next;
		break;
	}
	sd_event_source_disable_unref(client->io);
	sd_event_source_disable_unref(client->deadline);
	if (stream_is_open(&client->stream))
		stop_stream(client);
	close(client->fd);
	free(client->in);
	free(client->out);
	free(client);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct client *client = userdata;

	(void)source;
	(void)usec;
	if (client->n_in || client->n_out)
		log_info("a client of uid %u stalled and was dropped", client->requester.uid);
	client_free(client);
	return 0;
}

/* Give @client its time anew: long between requests, short within one. */
static void set_deadline(struct client *client)
{
	uint64_t usec = client->n_in || client->n_out ? STALL_USEC : IDLE_USEC;

	/* Who has a stream may wait as long as it likes, but not leave lying what it gets. */
	if (stream_is_open(&client->stream) && !client->n_out) {
		sd_event_source_set_enabled(client->deadline, SD_EVENT_OFF);
		return;
	}
	if (stream_is_open(&client->stream))
		usec = STREAM_USEC;
	sd_event_source_set_time_relative(client->deadline, usec);
	sd_event_source_set_enabled(client->deadline, SD_EVENT_ONESHOT);
}

/* Send as much as the socket takes.  0 when all is sent, -EAGAIN when not, else an error. */
static int flush(struct client *client)
{
	while (client->sent < client->n_out) {
		ssize_t n = send(client->fd, client->out + client->sent,
				 client->n_out - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EINTR ? -EAGAIN : -errno;
		client->sent += (size_t)n;
	}
	free(client->out);
	client->out = NULL;
	client->n_out = client->sent = 0;
	/* Closed with input unread the peer would get a reset instead of the answer. */
	if (client->closing)
		shutdown(client->fd, SHUT_WR);
	return 0;
}

static int answer(struct client *client, json_t *response)
{
	autojson json_t *owned = response;

	client->out = owned ? frame_encode(owned, &client->n_out) : NULL;
	if (!client->out)
		return -ENOMEM;
	return flush(client);
}

/* Answer with @text and close: what follows cannot be understood. */
static int refuse(struct client *client, const char *text)
{
	client->closing = true;
	client->n_in = 0;
	sd_event_source_set_time_relative(client->deadline, STALL_USEC);
	return answer(client, requests_refuse(text));
}

/* ---- streams ---- */

/* Give @client what @stream brings from now on; takes it over. */
static void start_stream(struct client *client, const struct stream *stream)
{
	client->stream = *stream;
	if (stream->recording)
		kernel_set_recording(client->control->server->kernel, true);
}

static int answer_stream(struct client *client, bool end)
{
	return answer(client, requests_respond(stream_take(&client->stream, end)));
}

/* Send what waits, as much as the socket takes, if nothing is on its way. */
static int send_stream(struct client *client)
{
	int rc = 0;

	while (!rc && !client->n_out && stream_waits(&client->stream))
		rc = answer_stream(client, false);
	return rc;
}

void control_record(struct control *control, const struct smc_policy_record *record)
{
	struct fallbacks_stage *readers = &control->server->fallbacks.readers;

	for (struct client *client = control->clients; client; client = client->next) {
		if (!client->stream.recording)
			continue;
		readers->received++;
		readers->lost += !recording_add(client->stream.recording, record);
	}
}

static void set_events(struct client *client)
{
	/* While an answer is on its way nothing more is read: a client that does not read waits. */
	sd_event_source_set_io_events(client->io, client->waiting ? 0u
						  : client->n_out ? EPOLLOUT
								  : EPOLLIN);
	if (!client->closing)
		set_deadline(client); /* a refused client keeps the one it has */
}

/* Send what waits for all but @except (NULL: none). */
static void send_all_waiting(struct control *control, const struct client *except)
{
	struct client *client, *next;

	for (client = control->clients; client; client = next) {
		int rc;

		next = client->next;
		if (!stream_is_open(&client->stream) || client->ending || client->n_out ||
		    client == except)
			continue;
		rc = send_stream(client);
		if (rc && rc != -EAGAIN)
			client_free(client);
		else
			set_events(client);
	}
}

void control_send_waiting(struct control *control)
{
	send_all_waiting(control, NULL);
}

/* The client has had enough: it gets what the ring buffer still has. */
static int end_stream(struct client *client)
{
	int rc;

	client->ending = true;
	stream_drain(&client->stream, client->control->server);
	send_all_waiting(client->control, client);
	rc = answer_stream(client, true);
	return rc ? rc : -ECONNRESET;
}

/* A client with a stream has sent something, or closed its end. */
static int read_stream_reader(struct client *client)
{
	char buf[64];
	ssize_t n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return end_stream(client);
	stop_stream(client);
	return refuse(client, "a client that gets a stream sends no more; close its end to end");
}

static int handle_request(struct client *client, const char *text, size_t length)
{
	struct stream stream;
	json_t *response;
	bool later;
	json_error_t at;
	autojson json_t *request = json_loadb(text, length, JSON_REJECT_DUPLICATES, &at);
	char why[JSON_ERROR_TEXT_LENGTH + 64];

	if (request) {
		response = requests_answer(client->control->server, request, &client->requester,
					   &stream, &later);
		if (stream_is_open(&stream))
			start_stream(client, &stream);
		client->waiting = later;
		if (later)
			return 0;
		return answer(client, response);
	}
	snprintf(why, sizeof(why), "the request is not JSON: %s; send one object a frame", at.text);
	return refuse(client, why);
}

/* Answer the complete requests in client->in, one after the other. */
static int handle_input(struct client *client)
{
	while (!client->n_out && !stream_is_open(&client->stream) &&
	       client->n_in >= PROTOCOL_HEADER) {
		size_t length = frame_length(client->in), whole = PROTOCOL_HEADER + length;
		int rc;

		if (!length || length > PROTOCOL_REQUEST_MAX)
			return refuse(client, "a request has 1 to 4194304 bytes; split it up");
		if (client->n_in < whole)
			return 0;
		rc = handle_request(client, client->in + PROTOCOL_HEADER, length);
		if (client->closing || client->waiting)
			return rc;
		client->n_in -= whole;
		memmove(client->in, client->in + whole, client->n_in);
		if (rc && rc != -EAGAIN)
			return rc;
	}
	return 0;
}

static int make_room(struct client *client)
{
	size_t room = client->n_in + READ_SIZE;
	char *in;

	if (client->room_in >= room)
		return 0;
	in = realloc(client->in, room);
	if (!in)
		return -ENOMEM;
	client->in = in;
	client->room_in = room;
	return 0;
}

/* The peer was refused and has not closed yet. */
static int drain(struct client *client)
{
	char buf[READ_SIZE];
	ssize_t n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n ? 0 : -ECONNRESET;
}

static int read_input(struct client *client)
{
	ssize_t n;
	int rc = make_room(client);

	if (rc)
		return rc;
	n = recv(client->fd, client->in + client->n_in, READ_SIZE, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -ECONNRESET;
	client->n_in += (size_t)n;
	return handle_input(client);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct client *client = userdata;
	int rc = 0;

	(void)source;
	(void)fd;
	if (client->waiting) {
		rc = -ECONNRESET; /* nothing else is watched for */
	} else if (client->n_out) {
		rc = flush(client);
		if (!rc && client->ending)
			rc = -ECONNRESET;
		else if (!rc && stream_is_open(&client->stream))
			rc = send_stream(client);
		else if (!rc && !client->closing)
			rc = handle_input(client);
	} else if (stream_is_open(&client->stream)) {
		rc = read_stream_reader(client);
	} else if (client->closing) {
		rc = drain(client);
	} else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		rc = read_input(client);
	}
	if (rc && rc != -EAGAIN) {
		client_free(client);
		return 0;
	}
	set_events(client);
	return 0;
}

bool control_resume(struct control *control)
{
	struct client *client = control->clients;
	int rc;

	while (client && !client->waiting)
		client = client->next;
	if (!client)
		return false;
	client->waiting = false;
	rc = handle_input(client);
	if (rc && rc != -EAGAIN)
		client_free(client);
	else
		set_events(client);
	return true;
}

bool client_add(struct control *control, int fd, const struct requester *requester)
{
	sd_event *event = control->server->event;
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return false;
	*client = (struct client){
		.next = control->clients,
		.control = control,
		.fd = fd,
		.requester = *requester,
	};
	control->clients = client;
	if (sd_event_add_io(event, &client->io, fd, EPOLLIN, on_client, client) < 0 ||
	    sd_event_add_time_relative(event, &client->deadline, CLOCK_MONOTONIC, IDLE_USEC, 0,
				       on_deadline, client) < 0)
		client_free(client);
	return true;
}
