/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection trace: CSV, the header TRACE_HEADER or TRACE_HEADER_PLAIN, then a row a connection,
 * sorted by the time it opened.
 */
#ifndef SMC_POLICY_TRACE_H
#define SMC_POLICY_TRACE_H

#include <stdint.h>

#include "policy/value.h"

/* The last column may be missing, in the header and in any row: no messages are known then. */
#define TRACE_HEADER "open,close,side,peer,port,sent,received,messages"
#define TRACE_HEADER_PLAIN "open,close,side,peer,port,sent,received"

struct trace_row {
	uint64_t opened, closed; /* ns from an origin of the trace's own; closed >= opened */
	int side; /* enum smc_policy_side */
	uint8_t peer[16]; /* as in struct policy_prefix */
	uint16_t port; /* service port, host byte order */
	uint64_t bytes; /* sent and received */
	uint64_t messages; /* both ways */
};

/*
 * Parse one row without its line end; @line is changed.  Returns 0, or -EINVAL and
 * @error says which column is wrong and what would be right.
 */
int trace_parse(char *line, struct trace_row *row, struct value_error *error);

#endif
