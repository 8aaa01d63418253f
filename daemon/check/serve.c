// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check/serve.h"
#include "check/sightings.h"
#include "check/talk.h"
#include "common/clock.h"

#define LISTENERS 2 /* IPv4 and IPv6: SMC-R version 2 does not know mapped addresses */
#define BACKLOG 64

struct client {
	int fd; /* -1: free */
	uint64_t since_ns;
	union check_address peer;
	bool smc; /* accepted by an SMC socket */
};

/* Threads that serve may outlive check_serve(). */
static struct {
	const struct serve *serve;
	int listeners[LISTENERS];
	bool smc;
	pthread_mutex_t lock; /* of the following */
	struct client clients[SERVE_CLIENTS_MAX];
	struct sightings sightings;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* ---- requests ---- */

static int answer_hello(int fd, const struct mode *mode)
{
	return talk_send_line(
		fd,
		"{\"protocol\":%d,\"mode\":%s%s%s,\"code\":%" PRIu32 ",\"peer_code\":%" PRIu32 "}",
		TALK_PROTOCOL, mode->word ? "\"" : "", mode->word ? mode->word : "null",
		mode->word ? "\"" : "", mode->code, mode->peer_code);
}

static const char *answer_word(enum facts_answer answer)
{
	return answer == FACTS_UNKNOWN ? "null" : answer == FACTS_YES ? "true" : "false";
}

static int answer_syn(int fd, uint32_t isn)
{
	enum facts_answer syn, synack;

	pthread_mutex_lock(&server.lock);
	syn = sightings_option(&server.sightings, isn, false);
	synack = sightings_option(&server.sightings, isn, true);
	pthread_mutex_unlock(&server.lock);
	return talk_send_line(fd, "{\"syn\":%s,\"synack\":%s}", answer_word(syn),
			      answer_word(synack));
}

static int answer_data(int fd, uint32_t bytes, uint32_t seed, uint32_t window)
{
	struct talk_data data = {
		.bytes = bytes, .window = window, .seed = seed + 1, .expected = seed
	};
	bool right;
	int rc = bytes > TALK_BYTES_MAX || !window ? -EINVAL : talk_exchange(fd, &data, &right);

	return rc ? rc : talk_send_line(fd, right ? "ok" : "bad");
}

static int answer_pings(int fd, uint32_t count, uint32_t size)
{
	uint8_t message[TALK_PING_SIZE_MAX];
	int rc = count > TALK_PINGS_MAX || !size || size > sizeof(message) ? -EINVAL : 0;

	while (!rc && count--) {
		rc = talk_receive(fd, message, size);
		if (!rc)
			rc = talk_send(fd, message, size);
	}
	return rc;
}

/* Whether @line is @word and @n numbers, which go to @numbers. */
static bool read_request(const char *line, const char *word, uint32_t *numbers, int n)
{
	char copy[TALK_LINE_SIZE], *rest = copy;
	struct value_error error;
	uint64_t number;

	snprintf(copy, sizeof(copy), "%s", line);
	if (strcmp(strsep(&rest, " "), word))
		return false;
	for (int i = 0; i < n; i++) {
		const char *text = strsep(&rest, " ");

		if (!text || value_number(word, text, 0, UINT32_MAX, &number, &error))
			return false;
		numbers[i] = (uint32_t)number;
	}
	return !rest;
}

static int answer(int fd, const char *line, const struct mode *mode)
{
	uint32_t numbers[3];

	if (read_request(line, "hello", numbers, 1) && numbers[0] == TALK_PROTOCOL)
		return answer_hello(fd, mode);
	if (read_request(line, "syn", numbers, 1))
		return answer_syn(fd, numbers[0]);
	if (read_request(line, "data", numbers, 3))
		return answer_data(fd, numbers[0], numbers[1], numbers[2]);
	if (read_request(line, "ping", numbers, 2))
		return answer_pings(fd, numbers[0], numbers[1]);
	return -EINVAL;
}

/* ---- clients ---- */

static void end_client(struct client *client)
{
	pthread_mutex_lock(&server.lock);
	close(client->fd);
	client->fd = -1;
	pthread_mutex_unlock(&server.lock);
}

static void *serve_client(void *arg)
{
	struct client *client = arg;
	struct mode mode = client->smc ? mode_of(client->fd) : (struct mode){ .word = "tcp" };
	char line[TALK_LINE_SIZE], peer[VALUE_TEXT_SIZE];
	unsigned int requests = 0;

	check_address_text(&client->peer, peer);
	while (requests < SERVE_REQUESTS_MAX && !talk_receive_line(client->fd, line) &&
	       !answer(client->fd, line, &mode))
		requests++;
	end_client(client);
	server.serve->ended(peer, &mode, requests);
	return NULL;
}

/* A free place for @fd, or NULL. */
static struct client *add_client(int fd, const union check_address *peer)
{
	struct client *free_one = NULL;

