// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/netns.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* include/uapi/asm-generic/socket.h */
#endif

/* Of the namespace that this thread is in, where only the module tells it. */
static int module_cookie(uint64_t *cookie)
{
	autofclose FILE *file = fopen("/proc/sys/net/smc_policy/cookie", "re");

	return file && fscanf(file, "%" SCNu64, cookie) == 1 ? 0 : -ENOPROTOOPT;
}

int netns_own_cookie(uint64_t *cookie)
{
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*cookie);

	if (fd < 0)
		return -errno;
	if (!getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size))
		return 0;
	return errno == ENOPROTOOPT ? module_cookie(cookie) : -errno;
}

int netns_cookie(const char *name, uint64_t *cookie)
{
	autoclose int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	autoclose int fd = -1;
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), name ? "/run/netns/%s" : "/proc/1/ns/net", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || fd < 0 || setns(fd, CLONE_NEWNET))
		return -errno;
	rc = netns_own_cookie(cookie);
	if (setns(home, CLONE_NEWNET))
		return -errno;
	return rc;
}
