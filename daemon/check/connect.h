/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check connect: SMC connections to check serve on another host, beside TCP ones. */
#ifndef SMC_POLICY_CHECK_CONNECT_H
#define SMC_POLICY_CHECK_CONNECT_H

#include <jansson.h>

#include "check/facts.h"
#include "check/mode.h"
#include "check/report.h"
#include "check/target.h"

/* What was measured over one kind of socket, medians in ns; 0: it was not. */
struct connect_times {
	uint64_t setup; /* connect() */
	uint64_t round_trip; /* of a message and its answer */
	uint64_t kib; /* to move a KiB, while as much comes the other way */
};

/* What became of one connection that asked for SMC. */
struct connect_result {
	int tcp_error; /* negative errno of the TCP connection to check serve; 0: it is there */
	bool talks; /* what listens there is check serve */
	int smc_error; /* negative errno of the SMC socket or its connect() */
	int data_error; /* negative errno while data went to and fro */
	bool right; /* all data arrived as it was sent, at both ends */
	bool soft; /* over soft RoCE: data went in small pieces, so kib says little about its rate */
	struct mode here, there;
	/* Whether the option was there: SYN as it left, as it arrived, SYN-ACK likewise. */
	enum facts_answer syn_left, syn_arrived, synack_left, synack_arrived;
	struct connect_times smc, tcp;
};

/* Try all of it.  Needs CAP_NET_RAW.  0, or -EPERM or -ENOMEM. */
int connect_try(const struct check_target *target, struct connect_result *result);

/*
 * Add items about @result to @report.  @verdict is this host's own, "smc" or "tcp", with its @reason;
 * both NULL: the daemon does not answer.
 */
void connect_describe(const struct check_target *target, const struct connect_result *result,
		      const char *verdict, const char *reason, struct check_report *report);

/* The lines of [auto] that were measured, to be freed; NULL: there is no SMC to measure, or no memory. */
char *connect_auto_lines(const struct connect_result *result);

#endif
