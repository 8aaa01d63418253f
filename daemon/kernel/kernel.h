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

#include "kernel/backend.h"
#include "kernel/error.h"
#include "policy/compile.h"
#include "policy/words.h"
#include "smc_policy_auto.h"
#include "smc_policy_maps.h"

struct kernel;

/* How much there must be room for. */
struct kernel_sizes {
	uint32_t rules; /* that there will be: the counters get room for at least twice as many */
	uint32_t peers; /* and subnets that auto remembers */
	uint32_t connections; /* that are watched at a time */
};

/*
 * Lock PIN_DIR and take over what is pinned there, or create it.
 * Nothing that is in force changes until kernel_publish() and kernel_attach().
 */
int kernel_open(struct kernel **kernel, const char *pin_dir, const struct kernel_sizes *sizes,
		struct kernel_error *error);

/* Let go of the descriptors; what is pinned stays in force. */
void kernel_close(struct kernel *kernel);

/* Take every backend's programs out of force; maps and counters stay. */
int kernel_detach(struct kernel *kernel, struct kernel_error *error);

/* Remove enforcement, programs, maps and pins; @kernel can only be closed then. */
int kernel_release(struct kernel *kernel, struct kernel_error *error);

/* Counter slots that rules can have: SMC_POLICY_SLOT_FIRST up to below this. */
uint32_t kernel_slots(const struct kernel *kernel);

/* Generation of the image in force, or that was in force when kernel_open() came, 0: none was. */
uint64_t kernel_generation(const struct kernel *kernel);

/* The maps are new: an image must be published and kernel_attach() called before anything holds. */
bool kernel_fresh(const struct kernel *kernel);

/* Rows of the image in force. */
uint32_t kernel_image_rows(const struct kernel *kernel);

/* Whether the image in force is @image but for the generation, and for whether it is suspended. */
bool kernel_image_equal(const struct kernel *kernel, const struct policy_image *image);

/*
 * Put @image in force: one store, after which every decision is by the new
 * image.  On error the old one stays.
 */
int kernel_publish(struct kernel *kernel, const struct policy_image *image,
		   struct kernel_error *error);

/*
 * Set or clear SMC_POLICY_IMAGE_F_SUSPENDED in the image in force: one store.  Handshakes that have
 * begun keep their verdict.  Returns 0, or a negative errno and @error with the image as it was.
 */
int kernel_suspend(struct kernel *kernel, bool suspended, struct kernel_error *error);

/* Ask the decision program in the kernel.  Counts nothing. */
int kernel_test(struct kernel *kernel, const struct smc_policy_query *query,
		struct smc_policy_answer *answer, struct kernel_error *error);

/* Sum of a slot's counters over all CPUs and both sides, or of one. */
int kernel_read_counters(const struct kernel *kernel, uint32_t slot,
			 struct smc_policy_counters *sum);
int kernel_read_side_counters(const struct kernel *kernel, uint32_t slot, unsigned int side,
			      struct smc_policy_counters *sum);

/*
 * The same of @n slots from @slot on, all of which exist, by slot and side into @sums.  Returns 0 or a
 * negative errno.  kernel_range_room() slots are read in about a ms.
 */
uint32_t kernel_range_room(const struct kernel *kernel);
int kernel_read_range(const struct kernel *kernel, uint32_t slot, uint32_t n,
		      struct smc_policy_counters (*sums)[SMC_POLICY_SIDES]);

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
 * Whether @backend (not POLICY_BACKEND_AUTO) can be had in this kernel now.
 * Changes nothing that is in force.  Returns 0, or a negative errno and @why.
 */
int kernel_probe(struct kernel *kernel, enum policy_backend backend, struct kernel_error *why);

/*
 * Put @backend, probed with success, to work in all network namespaces, pin all that is new, and
 * take other backends out of force.  Programs that are attached already and
 * would be the same stay untouched.  @take_over: also where somebody else's
 * SMC controller is selected.
 */
int kernel_attach(struct kernel *kernel, enum policy_backend backend, bool take_over,
		  struct kernel_error *error);

/* Pin everything again if pins are missing; sets @repinned. */
int kernel_repin(struct kernel *kernel, bool *repinned, struct kernel_error *error);

/*
 * Go through the network namespaces: find out how the policy stands in each and,
 * if @change, put it in force where it is not.  @list may be NULL.
 */
int kernel_enforce_netns(struct kernel *kernel, bool change, struct netns_list *list);

/* Whether the policy holds by itself in network namespaces that are made from now on. */
bool kernel_covers_new_netns(const struct kernel *kernel);

/* ---- what is learned ---- */

