// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * connect CLIENTS: short TCP connections on loopback, as fast as they go: connect, a byte there, a byte
 * back, close.  For each number of seconds, one a line of standard input, it prints how many a
 * second there are for so long from then on.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SERVERS 4
#define CLIENTS_MAX 256

static struct sockaddr_in address = { .sin_family = AF_INET };
static int listener;
static atomic_ulong connections;

static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char byte;

		if (fd < 0)
			return NULL;
		if (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) != 1)
			perror("write");
		close(fd);
	}
}

static bool talk(int fd)
{
	char byte = 'x';

	return !connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
	       write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1;
}

static void *call(void *arg)
{
	/* Closed by a reset, or the ports would be gone in a second. */
	struct linger linger = { .l_onoff = 1 };

	(void)arg;
	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0)
			return NULL;
		if (talk(fd))
			connections++;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(fd);
	}
}

static int listen_somewhere(void)
{
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	return listener < 0 || bind(listener, (struct sockaddr *)&address, size) ||
			       listen(listener, SOMAXCONN) ||
			       getsockname(listener, (struct sockaddr *)&address, &size)
		       ? -1
		       : 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* How many a second there are for @seconds from now on. */
static double measure(double seconds)
{
	struct timespec time = { .tv_sec = (time_t)seconds };
	unsigned long before = connections;
	double start = now();

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	nanosleep(&time, NULL);
	return (double)(connections - before) / (now() - start);
}

int main(int argc, char **argv)
{
	int clients = argc == 2 ? atoi(argv[1]) : 0;
	pthread_t thread;
	double seconds;

	if (clients < 1 || clients > CLIENTS_MAX) {
		fprintf(stderr, "usage: connect CLIENTS\n");
		return 2;
	}
	if (listen_somewhere()) {
		perror("listen");
		return 1;
	}
	for (int i = 0; i < SERVERS; i++)
		pthread_create(&thread, NULL, serve, NULL);
	for (int i = 0; i < clients; i++)
		pthread_create(&thread, NULL, call, NULL);
	while (scanf("%lf", &seconds) == 1 && seconds > 0) {
		printf("%.0f\n", measure(seconds));
		fflush(stdout);
	}
	return ferror(stdin) || ferror(stdout) ? 1 : 0;
}
