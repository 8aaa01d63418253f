// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two points where a connection can be denied SMC before the option is on
 * the wire.
 *
 * Connect side: entry of tcp_connect().  The SYN is not built yet.
 * tcp_syn_options() adds the SMC option if tp->syn_smc is set, and reads the
 * flag again for each retransmission.  tcp_connect() is called once per
 * connect(): by tcp_v4_connect() and tcp_v6_connect() or, if the application
 * deferred the connect until it has data (TCP_FASTOPEN_CONNECT), by
 * tcp_sendmsg_fastopen() at the first send.  Retransmissions come from
 * tcp_retransmit_timer() and bypass tcp_connect().  So there is one verdict per
 * connection, and all its SYNs agree.  Another connect() on the same socket is
 * another connection; smc_connect() sets syn_smc again for it.
 *
 * Accept side: entry of security_inet_conn_request().  The request is filled
 * in (tcp_openreq_init(), tcp_v4_init_req(), tcp_v6_init_req()) but not hashed
 * yet.  Nothing else can see it, so writing its bit field races with nothing.
 * tcp_synack_options() answers with the option if the listener's tp->syn_smc
 * and the request's smc_ok are set.  Later SYN-ACKs of the request find smc_ok
 * as it was left here, and smc_check_reset_syn_req() passes it to the child
 * socket.  A retransmitted SYN finds the hashed request and does not come here.
 * If the stack drops the request before it answers, the peer's next SYN makes
 * a new request with a verdict of its own.
 *
 * Facts from net/ipv4/{tcp,tcp_input,tcp_output,tcp_ipv4}.c and net/ipv6/tcp_ipv6.c
 * of 5.10, 6.1 and 6.12.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bottom_half.h>
#include <linux/security.h>
#include <linux/tcp.h>
#include <linux/uidgid.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/request_sock.h>
#include <net/tcp.h>
#include "compat.h"
#include "smc_policy.h"

#define CREATE_TRACE_POINTS
#include "smc_policy_trace.h"

struct smc_policy_count smc_policy_count[SMC_POLICY_SIDES];

static void smc_policy_set_v4(__be32 to[4], __be32 from)
{
	ipv6_addr_set_v4mapped(from, (struct in6_addr *)to);
}

static void smc_policy_set_v6(__be32 to[4], const struct in6_addr *from)
{
	memcpy(to, from, sizeof(*from));
}

/* The members that both sides read from the connecting or listening socket. */
static void smc_policy_fill_sock(struct smc_policy_hook *hook, struct sock *sk)
{
	memset(hook, 0, sizeof(*hook));
	hook->verdict = SMC_POLICY_SMC;
	hook->uid = from_kuid(&init_user_ns, READ_ONCE(sk->sk_uid));
	hook->netns_cookie = smc_policy_netns_cookie(sock_net(sk));
	hook->cgroup_id = smc_policy_cgroup_id(sk);
}

/*
 * An IPv6 socket that connects to an IPv4-mapped address goes through
 * tcp_v4_connect() and keeps its family.  Its sk_v6_daddr and sk_v6_rcv_saddr
 * hold ::ffff:a.b.c.d (sk_daddr_set, sk_rcv_saddr_set).
 */
static void smc_policy_fill_connect(struct smc_policy_hook *hook, struct sock *sk)
{
	smc_policy_fill_sock(hook, sk);
	hook->side = SMC_POLICY_CONNECT;
	hook->family = sk->sk_family;
	hook->local_port = inet_sk(sk)->inet_num;
	hook->peer_port = ntohs(sk->sk_dport);
	hook->mark = READ_ONCE(sk->sk_mark);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		smc_policy_set_v6(hook->local, &sk->sk_v6_rcv_saddr);
		smc_policy_set_v6(hook->peer, &sk->sk_v6_daddr);
		return;
	}
#endif
	smc_policy_set_v4(hook->local, sk->sk_rcv_saddr);
	smc_policy_set_v4(hook->peer, sk->sk_daddr);
}

/*
 * A request has its listener's family (inet_reqsk_alloc).  If the peer is IPv4
 * and the listener IPv6, the request holds mapped addresses (tcp_v4_init_req).
 */
