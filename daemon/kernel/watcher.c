// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What watches connections on every backend: bpf/watch.bpf.c, and bpf/smc.bpf.c while SMC is
 * in use.  Without it the policy holds all the same, but nothing is learned.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
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

/* Programs of watch.bpf.c that are attached together, at most; pins are named as they are. */
#define LINKS 5

/* Of each way the first two. */
enum {
	LINK_OPEN,
	LINK_LIVING,
};

/* What shows that a connection opens, and the programs that belong to it. */
struct way {
	const char *name;
	const char *opens[2]; /* and counts no verdicts, or does */
	const char *others[LINKS];
	const char *for_smc[LINKS]; /* on kernels that were built with SMC */
};

enum {
	WAY_TRACEPOINTS,
	WAY_SOCKOPS,
	WAYS,
};

static const struct way ways[WAYS] = {
	[WAY_TRACEPOINTS] = {
		.name = "inet_sock_set_state",
		.opens = { "watch_state", "watch_state_counting" },
		.others = { "watch_living" },
		.for_smc = { "watch_retransmit", "watch_destroy", "watch_reset" },
	},
	[WAY_SOCKOPS] = {
		/* Up to 5.11 a tracepoint gets no cookie. */
		.name = "cgroup v2 sockops",
		.opens = { "watch_sockops", "watch_sockops_counting" },
		.others = { "watch_living", "watch_end" },
		.for_smc = { "watch_destroy", "watch_reset" },
	},
};

#define for_each_way(way) for (const struct way *way = ways; way < ways + WAYS; way++)

enum {
	SMC_FALLBACK,
	SMC_SENT,
	SMC_RECEIVED,
	SMC_LINKS,
};

static const char *const smc_pins[SMC_LINKS + 1] = { "smc_fallback", "smc_sent", "smc_received" };

struct watcher {
	bool for_smc; /* this kernel was built with SMC */
	bool counts; /* verdicts */
	const struct way *way; /* of what is attached, or would be; NULL: not tried yet */
	const char *pins[LINKS + 1]; /* its programs */
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

/*
 * Whether this kernel was built with SMC, in or as a module: its TCP sockets know the option
 * (include/linux/tcp.h, CONFIG_SMC), which is what the programs ask too.
 */
static bool built_with_smc(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	bool found = false;
	__s32 id;

	if (!btf)
		return false;
	id = btf__find_by_name_kind(btf, "tcp_sock", BTF_KIND_STRUCT);
	type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	for (int i = 0; type && i < btf_vlen(type) && !found; i++)
		found = !strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), "syn_smc");
	btf__free(btf);
	return found;
}

/* Note that the programs of @way are what watches. */
static void choose(struct watcher *watcher, const struct way *way)
{
	int n = 0;

	watcher->way = way;
	watcher->pins[n++] = way->opens[watcher->counts];
	for (int i = 0; i < LINKS && way->others[i]; i++)
		watcher->pins[n++] = way->others[i];
	for (int i = 0; watcher->for_smc && i < LINKS && way->for_smc[i]; i++)
		watcher->pins[n++] = way->for_smc[i];
	watcher->pins[n] = NULL;
}

static bool is_chosen(const struct watcher *watcher, const char *program)
{
	for (int i = 0; watcher && watcher->pins[i]; i++)
		if (!strcmp(watcher->pins[i], program))
			return true;
	return false;
}

static int load(struct kernel *kernel, struct watcher *watcher, const struct way *way,
		struct watch_bpf **loaded)
{
	struct watch_bpf *programs = watch_bpf__open();
	int rc = programs ? maps_share(kernel, programs->obj, &programs->rodata->connection_sets)
			  : -errno;
	struct bpf_program *program;

