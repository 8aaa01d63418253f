// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/netns.h"

#define NAMED "/run/netns"
#define LINK_SIZE 32 /* "net:[4026531840]" */

/* Namespaces found so far, each with an open descriptor. */
struct found {
	struct netns_list list;
	size_t room; /* in list.items */
	int *fds;
	size_t room_fds;
};

static bool known(const struct found *found, uint32_t inum)
{
	for (size_t i = found->list.n; i-- > 0;)
		if (found->list.items[i].inum == inum)
			return true;
	return false;
}

/* Add the namespace behind @path if it is one and new.  What has gone meanwhile is no error. */
static int add(struct found *found, const char *path, const char *name)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct netns *netns;
	struct statfs fs;
	struct stat st;
	int rc;

	if (fd < 0 || fstatfs(fd, &fs) || fs.f_type != NSFS_MAGIC || fstat(fd, &st))
		return 0;
	if (known(found, (uint32_t)st.st_ino))
		return 0;
	rc = array_grow(found->list.items, found->list.n, found->room);
	if (!rc)
		rc = array_grow(found->fds, found->list.n, found->room_fds);
	if (rc)
		return rc;
	netns = &found->list.items[found->list.n];
	*netns = (struct netns){ .inum = (uint32_t)st.st_ino };
	snprintf(netns->name, sizeof(netns->name), "%s", name);
	found->fds[found->list.n++] = steal_fd(fd);
	return 0;
}

/* Those that `ip netns` names. */
static int add_named(struct found *found)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(NAMED);
	int rc = 0;

	if (!dir)
		return 0;
	while (!rc && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), NAMED "/%s", entry->d_name);
		rc = add(found, path, entry->d_name);
	}
	closedir(dir);
	return rc;
}

/*
 * Those that are mounted elsewhere, as container runtimes do.  A line of
 * mountinfo reads "ID PARENT MAJOR:MINOR net:[INUM] MOUNTPOINT ...".
 */
static int add_mounted(struct found *found)
{
	autofclose FILE *file = fopen("/proc/self/mountinfo", "re");
	autofree char *line = NULL;
	char path[PATH_MAX];
	size_t size = 0;
	int rc = 0;

	while (!rc && file && getline(&line, &size, file) > 0)
		if (sscanf(line, "%*s %*s %*s net:[%*u] %4095s", path) == 1)
			rc = add(found, path, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	return rc;
}

/* The link is read first: most processes share few namespaces, and opening costs more. */
static int add_process(struct found *found, const char *pid)
{
	char path[64], link[LINK_SIZE], name[32];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", pid);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 5)
		return 0;
	link[length] = '\0';
	if (known(found, (uint32_t)strtoul(link + 5, NULL, 10)))
		return 0;
	snprintf(name, sizeof(name), "process %.16s", pid);
	return add(found, path, name);
}

static int add_processes(struct found *found)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	int rc = 0;

	if (!dir)
		return -errno;
	while (!rc && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			rc = add_process(found, entry->d_name);
	closedir(dir);
	return rc;
}

static int find_all(struct found *found)
{
	int rc = add(found, "/proc/1/ns/net", "init");

	if (!rc)
		rc = add_named(found);
	if (!rc)
		rc = add_mounted(found);
	if (!rc)
		rc = add_processes(found);
	return rc;
}

static void come_back(int home)
{
	if (!setns(home, CLONE_NEWNET))
		return;
	log_error("cannot come back from another network namespace: %s", strerror(errno));
	abort();
}

int netns_for_each(netns_visit *visit, void *arg, struct netns_list *list)
{
	autoclose int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct found found = { 0 };
	int rc = home < 0 ? -errno : find_all(&found);

	for (size_t i = 0; i < found.list.n; i++) {
		if (!rc && setns(found.fds[i], CLONE_NEWNET))
			rc = -errno;
		if (!rc)
			visit(arg, &found.list.items[i]);
		close(found.fds[i]);
	}
	if (home >= 0)
		come_back(home);
	free(found.fds);
	if (list && !rc)
		*list = found.list;
	else
		netns_list_clear(&found.list);
	return rc;
}

void netns_list_clear(struct netns_list *list)
{
	free(list->items);
	*list = (struct netns_list){ 0 };
}
