/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One client of the control socket, between control.c and client.c. */
#ifndef SMC_POLICY_CLIENT_H
#define SMC_POLICY_CLIENT_H

#include <sys/types.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#include "server/control.h"
#include "server/requests.h"
#include "wire/commands.h"

struct client {
	struct client *next;
	struct control *control;
	int fd;
	struct requester requester;
	sd_event_source *io, *deadline;
	char *in; /* bytes of requests, not yet answered */
	size_t n_in, room_in;
	char *out; /* frame being sent */
	size_t n_out, sent;
	struct stream stream; /* none: it only gets answers */
	bool waiting; /* for what a request is about: the request stays in @in */
	bool ending; /* its stream is over once out is sent */
	bool closing; /* once out is sent; what still comes in is thrown away till then */
};

struct control {
	struct server *server;
	int fd;
	bool bound; /* path is ours */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	gid_t group; /* that may change policy; (gid_t)-1: none */
	bool read_all;
	struct client *clients;
	sd_event_source *accept, *pause;
};

/*
 * Serve the client behind @fd, which is taken over, until it ends.  False: out of memory, and @fd is the
 * caller's.
 */
bool client_add(struct control *control, int fd, const struct requester *requester);

/* Close @client and take it out of the list. */
void client_free(struct client *client);

#endif
