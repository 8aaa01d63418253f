// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smc_hs_ctrl, SMC's own hook (Linux 6.19, CONFIG_SMC_HS_CTRL_BPF; facts from
 * net/smc/smc_hs_bpf.c and smc_sysctl.c of 7.2).
 *
 * A controller is registered under a name, and each network namespace selects one
 * by sysctl net.smc.hs_ctrl; a new namespace inherits the initial one's.  A
 * registered controller cannot be changed, so another build registers under another name, is
 * selected everywhere by an atomic exchange, and only then is the old one removed.
 * Registration and selection outlive the daemon without any pin; the pins tell
 * the next daemon what is registered.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "hs_ctrl.h"
#include "kernel/backend.h"
#include "kernel/controllers.h"
#include "kernel/internal.h"
#include "kernel/module.h"

#include "native.skel.h"

#define SYSCTL_SELECTED "/proc/sys/net/smc/hs_ctrl"
#define PASSES_MAX 8

/* What is pinned. */
enum part {
	PART_OPS,
	PART_SYN,
	PART_SYNACK,
	PARTS
};

static const char *const part_pins[PARTS + 1] = {
	[PART_OPS] = "hs_ctrl",
	[PART_SYN] = "hs_ctrl_syn",
	[PART_SYNACK] = "hs_ctrl_synack",
};

struct native {
	struct native_bpf *programs; /* NULL where an earlier daemon's are the same */
	int in_force[PARTS]; /* descriptors, -1: none is in force */
	char name[SMC_HS_CTRL_NAME_MAX]; /* of ours that is registered, or will be */
	size_t n_changed; /* namespaces that the walk under way has changed */
};

/* ---- selecting ---- */

static int read_selected(char name[SMC_HS_CTRL_NAME_MAX])
{
	autofclose FILE *file = fopen(SYSCTL_SELECTED, "re");

	name[0] = '\0';
	if (!file)
		return -errno;
	if (!fgets(name, SMC_HS_CTRL_NAME_MAX, file))
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return 0;
}

static int write_selected(const char *name)
{
	autoclose int fd = open(SYSCTL_SELECTED, O_WRONLY | O_CLOEXEC);
	char line[SMC_HS_CTRL_NAME_MAX + 1];
	int length = snprintf(line, sizeof(line), "%s\n", name);

	return fd < 0 || write(fd, line, (size_t)length) != length ? -errno : 0;
}

static void set_state(struct netns *netns, enum netns_state state, const char *detail)
{
	netns->state = state;
	snprintf(netns->detail, sizeof(netns->detail), "%s", detail);
}

static void look(void *arg, struct netns *netns)
{
	const struct kernel *kernel = arg;
	char selected[SMC_HS_CTRL_NAME_MAX];
	int rc = read_selected(selected);

	if (rc)
		set_state(netns, NETNS_FAILED, strerror(-rc));
	else if (!strcmp(selected, kernel->native->name))
		set_state(netns, NETNS_ENFORCED, "");
	else if (!selected[0])
		set_state(netns, NETNS_OFF, "net.smc.hs_ctrl is empty");
	else
		set_state(netns, NETNS_FOREIGN, selected);
}

static void enforce_here(struct kernel *kernel, struct netns *netns)
{
	int rc;

	look(kernel, netns);
	if (netns->state == NETNS_ENFORCED || netns->state == NETNS_FAILED)
		return;
	if (netns->state == NETNS_FOREIGN && !controllers_ours(kernel, netns->detail) &&
	    !kernel->take_over) {
		log_warning(
			"network namespace %s: controller %s is selected by somebody else and stays; "
			"set [daemon] take-over = yes to replace it",
			netns->name, netns->detail);
		return;
	}
	rc = write_selected(kernel->native->name);
	if (rc) {
		set_state(netns, NETNS_FAILED, strerror(-rc));
		log_error("network namespace %s: cannot write %s: %s; it is not enforced there",
			  netns->name, SYSCTL_SELECTED, strerror(-rc));
		return;
	}
	if (netns->state == NETNS_FOREIGN && !controllers_ours(kernel, netns->detail))
		log_notice("network namespace %s: took over from controller %s", netns->name,
			   netns->detail);
	set_state(netns, NETNS_ENFORCED, "");
	kernel->native->n_changed++;
}

