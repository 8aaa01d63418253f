// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the command makes of a hostile daemon's answers: a line of words, separated by blanks, then
 * answers, one a line, each sent as a frame; or, after a byte NUL instead of the newline, bytes that are
 * sent as they are.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "command.h"

static const char questions[] = "connect 10.0.0.1 80\nnonsense\naccept ::1 443\n";
static const char policy[] = "[rule a]\naction = allow\nports = 80\n";

/* What is to be sent, by whoever accepts. */
static struct {
	int listener;
	pthread_mutex_t lock; /* of what follows */
	char *bytes;
	size_t n, room;
} daemon_ = { .listener = -1, .lock = PTHREAD_MUTEX_INITIALIZER };

static void send_all(int fd)
{
	size_t sent = 0;

	while (sent < daemon_.n) {
		ssize_t n = send(fd, daemon_.bytes + sent, daemon_.n - sent, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		sent += (size_t)n;
	}
}

/* Each client gets everything and the end, whatever it asks. */
static void *serve(void *arg)
{
	char buf[4096];

	(void)arg;
	for (;;) {
		int fd = accept4(daemon_.listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		pthread_mutex_lock(&daemon_.lock);
		send_all(fd);
		pthread_mutex_unlock(&daemon_.lock);
		shutdown(fd, SHUT_WR);
		while (recv(fd, buf, sizeof(buf), 0) > 0)
			;
		close(fd);
	}
	return NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "socket" };
	pthread_t thread;

	(void)argc;
	(void)argv;
	command_begin();
	fuzz_dir_write("q", questions, strlen(questions));
	fuzz_dir_write("f", policy, strlen(policy));
	daemon_.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(daemon_.listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(daemon_.listener, 8) || pthread_create(&thread, NULL, serve, NULL))
		abort();
	return 0;
}

static void add_bytes(const void *bytes, size_t n)
{
	if (daemon_.n + n >= daemon_.room) {
		daemon_.room = 2 * (daemon_.n + n) + 1;
		daemon_.bytes = realloc(daemon_.bytes, daemon_.room);
		if (!daemon_.bytes)
			abort();
	}
	memcpy(daemon_.bytes + daemon_.n, bytes, n);
	daemon_.n += n;
}

static void add_frame(const char *text, size_t length)
{
	uint32_t header = htonl((uint32_t)length);

	add_bytes(&header, sizeof(header));
	add_bytes(text, length);
}

/* policy diff without files reads those that the daemon says it reads: not this host's. */
static bool reads_host(const char *words)
{
	return strstr(words, "diff") && !strstr(words, " f");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	bool raw = nul && (!newline || nul < newline);
	struct input input = { data, size };
	size_t length;
	char *words = input_until(&input, raw ? '\0' : '\n', &length);

	pthread_mutex_lock(&daemon_.lock);
	daemon_.n = 0;
	if (raw)
		add_bytes(input.at, input.left);
	while (!raw && input.left) {
		char *line = input_until(&input, '\n', &length);

		add_frame(line, length);
		free(line);
	}
	pthread_mutex_unlock(&daemon_.lock);
	if (!reads_host(words)) {
		for (char *at = words; *at; at++)
			*at = *at == ' ' ? '\n' : *at;
		command_run(words);
	}
	unlinkat(fuzz_dir, "o", 0);
	free(words);
	return 0;
}
