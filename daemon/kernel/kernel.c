// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/kernel.h"
#include "kernel/netns.h"
#include "kernel/pins.h"

#include "kmod.skel.h"
#include "test.skel.h"

#define SLOTS_MIN 4096u /* half a MiB of counters a CPU */
#define SLOTS_MAX (1u << 20)
#define KMOD_LINK "kmod_link"

/* The maps that are pinned; all programs share them. */
enum map {
	MAP_POLICY_SLOT,
	MAP_RULE_COUNTERS,
	MAP_NETNS_LISTED,
	MAP_RULE_SLOTS,
	MAPS
};

static const char *const map_names[MAPS] = {
	[MAP_POLICY_SLOT] = "policy_slot",
	[MAP_RULE_COUNTERS] = "rule_counters",
	[MAP_NETNS_LISTED] = "netns_listed",
	[MAP_RULE_SLOTS] = "rule_slots_v1", /* the number is SMC_POLICY_PIN_ABI */
};

_Static_assert(SMC_POLICY_PIN_ABI == 1, "name the new ABI in map_names");

struct kernel {
	struct pins pins;
	int map[MAPS];
	bool fresh; /* the maps are new: not pinned yet, or in the place of an older set */
	uint32_t n_slots;
	int n_cpus;
	struct test_bpf *test; /* skeletons, NULL until loaded */
	struct kmod_bpf *kmod;
	const struct smc_policy_row *image; /* the one in force, mapped; NULL: none */
	uint32_t n_rows;
	int last_bpf_error;
};

/* ---- libbpf ---- */

static int route_message(enum libbpf_print_level level, const char *format, va_list args)
{
	autofree char *text = NULL;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	/* Failures are told by whoever asked; libbpf's own words help to find the cause. */
	log_debug("%s", text);
	return 0;
}

/* ---- maps ---- */

static uint32_t wanted_slots(uint32_t rules)
{
	uint32_t slots = SLOTS_MIN;

	while (slots < SLOTS_MAX && slots < 2 * rules + SMC_POLICY_SLOT_FIRST)
		slots *= 2;
	return slots;
}

static void close_maps(struct kernel *kernel)
{
	for (int i = 0; i < MAPS; i++) {
		if (kernel->map[i] >= 0)
			close(kernel->map[i]);
		kernel->map[i] = -1;
	}
}

/* Whether the map behind @fd has the layout that this build gives to @which. */
static bool fits(int fd, enum map which, uint32_t *max_entries)
{
	static const uint32_t value_size[MAPS] = {
		[MAP_POLICY_SLOT] = sizeof(uint32_t),
		[MAP_RULE_COUNTERS] = sizeof(struct smc_policy_counters),
		[MAP_NETNS_LISTED] = sizeof(uint8_t),
		[MAP_RULE_SLOTS] = sizeof(struct smc_policy_rule_slot),
	};
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return false;
	*max_entries = info.max_entries;
	return info.value_size == value_size[which];
}

/* Open the pinned maps.  False if there is no complete set of this build's layout. */
static bool open_pinned(struct kernel *kernel)
{
	uint32_t entries[MAPS] = { 0 };
	char path[PATH_MAX];

	for (int i = 0; i < MAPS; i++) {
		pins_path(&kernel->pins, "current", map_names[i], path);
		kernel->map[i] = bpf_obj_get(path);
		if (kernel->map[i] < 0 || !fits(kernel->map[i], (enum map)i, &entries[i])) {
			close_maps(kernel);
			return false;
		}
	}
	kernel->n_slots = entries[MAP_RULE_SLOTS];
	return true;
}

static int create_rule_slots(struct kernel *kernel, struct kernel_error *error)
{
	kernel->map[MAP_RULE_SLOTS] =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "rule_slots", sizeof(uint32_t),
			       sizeof(struct smc_policy_rule_slot), kernel->n_slots, NULL);
	if (kernel->map[MAP_RULE_SLOTS] < 0)
		return kernel_fail(error, -errno,
				   "cannot create a BPF map: %s; run as root on a kernel with BPF",
				   strerror(errno));
	return 0;
}

