// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/smc.h>
#include <stdio.h>
#include <string.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "kernel/ueid.h"

/* libnl's error as errno, as far as these calls give them. */
static int to_errno(int error)
{
	switch (-error) {
	case NLE_SUCCESS:
		return 0;
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

/* A socket to SMC's family, whose number goes into @family.  NULL and @rc. */
static struct nl_sock *open_family(int *family, int *rc)
{
	struct nl_sock *sock = nl_socket_alloc();

	*rc = sock ? to_errno(genl_connect(sock)) : -ENOMEM;
	if (!*rc) {
		*family = genl_ctrl_resolve(sock, SMC_GENL_FAMILY_NAME);
		*rc = *family < 0 ? -ENOENT : 0;
	}
	if (!*rc)
		return sock;
	nl_socket_free(sock);
	return NULL;
}

static struct nl_msg *new_message(int family, int flags, uint8_t command)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, command,
			       SMC_GENL_FAMILY_VERSION))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* As the kernel has it: padded with blanks. */
static void pad(const char *ueid, char padded[SMC_MAX_EID_LEN + 1])
{
	snprintf(padded, SMC_MAX_EID_LEN + 1, "%-*s", SMC_MAX_EID_LEN, ueid);
}

static int change(uint8_t command, const char *ueid)
{
	char padded[SMC_MAX_EID_LEN + 1];
	struct nl_sock *sock;
	struct nl_msg *msg;
	int family, rc;

	sock = open_family(&family, &rc);
	if (!sock)
		return rc;
	pad(ueid, padded);
	msg = new_message(family, 0, command);
	if (!msg || nla_put_string(msg, SMC_NLA_EID_TABLE_ENTRY, padded) < 0) {
		nlmsg_free(msg);
		rc = -ENOMEM;
	} else {
		rc = to_errno(nl_send_sync(sock, msg)); /* frees it */
	}
	nl_socket_free(sock);
	return rc;
}

int ueid_add(const char *ueid)
{
	return change(SMC_NETLINK_ADD_UEID, ueid);
}

int ueid_remove(const char *ueid)
{
	return change(SMC_NETLINK_REMOVE_UEID, ueid);
}

struct search {
	char padded[SMC_MAX_EID_LEN + 1];
	bool found;
};

static int compare(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[SMC_NLA_EID_TABLE_MAX + 1];
	struct search *search = arg;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, SMC_NLA_EID_TABLE_MAX, NULL) < 0 ||
	    !attrs[SMC_NLA_EID_TABLE_ENTRY] ||
	    nla_len(attrs[SMC_NLA_EID_TABLE_ENTRY]) < SMC_MAX_EID_LEN)
		return NL_SKIP;
	search->found |=
		!memcmp(nla_data(attrs[SMC_NLA_EID_TABLE_ENTRY]), search->padded, SMC_MAX_EID_LEN);
	return NL_OK;
}

int ueid_find(const char *ueid, bool *there)
{
	struct search search = { .found = false };
	struct nl_sock *sock;
	struct nl_msg *msg;
	int family, rc;

	*there = false;
	sock = open_family(&family, &rc);
	if (!sock)
		return rc;
	pad(ueid, search.padded);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, compare, &search);
	msg = new_message(family, NLM_F_DUMP, SMC_NETLINK_DUMP_UEID);
	rc = msg ? nl_send_auto(sock, msg) : -NLE_NOMEM;
	nlmsg_free(msg);
	if (rc >= 0)
		rc = nl_recvmsgs_default(sock);
	nl_socket_free(sock);
	*there = search.found;
	return rc < 0 ? to_errno(rc) : 0;
}
