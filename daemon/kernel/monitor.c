// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Readers of `monitor`: each has a place with a filter in a map.  Decisions and closes are told by the
 * programs that are there anyway, fallbacks by bpf/monitor.bpf.c, attached while there are readers.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "common/log.h"
#include "kernel/internal.h"
#include "kernel/kernel.h"
#include "kernel/watcher.h"

#include "monitor.skel.h"

int kernel_events(const struct kernel *kernel)
{
	return kernel->map[MAP_EVENTS];
}

uint64_t kernel_events_lost(const struct kernel *kernel, unsigned int reader)
{
	return kernel->host->events_lost[reader];
}

void monitor_close(struct kernel *kernel)
{
	monitor_bpf__destroy(kernel->monitor);
	kernel->monitor = NULL;
}

int monitor_links(const struct kernel *kernel)
{
	return kernel->monitor ? 1 : 0;
}

static int load_and_attach(struct kernel *kernel)
{
	struct monitor_bpf *monitor = monitor_bpf__open();
	int rc = monitor ? maps_share(kernel, monitor->obj, &monitor->rodata->connection_sets)
			 : -errno;

	if (!rc)
		rc = kernel_load(monitor->skeleton, "monitor");
	if (!rc)
		rc = monitor_bpf__attach(monitor);
	if (rc) {
		monitor_bpf__destroy(monitor);
		return rc;
	}
	kernel->monitor = monitor;
	return 0;
}

void monitor_follow(struct kernel *kernel)
{
	bool wanted = kernel->host->monitored && watcher_has_smc_events(kernel->watcher);

	if (!wanted)
		monitor_close(kernel);
	else if (!kernel->monitor && load_and_attach(kernel))
		log_warning("monitor: fallbacks are not told: cannot attach to SMC's tracepoint");
}

int kernel_monitor(struct kernel *kernel, unsigned int reader,
		   const struct smc_policy_filter *filter, struct kernel_error *error)
{
	uint32_t at = reader;

	if (bpf_map_update_elem(kernel->map[MAP_MONITOR_FILTERS], &at, filter, BPF_ANY))
		return kernel_fail(error, -errno, "cannot set a filter of the monitor");
	if (kernel->host->monitored >> reader & 1)
		return 0;
	kernel->host->events_told[reader] = 0;
	kernel->host->events_lost[reader] = 0;
	kernel->host->monitored |= 1u << reader;
	monitor_follow(kernel);
	return 0;
}

void kernel_monitor_end(struct kernel *kernel, unsigned int reader)
{
	kernel->host->monitored &= ~(1u << reader);
	monitor_follow(kernel);
}