/* ---- programs ---- */

/* Hand the shared maps to an object that is open but not loaded. */
static int share_maps(struct kernel *kernel, struct bpf_object *object)
{
	struct bpf_map *counters = bpf_object__find_map_by_name(object, "rule_counters");
	int rc = counters ? bpf_map__set_max_entries(counters, kernel->n_slots) : 0;

	for (int i = 0; i < MAPS && !rc; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);

		if (map && kernel->map[i] >= 0)
			rc = bpf_map__reuse_fd(map, kernel->map[i]);
	}
	return rc;
}

/* Take over the maps that loading @object has created. */
static int adopt_maps(struct kernel *kernel, struct bpf_object *object)
{
	for (int i = 0; i < MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);

		if (!map || kernel->map[i] >= 0)
			continue;
		kernel->map[i] = dup(bpf_map__fd(map));
		if (kernel->map[i] < 0)
			return -errno;
	}
	return 0;
}

static int load_failed(struct kernel_error *error, int rc, const char *what)
{
	return kernel_fail(
		error, rc,
		"the kernel refuses program %s: %s; run as root on a kernel 5.14 or later "
		"with BPF, and see the log at log-level debug",
		what, strerror(-rc));
}

static int load_test(struct kernel *kernel, struct kernel_error *error)
{
	int rc;

	kernel->test = test_bpf__open();
	rc = kernel->test ? share_maps(kernel, kernel->test->obj) : -errno;
	if (!rc)
		rc = test_bpf__load(kernel->test);
	if (!rc)
		rc = adopt_maps(kernel, kernel->test->obj);
	return rc ? load_failed(error, rc, "policy_test") : 0;
}

static int load_kmod(struct kernel *kernel, struct kernel_error *error)
{
	int rc;

	if (kernel->kmod)
		return 0;
	kernel->kmod = kmod_bpf__open();
	rc = kernel->kmod ? share_maps(kernel, kernel->kmod->obj) : -errno;
	if (!rc)
		rc = kmod_bpf__load(kernel->kmod);
	if (!rc)
		return 0;
	kmod_bpf__destroy(kernel->kmod);
	kernel->kmod = NULL;
	return load_failed(error, rc, "kmod_verdict");
}

/* ---- the image in force ---- */

static void unmap_image(struct kernel *kernel)
{
	if (kernel->image)
		munmap((void *)kernel->image, (size_t)kernel->n_rows * sizeof(*kernel->image));
	kernel->image = NULL;
	kernel->n_rows = 0;
}

/* Map the image of array map @fd read-only as the one in force. */
static int map_image(struct kernel *kernel, int fd, uint32_t n_rows)
{
	void *image =
		mmap(NULL, (size_t)n_rows * sizeof(*kernel->image), PROT_READ, MAP_SHARED, fd, 0);

	if (image == MAP_FAILED)
		return -errno;
	unmap_image(kernel);
	kernel->image = image;
	kernel->n_rows = n_rows;
	return 0;
}

/* Find and map the image that an earlier daemon left in force. */
static void find_image(struct kernel *kernel)
{
	struct bpf_map_info info = { 0 };
	uint32_t slot = 0, id, size = sizeof(info);
	autoclose int fd = -1;

	if (bpf_map_lookup_elem(kernel->map[MAP_POLICY_SLOT], &slot, &id))
		return;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) ||
	    info.value_size != sizeof(struct smc_policy_row) ||
	    map_image(kernel, fd, info.max_entries))
		return;
	if (kernel->image->word[SMC_POLICY_HDR_MAGIC] != SMC_POLICY_IMAGE_MAGIC)
		unmap_image(kernel);
}

uint64_t kernel_generation(const struct kernel *kernel)
{
	if (!kernel->image)
		return 0;
	return (uint64_t)kernel->image->word[SMC_POLICY_HDR_GENERATION_HI] << 32 |
	       kernel->image->word[SMC_POLICY_HDR_GENERATION_LO];
}

uint32_t kernel_image_rows(const struct kernel *kernel)
{
	return kernel->n_rows;
}

bool kernel_fresh(const struct kernel *kernel)
{
	return kernel->fresh;
}

