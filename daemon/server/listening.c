// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/trust.h"
#include "server/client.h"
#include "server/listening.h"

#define RETRY_USEC (10 * 1000000ULL)
#define BACKLOG 64

struct listening {
	struct server *server;
	struct policy_endpoint endpoint; /* where to listen; of none: nowhere */
	int socket; /* that listens, -1: none */
	int counts; /* memory of struct listener_counts */
	const volatile struct listener_counts *shared; /* the same, mapped */
	pid_t pid; /* of the listener, 0: none */
	int link; /* its connection to us, which ends it; -1: none */
	sd_event_source *retry;
	char why[512];
};

/* ---- the socket ---- */

/* Who may read the policy may ask here too (server/control.c). */
static int set_access(const struct listening *listening, const char *path)
{
	const struct control *control = listening->server->control;
	gid_t group = control->group == (gid_t)-1 ? 0 : control->group;

	if (chown(path, 0, group) || chmod(path, control->read_all             ? 0666
						 : control->group == (gid_t)-1 ? 0600
									       : 0660))
		return -errno;
	return 0;
}

static int listen_at_path(const struct listening *listening, int fd, char *why)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = listening->endpoint.path;
	autofree char *dir = strdup(path);
	struct stat st;

	if (!dir)
		return -ENOMEM;
	*strrchr(dir, '/') = '\0';
	if (!trust_path(*dir ? dir : "/", false, why))
		return -EPERM;
	strcpy(addr.sun_path, path);
	/* Nobody but a daemon of ours makes sockets there, and only one of them has state-dir. */
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return set_access(listening, path);
}

/* An address that will be this host's only later is fine: the daemon starts before the network. */
static int listen_at_address(const struct listening *listening, int fd)
{
	const struct policy_endpoint *at = &listening->endpoint;
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(at->port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(at->port) };
	bool is_v4 = value_is_v4(at->addr);
	int one = 1;

	memcpy(&v6.sin6_addr, at->addr, sizeof(v6.sin6_addr));
	memcpy(&v4.sin_addr, at->addr + 12, sizeof(v4.sin_addr));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	return bind(fd, is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
		    is_v4 ? sizeof(v4) : sizeof(v6))
		       ? -errno
		       : 0;
}

static int open_socket(struct listening *listening)
{
	bool is_path = listening->endpoint.path[0] != '\0';
	int family = is_path ? AF_UNIX : value_is_v4(listening->endpoint.addr) ? AF_INET : AF_INET6;
	autoclose int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char where[POLICY_ENDPOINT_TEXT], why[TRUST_WHY_SIZE] = "";
	int rc = fd < 0 ? -errno : 0;

	if (!rc)
		rc = is_path ? listen_at_path(listening, fd, why)
			     : listen_at_address(listening, fd);
	if (!rc && listen(fd, BACKLOG))
		rc = -errno;
	if (!rc) {
		listening->socket = steal_fd(fd);
		return 0;
	}
	policy_endpoint_format(&listening->endpoint, where);
	snprintf(listening->why, sizeof(listening->why),
		 "metrics: cannot listen at %s: %.300s; correct [metrics] listen", where,
		 *why ? why : strerror(-rc));
	return rc;
}

static void close_socket(struct listening *listening)
{
	if (listening->socket < 0)
		return;
	close(listening->socket);
	listening->socket = -1;
	if (listening->endpoint.path[0])
		unlink(listening->endpoint.path);
}

/* ---- the process ---- */

static void arm_retry(struct listening *listening)
{
	log_warning("%s; trying again in ten seconds", listening->why);
	sd_event_source_set_time_relative(listening->retry, RETRY_USEC);
	sd_event_source_set_enabled(listening->retry, SD_EVENT_ONESHOT);
}

/* It ends when its connection does: the daemon may signal nobody of another user (CAP_KILL). */
static void stop_process(struct listening *listening)
{
	if (listening->link >= 0) {
		shutdown(listening->link, SHUT_RDWR);
		close(listening->link);
	}
	listening->link = -1;
	listening->pid = 0;
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	struct listening *listening = userdata;

	(void)source;
	if (info->si_pid != listening->pid)
		return 0; /* one that was told to end */
	stop_process(listening);
	snprintf(listening->why, sizeof(listening->why),
		 "metrics: the listener has ended by itself (%s %d); the log may say why",
		 info->si_code == CLD_EXITED ? "status" : "signal", info->si_status);
	arm_retry(listening);
	return 0;
}

/* The path of the listener's program, of PATH_MAX bytes: beside ours.  0 or a negative errno. */
static int find_program(char *path)
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(LISTENER_PROGRAM) - 1);
	char *slash;

	if (length < 0)
		return -errno;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	strcpy(slash + 1, LISTENER_PROGRAM);
	return 0;
}

