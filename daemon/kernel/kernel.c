// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening, taking over, attaching and leaving: what daemon/kernel/ does as a whole. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/plural.h"
#include "kernel/backend.h"
#include "kernel/internal.h"
#include "kernel/kernel.h"

#define SLOTS_MIN 4096u /* half a MiB of counters a CPU */
#define SLOTS_MAX (1u << 20)

/*
 * Failures are told by whoever asked; libbpf's own words, many lines at times, help to find the
 * cause.
 */
static int route_message(enum libbpf_print_level level, const char *format, va_list args)
{
	autofree char *text = NULL;
	char *rest, *line;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0)
		return 0;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			log_debug("%s", line);
	return 0;
}

/* ---- opening and closing ---- */

static uint32_t wanted_slots(uint32_t rules)
{
	uint32_t slots = SLOTS_MIN;

	while (slots < SLOTS_MAX && slots < 2 * rules + SMC_POLICY_SLOT_FIRST)
		slots *= 2;
	return slots;
}

/* Create the maps anew, with what @before (NULL: nothing) has counted. */
static int create(struct kernel *kernel, uint32_t n_slots, const struct kernel *before,
		  struct kernel_error *error)
{
	int rc;

	kernel->fresh = true;
	kernel->n_slots = n_slots;
	rc = maps_create(kernel, error);
	if (!rc)
		rc = kernel_load_test(kernel, error);
	if (!rc && before)
		counters_carry_over(before, kernel);
	return rc;
}

/*
 * Create larger maps, or some for images of another layout, in the place of those that are
 * open; those that need not be another stay.
 */
static int replace(struct kernel *kernel, uint32_t n_slots, struct kernel_error *error)
{
	struct kernel before;
	int rc;

	maps_set_aside(kernel, &before);
	rc = create(kernel, n_slots, &before, error);
	if (!rc)
		maps_carry_over(&before, kernel);
	maps_close(&before);
	return rc;
}

/*
 * What is pinned is taken over as far as this build understands it: all of it, or
 * the counters (with another layout of the image), or only the generation, from which the
 * next one follows.
 */
static int take_over(struct kernel *kernel, uint32_t n_slots, struct kernel_error *error)
{
	autoclose int slot = kernel_open_pinned(kernel, "policy_slot");
	bool readable = image_find(kernel, slot);

	if (!maps_open_pinned(kernel)) {
		if (slot >= 0)
			log_notice("what is in force is another release's: replacing it");
		return create(kernel, n_slots, NULL, error);
	}
	if (readable && kernel->n_slots >= n_slots && maps_complete(kernel))
		return kernel_load_test(kernel, error);
	if (n_slots < kernel->n_slots)
		n_slots = kernel->n_slots;
	log_notice("making new maps, with room for the counters of %u %s", n_slots,
		   plural(n_slots, "rule", "rules"));
	return replace(kernel, n_slots, error);
}

/* Sets for at least @connections, a power of two. */
static uint32_t wanted_sets(uint32_t connections)
{
	uint32_t sets = 1;

	while (sets * SMC_AUTO_WAYS < connections)
		sets *= 2;
	return sets;
}

int kernel_open(struct kernel **kernel, const char *pin_dir, const struct kernel_sizes *sizes,
		struct kernel_error *error)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return kernel_fail(error, -ENOMEM, "out of memory");
	libbpf_set_print(route_message);
	k->n_cpus = libbpf_num_possible_cpus();
	k->test = -1;
	k->n_peers = sizes->peers;
	k->n_sets = wanted_sets(sizes->connections);
	for (int i = 0; i < MAPS; i++)
		k->map[i] = -1;
	rc = pins_open(&k->pins, pin_dir, error);
	if (!rc)
		rc = take_over(k, wanted_slots(sizes->rules), error);
	if (!rc)
		rc = maps_map(k, error);
	if (!rc && learned_note_known(k))
		rc = kernel_fail(error, -EIO, "cannot read what is learned");
	if (rc) {
		kernel_close(k);
		return rc;
	}
	*kernel = k;
	return 0;
}

bool kernel_fresh(const struct kernel *kernel)
{
	return kernel->fresh;
}

/* ---- backends ---- */

static const struct backend *const backends[] = {
	[POLICY_BACKEND_NATIVE] = &backend_native,
	[POLICY_BACKEND_KMOD] = &backend_kmod,
	[POLICY_BACKEND_OBSERVE] = &backend_observe,
};

#define for_each_backend(i) \
	for (size_t i = POLICY_BACKEND_NATIVE; i < sizeof(backends) / sizeof(*backends); i++)

