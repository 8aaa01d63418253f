// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smc_policy.ko, the hook for kernels without smc_hs_ctrl: a writable raw
 * tracepoint.  The program's link keeps the module from being removed; it lives
 * in a pin, and as a descriptor of this daemon, so that losing one loses nothing.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/backend.h"
#include "kernel/internal.h"
#include "kernel/module.h"

#include "kmod.skel.h"

#define SYSCTL_ENABLED "/proc/sys/net/smc_policy/enabled"

static const char *const pins[] = { "kmod_link", NULL };

struct kmod {
	struct kmod_bpf *programs; /* NULL where an earlier daemon's is the same */
	int link; /* -1: not attached */
};

static void close_kmod(struct kernel *kernel)
{
	struct kmod *kmod = kernel->kmod;

	if (!kmod)
		return;
	if (kmod->link >= 0)
		close(kmod->link);
	kmod_bpf__destroy(kmod->programs);
	free(kmod);
	kernel->kmod = NULL;
}

static int load(struct kernel *kernel, struct kmod *kmod)
{
	int rc;

	kmod->programs = kmod_bpf__open();
	rc = kmod->programs ? maps_share(kernel, kmod->programs->obj,
					 &kmod->programs->rodata->connection_sets)
			    : -errno;
	return rc ? rc : kernel_load(kmod->programs->skeleton, "kmod");
}

/* Take over the link that is pinned if it is what would be loaded, else load. */
static int probe(struct kernel *kernel, struct kernel_error *why)
{
	struct kernel_build build = kernel_build_of(kmod_bpf__elf_bytes);
	struct module_state module;
	int rc;

	module_read(&module);
	rc = module_usable(&module, why);
	if (rc || kernel->kmod)
		return rc;
	kernel->kmod = calloc(1, sizeof(*kernel->kmod));
	if (!kernel->kmod)
		return kernel_fail(why, -ENOMEM, "out of memory");
	kernel->kmod->link = kernel_adopt(kernel, pins[0], &build);
	if (kernel->kmod->link >= 0)
		return 0;
	rc = load(kernel, kernel->kmod);
	if (!rc)
		return 0;
	close_kmod(kernel);
	return kernel_load_failed(why, rc, "kmod_verdict");
}

static int attach_program(struct kernel *kernel, struct kernel_error *error)
{
	struct bpf_link *link = bpf_program__attach(kernel->kmod->programs->progs.kmod_verdict);

	if (!link)
		return kernel_fail(
			error, -errno,
			"cannot attach to module smc_policy: %s; check \"lsmod\" and dmesg",
			strerror(errno));
	kernel->kmod->link = dup(bpf_link__fd(link));
	bpf_link__destroy(link);
	return kernel->kmod->link < 0 ? kernel_fail(error, -errno, "%s", strerror(errno)) : 0;
}

static int pin(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	struct kernel_build build = kernel_build_of(kmod_bpf__elf_bytes);

	return kernel_pin_build(kernel, kernel->kmod->link, set, pins[0], &build, error);
}

static int attach(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	int rc = 0;

	if (kernel->kmod->link < 0)
		rc = attach_program(kernel, error);
	return rc ? rc : pin(kernel, set, error);
}

/* The module asks about every namespace whose switch is on, and the switch is the operator's. */
static void look(void *arg, struct netns *netns)
{
	autofclose FILE *file = fopen(SYSCTL_ENABLED, "re");
	char text[8] = "";

	(void)arg;
	netns->state = NETNS_ENFORCED;
	if (!file || !fgets(text, sizeof(text), file)) {
		netns->state = NETNS_FAILED;
		snprintf(netns->detail, sizeof(netns->detail), "no net.smc_policy.enabled");
	} else if (text[0] == '0') {
		netns->state = NETNS_OFF;
		snprintf(netns->detail, sizeof(netns->detail), "net.smc_policy.enabled is 0");
	}
}

static int release(struct kernel *kernel, struct kernel_error *error)
{
	(void)error;
	kernel_unpin(kernel, pins);
	close_kmod(kernel);
	return 0;
}

static void describe(const struct kernel *kernel, struct backend_hooks *hooks)
{
	static const char *const names[] = { "kmod connect (tcp_connect)",
					     "kmod accept (security_inet_conn_request)" };
	bool attached = kernel->kmod && kernel->kmod->link >= 0;
	struct kernel_error why = { "" };
	struct module_state module;
	int rc;

	module_read(&module);
	rc = module_usable(&module, &why);
	for (int i = 0; i < 2; i++) {
		if (rc)
			backend_add_hook(hooks, names[i], HOOK_ABSENT, "%s", why.text);
		else if (!attached)
			backend_add_hook(hooks, names[i], HOOK_READY,
					 "module smc_policy is loaded");
		else if (module.hooked)
			backend_add_hook(hooks, names[i], HOOK_IN_FORCE,
					 "program attached, module hooked");
		else
			backend_add_hook(hooks, names[i], HOOK_WAITING,
					 "the module hooks in when SMC is loaded");
	}
}

const struct backend backend_kmod = {
	.pins = pins,
	.probe = probe,
	.attach = attach,
	.pin = pin,
	.enforce = look,
	.look = look,
	.release = release,
	.describe = describe,
	.close = close_kmod,
};
