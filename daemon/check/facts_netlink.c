// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts that only netlink tells: the generic families SMC_GEN_NETLINK (Linux 5.11) and SMC_PNETID
 * (net/smc/smc_netlink.c, smc_pnet.c), and whether smc_diag is there.
 */
#include <errno.h>
#include <linux/smc.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <string.h>

#include "check/facts.h"
#include "smc/netlink.h"

/* ---- UEIDs and SMC-D devices ---- */

static int take_ueid(struct nl_msg *message, void *data)
{
	struct nlattr *attributes[SMC_NLA_EID_TABLE_MAX + 1];
	struct facts *facts = data;
	char *ueid;

	if (facts->n_ueids == FACTS_UEIDS_MAX ||
	    genlmsg_parse(nlmsg_hdr(message), 0, attributes, SMC_NLA_EID_TABLE_MAX, NULL) < 0 ||
	    !attributes[SMC_NLA_EID_TABLE_ENTRY])
		return NL_SKIP;
	ueid = facts->ueids[facts->n_ueids++];
	nla_strlcpy(ueid, attributes[SMC_NLA_EID_TABLE_ENTRY], FACTS_UEID_SIZE);
	for (size_t end = strlen(ueid); end && ueid[end - 1] == ' '; end--)
		ueid[end - 1] = '\0';
	return NL_OK;
}

static int count_smcd(struct nl_msg *message, void *data)
{
	struct facts *facts = data;

	(void)message;
	facts->smcd.value++;
	return NL_OK;
}

/* ---- pnetids ---- */

/* The text of @attribute to @text; "n/a" is how the kernel writes that there is none. */
static void take_name(const struct nlattr *attribute, char *text)
{
	text[0] = '\0';
	if (attribute)
		nla_strlcpy(text, attribute, FACTS_NAME_SIZE);
	if (!strcmp(text, "n/a"))
		text[0] = '\0';
}

static int take_pnetid(struct nl_msg *message, void *data)
{
	struct nlattr *attributes[SMC_PNETID_MAX + 1];
	struct facts *facts = data;
	struct facts_pnetid *pnetid = &facts->pnetids[facts->n_pnetids];

	if (facts->n_pnetids == FACTS_PNETIDS_MAX ||
	    genlmsg_parse(nlmsg_hdr(message), 0, attributes, SMC_PNETID_MAX, NULL) < 0)
		return NL_SKIP;
	facts->n_pnetids++;
	take_name(attributes[SMC_PNETID_NAME], pnetid->name);
	take_name(attributes[SMC_PNETID_ETHNAME], pnetid->netdev);
	take_name(attributes[SMC_PNETID_IBNAME], pnetid->device);
	return NL_OK;
}

/* ---- smc_diag ---- */

static int ignore(struct nl_msg *message, void *data)
{
	(void)message;
	(void)data;
	return NL_OK;
}

static enum facts_answer ask_for_diag(void)
{
	int rc = netlink_dump_sockets(0, ignore, NULL);

	return !rc ? FACTS_YES : rc == -ENOENT ? FACTS_NO : FACTS_UNKNOWN;
}

void facts_read_netlink(struct facts *facts)
{
	facts->diag = ask_for_diag();
	facts->ueids_known = !netlink_dump(SMC_GENL_FAMILY_NAME, SMC_GENL_FAMILY_VERSION,
					   SMC_NETLINK_DUMP_UEID, take_ueid, facts);
	facts->smcd.known = !netlink_dump(SMC_GENL_FAMILY_NAME, SMC_GENL_FAMILY_VERSION,
					  SMC_NETLINK_GET_DEV_SMCD, count_smcd, facts);
	netlink_dump(SMCR_GENL_FAMILY_NAME, SMCR_GENL_FAMILY_VERSION, SMC_PNETID_GET, take_pnetid,
		     facts);
}
