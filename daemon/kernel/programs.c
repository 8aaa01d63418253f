// SPDX-License-Identifier: GPL-2.0-or-later
/* Loading programs, telling them apart, pinning them; the program behind kernel_test(). */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "kernel/internal.h"
#include "kernel/kernel.h"

#include "test.skel.h"

#define TEST_PIN "policy_test"
#define BUILD_SUFFIX "_build"

int kernel_load_failed(struct kernel_error *error, int rc, const char *what)
{
	return kernel_fail(
		error, rc,
		"the kernel refuses program %s: %s; run as root on a kernel 5.10 or later "
		"with BPF, and see the log at log-level debug",
		what, strerror(-rc));
}

int kernel_load(struct bpf_object_skeleton *skeleton, const char *what)
{
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	int rc = bpf_object__load_skeleton(skeleton);

	log_debug("%s loaded in %" PRIu64 " us", what, clock_us(CLOCK_MONOTONIC) - start);
	return rc;
}

/* ---- asking ---- */

int kernel_load_test(struct kernel *kernel, struct kernel_error *error)
{
	struct kernel_build build = kernel_build_of(test_bpf__elf_bytes);
	struct test_bpf *test;
	int rc;

	if (maps_complete(kernel))
		kernel->test = kernel_adopt(kernel, TEST_PIN, &build);
	if (kernel->test >= 0)
		return 0;
	test = test_bpf__open();
	rc = test ? maps_share(kernel, test->obj, &test->rodata->connection_sets) : -errno;
	if (!rc)
		rc = kernel_load(test->skeleton, "policy_test");
	if (!rc)
		rc = maps_adopt(kernel, test->obj);
	if (!rc)
		kernel->test = dup(bpf_program__fd(test->progs.policy_test));
	test_bpf__destroy(test);
	return rc ? kernel_load_failed(error, rc, "policy_test") : 0;
}

int kernel_pin_test(const struct kernel *kernel, const char *set, struct kernel_error *error)
{
	struct kernel_build build = kernel_build_of(test_bpf__elf_bytes);

	return kernel_pin_build(kernel, kernel->test, set, TEST_PIN, &build, error);
}

bool kernel_test_pinned(const struct kernel *kernel)
{
	static const char *const names[] = { TEST_PIN, NULL };

	return kernel_pinned(kernel, names, 1);
}

int kernel_test(struct kernel *kernel, const struct smc_policy_query *query,
		struct smc_policy_answer *answer, struct kernel_error *error)
{
	struct smc_policy_test test = { .query = *query };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &test, .data_size_in = sizeof(test),
		    .data_out = &test, .data_size_out = sizeof(test));

	if (bpf_prog_test_run_opts(kernel->test, &options))
		return kernel_fail(error, -errno, "cannot run the decision program: %s",
				   strerror(errno));
	if (options.retval != XDP_PASS)
		return kernel_fail(error, -EIO,
				   "the decision program did not understand the query");
	*answer = test.answer;
	return 0;
}

/* ---- pins ---- */

int kernel_open_pinned(const struct kernel *kernel, const char *name)
{
	char path[PATH_MAX];
	int fd;

	pins_path(&kernel->pins, "current", name, path);
	fd = bpf_obj_get(path);
	return fd < 0 ? -1 : fd;
}

/* By way of another name, so that there is one at any time.  bpffs refuses names with a dot. */
int kernel_pin(const struct kernel *kernel, int fd, const char *set, const char *name,
	       struct kernel_error *error)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];

	pins_path(&kernel->pins, set, name, path);
	snprintf(fresh, sizeof(fresh), "%s_next", path);
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) || rename(fresh, path))
		return kernel_fail(error, -errno, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

/* ---- which build a pin is of: a symbolic link beside it, that points to the build's name ---- */

struct kernel_build kernel_build_of(const void *(*elf_bytes)(size_t *size))
{
	struct kernel_build build;
	const void *bytes;
	size_t size;

	bytes = elf_bytes(&size);
	snprintf(build.name, sizeof(build.name), "%016" PRIx64, fnv1a(FNV1A_START, bytes, size));
	return build;
}

static void build_path(const struct kernel *kernel, const char *set, const char *name, char *path)
{
	char file[NAME_MAX + 1];

	snprintf(file, sizeof(file), "%s" BUILD_SUFFIX, name);
	pins_path(&kernel->pins, set, file, path);
}

/* The mark of @name in the set in force, as readlink() gives it. */
static ssize_t read_mark(const struct kernel *kernel, const char *name, char *mark, size_t size)
{
	char path[PATH_MAX];

	build_path(kernel, "current", name, path);
	return readlink(path, mark, size);
}

bool kernel_is_build(const struct kernel *kernel, const char *name,
		     const struct kernel_build *build)
{
	char found[sizeof(build->name)];
	ssize_t length = read_mark(kernel, name, found, sizeof(found));

	return !kernel->fresh && length == (ssize_t)strlen(build->name) &&
	       !memcmp(found, build->name, (size_t)length);
}

void kernel_unmark(const struct kernel *kernel, const char *set, const char *name)
{
	char path[PATH_MAX];

	build_path(kernel, set, name, path);
	unlink(path);
}

int kernel_mark(const struct kernel *kernel, const char *set, const char *name,
		const struct kernel_build *build, struct kernel_error *error)
{
	char path[PATH_MAX];

	build_path(kernel, set, name, path);
	if (symlink(build->name, path))
		return kernel_fail(error, -errno, "cannot create %s: %s", path, strerror(errno));
	return 0;
}

int kernel_pin_build(const struct kernel *kernel, int fd, const char *set, const char *name,
		     const struct kernel_build *build, struct kernel_error *error)
{
	int rc;

	kernel_unmark(kernel, set, name);
	rc = kernel_pin(kernel, fd, set, name, error);
	return rc ? rc : kernel_mark(kernel, set, name, build, error);
}

int kernel_adopt(const struct kernel *kernel, const char *name, const struct kernel_build *build)
{
	return kernel_is_build(kernel, name, build) ? kernel_open_pinned(kernel, name) : -1;
}

void kernel_unpin(const struct kernel *kernel, const char *const *names)
{
	char path[PATH_MAX];

	for (; *names; names++) {
		kernel_unmark(kernel, "current", *names);
		pins_path(&kernel->pins, "current", *names, path);
		unlink(path);
	}
}

/* Whether @file is one of @names, or the mark of one. */
static bool belongs_to(const char *file, const char *const *names)
{
	for (; *names; names++) {
		size_t length = strlen(*names);

		if (!strncmp(file, *names, length) &&
		    (!file[length] || !strcmp(file + length, BUILD_SUFFIX)))
			return true;
	}
	return false;
}

void kernel_unpin_others(const struct kernel *kernel, const char *prefix, const char *const *names)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	pins_path(&kernel->pins, "current", "", path);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix)) &&
		    !belongs_to(entry->d_name, names))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

bool kernel_pinned(const struct kernel *kernel, const char *const *names, size_t n_marked)
{
	char path[PATH_MAX], mark[2];

	for (size_t i = 0; names[i]; i++) {
		pins_path(&kernel->pins, "current", names[i], path);
		if (access(path, F_OK) ||
		    (i < n_marked && read_mark(kernel, names[i], mark, sizeof(mark)) < 0))
			return false;
	}
	return true;
}
