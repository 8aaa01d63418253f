// SPDX-License-Identifier: GPL-2.0-or-later
/* The image in force: finding it, comparing it, putting another in its place. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "kernel/internal.h"
#include "kernel/kernel.h"

void image_unmap(struct kernel *kernel)
{
	if (kernel->image)
		munmap((void *)kernel->image, (size_t)kernel->n_rows * sizeof(*kernel->image));
	kernel->image = NULL;
	kernel->n_rows = 0;
}

static uint64_t generation_of(const struct smc_policy_row *header)
{
	return (uint64_t)header->word[SMC_POLICY_HDR_GENERATION_HI] << 32 |
	       header->word[SMC_POLICY_HDR_GENERATION_LO];
}

/* Map the image of array map @fd read-only as the one in force. */
static int map_image(struct kernel *kernel, int fd, uint32_t n_rows)
{
	void *image =
		mmap(NULL, (size_t)n_rows * sizeof(*kernel->image), PROT_READ, MAP_SHARED, fd, 0);

	if (image == MAP_FAILED)
		return -errno;
	image_unmap(kernel);
	kernel->image = image;
	kernel->n_rows = n_rows;
	kernel->generation = generation_of(kernel->image);
	return 0;
}

/* Read the first row, whose first words every layout shares, of the image in array map @fd. */
static int read_header(int fd, struct smc_policy_row *header)
{
	void *row = mmap(NULL, sizeof(*header), PROT_READ, MAP_SHARED, fd, 0);

	if (row == MAP_FAILED)
		return -errno;
	memcpy(header, row, sizeof(*header));
	munmap(row, sizeof(*header));
	return header->word[SMC_POLICY_HDR_MAGIC] == SMC_POLICY_IMAGE_MAGIC ? 0 : -EBADMSG;
}

bool image_find(struct kernel *kernel, int slot_fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t slot = 0, id, size = sizeof(info);
	struct smc_policy_row header = { 0 };
	autoclose int fd = -1;

	if (slot_fd < 0 || bpf_map_lookup_elem(slot_fd, &slot, &id))
		return true;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || read_header(fd, &header))
		return false;
	kernel->generation = generation_of(&header);
	return header.word[SMC_POLICY_HDR_LAYOUT] == SMC_POLICY_IMAGE_LAYOUT &&
	       info.value_size == sizeof(struct smc_policy_row) &&
	       !map_image(kernel, fd, info.max_entries);
}

uint64_t kernel_generation(const struct kernel *kernel)
{
	return kernel->generation;
}

uint32_t kernel_image_rows(const struct kernel *kernel)
{
	return kernel->n_rows;
}

bool kernel_image_equal(const struct kernel *kernel, const struct policy_image *image)
{
	struct smc_policy_row header;

	if (!kernel->image || kernel->n_rows != image->n_rows)
		return false;
	header = image->rows[0];
	header.word[SMC_POLICY_HDR_FLAGS] =
		(header.word[SMC_POLICY_HDR_FLAGS] & ~SMC_POLICY_IMAGE_F_SUSPENDED) |
		(kernel->image->word[SMC_POLICY_HDR_FLAGS] & SMC_POLICY_IMAGE_F_SUSPENDED);
	header.word[SMC_POLICY_HDR_GENERATION_LO] =
		kernel->image->word[SMC_POLICY_HDR_GENERATION_LO];
	header.word[SMC_POLICY_HDR_GENERATION_HI] =
		kernel->image->word[SMC_POLICY_HDR_GENERATION_HI];
	return !memcmp(kernel->image, &header, sizeof(header)) &&
	       !memcmp(kernel->image + 1, image->rows + 1,
		       (size_t)(image->n_rows - 1) * sizeof(*image->rows));
}

static int fill_image(int fd, const struct policy_image *image)
{
	size_t size = (size_t)image->n_rows * sizeof(*image->rows);
	void *rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (rows == MAP_FAILED)
		return -errno;
	memcpy(rows, image->rows, size);
	munmap(rows, size);
	return 0;
}

/*
 * A swap under way.  The kernel stores the new image and then waits, for milliseconds, until no
 * program runs that began with the old one (maybe_wait_bpf_programs(), kernel/bpf/syscall.c).  All
 * that begin after the store have the new image: the change is in force, and a thread waits instead
 * of us.  Two have it, and who leaves last frees it.
 */
struct swap {
	int slot_fd, fd; /* the array of maps, the image */
	int rc; /* once it is done: 0 or a negative errno */
	atomic_bool done;
	atomic_flag left; /* one of the two has */
};

static void leave_swap(struct swap *swap)
{
	if (atomic_flag_test_and_set(&swap->left))
		free(swap);
}

