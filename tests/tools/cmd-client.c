// SPDX-License-Identifier: GPL-2.0-or-later
/* One connection to the echo server, checked byte for byte. */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smc-tool.h"

static const char usage[] =
	"usage: smc-tool client --to ADDRESS --port N [--bytes N] [--message N]\n"
	"                       [--family smc|ipproto-smc|tcp] [--timeout SECONDS] [--bind-port N] [--hold]\n"
	"                       [--tcp-option no-cookie|fast-open]\n"
	"Sends --bytes pseudo-random bytes (default 1000), checks the echo and prints one line:\n"
	"mode=SMCR|SMCD|FALLBACK|TCP|UNKNOWN reason=0x… peer_reason=0x… linkgroup=yes|no\n"
	"bytes=N data=ok|bad connect_us=N local_port=N\n"
	"FALLBACK is an SMC socket that became TCP; TCP a socket that never asked for SMC;\n"
	"UNKNOWN one that this kernel's smc_diag does not list.  With --hold the connection\n"
	"stays open until standard input ends.  With --message it sends so many bytes at a time, and\n"
	"the next when they have come back.  --tcp-option sets an option that SMC has not, so that the\n"
	"socket becomes TCP before it connects; fast-open connects by TCP Fast Open.  It fails when nothing happens for --timeout\n"
	"(default 300).  Status 0 only if all data came back right.\n";

/* SMC's send buffer is finite: never more than this is written before looking for echo. */
#define CHUNK 8192

struct client {
	struct endpoint endpoint;
	unsigned long bytes;
	unsigned long message; /* 0: all of them at once */
	unsigned long timeout; /* seconds, for connecting and for each standstill */
	unsigned long bind_port;
	bool hold;
	const char *tcp_option; /* NULL: none */
	int fd;
	uint64_t connect_us;
};

static void wait_for(const struct client *client, short events, const char *what)
{
	struct pollfd poll_fd = { .fd = client->fd, .events = events };
	int n;

	do {
		n = poll(&poll_fd, 1, (int)client->timeout * 1000);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		fail("%s: nothing for %lu s", what, client->timeout);
}

static void set_tcp_option(const struct client *client)
{
	const char *name = client->tcp_option;
	int option, on = 1;

	if (!name)
		return;
	if (!strcmp(name, "no-cookie"))
		option = TCP_FASTOPEN_NO_COOKIE;
	else if (!strcmp(name, "fast-open"))
		option = TCP_FASTOPEN_CONNECT;
	else
		usage_error("--tcp-option takes no-cookie or fast-open");
	if (setsockopt(client->fd, IPPROTO_TCP, option, &on, sizeof(on)))
		fail_errno("setsockopt");
}

/* Nonblocking, so that --timeout holds also while module smc waits for its peer. */
static void open_connection(struct client *client)
{
	uint64_t start = now_us();

	client->fd = endpoint_socket(&client->endpoint, SOCK_NONBLOCK);
	set_tcp_option(client);
	if (client->bind_port)
		bind_local_port(client->fd, &client->endpoint, (uint16_t)client->bind_port);
	if (connect(client->fd, (struct sockaddr *)&client->endpoint.addr, client->endpoint.len)) {
		if (errno != EINPROGRESS)
			fail_errno("connect");
		wait_for(client, POLLOUT, "connect");
		errno = socket_error(client->fd);
		if (errno)
			fail_errno("connect");
	}
	client->connect_us = now_us() - start;
}

static size_t send_some(const struct client *client, const unsigned char *data, size_t len)
{
	ssize_t n = write(client->fd, data, len < CHUNK ? len : CHUNK);

	if (n < 0 && !would_block())
		fail_errno("write");
	return n < 0 ? 0 : (size_t)n;
}

static size_t receive_some(const struct client *client, unsigned char *data, size_t len)
{
	ssize_t n = read(client->fd, data, len);

	if (n < 0 && !would_block())
		fail_errno("read");
	if (n == 0)
		fail("the server closed the connection with %zu bytes missing", len);
	return n < 0 ? 0 : (size_t)n;
}

/* How many bytes may be sent when @received have come back. */
static size_t may_send(const struct client *client, size_t received)
{
	size_t next;

	if (!client->message)
		return client->bytes;
	next = (received / client->message + 1) * client->message;
	return next < client->bytes ? next : client->bytes;
}

/* True if what came back is what was sent. */
static bool exchange(const struct client *client)
{
	unsigned char *sent = malloc(client->bytes + 1);
	unsigned char *echo = malloc(client->bytes + 1);
	size_t written = 0, received = 0;
	bool same;

	if (!sent || !echo)
		fail("out of memory");
	fill_pseudo_random(sent, client->bytes, now_us());
	while (received < client->bytes) {
		size_t before = written + received, most = may_send(client, received);

		if (written < most)
			written += send_some(client, sent + written, most - written);
		received += receive_some(client, echo + received, client->bytes - received);
		if (written + received == before)
			wait_for(client, written < most ? POLLIN | POLLOUT : POLLIN, "echo");
	}
	same = !memcmp(sent, echo, client->bytes);
	free(sent);
	free(echo);
	return same;
}

static void print_result(const struct client *client, bool same)
{
	struct smc_state state;
	bool listed = client->endpoint.kind != SOCKET_TCP &&
		      smc_diag_find(socket_inode(client->fd), &state);

	print_mode(stdout, client->endpoint.kind, listed ? &state : NULL);
	printf(" bytes=%lu data=%s connect_us=%llu local_port=%u\n", client->bytes,
	       same ? "ok" : "bad", (unsigned long long)client->connect_us, local_port(client->fd));
}

static void wait_for_end_of_input(void)
{
	char buffer[64];

	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
}

int cmd_client(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "bytes", required_argument, NULL, 'n' },
		{ "message", required_argument, NULL, 'm' },
		{ "family", required_argument, NULL, 'f' },
		{ "timeout", required_argument, NULL, 't' },
		{ "bind-port", required_argument, NULL, 'b' },
		{ "hold", no_argument, NULL, 'o' },
		{ "tcp-option", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct client client = { .bytes = 1000, .timeout = 300 };
	const char *address = NULL;
	unsigned long port = 0;
	bool same;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'a')
			address = optarg;
		else if (option == 'p')
			port = parse_number("port", optarg, UINT16_MAX);
		else if (option == 'n')
			client.bytes = parse_number("bytes", optarg, 1UL << 30);
		else if (option == 'm')
			client.message = parse_number("message", optarg, 1UL << 30);
		else if (option == 'f')
			client.endpoint.kind = parse_socket_kind(optarg);
		else if (option == 't')
			client.timeout = parse_number("timeout", optarg, 3600);
		else if (option == 'b')
			client.bind_port = parse_number("bind-port", optarg, UINT16_MAX);
		else if (option == 'o')
			client.hold = true;
		else if (option == 'T')
			client.tcp_option = optarg;
		else if (option == 'h')
			return fputs(usage, stdout) < 0;
		else
			return EXIT_USAGE;
	}
	if (!address || !port || optind != argc)
		usage_error("client needs --to and --port; see smc-tool client --help");
	endpoint_set(&client.endpoint, address, port);
	open_connection(&client);
	same = exchange(&client);
	print_result(&client, same);
	if (client.hold)
		wait_for_end_of_input();
	close(client.fd);
	return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
