/* SPDX-License-Identifier: GPL-2.0-only */
/* What test_events tells the program events.bpf.c, one packet an event, and what comes back. */
#ifndef TESTS_UNIT_EVENTS_H
#define TESTS_UNIT_EVENTS_H

#include <linux/types.h>

enum event_kind {
	EVENT_OPENS,
	EVENT_LIVES,
	EVENT_ENDS,
};

struct event {
	__u64 now; /* ns */
	__u64 cookie; /* of the connection's socket */
	__u64 bytes, messages; /* by now */
	__be32 peer[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 port; /* host byte order */
	__u8 side; /* enum smc_policy_side */
	__u8 kind; /* enum event_kind */
	__u32 reason; /* the answer of EVENT_OPENS: enum smc_policy_reason */
};

#endif
