// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two kinds of short connections take turns, so that both find the machine equally fast.  Their rates can
 * be compared even if its speed changes from one second to the next.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "smc-tool.h"

static const char usage[] =
	"usage: smc-tool turns --to ADDRESS --port N --versus PORT --seconds S\n"
	"                      [--family smc|ipproto-smc|tcp] [--versus-family smc|ipproto-smc|tcp]\n"
	"                      [--at-once N] [--turn MS]\n"
	"Threads, --at-once (default 4) of them, open connections as fast as they go, each for 64 bytes\n"
	"there and back: for --turn (100) ms to --port with sockets of --family (smc), then to --versus\n"
	"with sockets of --versus-family (tcp), and so on for --seconds.\n"
	"Prints a line for each two turns, \"one=N us=N versus=N us=N\": connections, and the time to the\n"
	"end of the last of them.  Status 0 only if none failed.\n";

#define BYTES 64
#define THREADS_MAX 64

enum side {
	ONE,
	VERSUS,
	SIDES,
	NOBODY = SIDES,
};

static struct {
	struct endpoint endpoint[SIDES];
	pthread_mutex_t lock;
	pthread_cond_t changed; /* turn, or open to 0 */
	enum side turn;
	unsigned int open;
	unsigned long ended; /* in this turn */
	unsigned long failed;
} turns = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
	.turn = NOBODY,
};

static bool talk(int fd, const struct endpoint *endpoint)
{
	char there[BYTES] = "to be sent back", back[BYTES];
	size_t received = 0;
	ssize_t n;

	if (connect(fd, (const struct sockaddr *)&endpoint->addr, endpoint->len) ||
	    write(fd, there, BYTES) != BYTES)
		return false;
	while (received < BYTES) {
		n = read(fd, back + received, BYTES - received);
		if (n <= 0)
			return false;
		received += (size_t)n;
	}
	return !memcmp(there, back, BYTES);
}

static void *call(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&turns.lock);
	for (;;) {
		const struct endpoint *endpoint;
		bool good;
		int fd;

		while (turns.turn == NOBODY)
			pthread_cond_wait(&turns.changed, &turns.lock);
		endpoint = &turns.endpoint[turns.turn];
		turns.open++;
		pthread_mutex_unlock(&turns.lock);
		fd = endpoint_socket(endpoint, 0);
		good = talk(fd, endpoint);
		close(fd);
		pthread_mutex_lock(&turns.lock);
		turns.ended++;
		turns.failed += !good;
		if (!--turns.open)
			pthread_cond_broadcast(&turns.changed);
	}
	return NULL;
}

/* One turn of @side: how many connections, and *@us how long it took. */
static unsigned long take_turn(enum side side, unsigned long ms, uint64_t *us)
{
	struct timespec time = { .tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000 * 1000000) };
	uint64_t start = now_us();
	unsigned long ended;

	pthread_mutex_lock(&turns.lock);
	turns.turn = side;
	turns.ended = 0;
	pthread_cond_broadcast(&turns.changed);
	pthread_mutex_unlock(&turns.lock);
	nanosleep(&time, NULL);
	pthread_mutex_lock(&turns.lock);
	turns.turn = NOBODY;
	while (turns.open)
		pthread_cond_wait(&turns.changed, &turns.lock);
	ended = turns.ended;
	pthread_mutex_unlock(&turns.lock);
	*us = now_us() - start;
	return ended;
}

static int compare(unsigned long seconds, unsigned long ms, unsigned long at_once)
{
	uint64_t end = now_us() + seconds * 1000000, one_us, versus_us;
	unsigned long one, versus;
	pthread_t thread;

	for (unsigned long i = 0; i < at_once; i++) {
		if (pthread_create(&thread, NULL, call, NULL))
			fail("cannot start a thread");
	}
	while (now_us() < end) {
		one = take_turn(ONE, ms, &one_us);
		versus = take_turn(VERSUS, ms, &versus_us);
		printf("one=%lu us=%llu versus=%lu us=%llu\n", one, (unsigned long long)one_us,
		       versus, (unsigned long long)versus_us);
	}
	if (turns.failed)
		fail("%lu connections failed", turns.failed);
	return EXIT_SUCCESS;
}

int cmd_turns(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "versus", required_argument, NULL, 'v' },
		{ "seconds", required_argument, NULL, 's' },
		{ "family", required_argument, NULL, 'f' },
		{ "versus-family", required_argument, NULL, 'F' },
		{ "at-once", required_argument, NULL, 'n' },
		{ "turn", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long port[SIDES] = { 0 }, seconds = 0, at_once = 4, ms = 100;
	enum socket_kind kind[SIDES] = { SOCKET_SMC, SOCKET_TCP };
	const char *address = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			address = optarg;
			break;
		case 'p':
			port[ONE] = parse_number("port", optarg, UINT16_MAX);
			break;
		case 'v':
			port[VERSUS] = parse_number("versus", optarg, UINT16_MAX);
			break;
		case 's':
			seconds = parse_number("seconds", optarg, 3600);
			break;
		case 'f':
			kind[ONE] = parse_socket_kind(optarg);
			break;
		case 'F':
			kind[VERSUS] = parse_socket_kind(optarg);
			break;
		case 'n':
			at_once = parse_number("at-once", optarg, THREADS_MAX);
			break;
		case 't':
			ms = parse_number("turn", optarg, 60000);
			break;
		case 'h':
			return fputs(usage, stdout) < 0;
		default:
			return EXIT_USAGE;
		}
	}
	if (!address || !port[ONE] || !port[VERSUS] || !seconds || !at_once || !ms ||
	    optind != argc)
		usage_error(
			"turns needs --to, --port, --versus and --seconds; see smc-tool turns --help");
	for (int side = 0; side < SIDES; side++) {
		endpoint_set(&turns.endpoint[side], address, port[side]);
		turns.endpoint[side].kind = kind[side];
	}
	return compare(seconds, ms, at_once);
}