	pthread_mutex_lock(&server.lock);
	for (int i = 0; i < SERVE_CLIENTS_MAX && !free_one; i++)
		if (server.clients[i].fd < 0)
			free_one = &server.clients[i];
	if (free_one)
		*free_one = (struct client){ fd, clock_ns(CLOCK_MONOTONIC), *peer, server.smc };
	pthread_mutex_unlock(&server.lock);
	return free_one;
}

static void accept_client(int listener)
{
	union check_address peer = { 0 };
	socklen_t length = sizeof(peer);
	int fd = accept4(listener, &peer.any, &length, SOCK_CLOEXEC);
	struct client *client = fd < 0 ? NULL : add_client(fd, &peer);
	pthread_attr_t detached;
	pthread_t thread;

	if (!client) {
		if (fd >= 0)
			close(fd);
		return;
	}
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, serve_client, client))
		end_client(client);
	pthread_attr_destroy(&detached);
}

/* Whoever has been here too long is cut off: its thread notices. */
static void end_old_clients(void)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	pthread_mutex_lock(&server.lock);
	for (int i = 0; i < SERVE_CLIENTS_MAX; i++)
		if (server.clients[i].fd >= 0 &&
		    now - server.clients[i].since_ns > SERVE_CLIENT_SECONDS * NSEC_PER_SEC)
			shutdown(server.clients[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&server.lock);
}

/* ---- listening ---- */

static int listen_on(int listener, uint16_t port, sa_family_t family)
{
	union check_address any = { .any.sa_family = family };
	int on = 1;

	*check_address_port(&any) = htons(port);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (fcntl(listener, F_SETFL, O_NONBLOCK) ||
	    bind(listener, &any.any, family == AF_INET6 ? sizeof(any.v6) : sizeof(any.v4)) ||
	    listen(listener, BACKLOG))
		return -errno;
	return 0;
}

/* A host without IPv6 has the first listener only. */
static int open_listeners(uint16_t port)
{
	static const sa_family_t families[LISTENERS] = { AF_INET, AF_INET6 };
	int rc = 0;

	for (int i = 0; i < LISTENERS; i++) {
		server.listeners[i] = mode_socket(families[i], server.smc);
		rc = server.listeners[i] < 0 ? server.listeners[i]
					     : listen_on(server.listeners[i], port, families[i]);
		if (rc && !i)
			return rc;
	}
	return 0;
}

static void serve_until_end(const struct serve *serve)
{
	uint64_t start = clock_ns(CLOCK_MONOTONIC);
	struct timespec second = { .tv_sec = 1 };
	sigset_t none;

	sigemptyset(&none);
	while (!interrupted && (!serve->seconds || clock_ns(CLOCK_MONOTONIC) - start <
							   serve->seconds * NSEC_PER_SEC)) {
		struct pollfd fds[LISTENERS] = { { server.listeners[0], POLLIN, 0 },
						 { server.listeners[1], POLLIN, 0 } };

		/* Signals come only while it waits. */
		if (ppoll(fds, LISTENERS, &second, &none) > 0)
			for (int i = 0; i < LISTENERS; i++)
				if (fds[i].revents & POLLIN)
					accept_client(server.listeners[i]);
		end_old_clients();
	}
}

static void take_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t both;

	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	sigprocmask(SIG_BLOCK, &both, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int check_serve(const struct serve *serve)
{
	int probe = mode_socket(AF_INET, true), rc;

	server.serve = serve;
	server.smc = probe >= 0;
	if (probe >= 0)
		close(probe);
	for (int i = 0; i < SERVE_CLIENTS_MAX; i++)
		server.clients[i].fd = -1;
	rc = sightings_open(&server.sightings, serve->port);
	if (!rc)
		rc = open_listeners(serve->port);
	if (rc)
		return rc;
	take_signals();
	serve->ready(server.smc);
	serve_until_end(serve);
	for (int i = 0; i < LISTENERS; i++)
		if (server.listeners[i] >= 0)
			close(server.listeners[i]);
	return 0;
}
