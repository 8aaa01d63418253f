/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of peers: sorting them, and reading them from the text of a peers-file. */
#ifndef SMC_POLICY_PEERS_H
#define SMC_POLICY_PEERS_H

#include <stddef.h>

#include "policy/errors.h"
#include "policy/value.h"

#define POLICY_PEERS_ERRORS 100 /* wrong lines of one list that are told one by one */

/* Zero-initialised is empty; @items to be freed. */
struct policy_peers {
	struct policy_prefix *items;
	size_t n;
};

/*
 * Append the peers in @text, the content of @file, to @peers: @length bytes, behind which a NUL is.
 * A line has one prefix or address, with "!" before it an exception.  Ignored are blank lines, lines
 * that begin with "#" or ";", what follows a peer, a blank and "#" or ";", and an AS number after a
 * prefix that has its length: so lists load as they are published.  Every wrong line is added to
 * @errors as "FILE:LINE: what is wrong, and what would be right", after POLICY_PEERS_ERRORS of them
 * their number.  Returns 0, or -EINVAL if there was any or no peer at all, or -ENOMEM.
 */
int policy_peers_parse(struct policy_peers *peers, const char *file, const char *text,
		       size_t length, struct policy_errors *errors);

/* Sort @peers, IPv4 first, and drop those that are there twice.  Returns 0 or -ENOMEM. */
int policy_peers_sort(struct policy_peers *peers);

/*
 * The longest of @peers, sorted, that contains @addr (as in struct policy_prefix) and is an exception
 * if @except, else none; borrowed.  NULL: there is none.  IPv6 prefixes contain no IPv4 address.
 */
const struct policy_prefix *policy_peers_find(const struct policy_peers *peers,
					      const uint8_t addr[16], bool except);

#endif