	choose(watcher, way);
	if (!rc) {
		bpf_object__for_each_program(program, programs->obj)
			bpf_program__set_autoload(program,
						  is_chosen(watcher, bpf_program__name(program)));
		programs->rodata->has_coarse_clock =
			way == &ways[WAY_SOCKOPS] &&
			has_sockops_helper(BPF_FUNC_ktime_get_coarse_ns);
		programs->rodata->has_netns_cookie =
			way == &ways[WAY_SOCKOPS] && has_sockops_helper(BPF_FUNC_get_netns_cookie);
		rc = kernel_load(programs->skeleton, "watch");
	}
	if (rc) {
		watch_bpf__destroy(programs);
		return rc;
	}
	*loaded = programs;
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

static bool adopt_any_way(struct kernel *kernel, struct watcher *watcher, bool for_smc)
{
	struct kernel_build build = kernel_build_of(watch_bpf__elf_bytes);

	watcher->for_smc = for_smc;
	for_each_way(way)
	{
		choose(watcher, way);
		if (adopt(kernel, watcher->pins, build, watcher->link))
			return true;
	}
	return false;
}

/* Take over what watches connections, if all of it is there and of this build. */
static bool adopt_watch(struct kernel *kernel, struct watcher *watcher)
{
	/* What is there for SMC tells that the kernel has it, in less time than the kernel's types. */
	if (adopt_any_way(kernel, watcher, true))
		return true;
	watcher->for_smc = built_with_smc();
	return !watcher->for_smc && adopt_any_way(kernel, watcher, false);
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

static int attach_sockops(struct watcher *watcher, struct bpf_program *program, int *fd)
{
	autoclose int cgroup = open_cgroup();

	if (cgroup < 0)
		return kernel_fail(&watcher->why, cgroup,
				   "no cgroup v2 root: %s; mount it at /sys/fs/cgroup",
				   strerror(-cgroup));
	*fd = bpf_link_create(bpf_program__fd(program), cgroup, BPF_CGROUP_SOCK_OPS, NULL);
	if (*fd < 0)
		return kernel_fail(&watcher->why, -errno, "cannot attach to cgroup v2: %s",
				   strerror(errno));
	return 0;
}

static int attach_all(struct watcher *watcher, const struct watch_bpf *programs)
{
	int rc = 0;

	for (int i = 0; watcher->pins[i] && !rc; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(programs->obj, watcher->pins[i]);

		if (i == LINK_OPEN && watcher->way == &ways[WAY_SOCKOPS])
			rc = attach_sockops(watcher, program, &watcher->link[i]);
		else
			rc = attach_program(&watcher->why, program, &watcher->link[i]);
	}
	if (rc)
		close_links(watcher->link, LINKS);
	return rc;
}

/* Load what watches connections on this kernel, and attach it. */
static void load_and_attach(struct kernel *kernel, struct watcher *watcher)
{
	struct watch_bpf *programs = NULL;
	int rc = 0;

	for_each_way(way)
	{
		rc = load(kernel, watcher, way, &programs);
		if (!rc)
			break;
	}
	if (rc) {
		choose(watcher, ways); /* which is missed */
		kernel_load_failed(&watcher->why, rc, "watch");
	} else {
		attach_all(watcher, programs);
	}
	/* The links hold the programs; what they were loaded from is of no use any more. */
	watch_bpf__destroy(programs);
}

/*
 * Watch connections, and count their verdicts if @counts: by what an earlier daemon left, or anew;
 * nothing opens unseen meanwhile.
 */
static void watch(struct kernel *kernel, struct watcher *watcher, bool counts)
{
	int before[LINKS];

	if (watcher->link[LINK_OPEN] >= 0 && watcher->counts == counts)
		return;
	for (int i = 0; i < LINKS; i++) {
		before[i] = watcher->link[i];
		watcher->link[i] = -1;
	}
	watcher->counts = counts;
	if (!adopt_watch(kernel, watcher))
		load_and_attach(kernel, watcher);
	close_links(before, LINKS);
}

/* What is known of watching, with SMC's programs as far as an earlier daemon left them. */
static void begin(struct kernel *kernel)
{
	struct watcher *watcher;

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

	return watcher && watcher->way ? watcher->way->name : ways[0].name;
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
		rc = pin_all(kernel, set, watcher->pins, watcher->link,
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
		kernel_pinned(kernel, kernel->watcher->pins, LINKS)) &&
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

	begin(kernel);
	if (kernel->watcher)
		watch(kernel, kernel->watcher, counts);
	if (!watcher_works(kernel, &why))
		log_warning("connections are not watched and nothing is learned: %s", why);
	else if (!kernel->fresh)
		kernel_unpin_others(kernel, "watch_", kernel->watcher->pins);
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
	static const char *const none[] = { NULL };

	kernel_unpin_others(kernel, "watch_", none);
	kernel_unpin(kernel, smc_pins);
	watcher_close(kernel);
}

void watcher_describe(const struct kernel *kernel, struct backend_hooks *hooks)
{
	const struct watcher *watcher = kernel->watcher;
	char name[HOOK_NAME_SIZE];
	const char *why;

	snprintf(name, sizeof(name), "learn (%s%s%s)", watcher_way(kernel),
		 is_chosen(watcher, "watch_end") ? ", inet_sock_set_state" : "",
		 is_chosen(watcher, "watch_destroy") ? ", tcp_destroy_sock" : "");
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
