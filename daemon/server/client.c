// SPDX-License-Identifier: GPL-2.0-or-later
/* Clients: their requests and answers, and the connections that those who record get. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/log.h"
#include "server/client.h"
#include "server/learning.h"
#include "server/recording.h"
#include "server/requests.h"
#include "server/server.h"
#include "wire/frame.h"
#include "wire/protocol.h"

#define IDLE_USEC (60 * 1000000ULL) /* without a request */
#define RECORDER_USEC \
	(600 * 1000000ULL) /* for a client that records, to take some of what it gets */
#define STALL_USEC (10 * 1000000ULL) /* for the rest of a request, or to take an answer */
#define READ_SIZE 65536

/* ---- time and bytes ---- */

static void stop_recording(struct client *client)
{
	bool others = false;

	recording_free(client->recording);
	client->recording = NULL;
	for (const struct client *c = client->control->clients; c; c = c->next)
		others |= c->recording != NULL;
	if (!others)
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
	if (client->recording)
		stop_recording(client);
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

	/* Who records may wait as long as it likes, but not leave lying what it gets. */
	if (client->recording && !client->n_out) {
		sd_event_source_set_enabled(client->deadline, SD_EVENT_OFF);
		return;
	}
	if (client->recording)
		usec = RECORDER_USEC;
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

/* ---- recording ---- */

/* Give @client closed connections from now on; takes over @recording. */
static void start_recording(struct client *client, struct recording *recording)
{
	client->recording = recording;
	kernel_set_recording(client->control->server->kernel, true);
}

static int answer_records(struct client *client, bool end)
{
	return answer(client, requests_respond(recording_take(client->recording, end)));
}

/* Send what waits, if nothing is on its way. */
static int send_records(struct client *client)
{
	if (client->n_out || !recording_waits(client->recording))
		return 0;
	return answer_records(client, false);
}

void control_record(struct control *control, const struct smc_policy_record *record)
{
	for (struct client *client = control->clients; client; client = client->next)
		if (client->recording)
			recording_add(client->recording, record);
}

static void set_events(struct client *client)
{
	/* While an answer is on its way nothing more is read: a client that does not read waits. */
	sd_event_source_set_io_events(client->io, client->n_out ? EPOLLOUT : EPOLLIN);
	if (!client->closing)
		set_deadline(client); /* a refused client keeps the one it has */
}

/* Send what waits for all but @except (NULL: none). */
static void send_all_records(struct control *control, const struct client *except)
{
	struct client *client, *next;

	for (client = control->clients; client; client = next) {
		int rc;

		next = client->next;
		if (!client->recording || client->n_out || client == except)
			continue;
		rc = send_records(client);
		if (rc && rc != -EAGAIN)
			client_free(client);
		else
			set_events(client);
	}
}

void control_send_records(struct control *control)
{
	send_all_records(control, NULL);
}

/* The client has had enough: it gets what the ring buffer still has. */
static int end_recording(struct client *client)
{
	int rc;

	client->ending = true;
	learning_take_records(client->control->server->learning);
	send_all_records(client->control, client);
	rc = answer_records(client, true);
	return rc ? rc : -ECONNRESET;
}

/* A client that records has sent something, or closed its end. */
static int read_recorder(struct client *client)
{
	char buf[64];
	ssize_t n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return end_recording(client);
	stop_recording(client);
	return refuse(client, "a client that records sends no more; close its end to end");
}

static int handle_request(struct client *client, const char *text, size_t length)
{
	struct recording *recording;
	json_t *response;
	json_error_t at;
	autojson json_t *request = json_loadb(text, length, JSON_REJECT_DUPLICATES, &at);
	char why[JSON_ERROR_TEXT_LENGTH + 64];

	if (request) {
		response = requests_answer(client->control->server, request, &client->requester,
					   &recording);
		if (recording)
			start_recording(client, recording);
		return answer(client, response);
	}
	snprintf(why, sizeof(why), "the request is not JSON: %s; send one object a frame", at.text);
	return refuse(client, why);
}

/* Answer the complete requests in client->in, one after the other. */
static int handle_input(struct client *client)
{
	while (!client->n_out && !client->recording && client->n_in >= PROTOCOL_HEADER) {
		size_t length = frame_length(client->in), whole = PROTOCOL_HEADER + length;
		int rc;

		if (!length || length > PROTOCOL_REQUEST_MAX)
			return refuse(client, "a request has 1 to 4194304 bytes; split it up");
		if (client->n_in < whole)
			return 0;
		rc = handle_request(client, client->in + PROTOCOL_HEADER, length);
		if (client->closing)
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
	if (client->n_out) {
		rc = flush(client);
		if (!rc && client->ending)
			rc = -ECONNRESET;
		else if (!rc && client->recording)
			rc = send_records(client);
		else if (!rc && !client->closing)
			rc = handle_input(client);
	} else if (client->recording) {
		rc = read_recorder(client);
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
