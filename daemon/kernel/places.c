// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is asked for and not known makes all be looked through again, once a second at most: places come
 * and go, and events may tell of many that have gone.
 */
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "kernel/netns.h"
#include "kernel/places.h"

#define AGAIN NSEC_PER_SEC

struct cgroup {
	uint64_t id;
	char *path;
};

struct known_netns {
	uint32_t inum;
	uint64_t cookie; /* 0: the kernel tells none */
	char name[sizeof(((struct netns *)0)->name)];
};

struct places {
	struct cgroup *cgroups; /* ascending by id */
	size_t n_cgroups, room_cgroups;
	uint64_t cgroups_read; /* CLOCK_MONOTONIC, ns; 0: never */
	struct known_netns *netns;
	size_t n_netns, room_netns;
	uint64_t netns_read;
};

struct places *places_new(void)
{
	return calloc(1, sizeof(struct places));
}

static void clear_cgroups(struct places *places)
{
	for (size_t i = 0; i < places->n_cgroups; i++)
		free(places->cgroups[i].path);
	places->n_cgroups = 0;
}

void places_free(struct places *places)
{
	if (!places)
		return;
	clear_cgroups(places);
	free(places->cgroups);
	free(places->netns);
	free(places);
}

/* Whether to look again, after what was @read; notes that it is done. */
static int is_stale(uint64_t *read)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (*read && now - *read < AGAIN)
		return 0;
	*read = now;
	return 1;
}

/* ---- cgroups ---- */

/* Where cgroup v2 is mounted, to @path of PATH_MAX bytes. */
static int find_mount(char *path)
{
	autofclose FILE *file = fopen("/proc/self/mountinfo", "re");
	autofree char *line = NULL;
	size_t size = 0;

	/* "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELDS] - cgroup2 ..." */
	while (file && getline(&line, &size, file) > 0)
		if (strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s / %4095s", path) == 1)
			return 0;
	return -ENOENT;
}

static int compare_cgroups(const void *a, const void *b)
{
	const struct cgroup *one = a, *other = b;

	return one->id < other->id ? -1 : one->id > other->id;
}

/* The id of a cgroup is the inode number of its directory (kernfs, 64-bit systems). */
static void add_cgroup(struct places *places, const FTSENT *entry, size_t prefix)
{
	const char *path = entry->fts_path + prefix;
	char *copy = strdup(*path ? path : "/");

	if (!copy || array_grow(places->cgroups, places->n_cgroups, places->room_cgroups)) {
		free(copy);
		return;
	}
	places->cgroups[places->n_cgroups++] =
		(struct cgroup){ .id = entry->fts_statp->st_ino, .path = copy };
}

static void read_cgroups(struct places *places)
{
	char mount[PATH_MAX], *roots[] = { mount, NULL };
	FTSENT *entry;
	FTS *tree;

	clear_cgroups(places);
	if (find_mount(mount))
		return;
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_D)
			add_cgroup(places, entry, strlen(mount));
	if (tree)
		fts_close(tree);
	if (places->n_cgroups)
		qsort(places->cgroups, places->n_cgroups, sizeof(*places->cgroups),
		      compare_cgroups);
}

static const struct cgroup *find_cgroup(const struct places *places, uint64_t id)
{
	struct cgroup wanted = { .id = id };

	return places->n_cgroups ? bsearch(&wanted, places->cgroups, places->n_cgroups,
					   sizeof(*places->cgroups), compare_cgroups)
				 : NULL;
}

const char *places_cgroup(struct places *places, uint64_t id)
{
	const struct cgroup *cgroup;

	if (!id)
		return NULL;
	cgroup = find_cgroup(places, id);
	if (!cgroup && is_stale(&places->cgroups_read)) {
		read_cgroups(places);
		cgroup = find_cgroup(places, id);
	}
	return cgroup ? cgroup->path : NULL;
}

/* ---- network namespaces ---- */

static void add_netns(void *arg, struct netns *netns)
{
	struct places *places = arg;
	struct known_netns *known;

	if (array_grow(places->netns, places->n_netns, places->room_netns))
		return;
	known = &places->netns[places->n_netns++];
	*known = (struct known_netns){ .inum = netns->inum };
	netns_own_cookie(&known->cookie);
	memcpy(known->name, netns->name, sizeof(known->name));
}

static const char *find_netns(const struct places *places, uint32_t inum, uint64_t cookie)
{
	for (size_t i = 0; i < places->n_netns; i++) {
		const struct known_netns *known = &places->netns[i];

		if (inum ? known->inum == inum : cookie && known->cookie == cookie)
			return known->name;
	}
	return NULL;
}

const char *places_netns(struct places *places, uint32_t inum, uint64_t cookie)
{
	const char *name = find_netns(places, inum, cookie);

	if (name || !is_stale(&places->netns_read))
		return name;
	places->n_netns = 0;
	netns_for_each(add_netns, places, NULL);
	return find_netns(places, inum, cookie);
}
