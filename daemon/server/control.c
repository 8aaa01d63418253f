// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "wire/frame.h"
#include "common/json.h"
#include "common/log.h"
#include "wire/protocol.h"
#include "common/trust.h"
#include "server/control.h"
#include "server/learning.h"
#include "server/recording.h"
#include "server/requests.h"
#include "server/server.h"

#define CLIENTS_MAX 128 /* connections at a time */
#define CLIENTS_OTHERS_MAX 96 /* of them, without root */
#define CLIENTS_USER_MAX 32 /* of them, of one user that is not root */
#define IDLE_USEC (60 * 1000000ULL) /* without a request */
#define STALL_USEC (10 * 1000000ULL) /* for the rest of a request, or to take an answer */
#define ACCEPT_PAUSE_USEC 200000ULL /* when descriptors have run out */
#define READ_SIZE 65536

struct client {
	struct client *next;
	struct control *control;
	int fd;
	uid_t uid;
	enum command_access access;
	sd_event_source *io, *deadline;
	char *in; /* bytes of requests, not yet answered */
	size_t n_in, room_in;
	char *out; /* frame being sent */
	size_t n_out, sent;
	struct recording *recording; /* NULL: it does not record */
	bool ending; /* its recording is over once out is sent */
	bool closing; /* once out is sent; what still comes in is thrown away till then */
};

struct control {
	struct server *server;
	int fd;
	bool bound; /* path is ours */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	gid_t group; /* that may change policy; (gid_t)-1: none */
	bool read_all;
	struct client *clients;
	sd_event_source *accept, *pause;
};

/* ---- who may do what ---- */

