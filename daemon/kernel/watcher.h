/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the watcher share; internal.h has what others call. */
#ifndef KERNEL_WATCHER_H
#define KERNEL_WATCHER_H

#include <bpf/libbpf.h>

#include "kernel/error.h"
#include "kernel/internal.h"

/* Programs of watch.bpf.c that are attached together, at most; pins are named as they are. */
#define WATCHER_LINKS 6

/* Of each way the first two. */
enum {
	LINK_OPEN,
	LINK_LIVING,
};

enum {
	SMC_FALLBACK,
	SMC_SENT,
	SMC_RECEIVED,
	SMC_LINKS,
};

struct watcher_way;
struct smc_bpf;

struct watcher {
	bool for_smc; /* this kernel was built with SMC */
	bool counts; /* verdicts */
	const struct watcher_way *way; /* of what is attached, or would be; NULL: not tried yet */
	const char *pins[WATCHER_LINKS + 1]; /* its programs */
	int link[WATCHER_LINKS]; /* -1: not attached */
	struct kernel_error why; /* not */
	struct smc_bpf *smc_programs; /* NULL: not loaded yet */
	int smc[SMC_LINKS]; /* -1: not attached */
	struct kernel_error why_no_smc;
	bool refused; /* SMC's programs, once and for all */
	unsigned int smc_idle; /* looks in succession that found SMC unused */
};

/* Close those of the @n @links that are open; all are -1 then. */
void watcher_close_links(int *links, int n);

/* Take over the links that are pinned as @names, if all are there and of @build. */
bool watcher_adopt(struct kernel *kernel, const char *const *names, struct kernel_build build,
		   int *links);

/* Attach @program; its link is *@fd then.  Returns 0 or negative errno with @why. */
int watcher_attach_program(struct kernel_error *why, struct bpf_program *program, int *fd);

/* Pin @links as @names (NULL at the end) in @set, marked with @build. */
int watcher_pin_links(struct kernel *kernel, const char *set, const char *const *names,
		      const int *links, struct kernel_build build, struct kernel_error *error);

/* watcher_smc.c: SMC's own tracepoints. */

/* Take over what an earlier daemon left attached, if it is of this build. */
void watcher_smc_begin(struct kernel *kernel, struct watcher *watcher);

/* Whether they tell what SMC connections carry. */
bool watcher_has_smc_events(const struct watcher *watcher);

/* Tell the programs whether they are attached, and since when. */
void watcher_note_smc_events(struct kernel *kernel);

int watcher_smc_pin(struct kernel *kernel, const char *set, struct kernel_error *error);
bool watcher_smc_pinned(const struct kernel *kernel);

/* Detach them and remove their pins; what is loaded stays. */
void watcher_smc_detach(struct kernel *kernel, struct watcher *watcher);
void watcher_smc_close(struct watcher *watcher);

#endif
