// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smc_diag knows only a dump of all AF_SMC sockets of a network namespace (net/smc/smc_diag.c): one's own
 * is found by its inode.
 */
#include <errno.h>
#include <linux/smc_diag.h>
#include <linux/sock_diag.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/stat.h>

#include "check/mode.h"

#define PROTOCOL_SMC 0 /* SMCPROTO_SMC, SMCPROTO_SMC6 of net/smc/smc.h */
#define PROTOCOL_SMC6 1

struct search {
	ino_t inode;
	struct mode mode;
};

static const char *mode_word(uint8_t mode)
{
	switch (mode) {
	case SMC_DIAG_MODE_SMCR:
		return "smc-r";
	case SMC_DIAG_MODE_SMCD:
		return "smc-d";
	default:
		return "tcp";
	}
}

static int take_socket(struct nl_msg *message, void *data)
{
	struct nlattr *attributes[SMC_DIAG_MAX + 1];
	struct nlmsghdr *header = nlmsg_hdr(message);
	const struct smc_diag_msg *socket = nlmsg_data(header);
	const struct smc_diag_fallback *fallback;
	struct search *search = data;

	if (nlmsg_parse(header, sizeof(*socket), attributes, SMC_DIAG_MAX, NULL) < 0 ||
	    socket->diag_inode != search->inode)
		return NL_SKIP;
	search->mode.word = mode_word(socket->diag_mode);
	if (!attributes[SMC_DIAG_FALLBACK] ||
	    nla_len(attributes[SMC_DIAG_FALLBACK]) < (int)sizeof(*fallback))
		return NL_OK;
	fallback = nla_data(attributes[SMC_DIAG_FALLBACK]);
	search->mode.code = fallback->reason;
	search->mode.peer_code = fallback->peer_diagnosis;
	return NL_OK;
}

struct mode mode_of(int fd)
{
	struct smc_diag_req request = {
		.diag_family = MODE_SMC,
		.diag_ext = 1 << (SMC_DIAG_FALLBACK - 1),
	};
	struct nl_sock *socket = nl_socket_alloc();
	struct search search = { 0 };
	struct stat stat;

	if (socket && !fstat(fd, &stat) && nl_connect(socket, NETLINK_SOCK_DIAG) >= 0) {
		search.inode = stat.st_ino;
		nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take_socket, &search);
		if (nl_send_simple(socket, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request,
				   sizeof(request)) >= 0)
			nl_recvmsgs_default(socket);
	}
	nl_socket_free(socket);
	return search.mode;
}

int mode_socket(sa_family_t family, bool smc)
{
	int protocol = smc ? (family == AF_INET6 ? PROTOCOL_SMC6 : PROTOCOL_SMC) : 0;
	int fd = socket(smc ? MODE_SMC : family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -errno : fd;
}
