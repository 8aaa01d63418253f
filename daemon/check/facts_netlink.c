// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts that only netlink tells: the generic families SMC_GEN_NETLINK (Linux 5.11) and SMC_PNETID
 * (net/smc/smc_netlink.c, smc_pnet.c), and whether smc_diag is there.
 */
#include <linux/smc.h>
#include <linux/smc_diag.h>
#include <linux/sock_diag.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

#include "check/facts.h"

#ifndef AF_SMC
#define AF_SMC 43
#endif

/* Dump @command of the generic family @name; false: the kernel has no such thing. */
static bool dump(const char *name, int version, uint8_t command, nl_recvmsg_msg_cb_t visit,
		 struct facts *facts)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct nl_msg *message = nlmsg_alloc();
	bool done = false;
	int family = -1;

	if (socket && message && genl_connect(socket) >= 0)
		family = genl_ctrl_resolve(socket, name);
	if (family >= 0 && genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_DUMP,
				       command, (uint8_t)version)) {
		nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, visit, facts);
		done = nl_send_auto(socket, message) >= 0 && nl_recvmsgs_default(socket) >= 0;
	}
	nlmsg_free(message);
	nl_socket_free(socket);
	return done;
}

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

static enum facts_answer ask_for_diag(void)
{
	struct smc_diag_req request = { .diag_family = AF_SMC };
	struct nl_sock *socket = nl_socket_alloc();
	enum facts_answer answer = FACTS_UNKNOWN;

	if (socket && nl_connect(socket, NETLINK_SOCK_DIAG) >= 0 &&
	    nl_send_simple(socket, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request)) >= 0)
		answer = nl_recvmsgs_default(socket) >= 0 ? FACTS_YES : FACTS_NO;
	nl_socket_free(socket);
	return answer;
}

void facts_read_netlink(struct facts *facts)
{
	facts->diag = ask_for_diag();
	facts->ueids_known = dump(SMC_GENL_FAMILY_NAME, SMC_GENL_FAMILY_VERSION,
				  SMC_NETLINK_DUMP_UEID, take_ueid, facts);
	facts->smcd.known = dump(SMC_GENL_FAMILY_NAME, SMC_GENL_FAMILY_VERSION,
				 SMC_NETLINK_GET_DEV_SMCD, count_smcd, facts);
	dump(SMCR_GENL_FAMILY_NAME, SMCR_GENL_FAMILY_VERSION, SMC_PNETID_GET, take_pnetid, facts);
}
