// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "files/config_files.h"

/* Open @file if it is a regular one.  A FIFO must not hold us up, nor a device be disturbed. */
static int open_regular(const char *file, size_t *size, struct value_error *why)
{
	autoclose int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		int rc = -errno;

		value_refuse(why, "cannot be read: %s; %s", strerror(errno),
			     errno == EACCES ? "run as root or make it readable"
					     : "create it or name another file");
		return rc;
	}
	if (!S_ISREG(st.st_mode))
		return value_refuse(why, S_ISDIR(st.st_mode)
						 ? "is a directory; name a file"
						 : "is not a regular file; name a plain text file");
	if (st.st_size > (off_t)CONFIG_FILE_SIZE_MAX) {
		value_refuse(why, "is larger than 64 MiB; split it into several files");
		return -EFBIG;
	}
	*size = (size_t)st.st_size;
	return steal_fd(fd);
}

/* Read up to @size bytes of @fd, fewer if the file has shrunk. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, text + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/*
 * The content of @file into @text, to be freed, and @length, without the NUL behind it; or a negative
 * errno and @why.
 */
static int read_text(const char *file, char **text, size_t *length, struct value_error *why)
{
	size_t size = 0;
	autoclose int fd = open_regular(file, &size, why);
	autofree char *all = NULL;
	ssize_t n;

	if (fd < 0)
		return fd;
	all = malloc(size + 1);
	n = all ? read_all(fd, all, size) : -ENOMEM;
	if (n < 0) {
		value_refuse(why, "cannot be read: %s; free memory or check the disk",
			     strerror((int)-n));
		return (int)n;
	}
	all[n] = '\0';
	*text = steal_ptr(all);
	*length = (size_t)n;
	return 0;
}

/* The absolute path of @name in the folder of @file, to be freed; NULL: out of memory. */
static char *path_beside(const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	int folder = slash ? (int)(slash - file) + 1 : 0;
	autofree char *here = *file == '/' ? NULL : getcwd(NULL, 0);
	char *path;

	if (*name == '/')
		return strdup(name);
	if (*file != '/' && !here)
		return NULL;
	return asprintf(&path, "%s%s%.*s%s", here ? here : "", here ? "/" : "", folder, file,
			name) < 0
		       ? NULL
		       : path;
}

/*
 * Whoever can write what is at @path would decide what the policy is: that must not be everybody.
 */
static int check_writers(const char *path, struct value_error *why)
{
	struct stat st;

	if (stat(path, &st) || !(st.st_mode & S_IWOTH))
		return 0;
	value_refuse(why, "can be written by everybody (mode %04o); run \"chmod o-w %s\"",
		     st.st_mode & 07777, path);
	return -EPERM;
}

static int read_named(const char *file, const char *name, struct policy_named_file *named,
		      struct value_error *error)
{
	int rc;

	named->path = path_beside(file, name);
	if (!named->path) {
		value_refuse(error, "cannot be read: %s", strerror(errno));
		return -ENOMEM;
	}
	rc = read_text(named->path, &named->text, &named->length, error);
	return rc ? rc : check_writers(named->path, error);
}

int config_files_read(const char *file, struct policy_config *config, struct policy_errors *errors)
{
	autofree char *text = NULL;
	struct value_error why;
	size_t length;
	int rc = read_text(file, &text, &length, &why);

	if (rc) {
		policy_errors_add(errors, "%s: %s", file, why.text);
		return rc;
	}
	config->read_named = read_named;
	return policy_config_parse(config, file, text, length, errors);
}

static int is_dropin(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       !strcmp(entry->d_name + length - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* /etc/smc-policy.conf -> /etc/smc-policy.d */
static void dropin_dir(const char *file, char dir[PATH_MAX])
{
	size_t length = strlen(file);

	if (length > 5 && !strcmp(file + length - 5, ".conf"))
		length -= 5;
	snprintf(dir, PATH_MAX, "%.*s.d", (int)length, file);
}

/* As check_writers(), for a file of the configuration itself, or their folder. */
static int check_own_writers(const char *path, struct policy_errors *errors)
{
	struct value_error why;
	int rc = check_writers(path, &why);

	if (rc)
		policy_errors_add(errors, "%s: %s", path, why.text);
	return rc;
}

static int read_dropins(const char *dir, struct policy_config *config, struct policy_errors *errors)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_dropin, by_name), rc = 0;

	if (n < 0 && errno != ENOENT) {
		rc = -errno;
		policy_errors_add(errors, "%s: cannot be read: %s; correct or remove it", dir,
				  strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX + NAME_MAX + 2];
		int one;

		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		one = check_own_writers(path, errors);
		rc = rc ? rc : one;
		one = config_files_read(path, config, errors);
		rc = rc ? rc : one;
		free(entries[i]);
	}
	free(entries);
	return rc;
}

int config_files_load(const char *file, struct policy_config *config, struct policy_errors *errors)
{
	int rc = check_own_writers(file, errors), one;
	char dir[PATH_MAX];

	one = config_files_read(file, config, errors);
	rc = rc ? rc : one;
	dropin_dir(file, dir);
	one = check_own_writers(dir, errors);
	rc = rc ? rc : one;
	one = read_dropins(dir, config, errors);
	return rc ? rc : one;
}