static void smc_policy_fill_accept(struct smc_policy_hook *hook, struct sock *sk,
				   const struct inet_request_sock *ireq)
{
	smc_policy_fill_sock(hook, sk);
	hook->side = SMC_POLICY_ACCEPT;
	hook->family = ireq->ireq_family;
	hook->local_port = ireq->ir_num;
	hook->peer_port = ntohs(ireq->ir_rmt_port);
	hook->mark = ireq->ir_mark;
#if IS_ENABLED(CONFIG_IPV6)
	if (ireq->ireq_family == AF_INET6) {
		smc_policy_set_v6(hook->local, &ireq->ir_v6_loc_addr);
		smc_policy_set_v6(hook->peer, &ireq->ir_v6_rmt_addr);
		return;
	}
#endif
	smc_policy_set_v4(hook->local, ireq->ir_loc_addr);
	smc_policy_set_v4(hook->peer, ireq->ir_rmt_addr);
}

/*
 * Ask the program for a verdict, and count a denial.
 *
 * Softirqs are disabled on this CPU meanwhile.  Since 6.1 __bpf_trace_run() skips
 * a program that this CPU is already running.  Without this a SYN handled in a
 * softirq on top of a connect() would get no verdict and keep the option.
 */
static bool smc_policy_denied(struct smc_policy_hook *hook, struct sock *sk)
{
	local_bh_disable();
	trace_smc_policy_verdict(hook, sk);
	local_bh_enable();

	if (hook->verdict == SMC_POLICY_SMC)
		return false;
	atomic64_inc(&smc_policy_count[hook->side].denied);
	return true;
}

/* Context: process, socket locked. */
static void smc_policy_connect(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct smc_policy_hook hook;

	if (likely(!tp->syn_smc) || !smc_policy_netns_enabled(sock_net(sk)))
		return;
	atomic64_inc(&smc_policy_count[SMC_POLICY_CONNECT].asked);
	if (!trace_smc_policy_verdict_enabled())
		return;

	smc_policy_fill_connect(&hook, sk);
	if (smc_policy_denied(&hook, sk))
		tp->syn_smc = 0;
}

/*
 * Can this request become SMC?  smc_ok is not always meaningful.  DCCP's requests
 * have none.  The ACK that completes a SYN cookie brings a new request with SMC
 * off, but cookie_v6_check() of 5.10 and 6.1 clears smc_ok only later.
 */
static bool smc_policy_request_asks(struct sock *sk, const struct sk_buff *skb,
				    const struct request_sock *req)
{
	return sk->sk_protocol == IPPROTO_TCP && tcp_sk(sk)->syn_smc && inet_rsk(req)->smc_ok &&
	       tcp_hdr(skb)->syn;
}

/* Context: softirq, or process with softirqs disabled; the listener is not locked. */
static void smc_policy_accept(struct sock *sk, const struct sk_buff *skb, struct request_sock *req)
{
	struct inet_request_sock *ireq = inet_rsk(req);
	struct smc_policy_hook hook;

	if (likely(!smc_policy_request_asks(sk, skb, req)) ||
	    !smc_policy_netns_enabled(sock_net(sk)))
		return;
	atomic64_inc(&smc_policy_count[SMC_POLICY_ACCEPT].asked);
	if (!trace_smc_policy_verdict_enabled())
		return;

	smc_policy_fill_accept(&hook, sk, ireq);
	if (smc_policy_denied(&hook, sk))
		ireq->smc_ok = 0;
}

static void notrace smc_policy_enter_connect(unsigned long ip, unsigned long parent_ip,
					     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	smc_policy_connect((void *)ftrace_regs_get_argument(fregs, 0));
}

static void notrace smc_policy_enter_accept(unsigned long ip, unsigned long parent_ip,
					    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	smc_policy_accept((void *)ftrace_regs_get_argument(fregs, 0),
			  (void *)ftrace_regs_get_argument(fregs, 1),
			  (void *)ftrace_regs_get_argument(fregs, 2));
}

/*
 * RECURSION: ftrace calls through ftrace_ops_assist_func(), which disables preemption
 * and admits a task to callbacks once per context (process, softirq).  No callback
 * calls a hooked function, so no call of one is missed.
 * PERMANENT: while the policy is in force, sysctl kernel.ftrace_enabled=0 is refused
 * instead of ending the policy silently.
 */
