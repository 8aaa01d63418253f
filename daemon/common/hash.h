/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash of bytes. */
#ifndef SMC_POLICY_HASH_H
#define SMC_POLICY_HASH_H

#include <stddef.h>
#include <stdint.h>

#define FNV1A_START 0xcbf29ce484222325ULL

/*
 * FNV-1a, 64 bits: @hash, FNV1A_START at first, with @size bytes more.  Pinned maps and saved
 * files hold what it gives.
 */
static inline uint64_t fnv1a(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *byte = data;

	while (size--)
		hash = (hash ^ *byte++) * 0x100000001b3ULL;
	return hash;
}

#endif
