// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What watches connections on every backend: bpf/watch.bpf.c, and bpf/smc.bpf.c while SMC is
 * in use.  Without it the policy holds all the same, but nothing is learned.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "kernel/backend.h"
#include "kernel/internal.h"
#include "kernel/kernel.h"
#include "kernel/module.h"
#include "policy/learn.h"

#include "smc.skel.h"
#include "watch.skel.h"

enum {
	LINK_OPEN,
	LINK_CLOSE,
	LINK_RESET,
	LINK_RESET_BY_PEER,
	LINK_LIVING,
	LINK_RETRANSMIT, /* not with sockops */
	LINKS,
};

/* What shows that a connection opens. */
struct way {
	const char *name;
	const char *pins[LINKS + 1];
};

static const struct way tracepoints = {
	.name = "inet_sock_set_state",
	.pins = { "watch_open", "watch_close", "watch_reset", "watch_reset_by_peer", "watch_living",
		  "watch_retransmit" },
};

static const struct way sockops = {
	.name = "cgroup v2 sockops",
	.pins = { "watch_sockops", "watch_close", "watch_reset", "watch_reset_by_peer",
		  "watch_living" },
};

/* Of each way what the other does not have. */
static const char *const tracepoints_only[] = { "watch_open", "watch_retransmit", NULL };
static const char *const sockops_only[] = { "watch_sockops", NULL };

enum {
	SMC_FALLBACK,
	SMC_SENT,
	SMC_RECEIVED,
	SMC_LINKS,
};

static const char *const smc_pins[SMC_LINKS + 1] = { "smc_fallback", "smc_sent", "smc_received" };

struct watcher {
	const struct way *way; /* of what is loaded or attached */
	struct watch_bpf *programs; /* loaded and to be attached, else NULL */
	int link[LINKS]; /* -1: not attached */
	struct kernel_error why; /* not */
	struct smc_bpf *smc_programs; /* NULL: not loaded yet */
	int smc[SMC_LINKS]; /* -1: not attached */
	struct kernel_error why_no_smc;
	bool refused; /* SMC's programs, once and for all */
	unsigned int smc_idle; /* looks in succession that found SMC unused */
};

static void close_links(int *links, int n)
{
	for (int i = 0; i < n; i++) {
		if (links[i] >= 0)
			close(links[i]);
		links[i] = -1;
	}
}

void watcher_close(struct kernel *kernel)
{
	struct watcher *watcher = kernel->watcher;

	if (!watcher)
		return;
	close_links(watcher->link, LINKS);
	close_links(watcher->smc, SMC_LINKS);
	watch_bpf__destroy(watcher->programs);
	smc_bpf__destroy(watcher->smc_programs);
	free(watcher);
	free(kernel->missed);
	kernel->missed = NULL;
	kernel->n_missed = kernel->missed_room = 0;
	kernel->watcher = NULL;
}

/* Descriptor of the root of cgroup v2, wherever it is mounted; -ENOENT if it is not. */
static int open_cgroup(void)
{
	autofclose FILE *file = fopen("/proc/self/mountinfo", "re");
	autofree char *line = NULL;
	char path[PATH_MAX];
	size_t size = 0;

	/* "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELDS] - cgroup2 ..." */
	while (file && getline(&line, &size, file) > 0) {
		int fd;

		if (!strstr(line, " - cgroup2 ") || sscanf(line, "%*s %*s %*s / %4095s", path) != 1)
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

/* ---- loading and attaching ---- */

static bool has_sockops_helper(enum bpf_func_id helper)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCK_OPS, helper, NULL) == 1;
}

/* Take over the links that are pinned as @names, if all are there and of @build. */
static bool adopt(struct kernel *kernel, const char *const *names, struct kernel_build build,
		  int *links)
{
	for (int i = 0; names[i]; i++) {
		links[i] = kernel_adopt(kernel, names[i], &build);
		if (links[i] >= 0)
			continue;
		close_links(links, i);
		return false;
	}
	return true;
}

static int load(struct kernel *kernel, struct watcher *watcher, const struct way *way)
{
	struct watch_bpf *programs = watch_bpf__open();
	int rc = programs ? maps_share(kernel, programs->obj, &programs->rodata->connection_sets)
			  : -errno;

	if (!rc) {
		bpf_program__set_autoload(programs->progs.watch_open, way == &tracepoints);
		bpf_program__set_autoload(programs->progs.watch_retransmit, way == &tracepoints);
		bpf_program__set_autoload(programs->progs.watch_sockops, way == &sockops);
		programs->rodata->has_coarse_clock =
			way == &sockops && has_sockops_helper(BPF_FUNC_ktime_get_coarse_ns);
		programs->rodata->has_netns_cookie =
			way == &sockops && has_sockops_helper(BPF_FUNC_get_netns_cookie);
		rc = kernel_load(programs->skeleton, "watch");
	}
	if (rc) {
		watch_bpf__destroy(programs);
		return rc;
	}
	watcher->programs = programs;
	watcher->way = way;
	return 0;
}

