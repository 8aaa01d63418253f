// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/sock_diag.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "smc/netlink.h"

#define BUFFER (64 * 1024)

/* libnl's error as errno, as far as these calls give them. */
static int to_errno(int error)
{
	if (error >= 0)
		return 0;
	switch (-error) {
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_RANGE:
		return -ERANGE;
	case NLE_INVAL:
		return -EINVAL;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* Receive what the request that returned @rc brings. */
static int receive(struct nl_sock *sock, int rc, nl_recvmsg_msg_cb_t visit, void *arg)
{
	if (rc < 0)
		return to_errno(rc);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, visit, arg);
	return to_errno(nl_recvmsgs_default(sock));
}

/* ---- sockets ---- */

int netlink_dump_sockets(uint8_t wanted, nl_recvmsg_msg_cb_t visit, void *arg)
{
	struct smc_diag_req request = { .diag_family = AF_SMC, .diag_ext = wanted };
	struct nl_sock *sock = nl_socket_alloc();
	int rc = sock ? nl_connect(sock, NETLINK_SOCK_DIAG) : -NLE_NOMEM;

	if (rc >= 0) {
		nl_socket_set_msg_buf_size(sock, BUFFER);
		rc = nl_send_simple(sock, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request,
				    sizeof(request));
	}
	rc = receive(sock, rc, visit, arg);
	nl_socket_free(sock);
	return rc;
}

const struct smc_diag_fallback *netlink_fallback(struct nlattr *const *attributes)
{
	const struct nlattr *fallback = attributes[SMC_DIAG_FALLBACK];

	return fallback && nla_len(fallback) >= (int)sizeof(struct smc_diag_fallback)
		       ? nla_data(fallback)
		       : NULL;
}

/* ---- generic netlink ---- */

/* A socket to the family @name, whose number goes into @family.  NULL and @rc, a negative errno. */
static struct nl_sock *open_family(const char *name, int *family, int *rc)
{
	struct nl_sock *sock = nl_socket_alloc();

	*rc = sock ? to_errno(genl_connect(sock)) : -ENOMEM;
	if (!*rc) {
		*family = genl_ctrl_resolve(sock, name);
		*rc = *family < 0 ? -ENOENT : 0;
	}
	if (!*rc)
		return sock;
	nl_socket_free(sock);
	return NULL;
}

static struct nl_msg *new_message(int family, int flags, uint8_t command, uint8_t version)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, command, version))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

int netlink_dump(const char *name, uint8_t version, uint8_t command, nl_recvmsg_msg_cb_t visit,
		 void *arg)
{
	struct nl_msg *msg;
	int family, rc;
	struct nl_sock *sock = open_family(name, &family, &rc);

	if (!sock)
		return rc;
	msg = new_message(family, NLM_F_DUMP, command, version);
	rc = receive(sock, msg ? nl_send_auto(sock, msg) : -NLE_NOMEM, visit, arg);
	nlmsg_free(msg);
	nl_socket_free(sock);
	return rc;
}

int netlink_do(const char *name, uint8_t version, uint8_t command, int attribute, const char *text)
{
	struct nl_msg *msg;
	int family, rc;
	struct nl_sock *sock = open_family(name, &family, &rc);

	if (!sock)
		return rc;
	msg = new_message(family, 0, command, version);
	if (!msg || nla_put_string(msg, attribute, text) < 0) {
		nlmsg_free(msg);
		rc = -ENOMEM;
	} else {
		rc = to_errno(nl_send_sync(sock, msg)); /* frees it */
	}
	nl_socket_free(sock);
	return rc;
}
