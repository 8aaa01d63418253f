// SPDX-License-Identifier: GPL-2.0-or-later
/* Echo server: whatever a client sends comes back, on any number of connections at once. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "smc-tool.h"

#define ECHO_BUFFER (16 * 1024)
#define BACKLOG 1024
#define EVENTS 64

static const char usage[] =
	"usage: smc-tool server --bind ADDRESS --port N [--family smc|ipproto-smc|tcp]\n"
	"                       [--count N|forever] [--quiet] [--silent]\n"
	"Prints \"ready port=N\", then per connection \"accepted peer_port=N mode=… …\" and\n"
	"\"closed peer_port=N bytes=N\".  Ends after --count connections (default 1).\n"
	"With --quiet it does not ask what the connections turned into, with --silent it reads and\n"
	"never answers.\n";

struct connection {
	int fd;
	uint16_t peer_port;
	uint64_t echoed; /* bytes */
	size_t start; /* what is between start and end of buffer waits to be sent */
	size_t end;
	bool classified;
	struct connection *next; /* in the list of not yet classified ones */
	ino_t inode;
	unsigned char buffer[ECHO_BUFFER];
};

struct server {
	struct endpoint endpoint;
	unsigned long to_accept;
	unsigned long open;
	bool quiet;
	bool silent;
	int listener;
	int epoll;
	struct connection *accepted; /* since the last look at smc_diag */
};

static void watch(const struct server *server, int fd, uint32_t events, void *owner, int operation)
{
	struct epoll_event event = { .events = events, .data.ptr = owner };

	if (epoll_ctl(server->epoll, operation, fd, &event))
		fail_errno("epoll_ctl");
}

static void start_listening(struct server *server)
{
	int fd = endpoint_socket(&server->endpoint, SOCK_NONBLOCK);
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		fail_errno("SO_REUSEADDR");
	if (bind(fd, (struct sockaddr *)&server->endpoint.addr, server->endpoint.len))
		fail_errno("bind");
	if (listen(fd, BACKLOG))
		fail_errno("listen");
	server->listener = fd;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll < 0)
		fail_errno("epoll_create1");
	watch(server, fd, EPOLLIN, server, EPOLL_CTL_ADD);
	printf("ready port=%u\n", local_port(fd));
}

static void accept_one(struct server *server, int fd, const struct sockaddr_storage *peer)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		fail("out of memory");
	connection->fd = fd;
	connection->peer_port = sockaddr_port(peer);
	connection->inode = socket_inode(fd);
	connection->next = server->accepted;
	server->accepted = connection;
	server->open++;
	watch(server, fd, EPOLLIN, connection, EPOLL_CTL_ADD);
}

static void accept_all(struct server *server)
{
	while (server->to_accept) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		int fd = accept4(server->listener, (struct sockaddr *)&peer, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (would_block() || errno == ECONNABORTED))
			return;
		if (fd < 0)
			fail_errno("accept");
		accept_one(server, fd, &peer);
		if (server->to_accept != ULONG_MAX)
			server->to_accept--;
	}
	/* A listener that stays readable would keep epoll_wait() from waiting. */
	watch(server, server->listener, 0, server, EPOLL_CTL_MOD);
}

static void print_accepted(const struct server *server, struct connection *connection,
			   const struct smc_state *state)
{
	printf("accepted peer_port=%u ", connection->peer_port);
	print_mode(stdout, server->endpoint.kind, state);
	putchar('\n');
	connection->classified = true;
}

static void match_accepted(const struct smc_state *state, void *data)
{
	struct server *server = data;

	for (struct connection *c = server->accepted; c; c = c->next) {
		if (c->inode == state->inode)
			print_accepted(server, c, state);
	}
}

/* One dump tells about all connections that came in since the last one. */
static void classify_accepted(struct server *server)
{
	if (server->endpoint.kind != SOCKET_TCP && !server->quiet && server->accepted)
		smc_diag_walk(match_accepted, server);
	while (server->accepted) {
		struct connection *connection = server->accepted;

		if (!connection->classified && !server->quiet)
			print_accepted(server, connection, NULL);
		server->accepted = connection->next;
		connection->next = NULL;
	}
}

static void close_connection(struct server *server, struct connection *connection)
{
	if (!server->quiet)
		printf("closed peer_port=%u bytes=%llu\n", connection->peer_port,
		       (unsigned long long)connection->echoed);
	close(connection->fd);
	free(connection);
	server->open--;
}

/* Moves what it can; false when the connection is over. */
static bool echo_some(const struct server *server, struct connection *connection)
{
	ssize_t n;

	if (connection->start == connection->end) {
		n = read(connection->fd, connection->buffer, sizeof(connection->buffer));
		if (n <= 0)
			return n < 0 && would_block();
		connection->start = 0;
		connection->end = (size_t)n;
	}
	if (server->silent) {
		connection->end = 0;
		return true;
	}
	n = write(connection->fd, connection->buffer + connection->start,
		  connection->end - connection->start);
	if (n < 0)
		return would_block();
	connection->start += (size_t)n;
	connection->echoed += (uint64_t)n;
	return true;
}

static void serve_connection(struct server *server, struct connection *connection)
{
	bool unsent;

	if (!echo_some(server, connection)) {
		close_connection(server, connection);
		return;
	}
	unsent = connection->start != connection->end;
	watch(server, connection->fd, unsent ? EPOLLOUT : EPOLLIN, connection, EPOLL_CTL_MOD);
}

static void serve(struct server *server)
{
	while (server->to_accept || server->open) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(server->epoll, events, EVENTS, -1);

		if (n < 0 && errno != EINTR)
			fail_errno("epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == server)
				accept_all(server);
		}
		/* Before a connection can be closed, or its inode would be gone. */
		classify_accepted(server);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr != server)
				serve_connection(server, events[i].data.ptr);
		}
	}
}

int cmd_server(int argc, char **argv)
{
	static const struct option options[] = {
		{ "bind", required_argument, NULL, 'b' },
		{ "port", required_argument, NULL, 'p' },
		{ "family", required_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'c' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "silent", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct server server = { .to_accept = 1 };
	const char *address = NULL;
	unsigned long port = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b')
			address = optarg;
		else if (option == 'p')
			port = parse_number("port", optarg, UINT16_MAX);
		else if (option == 'f')
			server.endpoint.kind = parse_socket_kind(optarg);
		else if (option == 'c')
			server.to_accept = strcmp(optarg, "forever")
						   ? parse_number("count", optarg, ULONG_MAX - 1)
						   : ULONG_MAX;
		else if (option == 'q')
			server.quiet = true;
		else if (option == 's')
			server.silent = true;
		else if (option == 'h')
			return fputs(usage, stdout) < 0;
		else
			return EXIT_USAGE;
	}
	if (!address || optind != argc)
		usage_error("server needs --bind and --port; see smc-tool server --help");
	endpoint_set(&server.endpoint, address, port);
	start_listening(&server);
	serve(&server);
	return EXIT_SUCCESS;
}
