// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/source.h"

static int complain(struct policy_errors *errors, const char *file, int rc, const char *what)
{
	policy_errors_add(errors, "%s: %s", file, what);
	return rc;
}

/* Open @file if it is a regular one.  A FIFO must not hold us up, nor a device be disturbed. */
static int open_regular(const char *file, size_t *size, struct policy_errors *errors)
{
	autoclose int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		int rc = -errno;

		policy_errors_add(errors, "%s: cannot be read: %s; %s", file, strerror(errno),
				  errno == EACCES ? "run as root or make it readable"
						  : "create it or name another file");
		return rc;
	}
	if (!S_ISREG(st.st_mode))
		return complain(errors, file, -EINVAL,
				S_ISDIR(st.st_mode)
					? "is a directory; name a file"
					: "is not a regular file; name a plain text file");
	if (st.st_size > (off_t)SOURCE_SIZE_MAX)
		return complain(errors, file, -EFBIG,
				"is larger than 64 MiB; split it into several files");
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

int source_read(const char *file, struct policy_config *config, struct policy_errors *errors)
{
	size_t size = 0;
	autoclose int fd = open_regular(file, &size, errors);
	autofree char *text = NULL;
	ssize_t length;

	if (fd < 0)
		return fd;
	text = malloc(size + 1);
	if (!text)
		return complain(errors, file, -ENOMEM, "cannot be read: out of memory");
	length = read_all(fd, text, size);
	if (length < 0)
		return complain(errors, file, (int)length, "cannot be read: input/output error");
	return policy_config_parse(config, file, text, (size_t)length, errors);
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
		one = source_read(path, config, errors);
		rc = rc ? rc : one;
		free(entries[i]);
	}
	free(entries);
	return rc;
}

int source_load(const char *file, struct policy_config *config, struct policy_errors *errors)
{
	char dir[PATH_MAX];
	int rc = source_read(file, config, errors), dropins;

	dropin_dir(file, dir);
	dropins = read_dropins(dir, config, errors);
	return rc ? rc : dropins;
}