static void *run_swap(void *arg)
{
	struct swap *swap = arg;
	uint32_t slot = 0;

	if (bpf_map_update_elem(swap->slot_fd, &slot, &swap->fd, 0))
		swap->rc = -errno;
	atomic_store(&swap->done, true);
	leave_swap(swap);
	return NULL;
}

/* Whether the image with map @id is in force. */
static bool is_in_force(int slot_fd, uint32_t id)
{
	uint32_t slot = 0, found;

	return !bpf_map_lookup_elem(slot_fd, &slot, &found) && found == id;
}

/*
 * Put the image in array map @fd in the slot.  Returns 0 once it is in force, or a negative errno.
 */
static int swap_image(int slot_fd, int fd)
{
	const struct timespec moment = { .tv_nsec = 20000 };
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	struct swap *swap;
	pthread_t thread;
	int rc;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	swap = calloc(1, sizeof(*swap));
	if (!swap)
		return -ENOMEM;
	swap->slot_fd = slot_fd;
	swap->fd = fd;
	rc = pthread_create(&thread, NULL, run_swap, swap);
	if (rc) {
		free(swap);
		return -rc;
	}
	pthread_detach(thread);
	while (!atomic_load(&swap->done) && !is_in_force(slot_fd, info.id))
		nanosleep(&moment, NULL);
	rc = atomic_load(&swap->done) ? swap->rc : 0;
	leave_swap(swap);
	return rc;
}

int kernel_publish(struct kernel *kernel, const struct policy_image *image,
		   struct kernel_error *error)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	autoclose int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "policy_image", sizeof(uint32_t),
					  sizeof(struct smc_policy_row), image->n_rows, &options);
	uint64_t start;
	int rc = fd < 0 ? -errno : fill_image(fd, image);

	/* It is not frozen: kernel_suspend() stores one word. */
	start = clock_us(CLOCK_MONOTONIC);
	if (!rc)
		rc = swap_image(kernel->map[MAP_POLICY_SLOT], fd);
	if (rc)
		return kernel_fail(
			error, rc,
			"cannot put an image of %zu bytes in force: %s; the policy before "
			"stays in force",
			(size_t)image->n_rows * sizeof(*image->rows), strerror(-rc));
	log_debug("image of %zu bytes swapped in %" PRIu64 " us",
		  (size_t)image->n_rows * sizeof(*image->rows), clock_us(CLOCK_MONOTONIC) - start);
	kernel->generation = generation_of(image->rows);
	if (map_image(kernel, fd, image->n_rows))
		log_warning("cannot map the image in force: %s", strerror(errno));
	return 0;
}

/* ---- suspending ---- */

/* Descriptor of the image in force, or a negative errno. */
static int open_in_force(const struct kernel *kernel)
{
	uint32_t slot = 0, id;
	int fd;

	if (bpf_map_lookup_elem(kernel->map[MAP_POLICY_SLOT], &slot, &id))
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	return fd < 0 ? -errno : fd;
}

static int store_flags(const struct kernel *kernel, uint32_t flags)
{
	autoclose int fd = open_in_force(kernel);
	struct smc_policy_row *header;

	if (fd < 0)
		return fd;
	header = mmap(NULL, sizeof(*header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (header == MAP_FAILED)
		return -errno;
	__atomic_store_n(&header->word[SMC_POLICY_HDR_FLAGS], flags, __ATOMIC_RELEASE);
	munmap(header, sizeof(*header));
	return 0;
}

/* The same with a copy of the image: earlier releases froze theirs, so nobody can store into them. */
static int publish_with_flags(struct kernel *kernel, uint32_t flags, struct kernel_error *error)
{
	size_t size = (size_t)kernel->n_rows * sizeof(*kernel->image);
	struct policy_image copy = { .rows = malloc(size), .n_rows = kernel->n_rows };
	int rc;

	if (!copy.rows)
		return kernel_fail(error, -ENOMEM, "out of memory");
	memcpy(copy.rows, kernel->image, size);
	copy.rows[0].word[SMC_POLICY_HDR_FLAGS] = flags;
	rc = kernel_publish(kernel, &copy, error);
	free(copy.rows);
	return rc;
}

int kernel_suspend(struct kernel *kernel, bool suspended, struct kernel_error *error)
{
	uint32_t before, flags;
	int rc;

	if (!kernel->image)
		return kernel_fail(error, -ENODATA, "no policy is in force");
	before = kernel->image->word[SMC_POLICY_HDR_FLAGS];
	flags = (before & ~SMC_POLICY_IMAGE_F_SUSPENDED) |
		(suspended ? SMC_POLICY_IMAGE_F_SUSPENDED : 0);
	if (flags == before)
		return 0;
	rc = store_flags(kernel, flags);
	if (rc == -EPERM || rc == -EACCES)
		return publish_with_flags(kernel, flags, error);
	return rc ? kernel_fail(error, rc, "cannot write to the image in force: %s", strerror(-rc))
		  : 0;
}
