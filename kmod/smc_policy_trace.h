/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoint that a BPF program attaches to and writes its verdict through
 * (raw_tracepoint.w/smc_policy_verdict).
 *
 * It is a trace event and not a bare DECLARE_TRACE_WRITABLE, because before 5.16 BPF
 * finds only those tracepoints of a module that are events.  An event can also be
 * watched:
 *   echo 1 > /sys/kernel/tracing/events/smc_policy/smc_policy_verdict/enable
 * Probes run in the order in which they were attached.  So the event shows the
 * program's verdict if it was enabled after the program was attached.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM smc_policy

#if !defined(SMC_POLICY_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SMC_POLICY_TRACE_H

#include <linux/tracepoint.h>
#include <net/sock.h>
#include "smc_policy_hook.h"
#include "smc_policy_verdict.h"

TRACE_DEFINE_ENUM(SMC_POLICY_CONNECT);
TRACE_DEFINE_ENUM(SMC_POLICY_ACCEPT);
TRACE_DEFINE_ENUM(SMC_POLICY_TCP);
TRACE_DEFINE_ENUM(SMC_POLICY_SMC);

/*
 * @hook: the connection, writable up to its size
 * @sk: the connecting or listening socket
 */
DECLARE_EVENT_CLASS(smc_policy_class,

	TP_PROTO(struct smc_policy_hook *hook, struct sock *sk),

	TP_ARGS(hook, sk),

	TP_STRUCT__entry(
		__field(u8, side)
		__field(u16, local_port)
		__field(u16, peer_port)
		__field(u32, verdict)
		__array(__u8, peer, 16)
	),

	TP_fast_assign(
		__entry->side = hook->side;
		__entry->local_port = hook->local_port;
		__entry->peer_port = hook->peer_port;
		__entry->verdict = hook->verdict;
		memcpy(__entry->peer, hook->peer, sizeof(__entry->peer));
	),

	TP_printk("side=%s local_port=%u peer=%pI6c peer_port=%u verdict=%s",
		  __print_symbolic(__entry->side,
				   { SMC_POLICY_CONNECT, "connect" },
				   { SMC_POLICY_ACCEPT, "accept" }),
		  __entry->local_port, __entry->peer, __entry->peer_port,
		  __print_symbolic(__entry->verdict,
				   { SMC_POLICY_TCP, "tcp" },
				   { SMC_POLICY_SMC, "smc" }))
);

/*
 * Only some passes of <trace/define_trace.h> define writable events.  The others
 * treat this event like any other, as include/trace/events/nbd.h does.
 */
#undef SMC_POLICY_EVENT
#ifdef DEFINE_EVENT_WRITABLE
#define SMC_POLICY_EVENT(class, name, proto, args, size) \
	DEFINE_EVENT_WRITABLE(class, name, PARAMS(proto), PARAMS(args), size)
#else
#define SMC_POLICY_EVENT(class, name, proto, args, size) \
	DEFINE_EVENT(class, name, PARAMS(proto), PARAMS(args))
#endif

SMC_POLICY_EVENT(smc_policy_class, smc_policy_verdict,

	TP_PROTO(struct smc_policy_hook *hook, struct sock *sk),

	TP_ARGS(hook, sk),

	sizeof(struct smc_policy_hook)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE smc_policy_trace
#include <trace/define_trace.h>
