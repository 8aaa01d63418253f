/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's structures, as far as programs read them; CO-RE finds the fields in the
 * running kernel's BTF.
 */
#ifndef SMC_POLICY_CORE_H
#define SMC_POLICY_CORE_H

#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define CORE __attribute__((preserve_access_index))

#define AF_INET 2 /* include/linux/socket.h */
#define AF_INET6 10
#define IPPROTO_TCP 6 /* include/uapi/linux/in.h */
#define TCP_SYN_SENT 2 /* include/net/tcp_states.h */

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
} CORE;

struct ns_common {
	unsigned int inum;
} CORE;

struct net {
	__u64 net_cookie;
	struct ns_common ns;
} CORE;

struct kernfs_node {
	__u64 id;
} CORE;

struct cgroup {
	struct kernfs_node *kn;
} CORE;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} CORE;

/* Up to 5.14. */
struct sock_cgroup_data___old {
	__u64 val;
} CORE;

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	__s64 counter;
} atomic64_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
} CORE;

typedef struct {
	__u32 val;
} kuid_t;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol; /* 8 bits of a word up to 5.5 */
	int sk_err;
	__u8 sk_kern_sock : 1;
	kuid_t sk_uid;
	struct sock_cgroup_data sk_cgrp_data;
} CORE;

struct sock___old {
	struct sock_cgroup_data___old sk_cgrp_data;
} CORE;

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
} CORE;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	__u8 icsk_retransmits;
} CORE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 tcp_mstamp; /* when the last packet was sent or came, us, CLOCK_MONOTONIC */
	__u32 srtt_us; /* times 8 */
	__u32 total_retrans;
	__u32 data_segs_out;
	__u32 data_segs_in;
	__u8 syn_smc : 1; /* only with CONFIG_SMC */
} CORE;

struct socket {
	struct sock *sk;
} CORE;

struct smc_link_group {
	__u8 id[4];
	bool is_smcd;
} CORE;

struct smc_connection {
	struct smc_link_group *lgr;
} CORE;

struct smc_sock {
	struct socket *clcsock; /* the TCP socket below */
	struct smc_sock *listen_smc; /* of one that was accepted */
	struct smc_connection conn;
	__u32 peer_diagnosis; /* decline code from the peer */
} CORE;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} CORE;

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
} CORE;

struct request_sock {
	struct sock_common __req_common;
} CORE;

struct inet_request_sock {
	struct request_sock req;
} CORE;

struct tcp_request_sock {
	struct inet_request_sock req;
	__u32 rcv_isn;
	__u32 snt_isn;
} CORE;

#endif
