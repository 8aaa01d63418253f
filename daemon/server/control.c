// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "wire/frame.h"
#include "common/json.h"
#include "common/log.h"
#include "common/trust.h"
#include "server/client.h"
#include "server/requests.h"
#include "server/server.h"

#define CLIENTS_MAX 128 /* connections at a time */
#define CLIENTS_OTHERS_MAX 96 /* of them, without root */
#define CLIENTS_USER_MAX 32 /* of them, of one user that is not root */
#define ACCEPT_PAUSE_USEC 200000ULL /* when descriptors have run out */

/* ---- who may do what ---- */

static bool in_group(int fd, const struct ucred *peer, gid_t group)
{
	gid_t groups[1024];
	socklen_t size = sizeof(groups);

	if (group == (gid_t)-1)
		return false;
	if (peer->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

static enum command_access find_access(const struct control *control, int fd,
				       const struct ucred *peer)
{
	if (!peer->uid || in_group(fd, peer, control->group))
		return ACCESS_CHANGE;
	return control->read_all ? ACCESS_READ : ACCESS_NONE;
}

/* Whether one more client of @uid is too many. */
static bool crowded(const struct control *control, uid_t uid)
{
	unsigned int all = 0, others = 0, same = 0;

	for (const struct client *c = control->clients; c; c = c->next) {
		all++;
		others += c->requester.uid != 0;
		same += c->requester.uid == uid;
	}
	return all >= CLIENTS_MAX ||
	       (uid && (others >= CLIENTS_OTHERS_MAX || same >= CLIENTS_USER_MAX));
}

/* ---- new clients ---- */

static void turn_away(int fd)
{
	autojson json_t *response =
		requests_refuse("too many clients at once; try again when others have ended");
	autofree char *frame = NULL;
	size_t size;

	frame = response ? frame_encode(response, &size) : NULL;
	if (frame)
		send(fd, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static int on_pause_end(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)usec;
	return sd_event_source_set_enabled(control->accept, SD_EVENT_ON);
}

/* Out of descriptors: do not spin on the one that waits. */
static void pause_accepting(struct control *control)
{
	log_warning("cannot accept a client: %s; trying again shortly", strerror(errno));
	sd_event_source_set_enabled(control->accept, SD_EVENT_OFF);
	control->pause = sd_event_source_unref(control->pause);
	if (sd_event_add_time_relative(control->server->event, &control->pause, CLOCK_MONOTONIC,
				       ACCEPT_PAUSE_USEC, 0, on_pause_end, control) < 0)
		sd_event_source_set_enabled(control->accept, SD_EVENT_ON);
}

static bool add_client(struct control *control, int fd, const struct ucred *peer)
{
	struct requester requester = {
		.access = find_access(control, fd, peer),
		.uid = peer->uid,
		.pid = peer->pid,
	};

	return client_add(control, fd, &requester);
}

static int on_accept(sd_event_source *source, int listener, uint32_t events, void *userdata)
{
	struct control *control = userdata;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_accepting(control);
		return 0;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		close(fd);
	else if (crowded(control, peer.uid))
		turn_away(fd);
	else if (!add_client(control, fd, &peer))
		turn_away(fd);
	return 0;
}

/* ---- the socket ---- */

static int find_group(const char *name, gid_t *group, struct kernel_error *error)
{
	const struct group *entry;

	*group = (gid_t)-1;
	if (!*name)
		return 0;
	entry = getgrnam(name);
	if (!entry)
		return kernel_fail(
			error, -ENOENT,
			"[daemon] group \"%s\" does not exist; create it or correct the name",
			name);
	*group = entry->gr_gid;
	return 0;
}

int control_set_access(struct control *control, const struct policy_settings *settings,
		       struct kernel_error *error)
{
	bool read_all = settings->read_access == POLICY_READ_ALL;
	gid_t group;
	int rc = find_group(settings->group, &group, error);

	if (rc)
		return rc;
	if (chown(control->path, 0, group == (gid_t)-1 ? 0 : group) ||
	    chmod(control->path, read_all             ? 0666
				 : group == (gid_t)-1 ? 0600
						      : 0660))
		return kernel_fail(error, -errno, "cannot set the access of socket %s: %s",
				   control->path, strerror(errno));
	control->group = group;
	control->read_all = read_all;
	return 0;
}

/*
 * Make the directory of the socket if it is missing; its parent must be there.  Where others could
 * take the socket away and listen there themselves, the daemon does not.
 */
static int make_parent(const char *path, struct kernel_error *error)
{
	autofree char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	char why[TRUST_WHY_SIZE];

	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, 0755) && errno != EEXIST)
		return kernel_fail(error, -errno, "cannot make %s for the socket: %s", dir,
				   strerror(errno));
	return trust_path(dir, true, why) ? 0 : kernel_fail(error, -EPERM, "socket: %s", why);
}

/* Remove a socket that nobody listens at any more. */
static int remove_stale(const struct sockaddr_un *addr, struct kernel_error *error)
{
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *path = addr->sun_path;
	struct stat st;

	if (lstat(path, &st))
		return 0;
	if (fd >= 0 &&
	    (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN))
		return kernel_fail(error, -EADDRINUSE,
				   "another smc-policyd listens at %s; stop it, or choose another "
				   "[daemon] socket",
				   path);
	if (!S_ISSOCK(st.st_mode))
		return kernel_fail(error, -EEXIST,
				   "%s is there and is not a socket; remove it, or choose another "
				   "[daemon] socket",
				   path);
	unlink(path);
	return 0;
}

static int listen_at(struct control *control, const char *path, struct kernel_error *error)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int rc;

	snprintf(control->path, sizeof(control->path), "%s", path);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	rc = make_parent(path, error);
	if (!rc)
		rc = remove_stale(&addr, error);
	if (rc)
		return rc;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	rc = control->fd < 0 || bind(control->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
			     listen(control->fd, CLIENTS_MAX)
		     ? -errno
		     : 0;
	umask(mask);
	if (rc)
		return kernel_fail(error, rc, "cannot listen at %s: %s; check [daemon] socket",
				   path, strerror(-rc));
	control->bound = true;
	return 0;
}

int control_open(struct control **control, struct server *server, struct kernel_error *error)
{
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return kernel_fail(error, -ENOMEM, "out of memory");
	c->server = server;
	c->fd = -1;
	rc = listen_at(c, server->config.settings.socket, error);
	if (!rc)
		rc = control_set_access(c, &server->config.settings, error);
	if (!rc && sd_event_add_io(server->event, &c->accept, c->fd, EPOLLIN, on_accept, c) < 0)
		rc = kernel_fail(error, -ENOMEM, "cannot watch socket %s", c->path);
	if (rc) {
		control_close(c);
		return rc;
	}
	*control = c;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_free(control->clients);
	sd_event_source_disable_unref(control->accept);
	sd_event_source_disable_unref(control->pause);
	if (control->bound)
		unlink(control->path);
	if (control->fd >= 0)
		close(control->fd);
	free(control);
}