/* Start it with @fds, all above those that the listener has, as its descriptors. */
static int spawn(const int *fds, pid_t *pid)
{
	static char name[] = LISTENER_PROGRAM;
	char *const arguments[] = { name, NULL };
	posix_spawn_file_actions_t actions;
	char path[PATH_MAX];
	int rc = find_program(path);

	if (rc)
		return rc;
	rc = posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < LISTENER_FDS_END - LISTENER_FD_SOCKET && !rc; i++)
		rc = posix_spawn_file_actions_adddup2(&actions, fds[i], LISTENER_FD_SOCKET + i);
	if (!rc)
		rc = posix_spawn(pid, path, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

/* A copy of @fd above those that the listener has; -1 and errno. */
static int copy_above(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, LISTENER_FDS_END);
}

static int start_process(struct listening *listening)
{
	autoclose int socket = copy_above(listening->socket),
		      counts = copy_above(listening->counts);
	struct requester listener = { .access = ACCESS_READ, .uid = LISTENER_UID };
	autoclose int theirs = -1, ours = -1;
	int pair[2], fds[3], rc;

	if (socket < 0 || counts < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = copy_above(pair[1]);
	close(pair[1]);
	if (theirs < 0 || fcntl(ours, F_SETFL, O_NONBLOCK))
		return -errno;
	fds[0] = socket;
	fds[1] = theirs;
	fds[2] = counts;
	rc = spawn(fds, &listening->pid);
	if (rc)
		return rc;
	rc = sd_event_add_child(listening->server->event, NULL, listening->pid, WEXITED,
				on_exit_of_child, listening);
	listening->link = fcntl(ours, F_DUPFD_CLOEXEC, 0);
	listener.pid = listening->pid;
	if (rc >= 0 && listening->link >= 0) {
		int fd = steal_fd(ours);

		if (client_add(listening->server->control, fd, &listener))
			return 0;
		close(fd);
	}
	stop_process(listening);
	return rc < 0 ? rc : -ENOMEM;
}

static void start(struct listening *listening)
{
	int rc = listening->socket < 0 ? open_socket(listening) : 0;

	if (!rc && !listening->pid) {
		rc = start_process(listening);
		if (rc)
			snprintf(listening->why, sizeof(listening->why),
				 "metrics: cannot start " LISTENER_PROGRAM ": %s", strerror(-rc));
	}
	if (rc)
		arm_retry(listening);
	else
		listening->why[0] = '\0';
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct listening *listening = userdata;

	(void)source;
	(void)usec;
	if (policy_endpoint_any(&listening->endpoint))
		start(listening);
	return 0;
}

void listening_set(struct listening *listening, const struct policy_settings *settings)
{
	if (!policy_endpoint_equal(&listening->endpoint, &settings->metrics_listen)) {
		stop_process(listening);
		close_socket(listening);
		listening->endpoint = settings->metrics_listen;
	} else if (listening->socket >= 0 && listening->endpoint.path[0]) {
		set_access(listening, listening->endpoint.path); /* the group may be another */
	}
	sd_event_source_set_enabled(listening->retry, SD_EVENT_OFF);
	listening->why[0] = '\0';
	if (policy_endpoint_any(&listening->endpoint))
		start(listening);
}

const char *listening_why(const struct listening *listening)
{
	return listening->why;
}

struct listener_counts listening_counts(const struct listening *listening)
{
	return (struct listener_counts){ listening->shared->answered, listening->shared->failed };
}

static int make_counts(struct listening *listening)
{
	void *shared;

	listening->counts = memfd_create("smc-policy-listener", MFD_CLOEXEC);
	if (listening->counts < 0 || ftruncate(listening->counts, sizeof(struct listener_counts)))
		return -errno;
	shared = mmap(NULL, sizeof(struct listener_counts), PROT_READ, MAP_SHARED,
		      listening->counts, 0);
	if (shared == MAP_FAILED)
		return -errno;
	listening->shared = shared;
	return 0;
}

struct listening *listening_new(struct server *server)
{
	struct listening *listening = calloc(1, sizeof(*listening));

	if (!listening)
		return NULL;
	listening->server = server;
	listening->socket = listening->counts = listening->link = -1;
	if (!make_counts(listening) &&
	    sd_event_add_time_relative(server->event, &listening->retry, CLOCK_MONOTONIC, 0, 0,
				       on_retry, listening) >= 0 &&
	    sd_event_source_set_enabled(listening->retry, SD_EVENT_OFF) >= 0)
		return listening;
	listening_free(listening);
	return NULL;
}

void listening_free(struct listening *listening)
{
	if (!listening)
		return;
	stop_process(listening);
	close_socket(listening);
	sd_event_source_unref(listening->retry);
	if (listening->shared)
		munmap((void *)listening->shared, sizeof(*listening->shared));
	if (listening->counts >= 0)
		close(listening->counts);
	free(listening);
}
