/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can enforce the policy in a kernel.  Each backend finds out by trying
 * whether this kernel takes it, never by the version.  All of them decide by the
 * same maps, so that changing the policy is none of their business.
 */
#ifndef SMC_POLICY_BACKEND_H
#define SMC_POLICY_BACKEND_H

#include "kernel/error.h"
#include "kernel/netns.h"
#include "policy/words.h"

struct kernel;

enum hook_state {
	HOOK_ABSENT, /* this kernel does not have it, or not now */
	HOOK_READY, /* it is there and not used */
	HOOK_WAITING, /* our program is attached, but SMC is not loaded */
	HOOK_IN_FORCE, /* our program decides there */
};

#define HOOK_NAME_SIZE 80

/* One place in the kernel where a program can be called. */
struct backend_hook {
	char name[HOOK_NAME_SIZE];
	enum hook_state state;
	char detail[256]; /* one line: what is so, or why not */
};

#define BACKEND_HOOKS_MAX 8

struct backend_hooks {
	struct backend_hook items[BACKEND_HOOKS_MAX];
	size_t n;
};

struct backend {
	const char *const *pins; /* names of what it pins, NULL at the end; the first is marked */

	/*
	 * Can this kernel do it now?  Loads the programs, attaches nothing.
	 * Returns 0, or a negative errno and @why: what is missing and the way
	 * out.  -EPROTO: it is there, but of another release.
	 */
	int (*probe)(struct kernel *kernel, struct kernel_error *why);

	/*
	 * After probe(): put the programs to work on the maps of @kernel and pin
	 * them in @set, in the place of what an earlier daemon has there.  What is in
	 * force and would be the same stays untouched.  No connection goes
	 * undecided meanwhile.
	 */
	int (*attach)(struct kernel *kernel, const char *set, struct kernel_error *error);

	/* After attach(): pin what is in force in @set. */
	int (*pin)(struct kernel *kernel, const char *set, struct kernel_error *error);

	/*
	 * Inside the namespace @netns (a netns_visit, arg is the struct kernel):
	 * make the policy hold there and note in @netns how it stands.  Changes nothing that
	 * somebody else selected, unless [daemon] take-over says so.
	 */
	netns_visit *enforce;

	/* The same without changing anything. */
	netns_visit *look;

	/* Take the programs out of force everywhere, also an earlier daemon's. */
	int (*release)(struct kernel *kernel, struct kernel_error *error);

	/* Add its hooks and how each stands now. */
	void (*describe)(const struct kernel *kernel, struct backend_hooks *hooks);

	/* Free what probe() loaded; what is pinned stays. */
	void (*close)(struct kernel *kernel);
};

extern const struct backend backend_native, backend_kmod, backend_observe;

/* Add a hook to @hooks; drops it if there are too many. */
__attribute__((format(printf, 4, 5))) void backend_add_hook(struct backend_hooks *hooks,
							    const char *name, enum hook_state state,
							    const char *detail, ...);

#endif
