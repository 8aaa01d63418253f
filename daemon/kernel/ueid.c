// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/smc.h>
#include <stdio.h>
#include <string.h>

#include <netlink/genl/genl.h>

#include "kernel/ueid.h"
#include "smc/netlink.h"

/* As the kernel has it: padded with blanks. */
static void pad(const char *ueid, char padded[SMC_MAX_EID_LEN + 1])
{
	snprintf(padded, SMC_MAX_EID_LEN + 1, "%-*s", SMC_MAX_EID_LEN, ueid);
}

static int change(uint8_t command, const char *ueid)
{
	char padded[SMC_MAX_EID_LEN + 1];

	pad(ueid, padded);
	return netlink_do(SMC_GENL_FAMILY_NAME, SMC_GENL_FAMILY_VERSION, command,
			  SMC_NLA_EID_TABLE_ENTRY, padded);
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
	int rc;

	pad(ueid, search.padded);
	rc = netlink_dump(SMC_GENL_FAMILY_NAME, SMC_GENL_FAMILY_VERSION, SMC_NETLINK_DUMP_UEID,
			  compare, &search);
	*there = search.found;
	return rc;
}
