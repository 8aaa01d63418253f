// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "kernel/controllers.h"

/* "smc_policy_" and three characters for the pin-dir; the last character changes. */
#define NAME_FIXED (SMC_HS_CTRL_NAME_MAX - 2)

/* So that daemons with other pin-dirs do not take each other's controllers for theirs. */
static void name_prefix(const struct kernel *kernel, char prefix[SMC_HS_CTRL_NAME_MAX])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (const char *at = kernel->pins.dir; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	snprintf(prefix, SMC_HS_CTRL_NAME_MAX, "smc_policy_%c%c%c", digits[hash % 36],
		 digits[hash / 36 % 36], digits[hash / 1296 % 36]);
}

bool controllers_ours(const struct kernel *kernel, const char *name)
{
	char prefix[SMC_HS_CTRL_NAME_MAX];

	name_prefix(kernel, prefix);
	return !strncmp(name, prefix, NAME_FIXED);
}

struct registration {
	int fd; /* of the struct_ops map */
	uint32_t id;
	char name[SMC_HS_CTRL_NAME_MAX];
};

/*
 * The name that the struct_ops map behind @fd is registered under.  The value is
 * state and reference count, then the kernel's struct smc_hs_ctrl, whose layout
 * may grow: so the name is searched for.  All zero unless registered.
 */
static bool registered_name(const struct kernel *kernel, int fd, uint32_t size, char *name)
{
	autofree char *value = calloc(1, size);
	char prefix[SMC_HS_CTRL_NAME_MAX];
	uint32_t zero = 0;
	const char *at;

	if (!value || bpf_map_lookup_elem(fd, &zero, value))
		return false;
	if (((const uint32_t *)value)[1] != 1) /* BPF_STRUCT_OPS_STATE_INUSE */
		return false;
	name_prefix(kernel, prefix);
	at = memmem(value, size, prefix, NAME_FIXED);
	if (!at || at + SMC_HS_CTRL_NAME_MAX > value + size)
		return false;
	snprintf(name, SMC_HS_CTRL_NAME_MAX, "%s", at);
	return true;
}

/* The next of our registrations after map id @reg->id (0: the first); reg->fd is to be closed. */
static bool next_registration(const struct kernel *kernel, struct registration *reg)
{
	while (!bpf_map_get_next_id(reg->id, &reg->id)) {
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);
		autoclose int fd = bpf_map_get_fd_by_id(reg->id);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) ||
		    info.type != BPF_MAP_TYPE_STRUCT_OPS || strcmp(info.name, CONTROLLERS_MAP) ||
		    !registered_name(kernel, fd, info.value_size, reg->name))
			continue;
		reg->fd = steal_fd(fd);
		return true;
	}
	return false;
}

int controllers_unregister(const struct kernel *kernel, const char *keep)
{
	struct registration reg = { 0 };
	uint32_t zero = 0;
	int rc = 0;

	while (next_registration(kernel, &reg)) {
		if ((!keep || strcmp(reg.name, keep)) && bpf_map_delete_elem(reg.fd, &zero))
			rc = -errno;
		close(reg.fd);
	}
	return rc;
}

bool controllers_any(const struct kernel *kernel)
{
	struct registration reg = { 0 };
	bool any = next_registration(kernel, &reg);

	if (any)
		close(reg.fd);
	return any;
}

int controllers_free_name(const struct kernel *kernel, char *name)
{
	struct registration reg = { 0 };
	bool taken[26] = { false };

	while (next_registration(kernel, &reg)) {
		unsigned int last = (unsigned int)(reg.name[NAME_FIXED] - 'a');

		if (last < 26)
			taken[last] = true;
		close(reg.fd);
	}
	for (int i = 0; i < 26; i++) {
		if (taken[i])
			continue;
		name_prefix(kernel, name);
		name[NAME_FIXED] = (char)('a' + i);
		name[NAME_FIXED + 1] = '\0';
		return 0;
	}
	return -EBUSY;
}

bool controllers_find(const struct kernel *kernel, uint32_t id, char *name)
{
	struct registration reg = { 0 };

	while (next_registration(kernel, &reg)) {
		close(reg.fd);
		if (reg.id != id)
			continue;
		strcpy(name, reg.name);
		return true;
	}
	return false;
}