#define SMC_POLICY_FTRACE_FLAGS \
	(FTRACE_OPS_FL_RECURSION | FTRACE_OPS_FL_SAVE_ARGS | FTRACE_OPS_FL_PERMANENT)

/**
 * struct smc_policy_hook_point - a kernel function and what to call on its entry
 * @function: its address
 * @name: its name, for messages
 * @ops: the callback, and ftrace's state of it
 */
struct smc_policy_hook_point {
	void *function;
	const char *name;
	struct ftrace_ops ops;
};

static struct smc_policy_hook_point smc_policy_hook_points[SMC_POLICY_SIDES] = {
	[SMC_POLICY_CONNECT] = {
		.function = tcp_connect,
		.name = "tcp_connect",
		.ops = {
			.func = smc_policy_enter_connect,
			.flags = SMC_POLICY_FTRACE_FLAGS,
		},
	},
	[SMC_POLICY_ACCEPT] = {
		.function = security_inet_conn_request,
		.name = "security_inet_conn_request",
		.ops = {
			.func = smc_policy_enter_accept,
			.flags = SMC_POLICY_FTRACE_FLAGS,
		},
	},
};

/*
 * The filter is an address, because a name would match static functions of modules
 * too.  Since 5.18 ftrace_location() finds the patch site from the function's
 * address.  Before, it needs the site itself: the first instruction on x86, the
 * second or third on arm64.
 */
static int smc_policy_filter(struct smc_policy_hook_point *point)
{
	unsigned long address = (unsigned long)point->function;
	int offset, rc = -EINVAL;

	for (offset = 0; rc == -EINVAL && offset <= 8; offset += 4)
		rc = ftrace_set_filter_ip(&point->ops, address + offset, 0, 1);
	return rc;
}

/*
 * Setting an empty filter frees the old one and leaves the ops ready for another
 * registration.  ftrace_free_filter() would leave a dangling pointer, and 5.10 does
 * not export it.
 */
static void smc_policy_unfilter(struct smc_policy_hook_point *point)
{
	ftrace_set_filter(&point->ops, NULL, 0, 1);
}

static int smc_policy_hook_register(struct smc_policy_hook_point *point)
{
	int rc;

	rc = smc_policy_filter(point);
	if (rc)
		return rc;
	rc = register_ftrace_function(&point->ops);
	if (rc)
		smc_policy_unfilter(point);
	return rc;
}

/*
 * After this, no CPU runs a callback.  The ops lie in module memory, so
 * register_ftrace_function() marked them FTRACE_OPS_FL_DYNAMIC.  For such ops
 * ftrace_shutdown() of 5.10, 6.1 and 6.12 removes the calls from the code and then
 * waits: synchronize_rcu_tasks_rude() until no CPU is inside a callback, where
 * preemption is disabled; and, in kernels with preemption, synchronize_rcu_tasks()
 * until no task is preempted in the trampoline or in the last instructions of a
 * callback.  The tracepoint fires only in the callback, so its probes have returned
 * too: tracepoint_synchronize_unregister() would have nothing to wait for.
 */
static void smc_policy_hook_unregister(struct smc_policy_hook_point *point)
{
	/* It fails only if ftrace has shut itself down after a bug (ftrace_kill). */
	if (unregister_ftrace_function(&point->ops))
		pr_err("cannot unhook %s: ftrace is dead, reboot soon\n", point->name);
	smc_policy_unfilter(point);
}

int smc_policy_hooks_register(void)
{
	int rc;

	rc = smc_policy_hook_register(&smc_policy_hook_points[SMC_POLICY_CONNECT]);
	if (rc)
		return rc;
	rc = smc_policy_hook_register(&smc_policy_hook_points[SMC_POLICY_ACCEPT]);
	if (rc)
		goto failed_accept;
	return 0;

failed_accept:
	smc_policy_hook_unregister(&smc_policy_hook_points[SMC_POLICY_CONNECT]);
	return rc;
}

void smc_policy_hooks_unregister(void)
{
	smc_policy_hook_unregister(&smc_policy_hook_points[SMC_POLICY_ACCEPT]);
	smc_policy_hook_unregister(&smc_policy_hook_points[SMC_POLICY_CONNECT]);
}
