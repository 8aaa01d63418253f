// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
		return kernel_fail(
			error, -ENOENT,
			"module smc_policy is not loaded; run \"modprobe smc_policy\" and "
			"restart smc-policyd");
	if (state->abi != SMC_POLICY_HOOK_ABI)
		return kernel_fail(
			error, -EPROTO,
			"module smc_policy %s speaks ABI %u, this daemon speaks %u; install "
			"the module of the same release, \"rmmod smc_policy\", \"modprobe "
			"smc_policy\" and restart smc-policyd",
			state->version, state->abi, SMC_POLICY_HOOK_ABI);
	return 0;
}

bool smc_present(void)
{
	return !access("/proc/sys/net/smc", F_OK);
}
