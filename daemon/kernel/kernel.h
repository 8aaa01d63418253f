/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lives in the kernel: the maps, the programs, the image in force.  They
 * outlive the daemon through their pins; kernel_open() takes over what an
 * earlier daemon left.  Not thread-safe.
 */
#ifndef SMC_POLICY_KERNEL_H
#define SMC_POLICY_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/error.h"
#include "policy/compile.h"
#include "policy/config.h"
#include "smc_policy_maps.h"

struct kernel;

/*
 * Lock PIN_DIR and take over what is pinned there, or create it.  @rules is how
 * many rules there will be: the counters get room for at least twice as many.
 * Nothing that is in force changes until kernel_publish() and kernel_attach().
 */
int kernel_open(struct kernel **kernel, const char *pin_dir, uint32_t rules,
		struct kernel_error *error);

/* Let go of the descriptors; what is pinned stays in force. */
void kernel_close(struct kernel *kernel);

/* Remove enforcement, programs, maps and pins; @kernel can only be closed then. */
int kernel_release(struct kernel *kernel, struct kernel_error *error);

/* Counter slots that rules can have: SMC_POLICY_SLOT_FIRST up to below this. */
uint32_t kernel_slots(const struct kernel *kernel);

/* Generation of the image in force, 0: there is none. */
uint64_t kernel_generation(const struct kernel *kernel);

/* The maps are new: an image must be published and kernel_attach() called before anything holds. */
bool kernel_fresh(const struct kernel *kernel);

/* Rows of the image in force. */
uint32_t kernel_image_rows(const struct kernel *kernel);

/* Whether the image in force is @image but for the generation. */
bool kernel_image_equal(const struct kernel *kernel, const struct policy_image *image);

/*
 * Put @image in force: one store, after which every decision is by the new
 * image.  On error the old one stays.
 */
int kernel_publish(struct kernel *kernel, const struct policy_image *image,
		   struct kernel_error *error);

/* Ask the decision program in the kernel.  Counts nothing. */
int kernel_test(struct kernel *kernel, const struct smc_policy_query *query,
		struct smc_policy_answer *answer, struct kernel_error *error);

/* Sum of a slot's counters over all CPUs. */
int kernel_read_counters(const struct kernel *kernel, uint32_t slot,
			 struct smc_policy_counters *sum);

/* Add @slot's counters to SMC_POLICY_SLOT_RETIRED and zero them. */
int kernel_retire_counters(const struct kernel *kernel, uint32_t slot);

/* Who owns a counter slot. */
int kernel_read_slot(const struct kernel *kernel, uint32_t slot,
		     struct smc_policy_rule_slot *owner);
int kernel_write_slot(const struct kernel *kernel, uint32_t slot,
		      const struct smc_policy_rule_slot *owner);

/* Let exactly the namespaces with these @cookies speak SMC where the image lists them. */
int kernel_list_netns(const struct kernel *kernel, const uint64_t *cookies, size_t n,
		      struct kernel_error *error);

/*
 * Attach the program for @backend (POLICY_BACKEND_KMOD; nothing to do for
 * POLICY_BACKEND_OBSERVE) and pin all that is new.  A program that is attached
 * already and would be the same stays untouched.
 */
int kernel_attach(struct kernel *kernel, enum policy_backend backend, struct kernel_error *error);

#endif
