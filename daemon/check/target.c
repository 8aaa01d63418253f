// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "check/target.h"

#define HOST_SIZE 256

static int refuse_form(const char *text, struct value_error *error)
{
	return value_refuse(
		error,
		"\"%.64s\" is not HOST:PORT; write a name or an IPv4 address and a port, "
		"192.0.2.1:443, or an IPv6 address in brackets, [2001:db8::1]:443",
		text);
}

/* Split @text into @host of HOST_SIZE bytes, without brackets, and @port. */
static int split(const char *text, char *host, uint16_t *port, struct value_error *error)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
	uint64_t number;
	int rc;

	if (!length || length >= HOST_SIZE)
		return refuse_form(text, error);
	snprintf(host, HOST_SIZE, "%.*s", (int)(bracketed ? length - 2 : length), text + bracketed);
	if (bracketed != !!strchr(host, ':') || strpbrk(host, "[]"))
		return refuse_form(text, error);
	rc = value_number("port", colon + 1, 1, UINT16_MAX, &number, error);
	*port = rc ? 0 : (uint16_t)number;
	return rc;
}

int check_target_form(const char *text, struct value_error *error)
{
	char host[HOST_SIZE];
	uint16_t port;

	return split(text, host, &port, error);
}

void check_address_text(const union check_address *address, char *text)
{
	if (address->any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &address->v6.sin6_addr, text, VALUE_TEXT_SIZE);
	else
		inet_ntop(AF_INET, &address->v4.sin_addr, text, VALUE_TEXT_SIZE);
}

in_port_t *check_address_port(union check_address *address)
{
	return address->any.sa_family == AF_INET6 ? &address->v6.sin6_port : &address->v4.sin_port;
}

static void take_address(struct check_target *target, const struct addrinfo *found)
{
	bool v6 = found->ai_family == AF_INET6;
	char address[VALUE_TEXT_SIZE];

	memcpy(&target->address, found->ai_addr, found->ai_addrlen);
	target->length = found->ai_addrlen;
	*check_address_port(&target->address) = htons(target->port);
	check_address_text(&target->address, address);
	snprintf(target->text, sizeof(target->text), "%s%s%s:%u", v6 ? "[" : "", address,
		 v6 ? "]" : "", target->port);
}

int check_target_resolve(const char *text, struct check_target *target, struct value_error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	char host[HOST_SIZE];
	int rc = split(text, host, &target->port, error);

	if (rc)
		return rc;
	rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc)
		return value_refuse(error, "%.64s has no address: %s; write the address itself",
				    host, gai_strerror(rc));
	take_address(target, found);
	freeaddrinfo(found);
	return 0;
}
