// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "kernel/module.h"
#include "smc_policy_hook.h"

#define MODULE "/sys/module/smc_policy"

/* The first line of MODULE/@name into @buf, empty if there is none. */
static void read_text(const char *name, char *buf, int size)
{
	char path[128];
	autofclose FILE *file = NULL;

	buf[0] = '\0';
	snprintf(path, sizeof(path), MODULE "/%s", name);
	file = fopen(path, "re");
	if (!file || !fgets(buf, size, file))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

static uint64_t read_number(const char *name)
{
	char text[32];

	read_text(name, text, sizeof(text));
	return text[0] == 'Y' ? 1 : strtoull(text, NULL, 10);
}

void module_read(struct module_state *state)
{
	*state = (struct module_state){ .loaded = !access(MODULE "/parameters/abi", R_OK) };
	if (!state->loaded)
		return;
	read_text("version", state->version, sizeof(state->version));
	state->abi = (unsigned int)read_number("parameters/abi");
	state->hooked = read_number("parameters/hooked");
	state->connects_asked = read_number("parameters/connects_asked");
	state->connects_denied = read_number("parameters/connects_denied");
	state->accepts_asked = read_number("parameters/accepts_asked");
	state->accepts_denied = read_number("parameters/accepts_denied");
}

int module_usable(const struct module_state *state, struct kernel_error *error)
{
	if (!state->loaded)
		return kernel_fail(error, -ENOENT,
				   "module smc_policy is not loaded; run \"modprobe smc_policy\"");
	if (state->abi != SMC_POLICY_HOOK_ABI)
		return kernel_fail(
			error, -EPROTO,
			"module smc_policy %s speaks ABI %u, this daemon speaks %u; install "
			"the module of the same release, \"rmmod smc_policy\", \"modprobe "
			"smc_policy\" and restart smc-policyd",
			state->version, state->abi, SMC_POLICY_HOOK_ABI);
	return 0;
}

/* Whether this kernel's modules.dep lists smc.ko, compressed or not. */
static bool smc_loadable(void)
{
	autofclose FILE *file = NULL;
	autofree char *line = NULL;
	struct utsname kernel;
	char path[256];
	size_t size = 0;

	uname(&kernel);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", kernel.release);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0)
		if (strstr(line, "/smc.ko") && strstr(line, "/smc.ko") < strchr(line, ':'))
			return true;
	return false;
}

/* Whether the protocol is registered; net.smc.* came only with 5.18. */
static bool smc_loaded(void)
{
	autofclose FILE *file = fopen("/proc/net/protocols", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "SMC ", 4))
			return true;
	return false;
}

enum smc_state smc_state(void)
{
	if (smc_loaded())
		return SMC_LOADED;
	return smc_loadable() ? SMC_LOADABLE : SMC_ABSENT;
}

int smc_not_loaded(struct kernel_error *why)
{
	if (smc_state() == SMC_ABSENT)
		return kernel_fail(why, -ENOENT,
				   "this kernel has no SMC; boot one that has (CONFIG_SMC)");
	return kernel_fail(
		why, -ENOENT,
		"SMC is not loaded; it is with its first socket, or by \"modprobe smc\"");
}
