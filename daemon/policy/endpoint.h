/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where something listens: "127.0.0.1:9899", "[::1]:9899", "unix:/run/x.sock". */
#ifndef SMC_POLICY_ENDPOINT_H
#define SMC_POLICY_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "policy/value.h"

/* All zero: nowhere. */
struct policy_endpoint {
	uint8_t addr[16]; /* as in struct policy_prefix */
	uint16_t port; /* host byte order, 0: none */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": none */
};

/* Read @text, "none" for nowhere.  Returns 0, -EINVAL or -ENOMEM and @error as in value.h. */
int policy_endpoint_parse(const char *text, struct policy_endpoint *endpoint,
			  struct value_error *error);

/* Whether it says anywhere at all. */
bool policy_endpoint_any(const struct policy_endpoint *endpoint);

/* Whether other hosts can reach it. */
bool policy_endpoint_is_remote(const struct policy_endpoint *endpoint);

bool policy_endpoint_equal(const struct policy_endpoint *a, const struct policy_endpoint *b);

/* Write it as it is parsed to @buf of POLICY_ENDPOINT_TEXT bytes. */
#define POLICY_ENDPOINT_TEXT 128
void policy_endpoint_format(const struct policy_endpoint *endpoint, char *buf);

#endif
