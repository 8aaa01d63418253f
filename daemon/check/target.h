/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HOST:PORT, as check syn and check connect take it. */
#ifndef SMC_POLICY_CHECK_TARGET_H
#define SMC_POLICY_CHECK_TARGET_H

#include <netinet/in.h>

#include "policy/value.h"

union check_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct check_target {
	union check_address address;
	socklen_t length; /* of it */
	uint16_t port; /* host byte order */
	char text[VALUE_TEXT_SIZE + 24]; /* "192.0.2.1:80", "[2001:db8::1]:80" */
};

/*
 * Whether @text is NAME:PORT, IPV4:PORT or [IPV6]:PORT with a port from 1 to 65535, nothing being
 * looked up.  0, or -EINVAL and @error.
 */
int check_target_form(const char *text, struct value_error *error);

/*
 * The address of @text into @target; a name is looked up, and its first address taken.  0, or -EINVAL
 * and @error.
 */
int check_target_resolve(const char *text, struct check_target *target, struct value_error *error);

/* "192.0.2.1" or "2001:db8::1" to @text of VALUE_TEXT_SIZE bytes. */
void check_address_text(const union check_address *address, char *text);

/* Where the port of @address is, in network byte order. */
in_port_t *check_address_port(union check_address *address);

#endif
