// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel tells in files: mountinfo, modules, modules.dep, protocols, parameters of the module,
 * SMC's buffers.  Every file that is read says what the input says, and every path that is opened because of
 * it leads to a network namespace.
 */
#include "fuzz.h"

static const uint8_t *content;
static size_t content_size;

/* What the files below get for the kernel's files. */
static FILE *open_content(const char *path)
{
	(void)path;
	return fmemopen((void *)content, content_size, "r");
}

static int open_netns(const char *path, int flags)
{
	(void)path;
	return open("/proc/self/ns/net", flags & O_CLOEXEC);
}

#define fopen(path, mode) open_content(path)
#define open(path, flags) open_netns(path, flags)

#include "common/buffers.c"
#include "kernel/module.c"
#include "kernel/netns_list.c"
#include "kernel/watcher.c"
#include "kernel/watcher_smc.c"

static void read_mounts(void)
{
	struct found found = { 0 };
	int fd = open_cgroup();

	if (fd >= 0)
		close(fd);
	must(!add_mounted(&found));
	must(found.list.n <= 1); /* there is one namespace here */
	for (size_t i = 0; i < found.list.n; i++)
		close(found.fds[i]);
	free(found.fds);
	netns_list_clear(&found.list);
}

static void read_module(void)
{
	struct module_state state = { .loaded = true };
	struct kernel_error error;
	char text[16];

	read_text("version", state.version, sizeof(state.version));
	must(strlen(state.version) < sizeof(state.version));
	read_text("version", text, sizeof(text));
	state.abi = (unsigned int)read_number("parameters/abi");
	must(!module_usable(&state, &error) == (state.abi == SMC_POLICY_HOOK_ABI));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t memory;

	content = data;
	content_size = size;
	read_mounts();
	read_module();
	smc_state();
	smc_loadable();
	must(smc_references() >= -1);
	memory = smc_connection_memory();
	must(memory >= 32768 && memory <= 1u << 30);
	return 0;
}
