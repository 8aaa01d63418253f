// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "kernel/accounts.h"
#include "kernel/internal.h"
#include "kernel/walk.h"

#define SETS_A_STEP 4096u /* 512 KiB */
#define SLOTS_A_STEP 1024u

struct kernel_survey {
	const struct kernel *kernel;
	kernel_survey_visit visit;
	void *arg;
	struct kernel_fill fills[MAPS];
	int map; /* that is being looked at */
	uint32_t next; /* of an array: the entry where the next step begins */
	struct walk walk;
	bool walks; /* @walk is begun */
	struct bpf_map_info info; /* of @map */
};

struct kernel_survey *kernel_survey_new(const struct kernel *kernel, kernel_survey_visit visit,
					void *arg)
{
	struct kernel_survey *survey = calloc(1, sizeof(*survey));

	if (!survey)
		return NULL;
	survey->kernel = kernel;
	survey->visit = visit;
	survey->arg = arg;
	return survey;
}

void kernel_survey_free(struct kernel_survey *survey)
{
	if (!survey)
		return;
	walk_end(&survey->walk);
	free(survey);
}

const struct kernel_fill *kernel_survey_fills(const struct kernel_survey *survey, size_t *n)
{
	*n = MAPS;
	return survey->fills;
}

/* ---- each kind of map: 1 and there is more of it, 0, or a negative errno ---- */

static enum kernel_surveyed table_of(int map)
{
	static const int maps[SURVEYED_TABLES] = {
		[SURVEYED_SERVICES] = MAP_AUTO_SERVICES,
		[SURVEYED_PEERS] = MAP_AUTO_PEERS,
		[SURVEYED_PATHS] = MAP_PATHS,
		[SURVEYED_SMC] = MAP_SMC_CONNECTIONS,
		[SURVEYED_REFUSED] = MAP_SMC_REFUSED,
	};
	int table = 0;

	while (table < SURVEYED_TABLES && maps[table] != map)
		table++;
	return (enum kernel_surveyed)table;
}

static int visit_record(void *arg, const void *key, const void *value)
{
	struct kernel_survey *survey = arg;

	return survey->visit(survey->arg, table_of(survey->map), key, value);
}

static int count_hash(struct kernel_survey *survey, struct kernel_fill *fill)
{
	bool visited = table_of(survey->map) != SURVEYED_TABLES;
	int rc = 0;

	if (!survey->walks)
		rc = walk_begin(&survey->walk, survey->kernel->map[survey->map],
				survey->info.key_size, survey->info.value_size);
	survey->walks = true;
	if (!rc)
		rc = walk_next(&survey->walk, visited ? visit_record : NULL, survey);
	if (!rc || rc == WALK_OVER)
		fill->used += survey->walk.count;
	if (!rc)
		return 1;
	walk_end(&survey->walk);
	survey->walks = false;
	return rc == WALK_OVER ? 0 : rc;
}

/* Connections; a set of places is an entry of the map. */
static int count_sets(struct kernel_survey *survey, struct kernel_fill *fill)
{
	const struct kernel *kernel = survey->kernel;
	uint32_t end = survey->next + SETS_A_STEP;

	fill->size = (uint64_t)kernel->n_sets * SMC_AUTO_WAYS;
	for (; survey->next < kernel->n_sets && survey->next < end; survey->next++)
		for (int way = 0; way < SMC_AUTO_WAYS; way++)
			fill->used += kernel->sets[survey->next].cookie[way] != 0;
	return survey->next < kernel->n_sets;
}

/* Slots that a rule has or had; those of no rule are always there. */
static int count_slots(struct kernel_survey *survey, struct kernel_fill *fill)
{
	uint32_t end = survey->next + SLOTS_A_STEP;
	struct smc_policy_rule_slot owner;

	for (; survey->next < survey->kernel->n_slots && survey->next < end; survey->next++)
		if (survey->next < SMC_POLICY_SLOT_FIRST ||
		    (!kernel_read_slot(survey->kernel, survey->next, &owner) && owner.name[0]))
			fill->used++;
	return survey->next < survey->kernel->n_slots;
}

/* The kernel shows where it writes and where the reader is, each on a page of its own. */
static int count_ring(const struct kernel_survey *survey, struct kernel_fill *fill)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = survey->kernel->map[survey->map];
	const unsigned char *ring = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
	unsigned long read, written;

	if (ring == MAP_FAILED)
		return -errno;
	read = *(const volatile unsigned long *)ring;
	written = *(const volatile unsigned long *)(ring + page);
	fill->used = written - read;
	munmap((void *)ring, 2 * page);
	return 0;
}

