/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of daemon/kernel/ share; nobody else includes it. */
#ifndef SMC_POLICY_KERNEL_INTERNAL_H
#define SMC_POLICY_KERNEL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/pins.h"
#include "smc_policy_auto.h"
#include "smc_policy_image.h"
#include "smc_policy_maps.h"

struct backend_hooks;
struct bpf_object;
struct bpf_object_skeleton;
struct bpf_program;
struct native;
struct kmod;
struct due;
struct list_bpf;
struct monitor_bpf;
struct watcher;

/* The maps that are pinned; all programs share them. */
enum map {
	MAP_POLICY_SLOT,
	MAP_SIDE_COUNTERS,
	MAP_NETNS_LISTED,
	MAP_RULE_SLOTS,
	/* From here on: kept when the others must be made anew, for more rules or another image. */
	MAP_AUTO_SERVICES,
	MAP_AUTO_PEERS,
	MAP_CONNECTIONS,
	MAP_SMC_PENDING,
	MAP_SMC_CONNECTIONS,
	MAP_RULE_STATE,
	MAP_PATHS,
	MAP_HOST_STATE,
	MAP_DENIED,
	MAP_TOTALS,
	MAP_RECORDS,
	MAP_SMC_REFUSED,
	MAP_SMC_SPEAKERS,
	MAP_FALLBACKS,
	MAP_FALLBACK_PREFIXES,
	MAP_MONITOR_FILTERS,
	MAP_EVENTS,
	MAPS
};

#define MAP_FIRST_KEPT MAP_AUTO_SERVICES

struct kernel {
	struct pins pins;
	int map[MAPS];
	bool fresh; /* the maps are new: not pinned yet, or in the place of an older set */
	bool take_over; /* [daemon] take-over */
	bool init_enforced; /* native: the initial namespace has our controller, new ones inherit it */
	uint32_t n_slots;
	uint32_t n_peers; /* room in MAP_AUTO_PEERS */
	uint32_t n_sets; /* in MAP_CONNECTIONS, a power of two */
	int n_cpus;
	int test; /* descriptor of the program behind kernel_test() */
	struct native *native; /* of each backend, NULL until it was probed with success */
	struct kmod *kmod;
	struct watcher *watcher; /* NULL: not loaded yet */
	volatile struct smc_policy_host *host; /* MAP_HOST_STATE, mapped */
	const struct smc_auto_set *sets; /* MAP_CONNECTIONS, mapped */
	struct due *missed; /* connections that the last look did not find, ascending by place */
	uint32_t n_missed, missed_room;
	struct list_bpf *list; /* bpf/list.bpf.c, NULL: not loaded yet */
	struct monitor_bpf *monitor; /* bpf/monitor.bpf.c, NULL: not attached */
	const struct backend *backend; /* that is attached, NULL: none */
	const struct smc_policy_row *image; /* the one in force, mapped; NULL: none */
	uint32_t n_rows;
	uint64_t generation; /* of the image in force, or of the one before this set of maps */
};

/* learned.c */

/*
 * Tell the decisions of what is remembered against peers and paths: the state of the host may
 * be newer than that.  Returns 0 or negative errno.
 */
int learned_note_known(const struct kernel *kernel);

/* maps.c */

/*
 * Open the pinned maps.  False if there is no complete set of this build's layout; the maps
 * that are kept are open all the same if they fit.
 */
bool maps_open_pinned(struct kernel *kernel);

/* Whether all maps are open and as large as kernel->n_slots, n_peers and n_sets say. */
bool maps_complete(const struct kernel *kernel);

/*
 * Leave @kernel with the maps that are kept and have the size that is wanted; @before gets the
 * others.
 */
void maps_set_aside(struct kernel *kernel, struct kernel *before);

/* Map what is read and written without a system call. */
int maps_map(struct kernel *kernel, struct kernel_error *error);

/* Copy what was learned from the maps set aside in @before. */
void maps_carry_over(const struct kernel *before, const struct kernel *kernel);

/*
 * Create the map that only the daemon uses; the others come with the first object that is loaded.
 */
int maps_create(struct kernel *kernel, struct kernel_error *error);

/*
 * Hand the shared maps to an object that is open but not loaded.  @sets: its constant
 * connection_sets, NULL if it has none.
 */
int maps_share(struct kernel *kernel, struct bpf_object *object, volatile uint32_t *sets);

/* Take over the maps that loading @object has created. */
int maps_adopt(struct kernel *kernel, struct bpf_object *object);

/* Its name. */
const char *maps_name(enum map which);

int maps_pin(struct kernel *kernel, const char *set, struct kernel_error *error);
bool maps_pinned(const struct kernel *kernel);
void maps_close(struct kernel *kernel);

/* watcher.c */

