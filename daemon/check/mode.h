/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an SMC socket has become. */
#ifndef SMC_POLICY_CHECK_MODE_H
#define SMC_POLICY_CHECK_MODE_H

#include <stdint.h>

#include "check/target.h"

struct mode {
	const char *word; /* "smc-r", "smc-d", "tcp"; NULL: not known */
	uint32_t code,
		peer_code; /* why it fell back, SMC_CLC_DECL_* or a negative errno; 0: it did not */
};

/* The mode of the AF_SMC socket @fd, by smc_diag. */
struct mode mode_of(int fd);

/* An AF_SMC socket for addresses of @family; with @smc false a TCP socket.  Or a negative errno. */
int mode_socket(sa_family_t family, bool smc);

#endif
