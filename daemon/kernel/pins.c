// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/trust.h"
#include "kernel/pins.h"

#define BPFFS "/sys/fs/bpf"
#define LOCK_TRIES 100
#define LOCK_PAUSE_USEC 10000

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

static int mount_bpffs(const char *at, struct kernel_error *error)
{
	if (mount("bpf", at, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return kernel_fail(
			error, -errno,
			"cannot mount bpffs at %s: %s; run \"mount -t bpf bpf %s\" as root", at,
			strerror(errno), BPFFS);
	log_notice("mounted bpffs at %s", at);
	return 0;
}

/* mkdir -p */
static int make_path(const char *path)
{
	char part[PATH_MAX];
	size_t length = strlen(path);

	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int make_dir(const char *dir, struct kernel_error *error)
{
	size_t prefix = strlen(BPFFS);
	char why[TRUST_WHY_SIZE];
	int rc;

	if (!strncmp(dir, BPFFS "/", prefix + 1) && !on_bpffs(BPFFS)) {
		rc = mount_bpffs(BPFFS, error);
		if (rc)
			return rc;
	}
	rc = make_path(dir);
	if (rc)
		return kernel_fail(error, rc, "cannot create pin-dir %s: %s; choose another one",
				   dir, strerror(-rc));
	rc = on_bpffs(dir) ? 0 : mount_bpffs(dir, error);
	if (!rc && !trust_path(dir, false, why))
		rc = kernel_fail(error, -EPERM, "pin-dir: %s", why);
	return rc;
}

/* A daemon that was killed holds the lock until the kernel has cleared up after it. */
static int lock_patiently(int fd)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		usleep(LOCK_PAUSE_USEC);
	}
	return -EBUSY;
}

static int lock_dir(struct pins *pins, struct kernel_error *error)
{
	pins->lock = open(pins->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (pins->lock < 0)
		return kernel_fail(error, -errno, "cannot open pin-dir %s: %s", pins->dir,
				   strerror(errno));
	if (fchmod(pins->lock, 0700))
		return kernel_fail(error, -errno, "cannot restrict pin-dir %s to its owner: %s",
				   pins->dir, strerror(errno));
	if (lock_patiently(pins->lock))
		return kernel_fail(error, -EBUSY,
				   "another smc-policyd uses pin-dir %s; stop it, or set [daemon] "
				   "pin-dir, state-dir and socket to run a second one",
				   pins->dir);
	return 0;
}

void pins_path(const struct pins *pins, const char *set, const char *name, char *buf)
{
	snprintf(buf, PATH_MAX, "%s/%s%s%s", pins->dir, set, *name ? "/" : "", name);
}

static bool set_exists(const struct pins *pins, const char *set)
{
	char path[PATH_MAX];

	pins_path(pins, set, "", path);
	return !access(path, F_OK);
}

/*
 * Remove the pins of @set and its directory.  bpffs has no deeper levels here.  Somebody else may be
 * removing them too.
 */
static int remove_set(const struct pins *pins, const char *set)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int rc = 0;

	pins_path(pins, set, "", path);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && unlinkat(dirfd(dir), entry->d_name, 0) &&
		    errno != ENOENT)
			rc = -errno;
	closedir(dir);
	return rmdir(path) && errno != ENOENT ? -errno : rc;
}

static int rename_set(const struct pins *pins, const char *from, const char *to,
		      struct kernel_error *error)
{
	char path_from[PATH_MAX], path_to[PATH_MAX];

	pins_path(pins, from, "", path_from);
	pins_path(pins, to, "", path_to);
	if (rename(path_from, path_to))
		return kernel_fail(error, -errno, "cannot rename %s to %s: %s", path_from, path_to,
				   strerror(errno));
	return 0;
}

static int recover(const struct pins *pins, struct kernel_error *error)
{
	int rc = 0;

	if (!set_exists(pins, "current") && set_exists(pins, "next"))
		rc = rename_set(pins, "next", "current", error);
	if (!rc && (remove_set(pins, "next") || remove_set(pins, "old")))
		rc = kernel_fail(error, -EIO, "cannot remove leftovers in %s; remove them by hand",
				 pins->dir);
	return rc;
}

int pins_open(struct pins *pins, const char *dir, struct kernel_error *error)
{
	int rc;

	*pins = (struct pins){ .lock = -1 };
	if (strlen(dir) >= sizeof(pins->dir))
		return kernel_fail(error, -ENAMETOOLONG, "pin-dir %.64s... is too long", dir);
	strcpy(pins->dir, dir);
	rc = make_dir(pins->dir, error);
	if (!rc)
		rc = lock_dir(pins, error);
	if (!rc)
		rc = recover(pins, error);
	if (rc)
		pins_close(pins);
	return rc;
}

void pins_close(struct pins *pins)
{
	if (pins->lock >= 0)
		close(pins->lock);
	pins->lock = -1;
}

bool pins_intact(const struct pins *pins)
{
	struct stat ours, there;

	return !fstat(pins->lock, &ours) && !stat(pins->dir, &there) &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino && pins_exist(pins);
}

int pins_reopen(struct pins *pins, struct kernel_error *error)
{
	char dir[sizeof(pins->dir)];

	strcpy(dir, pins->dir);
	pins_close(pins);
	return pins_open(pins, dir, error);
}

bool pins_exist(const struct pins *pins)
{
	return set_exists(pins, "current");
}

int pins_begin(const struct pins *pins, struct kernel_error *error)
{
	char path[PATH_MAX];

	pins_path(pins, "next", "", path);
	if (remove_set(pins, "next") || mkdir(path, 0700))
		return kernel_fail(error, -EIO, "cannot create %s: %s", path, strerror(errno));
	return 0;
}

int pins_commit(const struct pins *pins, struct kernel_error *error)
{
	int rc = 0;

	if (pins_exist(pins))
		rc = rename_set(pins, "current", "old", error);
	if (!rc)
		rc = rename_set(pins, "next", "current", error);
	if (!rc && remove_set(pins, "old"))
		rc = kernel_fail(error, -EIO, "cannot remove %s/old; remove it by hand", pins->dir);
	return rc;
}

int pins_remove(struct pins *pins, struct kernel_error *error)
{
	char parent[PATH_MAX];

	if (remove_set(pins, "next") || remove_set(pins, "old") || remove_set(pins, "current"))
		return kernel_fail(error, -EIO, "cannot remove all pins in %s; remove them by hand",
				   pins->dir);
	pins_close(pins);
	snprintf(parent, sizeof(parent), "%s/..", pins->dir);
	if (!on_bpffs(parent)) {
		if (umount2(pins->dir, MNT_DETACH))
			return kernel_fail(error, -errno, "cannot unmount %s: %s", pins->dir,
					   strerror(errno));
	}
	if (rmdir(pins->dir) && errno != ENOENT)
		log_warning("cannot remove %s: %s", pins->dir, strerror(errno));
	return 0;
}
