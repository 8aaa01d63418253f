// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/endpoint.h"

static const char unix_prefix[] = "unix:";

static int refuse(const char *text, struct value_error *error)
{
	return value_refuse(error,
			    "\"%.100s\" is not valid; write ADDRESS:PORT, for example "
			    "127.0.0.1:9899 or [::1]:9899, unix:PATH, or none",
			    text);
}

static int parse_unix(const char *path, struct policy_endpoint *endpoint, struct value_error *error)
{
	int rc = value_path(path, sizeof(endpoint->path), error);

	if (!rc)
		strcpy(endpoint->path, path);
	return rc;
}

/* The address before the port: IPv6 in brackets, IPv4 without. */
static int parse_address(const char *text, const char *colon, struct policy_endpoint *endpoint,
			 struct value_error *error)
{
	size_t length = (size_t)(colon - text);
	char address[VALUE_TEXT_SIZE];
	bool brackets = text[0] == '[' && length > 2 && colon[-1] == ']';
	int rc;

	if (brackets) {
		text++;
		length -= 2;
	}
	if (!length || length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	rc = value_address(address, endpoint->addr, error);
	if (!rc && brackets == (strchr(address, ':') == NULL))
		return -EINVAL;
	return rc;
}

int policy_endpoint_parse(const char *text, struct policy_endpoint *endpoint,
			  struct value_error *error)
{
	struct policy_endpoint found = { 0 };
	const char *colon = strrchr(text, ':');
	struct value_error why;
	uint64_t port;
	int rc = 0;

	if (!strncmp(text, unix_prefix, strlen(unix_prefix))) {
		rc = parse_unix(text + strlen(unix_prefix), &found, error);
	} else if (strcmp(text, "none")) {
		rc = colon ? parse_address(text, colon, &found, &why) : -EINVAL;
		if (!rc)
			rc = value_number("port", colon + 1, 1, 65535, &port, &why);
		if (rc)
			return rc == -ENOMEM ? rc : refuse(text, error);
		found.port = (uint16_t)port;
	}
	if (!rc)
		*endpoint = found;
	return rc;
}

bool policy_endpoint_any(const struct policy_endpoint *endpoint)
{
	return endpoint->port || endpoint->path[0];
}

bool policy_endpoint_is_remote(const struct policy_endpoint *endpoint)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	if (!endpoint->port)
		return false;
	if (value_is_v4(endpoint->addr))
		return endpoint->addr[12] != 127;
	return memcmp(endpoint->addr, loopback, sizeof(loopback)) != 0;
}

bool policy_endpoint_equal(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	return a->port == b->port && !memcmp(a->addr, b->addr, sizeof(a->addr)) &&
	       !strcmp(a->path, b->path);
}

void policy_endpoint_format(const struct policy_endpoint *endpoint, char *buf)
{
	char address[VALUE_TEXT_SIZE];

	if (endpoint->path[0]) {
		snprintf(buf, POLICY_ENDPOINT_TEXT, "%s%s", unix_prefix, endpoint->path);
		return;
	}
	if (!endpoint->port) {
		strcpy(buf, "none");
		return;
	}
	value_format_address(endpoint->addr, address);
	snprintf(buf, POLICY_ENDPOINT_TEXT, value_is_v4(endpoint->addr) ? "%s:%u" : "[%s]:%u",
		 address, endpoint->port);
}
