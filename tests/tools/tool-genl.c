// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The generic netlink families of module smc: SMC_GEN_NETLINK (Linux 5.11 and
 * later) for link groups, counters and UEIDs, SMC_PNETID for the pnet table.
 */
#include <getopt.h>
#include <linux/smc.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "smc-tool.h"

struct family {
	struct nl_sock *sock;
	int id;
	int version;
};

static struct family open_family(const char *name, int version)
{
	struct family family = { .sock = nl_socket_alloc(), .version = version };

	if (!family.sock || genl_connect(family.sock) < 0)
		fail("cannot open a generic netlink socket");
	family.id = genl_ctrl_resolve(family.sock, name);
	if (family.id < 0)
		fail("this kernel has no netlink family %s: load module smc%s", name,
		     strcmp(name, SMC_GENL_FAMILY_NAME) ? "" : " (Linux 5.11 or later)");
	return family;
}

static struct nl_msg *new_message(const struct family *family, int flags, uint8_t command)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family->id, 0, flags, command,
				 (uint8_t)family->version))
		fail("out of memory");
	return msg;
}

/* Sends a change and waits for the kernel's answer; consumes @msg. */
static int change(const struct family *family, struct nl_msg *msg, const char *what)
{
	int error = nl_send_sync(family->sock, msg);

	if (error < 0) {
		fprintf(stderr, "smc-tool: %s: %s\n", what, nl_geterror(error));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int dump_with(uint8_t command, nl_recvmsg_msg_cb_t visit, void *data)
{
	struct family family = open_family(SMC_GENL_FAMILY_NAME, SMC_GENL_FAMILY_VERSION);
	struct nl_msg *msg = new_message(&family, NLM_F_DUMP, command);
	int error;

	nl_socket_modify_cb(family.sock, NL_CB_VALID, NL_CB_CUSTOM, visit, data);
	error = nl_send_auto(family.sock, msg);
	nlmsg_free(msg);
	if (error >= 0)
		error = nl_recvmsgs_default(family.sock);
	nl_socket_free(family.sock);
	if (error < 0)
		fail("dump of command %u: %s", command, nl_geterror(error));
	return EXIT_SUCCESS;
}

static int dump(uint8_t command, nl_recvmsg_msg_cb_t print)
{
	return dump_with(command, print, NULL);
}

/* Attributes of the nest @type in a message of SMC_GEN_NETLINK; false if it is not there. */
static bool parse_nest(struct nl_msg *msg, int type, struct nlattr **attrs, int max)
{
	struct nlattr *top[SMC_GEN_MAX + 1];

	if (genlmsg_parse(nlmsg_hdr(msg), 0, top, SMC_GEN_MAX, NULL) < 0 || !top[type])
		return false;
	return nla_parse_nested(attrs, max, top[type], NULL) >= 0;
}

static uint32_t u32_or_zero(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static unsigned int u8_or_zero(struct nlattr *attr)
{
	return attr ? nla_get_u8(attr) : 0;
}

static const char *string_or_dash(struct nlattr *attr)
{
	return attr && nla_len(attr) > 1 ? nla_get_string(attr) : "-";
}

struct eid {
	char text[SMC_MAX_EID_LEN + 1];
};

/* EIDs come padded with blanks. */
static const char *eid_text(struct nlattr *attr, struct eid *eid)
{
	if (!attr)
		return "-";
	nla_strlcpy(eid->text, attr, sizeof(eid->text));
	eid->text[strcspn(eid->text, " ")] = '\0';
	return eid->text;
}

static int print_link_group(struct nl_msg *msg, void *data)
{
	struct nlattr *attrs[SMC_NLA_LGR_R_MAX + 1];
	struct nlattr *v2[SMC_NLA_LGR_V2_MAX + 1] = { 0 };
	struct eid eid;

	(void)data;
	if (!parse_nest(msg, SMC_GEN_LGR_SMCR, attrs, SMC_NLA_LGR_R_MAX))
		return NL_SKIP;
	if (attrs[SMC_NLA_LGR_R_V2_COMMON])
		nla_parse_nested(v2, SMC_NLA_LGR_V2_MAX, attrs[SMC_NLA_LGR_R_V2_COMMON], NULL);
	/* Role as enum smc_lgr_role of the kernel: 0 client, 1 server. */
	printf("id=0x%08x role=%s type=%u connections=%u version=%u pnetid=%s ueid=%s\n",
	       u32_or_zero(attrs[SMC_NLA_LGR_R_ID]),
	       u8_or_zero(attrs[SMC_NLA_LGR_R_ROLE]) ? "server" : "client",
	       u8_or_zero(attrs[SMC_NLA_LGR_R_TYPE]), u32_or_zero(attrs[SMC_NLA_LGR_R_CONNS_NUM]),
	       u8_or_zero(v2[SMC_NLA_LGR_V2_VER]), string_or_dash(attrs[SMC_NLA_LGR_R_PNETID]),
	       eid_text(v2[SMC_NLA_LGR_V2_NEG_EID], &eid));
	return NL_OK;
}

/* One message per side and reason; the totals of both sides come with the first one. */
static int print_fallback(struct nl_msg *msg, void *data)
{
	struct nlattr *attrs[SMC_NLA_FBACK_STATS_MAX + 1];

	(void)data;
	if (!parse_nest(msg, SMC_GEN_FBACK_STATS, attrs, SMC_NLA_FBACK_STATS_MAX))
		return NL_SKIP;
	if (attrs[SMC_NLA_FBACK_STATS_SRV_CNT] && attrs[SMC_NLA_FBACK_STATS_CLNT_CNT])
		printf("total_server=%llu total_client=%llu\n",
		       (unsigned long long)nla_get_u64(attrs[SMC_NLA_FBACK_STATS_SRV_CNT]),
		       (unsigned long long)nla_get_u64(attrs[SMC_NLA_FBACK_STATS_CLNT_CNT]));
	if (attrs[SMC_NLA_FBACK_STATS_RSN_CODE] && attrs[SMC_NLA_FBACK_STATS_RSN_CNT])
		printf("side=%s reason=0x%08x count=%u\n",
		       u8_or_zero(attrs[SMC_NLA_FBACK_STATS_TYPE]) ? "server" : "client",
		       nla_get_u32(attrs[SMC_NLA_FBACK_STATS_RSN_CODE]),
		       nla_get_u16(attrs[SMC_NLA_FBACK_STATS_RSN_CNT]));
	return NL_OK;
}

static uint64_t u64_or_zero(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

/* Handshakes of SMC-R or SMC-D. */
static void add_handshakes(struct nlattr *tech, struct handshake_stats *stats)
{
	struct nlattr *attrs[SMC_NLA_STATS_T_MAX + 1];

	if (!tech || nla_parse_nested(attrs, SMC_NLA_STATS_T_MAX, tech, NULL) < 0)
		return;
	stats->client += u64_or_zero(attrs[SMC_NLA_STATS_T_CLNT_V1_SUCC]) +
			 u64_or_zero(attrs[SMC_NLA_STATS_T_CLNT_V2_SUCC]);
	stats->server += u64_or_zero(attrs[SMC_NLA_STATS_T_SRV_V1_SUCC]) +
			 u64_or_zero(attrs[SMC_NLA_STATS_T_SRV_V2_SUCC]);
}

static int read_handshakes(struct nl_msg *msg, void *data)
{
	struct nlattr *attrs[SMC_NLA_STATS_MAX + 1];
	struct handshake_stats *stats = data;

	if (!parse_nest(msg, SMC_GEN_STATS, attrs, SMC_NLA_STATS_MAX))
		return NL_SKIP;
	add_handshakes(attrs[SMC_NLA_STATS_SMCR_TECH], stats);
	add_handshakes(attrs[SMC_NLA_STATS_SMCD_TECH], stats);
	stats->client_errors += u64_or_zero(attrs[SMC_NLA_STATS_CLNT_HS_ERR_CNT]);
	stats->server_errors += u64_or_zero(attrs[SMC_NLA_STATS_SRV_HS_ERR_CNT]);
	return NL_OK;
}

void handshake_stats_read(struct handshake_stats *stats)
{
	*stats = (struct handshake_stats){ 0 };
	dump_with(SMC_NETLINK_GET_STATS, read_handshakes, stats);
}

static int print_ueid(struct nl_msg *msg, void *data)
{
	struct nlattr *attrs[SMC_NLA_EID_TABLE_MAX + 1];
	struct eid eid;

	(void)data;
	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, SMC_NLA_EID_TABLE_MAX, NULL) < 0 ||
	    !attrs[SMC_NLA_EID_TABLE_ENTRY])
		return NL_SKIP;
	printf("ueid=%s\n", eid_text(attrs[SMC_NLA_EID_TABLE_ENTRY], &eid));
	return NL_OK;
}

/* Subcommands without options: --help or nothing. */
static void no_options(int argc, char **argv, const char *what)
{
	if (argc == 1)
		return;
	if (strcmp(argv[1], "--help"))
		usage_error("%s takes no arguments", argv[0]);
	printf("usage: smc-tool %s\n%s\n", argv[0], what);
	exit(EXIT_SUCCESS);
}

int cmd_linkgroups(int argc, char **argv)
{
	no_options(argc, argv, "One line per SMC-R link group of this host.");
	return dump(SMC_NETLINK_GET_LGR_SMCR, print_link_group);
}

int cmd_fallback_stats(int argc, char **argv)
{
	no_options(argc, argv, "One line of totals, then one per side and reason.");
	return dump(SMC_NETLINK_GET_FBACK_STATS, print_fallback);
}

int cmd_handshake_stats(int argc, char **argv)
{
	struct handshake_stats stats;

	no_options(argc, argv,
		   "One line: how many ended with SMC, and how many broke a connection.");
	handshake_stats_read(&stats);
	printf("client=%llu server=%llu client_errors=%llu server_errors=%llu\n",
	       (unsigned long long)stats.client, (unsigned long long)stats.server,
	       (unsigned long long)stats.client_errors, (unsigned long long)stats.server_errors);
	return EXIT_SUCCESS;
}

static int change_ueid(uint8_t command, const char *name)
{
	struct family family = open_family(SMC_GENL_FAMILY_NAME, SMC_GENL_FAMILY_VERSION);
	struct nl_msg *msg = new_message(&family, 0, command);
	char padded[SMC_MAX_EID_LEN + 1];

	if (strlen(name) > SMC_MAX_EID_LEN)
		usage_error("a UEID has at most %d characters", SMC_MAX_EID_LEN);
	/* The kernel takes nothing but all 32 characters. */
	snprintf(padded, sizeof(padded), "%-*s", SMC_MAX_EID_LEN, name);
	if (nla_put_string(msg, SMC_NLA_EID_TABLE_ENTRY, padded) < 0)
		fail("out of memory");
	return change(&family, msg, "ueid");
}

int cmd_ueid(int argc, char **argv)
{
	static const char usage[] = "usage: smc-tool ueid add NAME | del NAME | list";

	if (argc == 3 && !strcmp(argv[1], "add"))
		return change_ueid(SMC_NETLINK_ADD_UEID, argv[2]);
	if (argc == 3 && !strcmp(argv[1], "del"))
		return change_ueid(SMC_NETLINK_REMOVE_UEID, argv[2]);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return dump(SMC_NETLINK_DUMP_UEID, print_ueid);
	if (argc != 2 || strcmp(argv[1], "--help"))
		usage_error("%s", usage);
	puts(usage);
	return EXIT_SUCCESS;
}

static int add_pnetid(const char *name, const char *eth, const char *ib, unsigned long port)
{
	struct family family = open_family(SMCR_GENL_FAMILY_NAME, SMCR_GENL_FAMILY_VERSION);
	struct nl_msg *msg = new_message(&family, 0, SMC_PNETID_ADD);

	if (nla_put_string(msg, SMC_PNETID_NAME, name) < 0 ||
	    (eth && nla_put_string(msg, SMC_PNETID_ETHNAME, eth) < 0) ||
	    (ib && (nla_put_string(msg, SMC_PNETID_IBNAME, ib) < 0 ||
		    nla_put_u8(msg, SMC_PNETID_IBPORT, (uint8_t)port) < 0)))
		fail("out of memory");
	return change(&family, msg, "pnetid add");
}

static int flush_pnetids(void)
{
	struct family family = open_family(SMCR_GENL_FAMILY_NAME, SMCR_GENL_FAMILY_VERSION);

	return change(&family, new_message(&family, 0, SMC_PNETID_FLUSH), "pnetid flush");
}

int cmd_pnetid(int argc, char **argv)
{
	static const char usage[] = "usage: smc-tool pnetid add NAME [--eth IF] [--ib DEVICE "
				    "[--port N]] | flush";
	static const struct option options[] = {
		{ "eth", required_argument, NULL, 'e' },
		{ "ib", required_argument, NULL, 'i' },
		{ "port", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *eth = NULL, *ib = NULL;
	unsigned long port = 1;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'e')
			eth = optarg;
		else if (option == 'i')
			ib = optarg;
		else if (option == 'p')
			port = parse_number("port", optarg, UINT8_MAX);
		else if (option == 'h')
			return puts(usage) < 0;
		else
			return EXIT_USAGE;
	}
	if (argc - optind == 2 && !strcmp(argv[optind], "add") && (eth || ib))
		return add_pnetid(argv[optind + 1], eth, ib, port);
	if (argc - optind == 1 && !strcmp(argv[optind], "flush"))
		return flush_pnetids();
	usage_error("%s", usage);
}
