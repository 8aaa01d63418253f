/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is on a host, as far as it concerns SMC.  Only facts: what they mean is for check/basic.h. */
#ifndef SMC_POLICY_CHECK_FACTS_H
#define SMC_POLICY_CHECK_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#define FACTS_DEVICES_MAX 32
#define FACTS_PNETIDS_MAX 64
#define FACTS_UEIDS_MAX 8 /* SMC_MAX_UEID of net/smc/smc_clc.h is 8 */
#define FACTS_NAME_SIZE 64
#define FACTS_UEID_SIZE 33 /* SMC_MAX_EID_LEN and NUL */
#define FACTS_ORDERS 32 /* of pages, in /proc/buddyinfo; 11 today */

enum facts_smc {
	FACTS_SMC_ABSENT,
	FACTS_SMC_LOADABLE,
	FACTS_SMC_LOADED,
};

enum facts_answer {
	FACTS_UNKNOWN,
	FACTS_NO,
	FACTS_YES,
};

/* A number that a file has, if there is the file. */
struct facts_number {
	bool known;
	uint64_t value;
};

/* A port of an RDMA device. */
struct facts_port {
	char device[FACTS_NAME_SIZE];
	unsigned int number;
	char driver[FACTS_NAME_SIZE]; /* of the hardware, empty: none */
	bool software; /* soft RoCE (rxe) */
	bool ethernet; /* else InfiniBand */
	char state[FACTS_NAME_SIZE]; /* "ACTIVE", "DOWN"... */
	char netdev[FACTS_NAME_SIZE]; /* empty: none in this network namespace */
	struct facts_number mtu; /* of the net device */
	unsigned int gids_v1, gids_v2, gids_v2_ipv4; /* RoCE; the last ones are among the v2 */
};

struct facts_pnetid {
	char name[FACTS_NAME_SIZE];
	char netdev[FACTS_NAME_SIZE]; /* empty: the entry is for a device */
	char device[FACTS_NAME_SIZE]; /* empty: the entry is for a net device */
};

struct facts {
	char release[FACTS_NAME_SIZE]; /* "6.12.1-amd64" */
	unsigned int version; /* 612 for 6.12: major * 100 + minor */
	enum facts_smc smc;
	char smc_file[256]; /* smc.ko in modules.dep, "kernel/net/smc/smc.ko"; empty: none */
	bool ofed; /* module mlx_compat is loaded: RDMA is that of OFED, not of the kernel */
	struct facts_number hook_abi; /* of module smc_policy */
	bool hooked;
	bool has_hs_ctrl;
	char hs_ctrl[FACTS_NAME_SIZE]; /* the controller that is selected, empty: none */
	struct facts_port ports[FACTS_DEVICES_MAX];
	unsigned int n_ports;
	enum facts_answer rdma_shared; /* RDMA devices are seen in all network namespaces */
	struct facts_number wmem, rmem, buffer_type, limit_handshakes, links; /* net.smc.* */
	struct facts_number connections; /* net.smc.smcr_max_conns_per_lgr */
	struct facts_number syncookies, fastopen; /* net.ipv4.tcp_* */
	char reserved_ports[1024]; /* "1-5,8" */
	uint64_t free_blocks[FACTS_ORDERS]; /* of 2^index pages, of all zones */
	unsigned int n_orders; /* 0: not known */

	/* By netlink. */
	enum facts_answer diag; /* smc_diag is there */
	struct facts_number smcd; /* SMC-D devices, loopback included */
	char ueids[FACTS_UEIDS_MAX][FACTS_UEID_SIZE]; /* blanks at the end are left out */
	unsigned int n_ueids;
	bool ueids_known;
	struct facts_pnetid pnetids[FACTS_PNETIDS_MAX];
	unsigned int n_pnetids;
};

/* Read what files below @root ("" for the host itself) tell about kernel @release into @facts. */
void facts_read_files(const char *root, const char *release, struct facts *facts);

/* The same of RDMA devices, which facts_read_files() calls. */
void facts_read_ports(const char *root, struct facts *facts);

/* Ask the kernel what only netlink tells; what cannot be had stays unknown.  Needs no privileges. */
void facts_read_netlink(struct facts *facts);

/* The first line of the file that @format names, without its end, to @text; false: there is none. */
__attribute__((format(printf, 3, 4))) bool facts_line(char *text, int size, const char *format,
						      ...);

#endif