bool kernel_image_equal(const struct kernel *kernel, const struct policy_image *image)
{
	struct smc_policy_row header;

	if (!kernel->image || kernel->n_rows != image->n_rows)
		return false;
	header = image->rows[0];
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

int kernel_publish(struct kernel *kernel, const struct policy_image *image,
		   struct kernel_error *error)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	autoclose int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "policy_image", sizeof(uint32_t),
					  sizeof(struct smc_policy_row), image->n_rows, &options);
	uint32_t slot = 0;
	int rc = fd < 0 ? -errno : fill_image(fd, image);

	if (!rc && bpf_map_freeze(fd))
		rc = -errno;
	if (!rc && bpf_map_update_elem(kernel->map[MAP_POLICY_SLOT], &slot, &fd, 0))
		rc = -errno;
	if (rc)
		return kernel_fail(
			error, rc,
			"cannot put an image of %zu bytes in force: %s; the policy before "
			"stays in force",
			(size_t)image->n_rows * sizeof(*image->rows), strerror(-rc));
	if (map_image(kernel, fd, image->n_rows))
		log_warning("cannot map the image in force: %s", strerror(errno));
	return 0;
}

/* ---- counters and their owners ---- */

uint32_t kernel_slots(const struct kernel *kernel)
{
	return kernel->n_slots;
}

static int counters_failed(int rc)
{
	log_debug("rule counters: %s", strerror(-rc));
	return rc;
}

static struct smc_policy_counters *read_cpus(const struct kernel *kernel, int fd, uint32_t slot)
{
	struct smc_policy_counters *cpus = calloc((size_t)kernel->n_cpus, sizeof(*cpus));

	if (cpus && bpf_map_lookup_elem(fd, &slot, cpus)) {
		counters_failed(-errno);
		free(cpus);
		return NULL;
	}
	return cpus;
}

static void add_counters(struct smc_policy_counters *to, const struct smc_policy_counters *from)
{
	to->smc += from->smc;
	for (int i = 0; i < 15; i++)
		to->tcp[i] += from->tcp[i];
}

static int read_sum(const struct kernel *kernel, int fd, uint32_t slot,
		    struct smc_policy_counters *sum)
{
	autofree struct smc_policy_counters *cpus = read_cpus(kernel, fd, slot);

	*sum = (struct smc_policy_counters){ 0 };
	for (int i = 0; cpus && i < kernel->n_cpus; i++)
		add_counters(sum, &cpus[i]);
	return cpus ? 0 : -EIO;
}

int kernel_read_counters(const struct kernel *kernel, uint32_t slot,
			 struct smc_policy_counters *sum)
{
	return read_sum(kernel, kernel->map[MAP_RULE_COUNTERS], slot, sum);
}

/* Add @add to the counters of @slot in map @fd, on the first CPU. */
static int add_to_slot(const struct kernel *kernel, int fd, uint32_t slot,
		       const struct smc_policy_counters *add)
{
	autofree struct smc_policy_counters *cpus = read_cpus(kernel, fd, slot);

	if (!cpus)
		return -EIO;
	add_counters(&cpus[0], add);
	return bpf_map_update_elem(fd, &slot, cpus, BPF_ANY) ? -errno : 0;
}

int kernel_retire_counters(const struct kernel *kernel, uint32_t slot)
{
	int fd = kernel->map[MAP_RULE_COUNTERS], rc;
	autofree struct smc_policy_counters *zero =
		calloc((size_t)kernel->n_cpus, sizeof(struct smc_policy_counters));
	struct smc_policy_counters sum;

	if (!zero)
		return -ENOMEM;
	rc = kernel_read_counters(kernel, slot, &sum);
	if (!rc)
		rc = add_to_slot(kernel, fd, SMC_POLICY_SLOT_RETIRED, &sum);
	if (!rc && bpf_map_update_elem(fd, &slot, zero, BPF_ANY))
		rc = -errno;
	return rc;
}