static int count_map(struct kernel_survey *survey)
{
	struct kernel_fill *fill = &survey->fills[survey->map];

	switch (survey->map) {
	case MAP_CONNECTIONS:
		return count_sets(survey, fill);
	case MAP_RULE_SLOTS:
		return count_slots(survey, fill);
	case MAP_SIDE_COUNTERS:
		/* It has the sides of each slot, and comes before the slots. */
		fill->size /= SMC_POLICY_SIDES;
		return 0;
	default:
		break;
	}
	switch (survey->info.type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
		return count_hash(survey, fill);
	case BPF_MAP_TYPE_RINGBUF:
		return count_ring(survey, fill);
	default:
		fill->used = fill->size; /* an array has all its entries */
		return 0;
	}
}

static int begin_map(struct kernel_survey *survey)
{
	uint32_t size = sizeof(survey->info);

	survey->info = (struct bpf_map_info){ 0 };
	if (bpf_obj_get_info_by_fd(survey->kernel->map[survey->map], &survey->info, &size))
		return -errno;
	survey->fills[survey->map] = (struct kernel_fill){
		.map = maps_name((enum map)survey->map),
		.size = survey->info.max_entries,
	};
	survey->next = 0;
	return 0;
}

int kernel_survey_step(struct kernel_survey *survey)
{
	int rc = survey->next || survey->walks ? 0 : begin_map(survey);

	if (!rc)
		rc = count_map(survey);
	if (rc)
		return rc;
	if (survey->map == MAP_RULE_SLOTS)
		survey->fills[MAP_SIDE_COUNTERS].used = survey->fills[MAP_RULE_SLOTS].used;
	survey->next = 0;
	survey->map++;
	return survey->map < MAPS;
}

/* ---- programs ---- */

#define PROGRAM_MAPS 32 /* that one program uses, at most */

struct own_maps {
	uint32_t ids[MAPS];
};

static void find_own_maps(const struct kernel *kernel, struct own_maps *own)
{
	for (int i = 0; i < MAPS; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);

		own->ids[i] = bpf_obj_get_info_by_fd(kernel->map[i], &info, &size) ? 0 : info.id;
	}
}

static bool uses_own_map(const struct own_maps *own, const uint32_t *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < PROGRAM_MAPS; i++)
		for (int map = 0; map < MAPS; map++)
			if (own->ids[map] && own->ids[map] == ids[i])
				return true;
	return false;
}

static void add_program(struct kernel_program *programs, size_t *n,
			const struct bpf_prog_info *info)
{
	size_t at = 0;

	while (at < *n && strcmp(programs[at].name, info->name) < 0)
		at++;
	if (at == *n || strcmp(programs[at].name, info->name)) {
		if (*n == KERNEL_PROGRAMS_MAX)
			return;
		memmove(&programs[at + 1], &programs[at], (*n - at) * sizeof(*programs));
		programs[at] = (struct kernel_program){ 0 };
		memcpy(programs[at].name, info->name, sizeof(programs[at].name));
		programs[at].name[KERNEL_PROGRAM_NAME - 1] = '\0';
		++*n;
	}
	programs[at].run_ns += info->run_time_ns;
	programs[at].runs += info->run_cnt;
	programs[at].skipped += info->recursion_misses;
}

size_t kernel_list_programs(const struct kernel *kernel, struct kernel_program *programs)
{
	struct own_maps own;
	uint32_t id = 0;
	size_t n = 0;

	find_own_maps(kernel, &own);
	while (!bpf_prog_get_next_id(id, &id)) {
		uint32_t ids[PROGRAM_MAPS], size = sizeof(struct bpf_prog_info);
		struct bpf_prog_info info = { .nr_map_ids = PROGRAM_MAPS,
					      .map_ids = (uintptr_t)ids };
		autoclose int fd = bpf_prog_get_fd_by_id(id);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.name[0] &&
		    uses_own_map(&own, ids, info.nr_map_ids))
			add_program(programs, &n, &info);
	}
	return n;
}

bool kernel_times_programs(void)
{
	autofclose FILE *file = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");

	return file && getc(file) == '1';
}
