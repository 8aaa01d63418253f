// SPDX-License-Identifier: GPL-2.0-or-later
/* Looking at living connections: a long one is a lesson before it ends. */
#include <bpf/bpf.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "kernel/kernel.h"
#include "kernel/netns.h"
#include "kernel/watcher.h"
#include "policy/learn.h"

/* When the connection @live is to be looked at next, in ns from @now. */
static uint64_t next_look(const struct smc_auto_live *live, uint64_t now)
{
	uint32_t looks = live->info >> SMC_AUTO_LIVE_LOOKS_SHIFT;
	uint64_t age = (uint64_t)((uint32_t)(now >> SMC_AUTO_LIVE_SHIFT) - live->opened)
		       << SMC_AUTO_LIVE_SHIFT;

	if (looks >= SMC_AUTO_LIVE_LOOKS)
		return UINT64_MAX;
	return smc_auto_look(looks) > age ? smc_auto_look(looks) - age : 0;
}

/* A connection that was due when a look began. */
struct due {
	uint32_t place; /* in kernel->sets: set and way */
	uint16_t info;
	uint64_t cookie;
};

#define PLACES(kernel) ((kernel)->n_sets * SMC_AUTO_WAYS)

/* The connection at @place; its cookie, 0: there is none. */
static uint64_t live_at(const struct kernel *kernel, uint32_t place,
			const struct smc_auto_live **live)
{
	const struct smc_auto_set *set = &kernel->sets[place / SMC_AUTO_WAYS];

	*live = &set->live[place % SMC_AUTO_WAYS];
	return set->cookie[place % SMC_AUTO_WAYS];
}

/* Whether the look that @due was noted for has not reached the connection: it is as it was. */
static bool is_missed(const struct kernel *kernel, const struct due *due)
{
	const struct smc_auto_live *live;

	return live_at(kernel, due->place, &live) == due->cookie && live->info == due->info;
}

uint64_t kernel_next_look(const struct kernel *kernel)
{
	uint64_t first = UINT64_MAX, now = clock_ns(CLOCK_MONOTONIC);
	const struct due *missed = kernel->missed, *end = missed + kernel->n_missed;
	const struct smc_auto_live *live;

	for (uint32_t place = 0; place < PLACES(kernel); place++) {
		uint64_t next = live_at(kernel, place, &live) ? next_look(live, now) : UINT64_MAX;

		/* Another look would not find it either: its socket is out of reach, or gone. */
		if (missed < end && missed->place == place && is_missed(kernel, missed++))
			continue;
		first = next < first ? next : first;
	}
	return first;
}

/* The connections that are due into kernel->missed, as far as there is memory; how many. */
static uint32_t list_due(struct kernel *kernel)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), cookie;
	const struct smc_auto_live *live;
	uint32_t n = 0;

	for (uint32_t place = 0; place < PLACES(kernel); place++) {
		cookie = live_at(kernel, place, &live);
		if (!cookie || next_look(live, now))
			continue;
		if (array_grow(kernel->missed, n, kernel->missed_room))
			break;
		kernel->missed[n++] = (struct due){ place, live->info, cookie };
	}
	return n;
}

uint32_t living_unseen(const struct kernel *kernel)
{
	uint32_t n = 0;

	/* SMC may outlive its TCP connection, which is what is looked for. */
	for (uint32_t i = 0; i < kernel->n_missed; i++)
		n += !(kernel->missed[i].info & SMC_AUTO_LIVE_ASKED) &&
		     is_missed(kernel, &kernel->missed[i]);
	return n;
}

static void look_at_living(void *arg, struct netns *netns)
{
	const struct watcher *watcher = arg;
	autoclose int iter = bpf_iter_create(watcher->link[LINK_LIVING]);
	char nothing[64];

	(void)netns;
	/* The program writes nothing: reading runs it over all sockets of this namespace. */
	while (iter >= 0 && read(iter, nothing, sizeof(nothing)) > 0)
		;
}

int kernel_look_at_living(struct kernel *kernel)
{
	const char *why;
	uint32_t n;
	int rc;

	if (!watcher_works(kernel, &why))
		return 0;
	n = list_due(kernel);
	kernel->n_missed = 0;
	rc = netns_for_each(look_at_living, kernel->watcher, NULL);
	for (uint32_t i = 0; i < n && !rc; i++)
		if (is_missed(kernel, &kernel->missed[i]))
			kernel->missed[kernel->n_missed++] = kernel->missed[i];
	return rc;
}
