// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "smc-tool.h"

#ifndef AF_SMC
#define AF_SMC 43
#endif
/* Second argument of socket(AF_SMC, ...): net/smc/smc.h of the kernel. */
#define SMCPROTO_SMC 0
#define SMCPROTO_SMC6 1
#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256
#endif

static void complain(const char *format, va_list args, const char *suffix)
{
	fprintf(stderr, "smc-tool: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "%s%s\n", suffix ? ": " : "", suffix ? suffix : "");
}

void usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args, NULL);
	va_end(args);
	exit(EXIT_USAGE);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args, NULL);
	va_end(args);
	exit(EXIT_FAILURE);
}

void fail_errno(const char *format, ...)
{
	const char *reason = strerror(errno);
	va_list args;

	va_start(args, format);
	complain(format, args, reason);
	va_end(args);
	exit(EXIT_FAILURE);
}

FILE *create_lines(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		fail_errno("%s", path);
	setvbuf(file, NULL, _IOLBF, 0);
	return file;
}

unsigned long parse_number(const char *option, const char *text, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > max)
		usage_error("--%s takes a number from 0 to %lu, not '%s'", option, max, text);
	return value;
}

uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

enum socket_kind parse_socket_kind(const char *text)
{
	if (!strcmp(text, "smc"))
		return SOCKET_SMC;
	if (!strcmp(text, "ipproto-smc"))
		return SOCKET_IPPROTO_SMC;
	if (!strcmp(text, "tcp"))
		return SOCKET_TCP;
	usage_error("--family takes smc, ipproto-smc or tcp, not '%s'", text);
}

void endpoint_set(struct endpoint *endpoint, const char *address, unsigned long port)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint->addr;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint->addr;

	memset(&endpoint->addr, 0, sizeof(endpoint->addr));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		endpoint->len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		endpoint->len = sizeof(*v6);
	} else {
		usage_error("'%s' is neither an IPv4 nor an IPv6 address", address);
	}
}

int endpoint_socket(const struct endpoint *endpoint, int flags)
{
	int family = endpoint->addr.ss_family;
	int protocol = 0;
	int fd;

	if (endpoint->kind == SOCKET_IPPROTO_SMC) {
		protocol = IPPROTO_SMC;
	} else if (endpoint->kind == SOCKET_SMC) {
		protocol = family == AF_INET6 ? SMCPROTO_SMC6 : SMCPROTO_SMC;
		family = AF_SMC;
	}
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, protocol);
	if (fd < 0)
		fail_errno("socket");
	return fd;
}

uint16_t sockaddr_port(const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
	return ntohs(((const struct sockaddr_in *)addr)->sin_port);
}

void sockaddr_set_port(struct sockaddr_storage *addr, uint16_t port)
{
	if (addr->ss_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)addr)->sin_port = htons(port);
}

void bind_local_port(int fd, const struct endpoint *endpoint, uint16_t port)
{
	struct endpoint local;
	int on = 1;

	endpoint_set(&local, endpoint->addr.ss_family == AF_INET6 ? "::" : "0.0.0.0", port);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		fail_errno("SO_REUSEADDR");
	if (bind(fd, (struct sockaddr *)&local.addr, local.len))
		fail_errno("bind to port %u", port);
}

uint16_t local_port(int fd)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		return 0;
	return sockaddr_port(&addr);
}

ino_t socket_inode(int fd)
{
	struct stat status;

	return fstat(fd, &status) ? 0 : status.st_ino;
}

int socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? errno : error;
}

bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

void fill_pseudo_random(unsigned char *data, size_t len, uint64_t seed)
{
	/* xorshift64 never leaves zero, so it must not start there. */
	uint64_t x = seed ^ 0x9e3779b97f4a7c15u;

	if (!x)
		x = 1;
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		data[i] = (unsigned char)(x >> 32);
	}
}
