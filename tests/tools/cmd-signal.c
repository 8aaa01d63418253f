// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals between guests.  A guest sets a signal by writing a file of that name
 * (complete, by rename) into its signal directory; the signal server answers
 * questions about these files by UDP.  The waiting guest asks again until the
 * answer is yes, so either side may be first and datagrams may be lost.  The
 * protocol is UDP because tests count TCP connections.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smc-tool.h"

#define SIGNAL_PORT 4660
#define SIGNAL_NAME_MAX 64
#define SIGNAL_VALUE_MAX 1024
#define ASK_AGAIN_MS 50

static const char server_usage[] = "usage: smc-tool signal-server --dir DIRECTORY\n"
				   "Answers for the files in DIRECTORY until it is killed.\n";
static const char await_usage[] =
	"usage: smc-tool await NAME --from ADDRESS [--timeout SECONDS]\n"
	"Waits until the host ADDRESS (IPv4) has signal NAME set, and prints its value.  Gives up\n"
	"after --timeout (default 300).\n";

/* An answer starts with the name it is about; the value follows its NUL. */
struct answer {
	char text[SIGNAL_NAME_MAX + 1 + SIGNAL_VALUE_MAX];
	size_t len;
};

static int udp_socket(const char *bind_address, unsigned long port)
{
	struct endpoint endpoint;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail_errno("socket");
	endpoint_set(&endpoint, bind_address, port);
	if (bind(fd, (struct sockaddr *)&endpoint.addr, endpoint.len))
		fail_errno("bind");
	return fd;
}

/* False if the signal is not set, or is none. */
static bool answer_for(int dir, const char *name, struct answer *answer)
{
	size_t name_size = strlen(name) + 1;
	ssize_t n;
	int fd;

	if (name_size == 1 || strchr(name, '/') || name[0] == '.')
		return false;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	memcpy(answer->text, name, name_size);
	n = read(fd, answer->text + name_size, SIGNAL_VALUE_MAX);
	close(fd);
	answer->len = name_size + (n > 0 ? (size_t)n : 0);
	return n >= 0;
}

static void serve_signals(int dir, int fd)
{
	for (;;) {
		char name[SIGNAL_NAME_MAX + 1];
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		struct answer answer;
		ssize_t n =
			recvfrom(fd, name, SIGNAL_NAME_MAX, 0, (struct sockaddr *)&from, &from_len);

		/* ICMP errors of earlier answers show up here; the asker will ask again. */
		if (n < 0)
			continue;
		name[n] = '\0';
		if (answer_for(dir, name, &answer))
			sendto(fd, answer.text, answer.len, 0, (struct sockaddr *)&from, from_len);
	}
}

int cmd_signal_server(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = NULL;
	int option, dir;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			path = optarg;
		else if (option == 'h')
			return fputs(server_usage, stdout) < 0;
		else
			return EXIT_USAGE;
	}
	if (!path || optind != argc)
		usage_error("signal-server needs --dir");
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		fail_errno("%s", path);
	serve_signals(dir, udp_socket("0.0.0.0", SIGNAL_PORT));
	return EXIT_SUCCESS;
}

/* Asks once; false if no answer came in time. */
static bool ask(int fd, const struct endpoint *server, const char *name, struct answer *answer)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	sendto(fd, name, strlen(name), 0, (const struct sockaddr *)&server->addr, server->len);
	if (poll(&poll_fd, 1, ASK_AGAIN_MS) <= 0)
		return false;
	n = recv(fd, answer->text, sizeof(answer->text) - 1, 0);
	if (n < 0) {
		/* The peer is up but its server is not yet: "port unreachable" came at once. */
		poll(NULL, 0, ASK_AGAIN_MS);
		return false;
	}
	answer->text[n] = '\0';
	answer->len = (size_t)n;
	return !strcmp(answer->text, name);
}

int cmd_await(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'a' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct endpoint server = { .len = 0 };
	unsigned long timeout = 300;
	struct answer answer;
	uint64_t deadline;
	int option, fd;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'a')
			endpoint_set(&server, optarg, SIGNAL_PORT);
		else if (option == 't')
			timeout = parse_number("timeout", optarg, 100000);
		else if (option == 'h')
			return fputs(await_usage, stdout) < 0;
		else
			return EXIT_USAGE;
	}
	if (!server.len || argc - optind != 1 || strlen(argv[optind]) > SIGNAL_NAME_MAX)
		usage_error("await needs a NAME and --from");
	deadline = now_us() + timeout * 1000000;
	fd = udp_socket("0.0.0.0", 0);
	while (!ask(fd, &server, argv[optind], &answer)) {
		if (now_us() > deadline)
			fail("no signal %s within %lu s", argv[optind], timeout);
	}
	printf("%s\n", answer.text + strlen(answer.text) + 1);
	return EXIT_SUCCESS;
}