static bool in_group(int fd, const struct ucred *peer, gid_t group)
{
	gid_t groups[1024];
	socklen_t size = sizeof(groups);

	if (group == (gid_t)-1)
		return false;
	if (peer->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

static enum command_access find_access(const struct control *control, int fd,
				       const struct ucred *peer)
{
	if (!peer->uid || in_group(fd, peer, control->group))
		return ACCESS_CHANGE;
	return control->read_all ? ACCESS_READ : ACCESS_NONE;
}

/* Whether one more client of @uid is too many. */
static bool crowded(const struct control *control, uid_t uid)
{
	unsigned int all = 0, others = 0, same = 0;

	for (const struct client *c = control->clients; c; c = c->next) {
		all++;
		others += c->uid != 0;
		same += c->uid == uid;
	}
	return all >= CLIENTS_MAX ||
	       (uid && (others >= CLIENTS_OTHERS_MAX || same >= CLIENTS_USER_MAX));
}

/* ---- one client ---- */

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

static void client_free(struct client *client)
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
		log_info("a client of uid %u stalled and was dropped", client->uid);
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
		usec = IDLE_USEC;
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
		response = requests_answer(client->control->server, request, client->access,
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

/* ---- new clients ---- */

static void turn_away(int fd)
{
	autojson json_t *response =
		requests_refuse("too many clients at once; try again when others have ended");
	autofree char *frame = NULL;
	size_t size;

	frame = response ? frame_encode(response, &size) : NULL;
	if (frame)
		send(fd, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void add_client(struct control *control, int fd, const struct ucred *peer)
{
	sd_event *event = control->server->event;
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		turn_away(fd);
		return;
	}
	*client = (struct client){
		.next = control->clients,
		.control = control,
		.fd = fd,
		.uid = peer->uid,
		.access = find_access(control, fd, peer),
	};
	control->clients = client;
	if (sd_event_add_io(event, &client->io, fd, EPOLLIN, on_client, client) < 0 ||
	    sd_event_add_time_relative(event, &client->deadline, CLOCK_MONOTONIC, IDLE_USEC, 0,
				       on_deadline, client) < 0)
		client_free(client);
}

static int on_pause_end(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)usec;
	return sd_event_source_set_enabled(control->accept, SD_EVENT_ON);
}

/* Out of descriptors: do not spin on the one that waits. */
static void pause_accepting(struct control *control)
{
	log_warning("cannot accept a client: %s; trying again shortly", strerror(errno));
	sd_event_source_set_enabled(control->accept, SD_EVENT_OFF);
	control->pause = sd_event_source_unref(control->pause);
	if (sd_event_add_time_relative(control->server->event, &control->pause, CLOCK_MONOTONIC,
				       ACCEPT_PAUSE_USEC, 0, on_pause_end, control) < 0)
		sd_event_source_set_enabled(control->accept, SD_EVENT_ON);
}

static int on_accept(sd_event_source *source, int listener, uint32_t events, void *userdata)
{
	struct control *control = userdata;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_accepting(control);
		return 0;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		close(fd);
	else if (crowded(control, peer.uid))
		turn_away(fd);
	else
		add_client(control, fd, &peer);
	return 0;
}

/* ---- the socket ---- */

static int find_group(const char *name, gid_t *group, struct kernel_error *error)
{
	const struct group *entry;

	*group = (gid_t)-1;
	if (!*name)
		return 0;
	entry = getgrnam(name);
	if (!entry)
		return kernel_fail(
			error, -ENOENT,
			"[daemon] group \"%s\" does not exist; create it or correct the name",
			name);
	*group = entry->gr_gid;
	return 0;
}

int control_set_access(struct control *control, const struct policy_settings *settings,
		       struct kernel_error *error)
{
	bool read_all = settings->read_access == POLICY_READ_ALL;
	gid_t group;
	int rc = find_group(settings->group, &group, error);

	if (rc)
		return rc;
	if (chown(control->path, 0, group == (gid_t)-1 ? 0 : group) ||
	    chmod(control->path, read_all             ? 0666
				 : group == (gid_t)-1 ? 0600
						      : 0660))
		return kernel_fail(error, -errno, "cannot set the access of socket %s: %s",
				   control->path, strerror(errno));
	control->group = group;
	control->read_all = read_all;
	return 0;
}

/*
 * Make the directory of the socket if it is missing; its parent must be there.  Where others could
 * take the socket away and listen there themselves, the daemon does not.
 */
static int make_parent(const char *path, struct kernel_error *error)
{
	autofree char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	char why[TRUST_WHY_SIZE];

	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, 0755) && errno != EEXIST)
		return kernel_fail(error, -errno, "cannot make %s for the socket: %s", dir,
				   strerror(errno));
	return trust_path(dir, true, why) ? 0 : kernel_fail(error, -EPERM, "socket: %s", why);
}

/* Remove a socket that nobody listens at any more. */
static int remove_stale(const struct sockaddr_un *addr, struct kernel_error *error)
{
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *path = addr->sun_path;
	struct stat st;

	if (lstat(path, &st))
		return 0;
	if (fd >= 0 &&
	    (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN))
		return kernel_fail(error, -EADDRINUSE,
				   "another smc-policyd listens at %s; stop it, or choose another "
				   "[daemon] socket",
				   path);
	if (!S_ISSOCK(st.st_mode))
		return kernel_fail(error, -EEXIST,
				   "%s is there and is not a socket; remove it, or choose another "
				   "[daemon] socket",
				   path);
	unlink(path);
	return 0;
}

static int listen_at(struct control *control, const char *path, struct kernel_error *error)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int rc;

	snprintf(control->path, sizeof(control->path), "%s", path);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	rc = make_parent(path, error);
	if (!rc)
		rc = remove_stale(&addr, error);
	if (rc)
		return rc;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	rc = control->fd < 0 || bind(control->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
			     listen(control->fd, CLIENTS_MAX)
		     ? -errno
		     : 0;
	umask(mask);
	if (rc)
		return kernel_fail(error, rc, "cannot listen at %s: %s; check [daemon] socket",
				   path, strerror(-rc));
	control->bound = true;
	return 0;
}

int control_open(struct control **control, struct server *server, struct kernel_error *error)
{
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return kernel_fail(error, -ENOMEM, "out of memory");
	c->server = server;
	c->fd = -1;
	rc = listen_at(c, server->config.settings.socket, error);
	if (!rc)
		rc = control_set_access(c, &server->config.settings, error);
	if (!rc && sd_event_add_io(server->event, &c->accept, c->fd, EPOLLIN, on_accept, c) < 0)
		rc = kernel_fail(error, -ENOMEM, "cannot watch socket %s", c->path);
	if (rc) {
		control_close(c);
		return rc;
	}
	*control = c;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_free(control->clients);
	sd_event_source_disable_unref(control->accept);
	sd_event_source_disable_unref(control->pause);
	if (control->bound)
		unlink(control->path);
	if (control->fd >= 0)
		close(control->fd);
	free(control);
}
