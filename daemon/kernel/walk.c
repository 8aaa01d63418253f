// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "kernel/walk.h"

#define ROOM 512u /* records that are read at a time, at first */

static int grow(struct walk *walk, uint32_t room)
{
	walk_end(walk);
	walk->keys = calloc(room, walk->key_size);
	walk->values = calloc(room, walk->value_size);
	walk->room = room;
	return walk->keys && walk->values ? 0 : -ENOMEM;
}

int walk_begin(struct walk *walk, int fd, size_t key_size, size_t value_size)
{
	*walk = (struct walk){ .fd = fd, .key_size = key_size, .value_size = value_size };
	return grow(walk, ROOM);
}

void walk_end(struct walk *walk)
{
	free(walk->keys);
	free(walk->values);
	walk->keys = walk->values = NULL;
}

/*
 * Read the next records.  0, -ENOENT with the last ones, or another error.  In batches, which go by
 * whole buckets: what stays in the map is seen once, whatever comes and goes meanwhile, and
 * reading does not make a record look used to the LRU.
 */
static int read_batch(struct walk *walk)
{
	int rc;

	for (;;) {
		walk->count = walk->room;
		rc = bpf_map_lookup_batch(walk->fd, walk->begun ? &walk->at : NULL, &walk->next,
					  walk->keys, walk->values, &walk->count, NULL);
		if (rc != -ENOSPC)
			break;
		/* A bucket holds more than there is room for. */
		rc = grow(walk, walk->room * 2);
		if (rc)
			return rc;
	}
	if (rc && rc != -ENOENT)
		return rc;
	walk->at = walk->next;
	walk->begun = true;
	return rc;
}

int walk_next(struct walk *walk, kernel_visit visit, void *arg)
{
	int rc = read_batch(walk), status = 0;

	if (rc && rc != -ENOENT)
		return rc;
	for (uint32_t i = 0; visit && i < walk->count && !status; i++)
		status = visit(arg, walk->keys + i * walk->key_size,
			       walk->values + i * walk->value_size);
	if (status)
		return status;
	return rc ? WALK_OVER : 0;
}
