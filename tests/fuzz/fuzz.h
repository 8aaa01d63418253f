/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share.  Each gives libFuzzer its LLVMFuzzerTestOneInput(). */
#ifndef SMC_POLICY_FUZZ_H
#define SMC_POLICY_FUZZ_H

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold after whatever input; assert() without NDEBUG. */
#define must(condition)                                                                    \
	do {                                                                               \
		if (!(condition)) {                                                        \
			dprintf(fuzz_report, "%s:%d: must hold: %s\n", __FILE__, __LINE__, \
				#condition);                                               \
			abort();                                                           \
		}                                                                          \
	} while (0)

/* Where it is told: standard error may be closed by libFuzzer. */
static int fuzz_report = STDERR_FILENO;

/* What is left of an input. */
struct input {
	const uint8_t *at;
	size_t left;
};

/* The next byte, 0 at the end. */
static inline uint8_t input_byte(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

/* @size bytes into @to, zeros after the end. */
static inline void input_bytes(struct input *input, void *to, size_t size)
{
	size_t n = size < input->left ? size : input->left;

	memset(to, 0, size);
	memcpy(to, input->at, n);
	input->at += n;
	input->left -= n;
}

/*
 * What comes before the next byte @end, which is dropped, or all: on the heap and as large as it is
 * and a NUL, so that whoever reads beyond is caught.  To be freed; its length into @length.
 */
static inline char *input_until(struct input *input, char end, size_t *length)
{
	const uint8_t *found = input->left ? memchr(input->at, end, input->left) : NULL;
	char *text;

	*length = found ? (size_t)(found - input->at) : input->left;
	text = malloc(*length + 1);
	if (!text)
		abort();
	input_bytes(input, text, *length);
	text[*length] = '\0';
	if (found)
		input_byte(input);
	return text;
}

/* All that is left in a block of the heap that ends where it ends. */
static inline void *input_rest(struct input *input, size_t *size)
{
	void *block = malloc(input->left ? input->left : 1);

	if (!block)
		abort();
	*size = input->left;
	input_bytes(input, block, *size);
	return block;
}

/* ---- a directory of its own, in memory: descriptor, and its path ---- */

static char fuzz_dir_path[] = "/dev/shm/smc-policy-fuzz.XXXXXX";
static int fuzz_dir = -1;

/* Remove all files in it. */
static inline void fuzz_dir_empty(void)
{
	DIR *dir = fdopendir(openat(fuzz_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(fuzz_dir, entry->d_name, 0);
	if (dir)
		closedir(dir);
}

static inline void fuzz_dir_remove(void)
{
	fuzz_dir_empty();
	rmdir(fuzz_dir_path);
}

static inline void fuzz_dir_make(void)
{
	if (!mkdtemp(fuzz_dir_path) ||
	    (fuzz_dir = open(fuzz_dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(fuzz_dir_path);
		exit(1);
	}
	atexit(fuzz_dir_remove);
}

/* A file in it. */
static inline void fuzz_dir_write(const char *name, const void *data, size_t size)
{
	int fd = openat(fuzz_dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

#endif