static bool has_smc_events(const struct watcher *watcher)
{
	return watcher && watcher->smc[SMC_FALLBACK] >= 0;
}

/* Tell the programs whether SMC's tracepoints are attached, and since when. */
static void note_smc_events(struct kernel *kernel)
{
	const struct watcher *watcher = kernel->watcher;
	bool attached = has_smc_events(watcher);

	if (!attached)
		kernel->host->judged_from = watcher && watcher->refused ? 0 : UINT64_MAX;
	else if (!kernel->host->smc_events)
		kernel->host->judged_from = clock_ns(CLOCK_MONOTONIC);
	kernel->host->smc_events = attached;
}

/* Take over what watches connections, as far as it is of this build. */
static bool adopt_watch(struct kernel *kernel, struct watcher *watcher)
{
	static const struct way *const ways[] = { &tracepoints, &sockops };
	struct kernel_build build = kernel_build_of(watch_bpf__elf_bytes);

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (!adopt(kernel, ways[i]->pins, build, watcher->link))
			continue;
		watcher->way = ways[i];
		return true;
	}
	return false;
}

void watcher_load(struct kernel *kernel)
{
	struct watcher *watcher;
	int rc;

	if (kernel->watcher)
		return;
	watcher = calloc(1, sizeof(*watcher));
	if (!watcher)
		return;
	kernel->watcher = watcher;
	for (int i = 0; i < LINKS; i++)
		watcher->link[i] = -1;
	for (int i = 0; i < SMC_LINKS; i++)
		watcher->smc[i] = -1;
	/* Another build's would count what ours counts too. */
	if (!adopt(kernel, smc_pins, kernel_build_of(smc_bpf__elf_bytes), watcher->smc))
		kernel_unpin(kernel, smc_pins);
	note_smc_events(kernel);
	if (adopt_watch(kernel, watcher))
		return;
	rc = load(kernel, watcher, &tracepoints);
	if (rc)
		rc = load(kernel, watcher, &sockops);
	if (rc)
		kernel_load_failed(&watcher->why, rc, "watch");
}

static int attach_sockops(struct watcher *watcher)
{
	autoclose int cgroup = open_cgroup();
	int fd;

	if (cgroup < 0)
		return kernel_fail(&watcher->why, cgroup,
				   "no cgroup v2 root: %s; mount it at /sys/fs/cgroup",
				   strerror(-cgroup));
	fd = bpf_link_create(bpf_program__fd(watcher->programs->progs.watch_sockops), cgroup,
			     BPF_CGROUP_SOCK_OPS, NULL);
	if (fd < 0)
		return kernel_fail(&watcher->why, -errno, "cannot attach to cgroup v2: %s",
				   strerror(errno));
	watcher->link[LINK_OPEN] = fd;
	return 0;
}

static int attach_program(struct kernel_error *why, struct bpf_program *program, int *fd)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (!link)
		return kernel_fail(why, -errno, "cannot attach %s: %s", bpf_program__name(program),
				   strerror(errno));
	*fd = dup(bpf_link__fd(link));
	bpf_link__destroy(link);
	return *fd < 0 ? kernel_fail(why, -errno, "%s", strerror(errno)) : 0;
}

static int attach_all(struct watcher *watcher)
{
	const struct watch_bpf *programs = watcher->programs;
	struct bpf_program *const program[LINKS] = {
		[LINK_OPEN] = programs->progs.watch_open,
		[LINK_CLOSE] = programs->progs.watch_close,
		[LINK_RESET] = programs->progs.watch_reset,
		[LINK_RESET_BY_PEER] = programs->progs.watch_reset_by_peer,
		[LINK_LIVING] = programs->progs.watch_living,
		[LINK_RETRANSMIT] = programs->progs.watch_retransmit,
	};
	int rc = watcher->way == &sockops ? attach_sockops(watcher) : 0;

	for (int i = 0; watcher->way->pins[i] && !rc; i++)
		if (watcher->link[i] < 0)
			rc = attach_program(&watcher->why, program[i], &watcher->link[i]);
	if (rc) {
		close_links(watcher->link, LINKS);
		return rc;
	}
	/* The links hold the programs; what they were loaded from is of no use any more. */
	watch_bpf__destroy(watcher->programs);
	watcher->programs = NULL;
	return 0;
}

bool watcher_works(const struct kernel *kernel, const char **why)
{
	const struct watcher *watcher = kernel->watcher;

	*why = watcher ? watcher->why.text : "out of memory";
	return watcher && watcher->link[LINK_OPEN] >= 0;
}

const char *watcher_way(const struct kernel *kernel)
{
	const struct watcher *watcher = kernel->watcher;

	return watcher && watcher->way ? watcher->way->name : tracepoints.name;
}

static int pin_all(struct kernel *kernel, const char *set, const char *const *names,
		   const int *links, struct kernel_build build, struct kernel_error *error)
{
	int rc = 0;

	for (int i = 0; names[i] && !rc; i++)
		rc = kernel_pin_build(kernel, links[i], set, names[i], &build, error);
	return rc;
}

