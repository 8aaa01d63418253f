// SPDX-License-Identifier: GPL-2.0-or-later
/* Where nothing can be enforced: the watcher counts what the policy would have said. */
#include <stdio.h>

#include "kernel/backend.h"
#include "kernel/internal.h"

static const char *const pins[] = { NULL };

/* It can always be had, if need be without counting: the policy can be asked for all the same. */
static int probe(struct kernel *kernel, struct kernel_error *why)
{
	(void)kernel;
	(void)why;
	return 0;
}

static int pin(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	(void)kernel;
	(void)set;
	(void)error;
	return 0;
}

static void look(void *arg, struct netns *netns)
{
	(void)arg;
	netns->state = NETNS_OFF;
	snprintf(netns->detail, sizeof(netns->detail), "backend observe enforces nothing");
}

static int release(struct kernel *kernel, struct kernel_error *error)
{
	(void)kernel;
	(void)error;
	return 0;
}

static void describe(const struct kernel *kernel, struct backend_hooks *hooks)
{
	char name[HOOK_NAME_SIZE];
	const char *why;

	snprintf(name, sizeof(name), "observe (%s)", watcher_way(kernel));
	if (kernel->backend && kernel->backend != &backend_observe)
		backend_add_hook(hooks, name, HOOK_READY,
				 "not needed while the policy is enforced");
	else if (watcher_works(kernel, &why))
		backend_add_hook(hooks, name, HOOK_IN_FORCE,
				 "counts what every TCP connection would get");
	else
		backend_add_hook(hooks, name, HOOK_ABSENT, "%s", why);
}

static void close_observe(struct kernel *kernel)
{
	(void)kernel;
}

const struct backend backend_observe = {
	.pins = pins,
	.probe = probe,
	.attach = pin,
	.pin = pin,
	.enforce = look,
	.look = look,
	.release = release,
	.describe = describe,
	.close = close_observe,
};
