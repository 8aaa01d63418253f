// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * NETLINK_SOCK_DIAG for family AF_SMC (net/smc/smc_diag.c).  On 6.12 it has no IPPROTO_SMC sockets, and on
 * later kernels has them without addresses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/smc_diag.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "kernel/smc_diag.h"
#include "smc/netlink.h"

/* enum smc_state, net/smc/smc.h */
#define SMC_LISTENS 10

/*
 * @from as the kernel has it: of an AF_SMC socket it does not say whether it runs over IPv4 or IPv6
 * (diag_family is AF_SMC).  An IPv4 address is in the first word and becomes ::ffff:a.b.c.d.
 */
static void read_address(const __be32 from[4], uint8_t to[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!from[0] || from[1] || from[2] || from[3]) {
		memcpy(to, from, 16);
		return;
	}
	memcpy(to, mapped, sizeof(mapped));
	memcpy(to + sizeof(mapped), from, 4);
}

static void read_attributes(struct nlattr *const *attrs, struct listing_smc *smc)
{
	const struct nlattr *group = attrs[SMC_DIAG_LGRINFO];
	const struct smc_diag_fallback *fallback = netlink_fallback(attrs);

	if (group && nla_len(group) >= (int)sizeof(struct smc_diag_lgrinfo)) {
		const struct smc_diag_lgrinfo *info = nla_data(group);

		snprintf(smc->device, sizeof(smc->device), "%.*s", (int)sizeof(info->lnk[0].ibname),
			 info->lnk[0].ibname);
	}
	if (!fallback)
		return;
	smc->code = fallback->reason;
	smc->peer_code = fallback->peer_diagnosis;
}

static uint8_t mode_of(uint8_t mode)
{
	switch (mode) {
	case SMC_DIAG_MODE_SMCR:
		return SMC_POLICY_MODE_R;
	case SMC_DIAG_MODE_SMCD:
		return SMC_POLICY_MODE_D;
	default:
		return SMC_POLICY_MODE_TCP;
	}
}

static int on_socket(struct nl_msg *message, void *arg)
{
	struct nlattr *attrs[SMC_DIAG_MAX + 1];
	struct nlmsghdr *header = nlmsg_hdr(message);
	const struct smc_diag_msg *said = nlmsg_data(header);
	struct smc_diag *diag = arg;
	struct listing_smc *smc;

	if (nlmsg_parse(header, sizeof(*said), attrs, SMC_DIAG_MAX, NULL) < 0 ||
	    said->diag_state == SMC_LISTENS || !said->id.idiag_dport)
		return NL_SKIP;
	if (array_grow(diag->items, diag->n, diag->room)) {
		diag->error = -ENOMEM;
		return NL_STOP;
	}
	smc = &diag->items[diag->n++];
	*smc = (struct listing_smc){
		.local_port = ntohs(said->id.idiag_sport),
		.peer_port = ntohs(said->id.idiag_dport),
		.state = said->diag_state,
		.mode = mode_of(said->diag_mode),
		.uid = said->diag_uid,
		.inode = said->diag_inode,
	};
	read_address(said->id.idiag_src, smc->local);
	read_address(said->id.idiag_dst, smc->peer);
	read_attributes(attrs, smc);
	return NL_OK;
}

int smc_diag_read(struct smc_diag *diag)
{
	int rc = netlink_dump_sockets(1 << (SMC_DIAG_LGRINFO - 1) | 1 << (SMC_DIAG_FALLBACK - 1),
				      on_socket, diag);

	return diag->error ? diag->error : rc;
}
