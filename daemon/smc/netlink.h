/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What SMC tells by netlink: NETLINK_SOCK_DIAG for AF_SMC (net/smc/smc_diag.c), and generic netlink
 * (net/smc/smc_netlink.c, smc_pnet.c).  All of it is about the network namespace that this thread is in.
 */
#ifndef SMC_POLICY_NETLINK_H
#define SMC_POLICY_NETLINK_H

#include <linux/smc_diag.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>
#include <stdint.h>

#ifndef AF_SMC
#define AF_SMC 43 /* include/linux/socket.h */
#endif

/*
 * All calls return 0 or a negative errno: -ENOENT if the kernel has nobody who answers (SMC or smc_diag is not
 * loaded), -EOPNOTSUPP if it does not know the command, -EPERM without CAP_NET_ADMIN where it is needed.
 */

/*
 * Call @visit with @arg for the message of each SMC socket, with the attributes @wanted: a bit 1 << (n - 1)
 * for SMC_DIAG_n.  The kernel knows a dump of all of them only.  @visit returns NL_OK, or NL_STOP to end it.
 */
int netlink_dump_sockets(uint8_t wanted, nl_recvmsg_msg_cb_t visit, void *arg);

/* Why the socket fell back, of its parsed attributes; NULL: nothing is said about it. */
const struct smc_diag_fallback *netlink_fallback(struct nlattr *const *attributes);

/* Call @visit with @arg for each message that @command of the generic family @name in @version dumps. */
int netlink_dump(const char *name, uint8_t version, uint8_t command, nl_recvmsg_msg_cb_t visit,
		 void *arg);

/* Have @command of that family done, with @text as its one attribute @attribute. */
int netlink_do(const char *name, uint8_t version, uint8_t command, int attribute, const char *text);

#endif
