/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says about smc and smc_policy.ko. */
#ifndef SMC_POLICY_MODULE_H
#define SMC_POLICY_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/error.h"

struct module_state {
	bool loaded;
	unsigned int abi;
	char version[32];
	bool hooked; /* its hooks are in place: SMC is there */
	uint64_t connects_asked, connects_denied, accepts_asked, accepts_denied;
};

/* Read /sys/module/smc_policy. */
void module_read(struct module_state *state);

/*
 * 0 if the module can decide for us, else -ENOENT (not loaded) or -EPROTO (other ABI) and @error.
 */
int module_usable(const struct module_state *state, struct kernel_error *error);

enum smc_state {
	SMC_LOADED, /* as a module or built in */
	SMC_LOADABLE, /* a module that is not loaded */
	SMC_ABSENT, /* this kernel has none */
};

enum smc_state smc_state(void);

/* Write into @why that SMC is not there and the way out; returns -ENOENT. */
int smc_not_loaded(struct kernel_error *why);

#endif