int kernel_read_slot(const struct kernel *kernel, uint32_t slot, struct smc_policy_rule_slot *owner)
{
	return bpf_map_lookup_elem(kernel->map[MAP_RULE_SLOTS], &slot, owner) ? -errno : 0;
}

int kernel_write_slot(const struct kernel *kernel, uint32_t slot,
		      const struct smc_policy_rule_slot *owner)
{
	return bpf_map_update_elem(kernel->map[MAP_RULE_SLOTS], &slot, owner, BPF_ANY) ? -errno : 0;
}

/* ---- namespaces ---- */

static bool contains(const uint64_t *cookies, size_t n, uint64_t cookie)
{
	for (size_t i = 0; i < n; i++)
		if (cookies[i] == cookie)
			return true;
	return false;
}

/* Drop the cookies that are listed but not wanted. */
static void drop_netns(int fd, const uint64_t *cookies, size_t n)
{
	uint64_t key, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (!contains(cookies, n, key))
			bpf_map_delete_elem(fd, &key);
	}
}

int kernel_list_netns(const struct kernel *kernel, const uint64_t *cookies, size_t n,
		      struct kernel_error *error)
{
	int fd = kernel->map[MAP_NETNS_LISTED];
	uint8_t listed = 1;

	for (size_t i = 0; i < n; i++)
		if (bpf_map_update_elem(fd, &cookies[i], &listed, BPF_ANY))
			return kernel_fail(
				error, -errno,
				"cannot list a network namespace: %s; shorten [daemon] netns",
				strerror(errno));
	drop_netns(fd, cookies, n);
	return 0;
}

/* ---- asking ---- */

int kernel_test(struct kernel *kernel, const struct smc_policy_query *query,
		struct smc_policy_answer *answer, struct kernel_error *error)
{
	struct smc_policy_test test = { .query = *query };
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &test, .ctx_size_in = sizeof(test));

	if (bpf_prog_test_run_opts(bpf_program__fd(kernel->test->progs.policy_test), &options))
		return kernel_fail(error, -errno, "cannot run the decision program: %s",
				   strerror(errno));
	*answer = test.answer;
	return 0;
}

/* ---- attaching and pinning ---- */

static int program_tag(int fd, uint8_t tag[BPF_TAG_SIZE])
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	memcpy(tag, info.tag, BPF_TAG_SIZE);
	return 0;
}

/* Whether the link pinned at @path runs the same program on the same maps as @program. */
static bool same_program(const struct kernel *kernel, const char *path, int program)
{
	autoclose int link = bpf_obj_get(path);
	struct bpf_link_info info = { 0 };
	uint8_t attached[BPF_TAG_SIZE], wanted[BPF_TAG_SIZE];
	uint32_t size = sizeof(info);
	autoclose int fd = -1;

	if (kernel->fresh || link < 0 || bpf_obj_get_info_by_fd(link, &info, &size))
		return false;
	fd = bpf_prog_get_fd_by_id(info.prog_id);
	return fd >= 0 && !program_tag(fd, attached) && !program_tag(program, wanted) &&
	       !memcmp(attached, wanted, sizeof(wanted));
}

