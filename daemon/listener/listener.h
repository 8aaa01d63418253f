/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listener: a program of its own, without privileges, that answers HTTP for [metrics] listen.  The
 * daemon starts it with three descriptors; all that it can do is to accept connections on the first
 * and to send requests that read on the second.
 */
#ifndef SMC_POLICY_LISTENER_H
#define SMC_POLICY_LISTENER_H

#include <stdint.h>

#define LISTENER_PROGRAM "smc-policy-listener" /* in the directory of the daemon's own */

enum {
	LISTENER_FD_SOCKET = 3, /* it listens */
	LISTENER_FD_DAEMON, /* the control protocol (wire/protocol.h), with access to read */
	LISTENER_FD_COUNTS, /* memory of struct listener_counts, shared */
	LISTENER_FDS_END,
};

/* Who it runs as: neither systemd nor Debian gives this id to anybody. */
#define LISTENER_UID 65533

/* What it has received and lost; the daemon reads it. */
struct listener_counts {
	uint64_t answered; /* requests */
	uint64_t failed; /* requests that got no answer, or 503 */
};

#endif
