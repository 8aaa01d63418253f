/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going through a hash table in the kernel, a part at a time. */
#ifndef KERNEL_WALK_H
#define KERNEL_WALK_H

#include "kernel/kernel.h"

#define WALK_OVER 1 /* there is no more; what visitors return is not this */

struct walk {
	int fd;
	size_t key_size, value_size;
	/* Room for records, and where in the table the next ones begin. */
	unsigned char *keys, *values;
	uint32_t room, count;
	uint32_t at, next; /* buckets, as the kernel counts them */
	bool begun;
};

/* Begin at the first record of map @fd.  0 or -ENOMEM; walk_end() is due in any case. */
int walk_begin(struct walk *walk, int fd, size_t key_size, size_t value_size);

/*
 * Call @visit (NULL: they are only counted, in walk->count) for the next records, some hundreds.
 * Returns 0, WALK_OVER, what @visit returned if that was not 0, or a negative errno.
 */
int walk_next(struct walk *walk, kernel_visit visit, void *arg);

void walk_end(struct walk *walk);

#endif