/* Pin @fd at @path, in the place of what may be there.  bpffs refuses names with a dot. */
static int pin(int fd, const char *path, struct kernel_error *error)
{
	char fresh[PATH_MAX + 8];

	snprintf(fresh, sizeof(fresh), "%s_next", path);
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) || rename(fresh, path))
		return kernel_fail(error, -errno, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

static int pin_maps(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	char path[PATH_MAX];
	int rc = 0;

	for (int i = 0; i < MAPS && !rc; i++) {
		pins_path(&kernel->pins, set, map_names[i], path);
		rc = pin(kernel->map[i], path, error);
	}
	return rc;
}

static int attach_kmod(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	struct bpf_link *link;
	char path[PATH_MAX];
	int program, rc;

	rc = load_kmod(kernel, error);
	if (rc || !kernel->kmod)
		return rc;
	program = bpf_program__fd(kernel->kmod->progs.kmod_verdict);
	pins_path(&kernel->pins, set, KMOD_LINK, path);
	if (same_program(kernel, path, program))
		return 0;
	link = bpf_program__attach(kernel->kmod->progs.kmod_verdict);
	if (!link)
		return kernel_fail(
			error, -errno,
			"cannot attach to module smc_policy: %s; check \"lsmod\" and dmesg",
			strerror(errno));
	rc = pin(bpf_link__fd(link), path, error);
	bpf_link__destroy(link); /* the pin keeps it */
	return rc;
}

static void detach(struct kernel *kernel, const char *name)
{
	char path[PATH_MAX];

	pins_path(&kernel->pins, "current", name, path);
	unlink(path);
}

int kernel_attach(struct kernel *kernel, enum policy_backend backend, struct kernel_error *error)
{
	const char *set = kernel->fresh ? "next" : "current";
	int rc = 0;

	if (kernel->fresh)
		rc = pins_begin(&kernel->pins, error);
	if (!rc && kernel->fresh)
		rc = pin_maps(kernel, set, error);
	if (!rc && backend == POLICY_BACKEND_KMOD)
		rc = attach_kmod(kernel, set, error);
	if (!rc && kernel->fresh)
		rc = pins_commit(&kernel->pins, error);
	if (!rc && backend != POLICY_BACKEND_KMOD)
		detach(kernel, KMOD_LINK);
	if (!rc)
		kernel->fresh = false;
	return rc;
}

/* ---- opening and closing ---- */

/*
 * The pinned maps are too small or of another layout: carry the counters of a
 * set of this layout over to the new maps.
 */
static void carry_over(const struct kernel *from, const struct kernel *to)
{
	uint32_t n = from->n_slots < to->n_slots ? from->n_slots : to->n_slots;

	for (uint32_t slot = 0; slot < n; slot++) {
		struct smc_policy_rule_slot owner;
		struct smc_policy_counters sum;

		if (kernel_read_slot(from, slot, &owner) || kernel_write_slot(to, slot, &owner))
			continue;
		if (!read_sum(from, from->map[MAP_RULE_COUNTERS], slot, &sum))
			add_to_slot(to, to->map[MAP_RULE_COUNTERS], slot, &sum);
	}
}

/* Create the maps anew, with what @before (NULL: nothing) has counted. */
static int create(struct kernel *kernel, uint32_t n_slots, const struct kernel *before,
		  struct kernel_error *error)
{
	int rc;

	kernel->fresh = true;
	kernel->n_slots = n_slots;
	rc = create_rule_slots(kernel, error);
	if (!rc)
		rc = load_test(kernel, error);
	if (!rc && before)
		carry_over(before, kernel);
	return rc;
}

static int take_over(struct kernel *kernel, uint32_t n_slots, struct kernel_error *error)
{
	struct kernel before = *kernel;
	int rc;

	if (kernel->n_slots >= n_slots) {
		find_image(kernel);
		return load_test(kernel, error);
	}
	log_notice("making room for the counters of %u rules", n_slots);
	find_image(kernel);
	for (int i = 0; i < MAPS; i++)
		kernel->map[i] = -1;
	rc = create(kernel, n_slots, &before, error);
	close_maps(&before);
	return rc;
}

int kernel_open(struct kernel **kernel, const char *pin_dir, uint32_t rules,
		struct kernel_error *error)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return kernel_fail(error, -ENOMEM, "out of memory");
	libbpf_set_print(route_message);
	k->n_cpus = libbpf_num_possible_cpus();
	for (int i = 0; i < MAPS; i++)
		k->map[i] = -1;
	rc = pins_open(&k->pins, pin_dir, error);
	if (!rc && open_pinned(k))
		rc = take_over(k, wanted_slots(rules), error);
	else if (!rc)
		rc = create(k, wanted_slots(rules), NULL, error);
	if (rc) {
		kernel_close(k);
		return rc;
	}
	*kernel = k;
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	unmap_image(kernel);
	test_bpf__destroy(kernel->test);
	kmod_bpf__destroy(kernel->kmod);
	close_maps(kernel);
	pins_close(&kernel->pins);
	free(kernel);
}

int kernel_release(struct kernel *kernel, struct kernel_error *error)
{
	return pins_remove(&kernel->pins, error);
}
