/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the maps hold against their size, and what the programs cost. */
#ifndef SMC_POLICY_ACCOUNTS_H
#define SMC_POLICY_ACCOUNTS_H

#include "kernel/kernel.h"

/* How full a map is: entries, of a ring buffer bytes. */
struct kernel_fill {
	const char *map; /* its name */
	uint64_t used, size;
};

/* A look at every map, a part at a time: large ones take tens of ms. */
struct kernel_survey;

/* The tables whose records are shown to who takes a survey. */
enum kernel_surveyed {
	SURVEYED_SERVICES, /* struct smc_auto_key, struct smc_auto_service */
	SURVEYED_PEERS, /* struct smc_auto_key, struct smc_auto_peer */
	SURVEYED_PATHS, /* struct smc_policy_path_key, struct smc_policy_path */
	SURVEYED_SMC, /* uint64_t, struct smc_policy_smc: SMC sockets with the option of both ends */
	SURVEYED_REFUSED, /* uint64_t, struct smc_policy_refused: SMC sockets without */
	SURVEYED_TABLES,
};

/* What is called for each record of these.  Not 0 ends the survey. */
typedef int (*kernel_survey_visit)(void *arg, enum kernel_surveyed table, const void *key,
				   const void *value);

/* Begin a survey.  NULL: out of memory. */
struct kernel_survey *kernel_survey_new(const struct kernel *kernel, kernel_survey_visit visit,
					void *arg);

/* Do a part of it that takes a fraction of a ms.  1: there is more, 0: done, or a negative errno. */
int kernel_survey_step(struct kernel_survey *survey);

/* Once it is done: all maps, and how many into @n.  They live as long as @survey. */
const struct kernel_fill *kernel_survey_fills(const struct kernel_survey *survey, size_t *n);

void kernel_survey_free(struct kernel_survey *survey);

#define KERNEL_PROGRAM_NAME 16 /* with NUL; longer names are cut by the kernel */
#define KERNEL_PROGRAMS_MAX 64

/* All programs of one name that use our maps. */
struct kernel_program {
	char name[KERNEL_PROGRAM_NAME];
	uint64_t run_ns, runs; /* 0 unless kernel_times_programs() */
	uint64_t skipped; /* calls that the kernel skipped (recursion_misses, from 5.12 on) */
};

/*
 * List them into @programs, of KERNEL_PROGRAMS_MAX, ascending by name.  Those whose name does not fit
 * are left out.  Returns how many.
 */
size_t kernel_list_programs(const struct kernel *kernel, struct kernel_program *programs);

/* Whether this kernel keeps the run times of programs now (sysctl kernel.bpf_stats_enabled). */
bool kernel_times_programs(void);

#endif
