// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A crowd at a Unix socket: clients that connect and send nothing.  A client that is turned away
 * connects again.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "smc-tool.h"

#define CROWD_MAX 100000

static const char usage[] = "usage: smc-tool crowd --at PATH --clients N [--passing]\n"
			    "Connects N clients to the Unix socket PATH and keeps them there until "
			    "it is killed;\n--passing: one after the other, each gone at once.\n";

struct options {
	struct sockaddr_un at;
	unsigned long clients;
	bool passing;
};

/* The descriptor, or -1: there is no room now. */
static int join(const struct options *options)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail_errno("socket");
	if (!connect(fd, (const struct sockaddr *)&options->at, sizeof(options->at)))
		return fd;
	if (errno != EAGAIN)
		fail_errno("connect to %s", options->at.sun_path);
	close(fd);
	return -1;
}

static int pass_by(const struct options *options)
{
	unsigned long been = 0, full = 0;

	while (been < options->clients) {
		int fd = join(options);

		if (fd >= 0) {
			been++;
			close(fd);
			continue;
		}
		full++;
		usleep(100); /* until there is room */
	}
	printf("been=%lu full=%lu\n", been, full);
	return EXIT_SUCCESS;
}

/* Whether the one at @fd was turned away. */
static bool is_out(int fd)
{
	char text[4096];
	ssize_t n;

	do
		n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	while (n > 0);
	return !n || (errno != EAGAIN && errno != EINTR);
}

static int stay(const struct options *options)
{
	int *fds = malloc(options->clients * sizeof(*fds));
	bool told = false;

	if (!fds)
		fail("out of memory");
	for (unsigned long i = 0; i < options->clients; i++)
		fds[i] = -1;
	for (;;) {
		for (unsigned long i = 0; i < options->clients; i++) {
			if (fds[i] >= 0 && is_out(fds[i])) {
				close(fds[i]);
				fds[i] = -1;
			}
			if (fds[i] < 0)
				fds[i] = join(options);
		}
		if (!told)
			printf("clients=%lu\n", options->clients);
		told = true;
		usleep(1000); /* a crowd, not a busy loop */
	}
}

int cmd_crowd(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "at", required_argument, NULL, 'a' },
		{ "clients", required_argument, NULL, 'n' },
		{ "passing", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct options options = { .at.sun_family = AF_UNIX };
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			if (strlen(optarg) >= sizeof(options.at.sun_path))
				usage_error("--at %s: too long", optarg);
			strcpy(options.at.sun_path, optarg);
			break;
		case 'n':
			options.clients = parse_number("--clients", optarg, CROWD_MAX);
			break;
		case 'p':
			options.passing = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			usage_error("see smc-tool crowd --help");
		}
	}
	if (!options.at.sun_path[0] || !options.clients)
		usage_error("--at and --clients are needed");
	return options.passing ? pass_by(&options) : stay(&options);
}
