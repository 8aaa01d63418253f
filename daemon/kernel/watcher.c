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

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/backend.h"
#include "kernel/kernel.h"
#include "kernel/watcher.h"

#include "watch.skel.h"

/* What shows that a connection opens, and the programs that belong to it. */
struct watcher_way {
	const char *name;
	const char *opens[2]; /* and counts no verdicts, or does */
	const char *others[WATCHER_LINKS];
	const char *for_smc[WATCHER_LINKS]; /* on kernels that were built with SMC */
};

enum {
	WAY_TRACEPOINTS,
	WAY_SOCKOPS,
	WAYS,
};

static const struct watcher_way ways[WAYS] = {
	[WAY_TRACEPOINTS] = {
		.name = "inet_sock_set_state",
		.opens = { "watch_state", "watch_state_counting" },
		.others = { "watch_living", "watch_destroy" },
		.for_smc = { "watch_retransmit", "watch_reset" },
	},
	[WAY_SOCKOPS] = {
		/* Up to 5.11 a tracepoint gets no cookie. */
		.name = "cgroup v2 sockops",
		.opens = { "watch_sockops", "watch_sockops_counting" },
		.others = { "watch_living", "watch_end", "watch_destroy" },
		.for_smc = { "watch_reset" },
	},
};

#define for_each_way(way) for (const struct watcher_way *way = ways; way < ways + WAYS; way++)

void watcher_close_links(int *links, int n)
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
	watcher_close_links(watcher->link, WATCHER_LINKS);
	watcher_smc_close(watcher);
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

bool watcher_adopt(struct kernel *kernel, const char *const *names, struct kernel_build build,
		   int *links)
{
	for (int i = 0; names[i]; i++) {
		links[i] = kernel_adopt(kernel, names[i], &build);
		if (links[i] >= 0)
			continue;
		watcher_close_links(links, i);
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
static void choose(struct watcher *watcher, const struct watcher_way *way)
{
	int n = 0;

	watcher->way = way;
	watcher->pins[n++] = way->opens[watcher->counts];
	for (int i = 0; i < WATCHER_LINKS && way->others[i]; i++)
		watcher->pins[n++] = way->others[i];
	for (int i = 0; watcher->for_smc && i < WATCHER_LINKS && way->for_smc[i]; i++)
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

static int load(struct kernel *kernel, struct watcher *watcher, const struct watcher_way *way,
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

static bool adopt_any_way(struct kernel *kernel, struct watcher *watcher, bool for_smc)
{
	struct kernel_build build = kernel_build_of(watch_bpf__elf_bytes);

	watcher->for_smc = for_smc;
	for_each_way(way)
	{
		choose(watcher, way);
		if (watcher_adopt(kernel, watcher->pins, build, watcher->link))
			return true;
	}
	return false;
}

/* Take over what watches connections, if all of it is there and of this build. */
static bool adopt_watch(struct kernel *kernel, struct watcher *watcher)
{
	/*
	 * The programs for SMC tell that the kernel has it, in less time than the kernel's types
	 * take.
	 */
	if (adopt_any_way(kernel, watcher, true))
		return true;
	watcher->for_smc = built_with_smc();
	return !watcher->for_smc && adopt_any_way(kernel, watcher, false);
}

int watcher_attach_program(struct kernel_error *why, struct bpf_program *program, int *fd)
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
			rc = watcher_attach_program(&watcher->why, program, &watcher->link[i]);
	}
	if (rc)
		watcher_close_links(watcher->link, WATCHER_LINKS);
	return rc;
}

/* ---- calls that the kernel skipped ---- */

/* Of the program behind @link. */
static uint64_t skipped_by(int link)
{
	struct bpf_link_info link_info = { 0 };
	struct bpf_prog_info program_info = { 0 };
	uint32_t size = sizeof(link_info);
	autoclose int program = -1;

	if (link < 0 || bpf_obj_get_info_by_fd(link, &link_info, &size))
		return 0;
	program = bpf_prog_get_fd_by_id(link_info.prog_id);
	size = sizeof(program_info);
	if (program < 0 || bpf_obj_get_info_by_fd(program, &program_info, &size))
		return 0;
	return program_info.recursion_misses;
}

uint64_t watcher_skipped(const struct kernel *kernel)
{
	const struct watcher *watcher = kernel->watcher;
	uint64_t sum = 0;

	for (int i = 0; watcher && i < WATCHER_LINKS; i++)
		sum += skipped_by(watcher->link[i]);
	return sum;
}

static void keep_skipped_by(struct kernel *kernel, const char *name)
{
	autoclose int link = kernel_open_pinned(kernel, name);

	/* Programs count there too. */
	__atomic_fetch_add(&kernel->host->lost[SMC_POLICY_LOST_SKIPPED], skipped_by(link),
			   __ATOMIC_RELAXED);
}

/* The programs that are pinned are about to go: keep their counts.  Other kinds of programs nest. */
static void keep_skipped(struct kernel *kernel)
{
	static const char *const tracing[] = {
		"watch_state",      "watch_state_counting", "watch_end",
		"watch_retransmit", "watch_destroy",        "watch_reset",
	};

	for (size_t i = 0; i < sizeof(tracing) / sizeof(*tracing); i++)
		keep_skipped_by(kernel, tracing[i]);
}

/* Load what watches connections on this kernel, and attach it. */
static void load_and_attach(struct kernel *kernel, struct watcher *watcher)
{
	struct watch_bpf *programs = NULL;
	int rc = 0;

	keep_skipped(kernel);
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
	int before[WATCHER_LINKS];

	if (watcher->link[LINK_OPEN] >= 0 && watcher->counts == counts)
		return;
	for (int i = 0; i < WATCHER_LINKS; i++) {
		before[i] = watcher->link[i];
		watcher->link[i] = -1;
	}
	watcher->counts = counts;
	if (!adopt_watch(kernel, watcher))
		load_and_attach(kernel, watcher);
	watcher_close_links(before, WATCHER_LINKS);
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
	for (int i = 0; i < WATCHER_LINKS; i++)
		watcher->link[i] = -1;
	for (int i = 0; i < SMC_LINKS; i++)
		watcher->smc[i] = -1;
	watcher_smc_begin(kernel, watcher);
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

int watcher_pin_links(struct kernel *kernel, const char *set, const char *const *names,
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
		rc = watcher_pin_links(kernel, set, watcher->pins, watcher->link,
				       kernel_build_of(watch_bpf__elf_bytes), error);
	return rc ? rc : watcher_smc_pin(kernel, set, error);
}

bool watcher_pinned(const struct kernel *kernel)
{
	const char *why;

	return (!watcher_works(kernel, &why) ||
		kernel_pinned(kernel, kernel->watcher->pins, WATCHER_LINKS)) &&
	       watcher_smc_pinned(kernel);
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
	watcher_note_smc_events(kernel);
	return watcher_pin(kernel, set, error);
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
	watcher_smc_detach(kernel, kernel->watcher);
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
	if (watcher_has_smc_events(watcher))
		backend_add_hook(hooks, "learn (SMC's tracepoints)", HOOK_IN_FORCE,
				 "SMC tells what it carries and why it falls back");
	else if (watcher && watcher->why_no_smc.text[0])
		backend_add_hook(hooks, "learn (SMC's tracepoints)", HOOK_ABSENT, "%s",
				 watcher->why_no_smc.text);
	else
		backend_add_hook(hooks, "learn (SMC's tracepoints)", HOOK_READY,
				 "attached while SMC sockets are there");
}