static void enforce(void *arg, struct netns *netns)
{
	struct kernel *kernel = arg;

	enforce_here(kernel, netns);
	if (!strcmp(netns->name, "init"))
		kernel->init_enforced = netns->state == NETNS_ENFORCED;
}

/* Whoever is started while the walk is on the way may inherit what was: walk again. */
static int select_everywhere(struct kernel *kernel, struct kernel_error *error)
{
	int rc;

	for (int pass = 0; pass < PASSES_MAX; pass++) {
		kernel->native->n_changed = 0;
		rc = netns_for_each(enforce, kernel, NULL);
		if (rc)
			return kernel_fail(error, rc,
					   "cannot go through the network namespaces: %s; run as "
					   "root with CAP_SYS_ADMIN and CAP_SYS_PTRACE",
					   strerror(-rc));
		if (!kernel->native->n_changed)
			break;
	}
	return 0;
}

static void deselect(void *arg, struct netns *netns)
{
	char selected[SMC_HS_CTRL_NAME_MAX];

	if (read_selected(selected) || !controllers_ours(arg, selected))
		return;
	if (write_selected(""))
		log_error("network namespace %s: cannot clear %s: %s", netns->name, SYSCTL_SELECTED,
			  strerror(errno));
}

/* ---- programs ---- */

static int need_hook(struct kernel_error *why)
{
	if (!access(SYSCTL_SELECTED, F_OK))
		return 0;
	if (smc_state() == SMC_LOADED)
		return kernel_fail(
			why, -EOPNOTSUPP,
			"this kernel's SMC has no smc_hs_ctrl (Linux 6.19 and later with "
			"CONFIG_SMC_HS_CTRL_BPF)");
	return smc_not_loaded(why);
}

static int set_name(struct native *native)
{
	struct smc_hs_ctrl *ops;
	size_t size;

	ops = (void *)bpf_map__initial_value(native->programs->maps.smc_policy_ops, &size);
	if (!ops || size < sizeof(*ops))
		return -EINVAL;
	memcpy(ops->name, native->name, sizeof(ops->name));
	return 0;
}

static int load(struct kernel *kernel, struct native *native)
{
	int rc = controllers_free_name(kernel, native->name);

	if (rc)
		return rc;
	native->programs = native_bpf__open();
	rc = native->programs ? maps_share(kernel, native->programs->obj,
					   &native->programs->rodata->connection_sets)
			      : -errno;
	if (!rc)
		rc = set_name(native);
	if (!rc)
		rc = kernel_load(native->programs->skeleton, "native");
	return rc;
}

static void free_native(struct native *native)
{
	for (int i = 0; i < PARTS; i++)
		if (native->in_force[i] >= 0)
			close(native->in_force[i]);
	native_bpf__destroy(native->programs);
	free(native);
}

static void close_native(struct kernel *kernel)
{
	if (kernel->native)
		free_native(kernel->native);
	kernel->native = NULL;
}

/* ---- taking over ---- */

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* Take over what is pinned if it is registered and what would be loaded. */
static bool adopt(const struct kernel *kernel, struct native *native)
{
	struct kernel_build build = kernel_build_of(native_bpf__elf_bytes);
	bool all = kernel_is_build(kernel, part_pins[PART_OPS], &build);

	for (int i = 0; i < PARTS && all; i++) {
		native->in_force[i] = kernel_open_pinned(kernel, part_pins[i]);
		all = native->in_force[i] >= 0;
	}
	if (all && controllers_find(kernel, map_id(native->in_force[PART_OPS]), native->name))
		return true;
	for (int i = 0; i < PARTS; i++) {
		if (native->in_force[i] >= 0)
			close(native->in_force[i]);
		native->in_force[i] = -1;
	}
	return false;
}

