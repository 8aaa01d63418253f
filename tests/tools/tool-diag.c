// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SMC sockets by NETLINK_SOCK_DIAG (net/smc/smc_diag.c of the kernel).
 *
 * The kernel only knows a dump of all sockets, so whoever wants to know about
 * many asks once for all.  Linux 6.12 does not list IPPROTO_SMC sockets.
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/smc_diag.h>
#include <linux/sock_diag.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "smc-tool.h"

#ifndef AF_SMC
#define AF_SMC 43
#endif

#define DIAG_BUFFER (64 * 1024)

struct walk {
	void (*visit)(const struct smc_state *state, void *data);
	void *data;
};

static void read_identity(const struct smc_diag_msg *msg, struct smc_state *state)
{
	state->inode = (ino_t)msg->diag_inode;
	state->state = msg->diag_state;
	state->mode = msg->diag_mode;
	state->family = msg->diag_family == AF_INET6 ? AF_INET6 : AF_INET;
	inet_ntop(state->family, msg->id.idiag_src, state->source, sizeof(state->source));
	inet_ntop(state->family, msg->id.idiag_dst, state->destination, sizeof(state->destination));
	state->source_port = ntohs(msg->id.idiag_sport);
	state->destination_port = ntohs(msg->id.idiag_dport);
}

static void read_attributes(struct nlattr **attrs, struct smc_state *state)
{
	const struct nlattr *fallback = attrs[SMC_DIAG_FALLBACK];

	state->link_group = attrs[SMC_DIAG_LGRINFO] || attrs[SMC_DIAG_DMBINFO];
	if (fallback && nla_len(fallback) >= (int)sizeof(struct smc_diag_fallback)) {
		const struct smc_diag_fallback *codes = nla_data(fallback);

		state->reason = codes->reason;
		state->peer_reason = codes->peer_diagnosis;
	}
}

static int on_socket(struct nl_msg *msg, void *data)
{
	struct nlattr *attrs[SMC_DIAG_MAX + 1];
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct walk *walk = data;
	struct smc_state state = { 0 };

	if (nlmsg_parse(header, sizeof(struct smc_diag_msg), attrs, SMC_DIAG_MAX, NULL) < 0)
		return NL_SKIP;
	read_identity(nlmsg_data(header), &state);
	read_attributes(attrs, &state);
	walk->visit(&state, walk->data);
	return NL_OK;
}

static int request_dump(struct nl_sock *sock)
{
	struct smc_diag_req request = {
		.diag_family = AF_SMC,
		.diag_ext = 1 << (SMC_DIAG_LGRINFO - 1) | 1 << (SMC_DIAG_DMBINFO - 1) |
			    1 << (SMC_DIAG_FALLBACK - 1),
	};

	return nl_send_simple(sock, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));
}

/* One socket serves the whole run: `load` asks often. */
static struct nl_sock *diag_socket(void)
{
	static struct nl_sock *sock;

	if (sock)
		return sock;
	sock = nl_socket_alloc();
	if (!sock)
		fail("out of memory");
	nl_socket_set_msg_buf_size(sock, DIAG_BUFFER);
	if (nl_connect(sock, NETLINK_SOCK_DIAG) < 0)
		fail("cannot open a sock_diag socket");
	return sock;
}

int smc_diag_walk(void (*visit)(const struct smc_state *state, void *data), void *data)
{
	struct walk walk = { .visit = visit, .data = data };
	struct nl_sock *sock = diag_socket();
	int error;

	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_socket, &walk);
	error = request_dump(sock);
	if (error >= 0)
		error = nl_recvmsgs_default(sock);
	if (error < 0) {
		fprintf(stderr, "smc-tool: smc_diag: %s (is module smc_diag loaded?)\n",
			nl_geterror(error));
		return -1;
	}
	return 0;
}

struct find {
	ino_t inode;
	struct smc_state *state;
	bool found;
};

static void compare_inode(const struct smc_state *state, void *data)
{
	struct find *find = data;

	if (state->inode != find->inode)
		return;
	*find->state = *state;
	find->found = true;
}

bool smc_diag_find(ino_t inode, struct smc_state *state)
{
	struct find find = { .inode = inode, .state = state };

	return !smc_diag_walk(compare_inode, &find) && find.found;
}

const char *mode_name(enum socket_kind kind, const struct smc_state *state)
{
	if (kind == SOCKET_TCP)
		return "TCP";
	if (!state)
		return "UNKNOWN";
	switch (state->mode) {
	case SMC_DIAG_MODE_SMCR:
		return "SMCR";
	case SMC_DIAG_MODE_SMCD:
		return "SMCD";
	default:
		return "FALLBACK";
	}
}

void print_mode(FILE *out, enum socket_kind kind, const struct smc_state *state)
{
	fprintf(out, "mode=%s reason=0x%08x peer_reason=0x%08x linkgroup=%s",
		mode_name(kind, state), state ? state->reason : 0, state ? state->peer_reason : 0,
		state && state->link_group ? "yes" : "no");
}

static void print_socket(const struct smc_state *state, void *data)
{
	(void)data;
	printf("inode=%lu state=%u ", (unsigned long)state->inode, state->state);
	print_mode(stdout, SOCKET_SMC, state);
	printf(" src=%s sport=%u dst=%s dport=%u\n", state->source, state->source_port,
	       state->destination, state->destination_port);
}

int cmd_diag(int argc, char **argv)
{
	if (argc > 1) {
		bool help = !strcmp(argv[1], "--help");

		fprintf(help ? stdout : stderr,
			"usage: smc-tool diag\n"
			"One line per AF_SMC socket of this network namespace; a listener or an\n"
			"unconnected socket shows mode SMCR, as the kernel says it.\n");
		return help ? EXIT_SUCCESS : EXIT_USAGE;
	}
	return smc_diag_walk(print_socket, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