/*
 * Attach to SMC's tracepoints if SMC is in use, let go of them if it is not: while they are
 * attached the module cannot be removed.  True: ask again in a few seconds, nothing else tells
 * when SMC is not used any more.
 */
bool kernel_follow_smc(struct kernel *kernel);

/* In how many ns the next living connection is to be looked at; UINT64_MAX: none. */
uint64_t kernel_next_look(const struct kernel *kernel);

/* Draw a lesson from every connection that has lived long enough for one. */
int kernel_look_at_living(struct kernel *kernel);

/* Whether connections are watched, so that anything is learned and recorded; else @why not. */
bool kernel_watches(const struct kernel *kernel, const char **why);

/* Ring buffer of struct smc_policy_record: closed connections, and calls to wake up. */
int kernel_records(const struct kernel *kernel);

/* Ask for a call to wake up when the next connection opens. */
void kernel_wake_me(const struct kernel *kernel);

void kernel_set_recording(const struct kernel *kernel, bool recording);
void kernel_read_host(const struct kernel *kernel, struct smc_policy_host *host);

/* What auto, the breakers and the account of fallbacks remember, one table each. */
enum kernel_table {
	KERNEL_SERVICES, /* struct smc_auto_key, struct smc_auto_service */
	KERNEL_PEERS, /* struct smc_auto_key, struct smc_auto_peer; also subnets, by key.bits */
	KERNEL_PATHS, /* struct smc_policy_path_key, struct smc_policy_path */
	KERNEL_FALLBACKS, /* struct smc_policy_fallback_key, uint64_t: connections */
	KERNEL_FALLBACK_PREFIXES, /* struct smc_policy_path_key, struct smc_policy_fallback_prefix */
	KERNEL_TABLES,
};

/* Bytes of a key and of a value of @table. */
size_t kernel_key_size(enum kernel_table table);
size_t kernel_value_size(enum kernel_table table);

/* One record, a copy; it may be forgotten, and others put back, meanwhile.  Not 0 ends the walk. */
typedef int (*kernel_visit)(void *arg, const void *key, const void *value);

/*
 * Call @visit for each record of @table, in no order: once for what stays there, perhaps for what
 * comes or goes meanwhile.  Returns 0, what @visit returned, or a negative errno.
 */
int kernel_each(const struct kernel *kernel, enum kernel_table table, kernel_visit visit,
		void *arg);

/* Whether nothing is remembered in @table. */
bool kernel_is_empty(const struct kernel *kernel, enum kernel_table table);

/* Read one record.  -ENOENT: it is not there, else a negative errno. */
int kernel_find(const struct kernel *kernel, enum kernel_table table, const void *key, void *value);

/* Put one record back.  -EEXIST: it has been learned anew and stays, else a negative errno. */
int kernel_restore(const struct kernel *kernel, enum kernel_table table, const void *key,
		   const void *value);

/* Forget one record.  -ENOENT: it is gone already, else a negative errno. */
int kernel_forget(const struct kernel *kernel, enum kernel_table table, const void *key);

/* Set the cool-down of the host to that of @from; all zero: there is none. */
void kernel_set_cooldown(const struct kernel *kernel, const struct smc_policy_host *from);

/*
 * SMC connections of the rule with counter slot @slot (0: of the host) into @state, all zero if
 * it never had any.  Returns 0 or a negative errno.
 */
int kernel_read_rule_state(const struct kernel *kernel, uint32_t slot,
			   struct smc_policy_rule_state *state);

/*
 * @slot gets another rule: its SMC connections are counted from 0, and those of the rule before it
 * no more.  Returns 0 or a negative errno.
 */
int kernel_renew_rule_state(const struct kernel *kernel, uint32_t slot);

/* ---- what is seen of SMC sockets ---- */

/* Sum of all CPUs; all zero if it cannot be read. */
void kernel_read_totals(const struct kernel *kernel, struct smc_policy_totals *sum);

/*
 * Let @reader, below SMC_POLICY_READERS, get the events that @filter lets through, from now on.  Returns 0
 * or a negative errno and @error.
 */
int kernel_monitor(struct kernel *kernel, unsigned int reader,
		   const struct smc_policy_filter *filter, struct kernel_error *error);

/* And no more. */
void kernel_monitor_end(struct kernel *kernel, unsigned int reader);

/* Ring buffer of struct smc_policy_event. */
int kernel_events(const struct kernel *kernel);

/* How many events for @reader had no room there, since it began. */
uint64_t kernel_events_lost(const struct kernel *kernel, unsigned int reader);

/* All hooks that this release knows and how each stands. */
void kernel_describe(const struct kernel *kernel, struct backend_hooks *hooks);

#endif
