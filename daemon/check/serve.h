/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check serve: the other end of check connect. */
#ifndef SMC_POLICY_CHECK_SERVE_H
#define SMC_POLICY_CHECK_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "check/mode.h"

/*
 * What a stranger can make it do: so many connections at a time, each with so many requests of the sizes in
 * check/talk.h and for so long.  Nothing is read from or written to files.
 */
#define SERVE_CLIENTS_MAX 16
#define SERVE_REQUESTS_MAX 256
#define SERVE_CLIENT_SECONDS 300

struct serve {
	uint16_t port;
	uint64_t seconds; /* 0: until SIGINT or SIGTERM */
	/* It listens; @smc: with SMC sockets, else this kernel has none and it speaks TCP only. */
	void (*ready)(bool smc);
	/* A connection from @peer has ended.  Called by threads, several at a time. */
	void (*ended)(const char *peer, const struct mode *mode, unsigned int requests);
};

/* Serve until the end.  Needs CAP_NET_RAW.  0 or a negative errno.  Once in a process. */
int check_serve(const struct serve *serve);

#endif
