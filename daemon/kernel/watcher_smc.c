// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SMC's own tracepoints, bpf/smc.bpf.c: attached while SMC is in use, for a program that is attached keeps
 * module smc from being removed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "kernel/backend.h"
#include "kernel/kernel.h"
#include "kernel/module.h"
#include "kernel/watcher.h"

#include "smc.skel.h"

static const char *const smc_pins[SMC_LINKS + 1] = { "smc_fallback", "smc_sent", "smc_received" };

bool watcher_has_smc_events(const struct watcher *watcher)
{
	return watcher && watcher->smc[SMC_FALLBACK] >= 0;
}

void watcher_note_smc_events(struct kernel *kernel)
{
	const struct watcher *watcher = kernel->watcher;
	bool attached = watcher_has_smc_events(watcher);

	if (!attached)
		kernel->host->judged_from = watcher && watcher->refused ? 0 : UINT64_MAX;
	else if (!kernel->host->smc_events)
		kernel->host->judged_from = clock_ns(CLOCK_MONOTONIC);
	kernel->host->smc_events = attached;
}

void watcher_smc_begin(struct kernel *kernel, struct watcher *watcher)
{
	/* Another build's would count what ours counts too. */
	if (!watcher_adopt(kernel, smc_pins, kernel_build_of(smc_bpf__elf_bytes), watcher->smc))
		kernel_unpin(kernel, smc_pins);
	watcher_note_smc_events(kernel);
}

int watcher_smc_pin(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	if (!watcher_has_smc_events(kernel->watcher))
		return 0;
	return watcher_pin_links(kernel, set, smc_pins, kernel->watcher->smc,
				 kernel_build_of(smc_bpf__elf_bytes), error);
}

bool watcher_smc_pinned(const struct kernel *kernel)
{
	return !watcher_has_smc_events(kernel->watcher) ||
	       kernel_pinned(kernel, smc_pins, SMC_LINKS);
}

void watcher_smc_detach(struct kernel *kernel, struct watcher *watcher)
{
	kernel_unpin(kernel, smc_pins);
	if (watcher)
		watcher_close_links(watcher->smc, SMC_LINKS);
}

void watcher_smc_close(struct watcher *watcher)
{
	watcher_close_links(watcher->smc, SMC_LINKS);
	smc_bpf__destroy(watcher->smc_programs);
}

static int load_smc(struct kernel *kernel, struct watcher *watcher)
{
	int rc;

	watcher->smc_programs = smc_bpf__open();
	rc = watcher->smc_programs ? maps_share(kernel, watcher->smc_programs->obj, NULL) : -errno;
	if (!rc)
		rc = kernel_load(watcher->smc_programs->skeleton, "smc");
	if (!rc)
		return 0;
	smc_bpf__destroy(watcher->smc_programs);
	watcher->smc_programs = NULL;
	return kernel_fail(&watcher->why_no_smc, rc,
			   "SMC of this kernel has no tracepoints that tell (5.17 and later)");
}

static int attach_smc_programs(struct watcher *watcher)
{
	const struct smc_bpf *programs = watcher->smc_programs;
	struct bpf_program *const program[SMC_LINKS] = {
		[SMC_FALLBACK] = programs->progs.smc_fallback,
		[SMC_SENT] = programs->progs.smc_sent,
		[SMC_RECEIVED] = programs->progs.smc_received,
	};
	int rc = 0;

	for (int i = 0; i < SMC_LINKS && !rc; i++)
		rc = watcher_attach_program(&watcher->why_no_smc, program[i], &watcher->smc[i]);
	if (rc)
		watcher_close_links(watcher->smc, SMC_LINKS);
	return rc;
}

/*
 * What was loaded stays so, to be attached before the first connection has come far; a
 * module that was loaded anew needs other programs.
 */
static int follow_smc(struct kernel *kernel, struct watcher *watcher)
{
	int rc = -ENOENT;

	if (watcher->smc_programs)
		rc = attach_smc_programs(watcher);
	if (!rc)
		return 0;
	smc_bpf__destroy(watcher->smc_programs);
	watcher->smc_programs = NULL;
	rc = load_smc(kernel, watcher);
	return rc ? rc : attach_smc_programs(watcher);
}

/*
 * How many hold module smc besides modules that depend on it, our own programs included; -1:
 * it is built in, or not there.  Sockets do, and controllers.
 */
static int smc_references(void)
{
	autofclose FILE *file = fopen("/proc/modules", "re");
	autofree char *line = NULL;
	size_t size = 0;

	/* "NAME SIZE REFERENCES DEPENDENT,DEPENDENT, STATE ADDRESS", or "-" for no dependents. */
	while (file && getline(&line, &size, file) > 0) {
		char count[10], dependents[1024];
		int references;

		if (sscanf(line, "smc %*u %9[0-9] %1023s", count, dependents) != 2)
			continue;
		references = atoi(count);
		for (const char *comma = dependents; (comma = strchr(comma, ',')); comma++)
			references -= references > 0;
		return references;
	}
	return -1;
}

/* Looks that must find nothing before the module is let go. */
#define SMC_IDLE_LOOKS 2

static void attach_smc(struct kernel *kernel, struct watcher *watcher)
{
	struct kernel_error error;

	if (follow_smc(kernel, watcher)) {
		log_notice("what SMC connections carry is not seen: %s", watcher->why_no_smc.text);
		return;
	}
	/* They go on while the daemon does not run. */
	if (watcher_smc_pin(kernel, "current", &error))
		log_warning("%s", error.text);
}

bool kernel_follow_smc(struct kernel *kernel)
{
	struct watcher *watcher = kernel->watcher;
	bool attached = watcher_has_smc_events(watcher), used;
	int references = smc_references();

	if (!watcher || smc_state() != SMC_LOADED)
		return false;
	used = references < 0 || references > (attached ? SMC_LINKS : 0) + monitor_links(kernel);
	watcher->smc_idle = used ? 0 : watcher->smc_idle + 1;
	if (!watcher->smc_programs && !attached && !watcher->refused)
		watcher->refused = load_smc(kernel, watcher) != 0;
	if (used && !attached && watcher->smc_programs)
		attach_smc(kernel, watcher);
	if (attached && watcher->smc_idle >= SMC_IDLE_LOOKS)
		watcher_smc_detach(kernel, watcher);
	watcher_note_smc_events(kernel);
	monitor_follow(kernel);
	/* Where it is built in, or our own controller holds it, there is nothing to let go. */
	return watcher_has_smc_events(watcher) && references >= 0 &&
	       kernel->backend != &backend_native;
}
