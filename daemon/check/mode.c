// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smc_diag knows only a dump of all AF_SMC sockets of a network namespace (net/smc/smc_diag.c): one's own
 * is found by its inode.
 */
#include <errno.h>
#include <linux/smc_diag.h>
#include <netlink/msg.h>
#include <sys/stat.h>

#include "check/mode.h"
#include "smc/netlink.h"

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
	fallback = netlink_fallback(attributes);
	if (!fallback)
		return NL_OK;
	search->mode.code = fallback->reason;
	search->mode.peer_code = fallback->peer_diagnosis;
	return NL_OK;
}

struct mode mode_of(int fd)
{
	struct search search = { 0 };
	struct stat stat;

	if (fstat(fd, &stat))
		return search.mode;
	search.inode = stat.st_ino;
	netlink_dump_sockets(1 << (SMC_DIAG_FALLBACK - 1), take_socket, &search);
	return search.mode;
}

int mode_socket(sa_family_t family, bool smc)
{
	int protocol = smc ? (family == AF_INET6 ? PROTOCOL_SMC6 : PROTOCOL_SMC) : 0;
	int fd = socket(smc ? AF_SMC : family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -errno : fd;
}
