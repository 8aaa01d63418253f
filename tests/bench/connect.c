// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * connect SECONDS CLIENTS: short TCP connections on loopback, as fast as they go: connect, a
 * byte there, a byte back, close.  Prints how many a second.
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
static atomic_bool stop;

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
	while (!stop) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0)
			continue;
		if (talk(fd))
			connections++;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(fd);
	}
	return NULL;
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

int main(int argc, char **argv)
{
	double seconds = argc == 3 ? strtod(argv[1], NULL) : 0;
	int clients = argc == 3 ? atoi(argv[2]) : 0;
	struct timespec time = { .tv_sec = (time_t)seconds };
	pthread_t thread;

	if (seconds <= 0 || clients < 1 || clients > CLIENTS_MAX) {
		fprintf(stderr, "usage: connect SECONDS CLIENTS\n");
		return 2;
	}
	if (listen_somewhere()) {
		perror("listen");
		return 1;
	}
	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	for (int i = 0; i < SERVERS; i++)
		pthread_create(&thread, NULL, serve, NULL);
	for (int i = 0; i < clients; i++)
		pthread_create(&thread, NULL, call, NULL);
	nanosleep(&time, NULL);
	stop = true;
	printf("%.0f\n", (double)connections / seconds);
	return fflush(stdout) ? 1 : 0;
}
