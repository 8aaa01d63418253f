// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>

#include "check/option.h"

static uint32_t read_magic(const uint8_t *at)
{
	uint32_t magic;

	memcpy(&magic, at, sizeof(magic));
	return ntohl(magic);
}

struct option_found option_find(const uint8_t *options, size_t length, uint32_t magic)
{
	struct option_found found = { 0 };
	size_t at = 0;

	while (at < length && options[at] != TCPOPT_EOL) {
		if (options[at] == TCPOPT_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= length || options[at + 1] < 2 || options[at + 1] > length - at)
			break;
		if (options[at] == OPTION_KIND) {
			bool wanted = options[at + 1] >= OPTION_LENGTH &&
				      read_magic(options + at + 2) == magic;

			found.wanted |= wanted;
			found.other |= !wanted;
		}
		at += options[at + 1];
	}
	return found;
}

void option_write(uint8_t *at, uint32_t magic)
{
	magic = htonl(magic);
	at[0] = at[1] = TCPOPT_NOP;
	at[2] = OPTION_KIND;
	at[3] = OPTION_LENGTH;
	memcpy(at + 4, &magic, sizeof(magic));
}
