/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMC's TCP option in a TCP header (RFC 7609, section 3.1): kind 254, length 6, magic.  Kind 254 is for
 * experiments of many kinds (RFC 6994), so that only kind and magic together are SMC's.
 */
#ifndef SMC_POLICY_CHECK_OPTION_H
#define SMC_POLICY_CHECK_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTION_KIND 254
#define OPTION_LENGTH 6 /* kind, length and magic */
#define OPTION_MAGIC 0xe2d4c3d9u /* host byte order */
#define OPTION_SPACE 40 /* bytes of options that a TCP header can have */

/* Options of kind 254 in a header. */
struct option_found {
	bool wanted; /* one with the magic that was asked for */
	bool other; /* one with another content */
};

/*
 * Look for kind 254 in @options of @length bytes.  What is cut off or has a length below 2 ends the
 * search, as in the kernel (smc_parse_options() of net/ipv4/tcp_input.c).  @magic: host byte order.
 */
struct option_found option_find(const uint8_t *options, size_t length, uint32_t magic);

/* Write two NOPs and kind 254 with @magic, aligned as Linux does: 8 bytes at @at. */
#define OPTION_ALIGNED 8
void option_write(uint8_t *at, uint32_t magic);

#endif