int kernel_probe(struct kernel *kernel, enum policy_backend backend, struct kernel_error *why)
{
	return backends[backend]->probe(kernel, why);
}

/* Take every backend but @kept (NULL: all) out of force, also what an earlier daemon left. */
static int release_backends(struct kernel *kernel, const struct backend *kept,
			    struct kernel_error *error)
{
	int rc = 0;

	for_each_backend(i)
	{
		if (backends[i] == kept)
			continue;
		rc = backends[i]->release(kernel, error) ?: rc;
	}
	return rc;
}

int kernel_attach(struct kernel *kernel, enum policy_backend backend, bool take_over_foreign,
		  struct kernel_error *error)
{
	const struct backend *chosen = backends[backend];
	const char *set = kernel->fresh ? "next" : "current";
	int rc = 0;

	kernel->take_over = take_over_foreign;
	if (kernel->fresh)
		rc = pins_begin(&kernel->pins, error);
	if (!rc && kernel->fresh)
		rc = maps_pin(kernel, set, error);
	if (!rc)
		rc = kernel_pin_test(kernel, set, error);
	if (!rc)
		rc = chosen->attach(kernel, set, error);
	if (!rc)
		rc = watcher_attach(kernel, set, chosen == &backend_observe, error);
	if (!rc && kernel->fresh)
		rc = pins_commit(&kernel->pins, error);
	if (!rc)
		rc = release_backends(kernel, chosen, error);
	if (rc)
		return rc;
	kernel->fresh = false;
	kernel->backend = chosen;
	return 0;
}

int kernel_repin(struct kernel *kernel, bool *repinned, struct kernel_error *error)
{
	int rc;

	*repinned = false;
	if (kernel->fresh ||
	    (pins_intact(&kernel->pins) && maps_pinned(kernel) && kernel_test_pinned(kernel) &&
	     watcher_pinned(kernel) &&
	     (!kernel->backend || kernel_pinned(kernel, kernel->backend->pins, 1))))
		return 0;
	rc = pins_reopen(&kernel->pins, error);
	if (!rc)
		rc = pins_begin(&kernel->pins, error);
	if (!rc)
		rc = maps_pin(kernel, "next", error);
	if (!rc)
		rc = kernel_pin_test(kernel, "next", error);
	if (!rc && kernel->backend)
		rc = kernel->backend->pin(kernel, "next", error);
	if (!rc)
		rc = watcher_pin(kernel, "next", error);
	if (!rc)
		rc = pins_commit(&kernel->pins, error);
	*repinned = !rc;
	return rc;
}

int kernel_enforce_netns(struct kernel *kernel, bool change, struct netns_list *list)
{
	if (!kernel->backend)
		return 0;
	return netns_for_each(change ? kernel->backend->enforce : kernel->backend->look, kernel,
			      list);
}

bool kernel_covers_new_netns(const struct kernel *kernel)
{
	return kernel->backend != &backend_native || kernel->init_enforced;
}

void kernel_describe(const struct kernel *kernel, struct backend_hooks *hooks)
{
	hooks->n = 0;
	for_each_backend(i) backends[i]->describe(kernel, hooks);
	watcher_describe(kernel, hooks);
}

void backend_add_hook(struct backend_hooks *hooks, const char *name, enum hook_state state,
		      const char *detail, ...)
{
	struct backend_hook *hook = &hooks->items[hooks->n];
	va_list args;

	if (hooks->n == BACKEND_HOOKS_MAX)
		return;
	hooks->n++;
	hook->state = state;
	snprintf(hook->name, sizeof(hook->name), "%s", name);
	va_start(args, detail);
	vsnprintf(hook->detail, sizeof(hook->detail), detail, args);
	va_end(args);
}

/* ---- leaving ---- */

int kernel_detach(struct kernel *kernel, struct kernel_error *error)
{
	kernel->backend = NULL;
	return release_backends(kernel, NULL, error);
}

int kernel_release(struct kernel *kernel, struct kernel_error *error)
{
	int rc = kernel_detach(kernel, error);

	watcher_release(kernel);
	monitor_close(kernel);
	return pins_remove(&kernel->pins, error) ?: rc;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	for_each_backend(i) backends[i]->close(kernel);
	watcher_close(kernel);
	listing_close(kernel);
	monitor_close(kernel);
	image_unmap(kernel);
	if (kernel->test >= 0)
		close(kernel->test);
	maps_close(kernel);
	pins_close(&kernel->pins);
	free(kernel);
}
