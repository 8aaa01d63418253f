/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct smc_hs_ctrl as include/net/smc.h of Linux 6.19 to 7.2 has it, for the
 * BPF object and for the daemon that writes the name into it.  libbpf matches the
 * members by name with those of the running kernel.
 */
#ifndef SMC_POLICY_HS_CTRL_H
#define SMC_POLICY_HS_CTRL_H

#define SMC_HS_CTRL_NAME_MAX 16 /* with NUL; letters, digits, "_" and "." */

/* A new network namespace starts with the controller that the initial one has then. */
#define SMC_HS_CTRL_FLAG_INHERITABLE 1

struct tcp_sock;
struct inet_request_sock;

struct smc_hs_ctrl {
	struct {
		void *next, *prev;
	} list;
	void *owner;
	char name[SMC_HS_CTRL_NAME_MAX];
	int flags;
	int (*syn_option)(struct tcp_sock *tp);
	int (*synack_option)(const struct tcp_sock *tp, struct inet_request_sock *ireq);
};

#endif