int watcher_pin(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	const struct watcher *watcher = kernel->watcher;
	const char *why;
	int rc = 0;

	if (watcher_works(kernel, &why))
		rc = pin_all(kernel, set, watcher->way->pins, watcher->link,
			     kernel_build_of(watch_bpf__elf_bytes), error);
	if (!rc && has_smc_events(watcher))
		rc = pin_all(kernel, set, smc_pins, watcher->smc,
			     kernel_build_of(smc_bpf__elf_bytes), error);
	return rc;
}

bool watcher_pinned(const struct kernel *kernel)
{
	const char *why;

	return (!watcher_works(kernel, &why) ||
		kernel_pinned(kernel, kernel->watcher->way->pins, LINKS)) &&
	       (!has_smc_events(kernel->watcher) || kernel_pinned(kernel, smc_pins, SMC_LINKS));
}

/* ---- what is one for the host ---- */

void kernel_read_host(const struct kernel *kernel, struct smc_policy_host *host)
{
	memcpy(host, (const void *)kernel->host, sizeof(*host));
}

void kernel_wake_me(const struct kernel *kernel)
{
	kernel->host->wake = 1;
}

void kernel_set_recording(const struct kernel *kernel, bool recording)
{
	kernel->host->recording = recording;
}

int watcher_attach(struct kernel *kernel, const char *set, bool counts, struct kernel_error *error)
{
	const char *why;

	watcher_load(kernel);
	if (kernel->watcher && kernel->watcher->programs && !watcher_works(kernel, &why))
		attach_all(kernel->watcher);
	if (!watcher_works(kernel, &why))
		log_warning("connections are not watched and nothing is learned: %s", why);
	else if (!kernel->fresh)
		kernel_unpin(kernel,
			     kernel->watcher->way == &sockops ? tracepoints_only : sockops_only);
	kernel->host->counts = counts;
	note_smc_events(kernel);
	return watcher_pin(kernel, set, error);
}

/* ---- SMC's own tracepoints ---- */

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
		rc = attach_program(&watcher->why_no_smc, program[i], &watcher->smc[i]);
	if (rc)
		close_links(watcher->smc, SMC_LINKS);
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
	if (pin_all(kernel, "current", smc_pins, watcher->smc, kernel_build_of(smc_bpf__elf_bytes),
		    &error))
		log_warning("%s", error.text);
}

bool kernel_follow_smc(struct kernel *kernel)
{
	struct watcher *watcher = kernel->watcher;
	bool attached = has_smc_events(watcher), used;
	int references = smc_references();

	if (!watcher || smc_state() != SMC_LOADED)
		return false;
	used = references < 0 || references > (attached ? SMC_LINKS : 0);
	watcher->smc_idle = used ? 0 : watcher->smc_idle + 1;
	if (!watcher->smc_programs && !attached && !watcher->refused)
		watcher->refused = load_smc(kernel, watcher) != 0;
	if (used && !attached && watcher->smc_programs)
		attach_smc(kernel, watcher);
	if (attached && watcher->smc_idle >= SMC_IDLE_LOOKS) {
		/* A program that is attached would keep the module from being removed. */
		kernel_unpin(kernel, smc_pins);
		close_links(watcher->smc, SMC_LINKS);
	}
	note_smc_events(kernel);
	/* Where it is built in, or our own controller holds it, there is nothing to let go. */
	return has_smc_events(watcher) && references >= 0 && kernel->backend != &backend_native;
}

/* ---- living connections ---- */

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

int kernel_records(const struct kernel *kernel)
{
	return kernel->map[MAP_RECORDS];
}

/* ---- leaving ---- */

void watcher_release(struct kernel *kernel)
{
	kernel_unpin(kernel, tracepoints.pins);
	kernel_unpin(kernel, sockops.pins);
	kernel_unpin(kernel, smc_pins);
	watcher_close(kernel);
}

void watcher_describe(const struct kernel *kernel, struct backend_hooks *hooks)
{
	const struct watcher *watcher = kernel->watcher;
	char name[HOOK_NAME_SIZE];
	const char *why;

	snprintf(name, sizeof(name), "learn (%s, tcp_destroy_sock)", watcher_way(kernel));
	if (watcher_works(kernel, &why))
		backend_add_hook(hooks, name, HOOK_IN_FORCE, "every TCP connection is a lesson");
	else
		backend_add_hook(hooks, name, HOOK_ABSENT, "%s", why);
	if (has_smc_events(watcher))
		backend_add_hook(hooks, "learn (SMC's tracepoints)", HOOK_IN_FORCE,
				 "SMC tells what it carries and why it falls back");
	else if (watcher && watcher->why_no_smc.text[0])
		backend_add_hook(hooks, "learn (SMC's tracepoints)", HOOK_ABSENT, "%s",
				 watcher->why_no_smc.text);
	else
		backend_add_hook(hooks, "learn (SMC's tracepoints)", HOOK_READY,
				 "attached while SMC sockets are there");
}