/*
 * Attach what watches connections, as far as this kernel has it, or take over what an earlier
 * daemon left, and pin it in @set.  @counts: it counts the verdicts too.
 */
int watcher_attach(struct kernel *kernel, const char *set, bool counts, struct kernel_error *error);
int watcher_pin(struct kernel *kernel, const char *set, struct kernel_error *error);
bool watcher_pinned(const struct kernel *kernel);

/* Take it out of force and remove its pins. */
void watcher_release(struct kernel *kernel);
void watcher_describe(const struct kernel *kernel, struct backend_hooks *hooks);
void watcher_close(struct kernel *kernel);

/* Whether connections are watched; else why not. */
bool watcher_works(const struct kernel *kernel, const char **why);

/* What in the kernel shows that a connection opens. */
const char *watcher_way(const struct kernel *kernel);

/*
 * How many calls of the programs that are attached the kernel has skipped, each because it had
 * interrupted the same program on that CPU.  0 where it does not count them (up to 5.11, where it skips
 * none).
 */
uint64_t watcher_skipped(const struct kernel *kernel);

/* living.c */

/* How many connections are noted as living that the last look found no socket of. */
uint32_t living_unseen(const struct kernel *kernel);

/* listing.c */

/* Let go of the programs that list connections. */
void listing_close(struct kernel *kernel);

/* monitor.c */

/* Attach the program that tells of fallbacks if it can be and somebody reads, else let go of it. */
void monitor_follow(struct kernel *kernel);

/* How many of its links hold module smc. */
int monitor_links(const struct kernel *kernel);
void monitor_close(struct kernel *kernel);

/* programs.c */

/* Load the programs of @skeleton, to be called @what, and tell the log how long it took. */
int kernel_load(struct bpf_object_skeleton *skeleton, const char *what);

/* Write into @error that program @what was refused with @rc; returns @rc. */
int kernel_load_failed(struct kernel_error *error, int rc, const char *what);

/* Load the program behind kernel_test(), and with it the maps that are not there yet. */
int kernel_load_test(struct kernel *kernel, struct kernel_error *error);

int kernel_pin_test(const struct kernel *kernel, const char *set, struct kernel_error *error);
bool kernel_test_pinned(const struct kernel *kernel);

/*
 * A build of an object: pins carry it, so that the next daemon knows without loading
 * anything whether what is pinned is what it would load.
 */
struct kernel_build {
	char name[17]; /* hash of the object file */
};

/* Build of the object in the skeleton with @elf_bytes. */
struct kernel_build kernel_build_of(const void *(*elf_bytes)(size_t *size));

/* Whether what is pinned as @name in the set in force is of @build. */
bool kernel_is_build(const struct kernel *kernel, const char *name,
		     const struct kernel_build *build);

/* Descriptor of what is pinned as @name in the set in force if it is of @build, else -1. */
int kernel_adopt(const struct kernel *kernel, const char *name, const struct kernel_build *build);

/*
 * Note that @name in @set is of @build, or that it is not known.  Who changes several
 * pins that belong together unmarks first and marks last.
 */
int kernel_mark(const struct kernel *kernel, const char *set, const char *name,
		const struct kernel_build *build, struct kernel_error *error);
void kernel_unmark(const struct kernel *kernel, const char *set, const char *name);

/* kernel_pin() with a mark. */
int kernel_pin_build(const struct kernel *kernel, int fd, const char *set, const char *name,
		     const struct kernel_build *build, struct kernel_error *error);

/* Descriptor of what is pinned as @name in the set in force, or -1. */
int kernel_open_pinned(const struct kernel *kernel, const char *name);

/* Pin @fd as @name in @set, in the place of what may be there. */
int kernel_pin(const struct kernel *kernel, int fd, const char *set, const char *name,
	       struct kernel_error *error);

/* Remove the pins @names (NULL at the end) and their marks from the set in force. */
void kernel_unpin(const struct kernel *kernel, const char *const *names);

/*
 * Likewise all that begin with @prefix but @names: what another build has left may have other
 * names.
 */
void kernel_unpin_others(const struct kernel *kernel, const char *prefix, const char *const *names);

/*
 * Whether all of @names (NULL at the end) are there in the set in force, and the marks of the first
 * @n_marked.
 */
bool kernel_pinned(const struct kernel *kernel, const char *const *names, size_t n_marked);

/* image.c */

/*
 * Find the image that an earlier daemon left in force through the array of maps
 * @slot_fd (-1: there is none): note its generation and, if it has this build's
 * layout, map it.  False if there is one of another layout.
 */
bool image_find(struct kernel *kernel, int slot_fd);
void image_unmap(struct kernel *kernel);

/* counters.c */

/* Add what @from has counted, and for whom, to @to.  Both have this build's layout. */
void counters_carry_over(const struct kernel *from, const struct kernel *to);

#endif