static int probe(struct kernel *kernel, struct kernel_error *why)
{
	struct native *native;
	int rc = need_hook(why);

	if (rc || kernel->native)
		return rc;
	native = calloc(1, sizeof(*native));
	if (!native)
		return kernel_fail(why, -ENOMEM, "out of memory");
	for (int i = 0; i < PARTS; i++)
		native->in_force[i] = -1;
	rc = adopt(kernel, native) ? 0 : load(kernel, native);
	if (rc) {
		free_native(native);
		return kernel_load_failed(why, rc, CONTROLLERS_MAP);
	}
	kernel->native = native;
	return 0;
}

/* ---- registering ---- */

static int register_ops(struct native *native, struct kernel_error *error)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(native->programs->maps.smc_policy_ops);

	if (!link)
		return kernel_fail(error, -errno,
				   "cannot register controller %s with smc_hs_ctrl: %s",
				   native->name, strerror(errno));
	/* The registration is no link and needs none. */
	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	native->in_force[PART_OPS] = dup(bpf_map__fd(native->programs->maps.smc_policy_ops));
	native->in_force[PART_SYN] = dup(bpf_program__fd(native->programs->progs.syn_option));
	native->in_force[PART_SYNACK] = dup(bpf_program__fd(native->programs->progs.synack_option));
	return 0;
}

static int pin(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	struct kernel_build build = kernel_build_of(native_bpf__elf_bytes);
	int rc = 0;

	kernel_unmark(kernel, set, part_pins[PART_OPS]);
	for (int i = 0; i < PARTS && !rc; i++)
		rc = kernel_pin(kernel, kernel->native->in_force[i], set, part_pins[i], error);
	return rc ? rc : kernel_mark(kernel, set, part_pins[PART_OPS], &build, error);
}

static int attach(struct kernel *kernel, const char *set, struct kernel_error *error)
{
	int rc = 0;

	if (kernel->native->in_force[PART_OPS] < 0)
		rc = register_ops(kernel->native, error);
	if (!rc)
		rc = pin(kernel, set, error);
	if (!rc)
		rc = select_everywhere(kernel, error);
	if (!rc && controllers_unregister(kernel, kernel->native->name))
		log_warning("cannot remove an older controller of ours; bpftool struct_ops lists "
			    "them");
	return rc;
}

static int release(struct kernel *kernel, struct kernel_error *error)
{
	int rc = 0;

	kernel_unpin(kernel, part_pins);
	if (controllers_any(kernel)) {
		rc = netns_for_each(deselect, kernel, NULL);
		if (controllers_unregister(kernel, NULL) && !rc)
			rc = -EBUSY;
	}
	close_native(kernel);
	return rc ? kernel_fail(error, rc, "cannot take smc_hs_ctrl out of force: %s",
				strerror(-rc))
		  : 0;
}

/* ---- describing ---- */

static void describe(const struct kernel *kernel, struct backend_hooks *hooks)
{
	static const char *const names[] = { "native connect (smc_hs_ctrl syn_option)",
					     "native accept (smc_hs_ctrl synack_option)" };
	const struct native *native = kernel->native;
	bool in_force = native && native->in_force[PART_OPS] >= 0;
	struct kernel_error why = { "" };
	int rc = need_hook(&why);

	for (int i = 0; i < 2; i++) {
		if (in_force)
			backend_add_hook(hooks, names[i], HOOK_IN_FORCE, "registered as %s",
					 native->name);
		else if (rc)
			backend_add_hook(hooks, names[i], HOOK_ABSENT, "%s", why.text);
		else
			backend_add_hook(hooks, names[i], HOOK_READY, "this kernel has it");
	}
}

const struct backend backend_native = {
	.pins = part_pins,
	.probe = probe,
	.attach = attach,
	.pin = pin,
	.enforce = enforce,
	.look = look,
	.release = release,
	.describe = describe,
	.close = close_native,
};
