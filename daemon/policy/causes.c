// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of causes.  Long because it says of each code what to do, and the table is its one home.
 *
 * Numbers, names and when a code is given: net/smc/smc_clc.h, af_smc.c, smc_clc.c and smc_core.c of
 * Linux 7.3, of 5.10 for those that later kernels dropped, and of Anolis OS's 5.10 for those that only
 * Alibaba's kernels have.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/causes.h"

#define CODE_PREFIX "SMC_CLC_DECL_"
#define ERRNO_MAX 4095 /* MAX_ERRNO, include/linux/err.h */

/* clang-format off */

#define ERRNO(number, word_, place_) \
	.code = (uint32_t)-(number), .name = #number, .word = word_, \
	.origin = CAUSE_ERRNO, .place = place_

/* What more than one cause asks for. */
#define SEE_DEVICES { "See which RDMA devices SMC has, and on which net devices they are", "smcr device" }
#define SEE_LINKS { "See which RDMA devices there are, and their state", "rdma link show" }
#define SEE_ISM { "See which SMC-D devices there are", "smcd device" }
#define SAME_PNETID \
	{ "Give the net device a PNET ID", "smc_pnet -a PNETID -I NETDEV" }, \
	{ "Give the RDMA device the same", "smc_pnet -a PNETID -D RDMADEV" }
#define SEE_UEID { "Give both hosts the same UEID", "smcr ueid add UEID" }
#define SEE_BREAKER { "See whether the breaker keeps SMC off this path by now", "smc-ebpf auto show PREFIX" }
#define SEE_PEER { "See what the other end gives as its reason", "smc-ebpf connections --peer IP" }
#define SEE_LOG { "See what the kernel says of the device", "dmesg" }
#define SEE_PATH { "Try the path with and without the option", "smc-ebpf check syn HOST:PORT" }
#define LESS_MEMORY \
	{ "Make the buffers of new connections smaller", "sysctl net.smc.wmem=65536 net.smc.rmem=65536" }
#define FEWER \
	{ "Limit SMC by max-connections or max-memory, in [budget] or of a rule", "smc-ebpf status" }
#define SAME_KERNELS { "Compare the kernels of both hosts, and update the older one", "uname -r" }

const struct cause causes[] = {
	/* ---- found by smc-policy ---- */
	{
		.word = CAUSE_POLICY, .origin = CAUSE_OURS, .place = CAUSE_THIS_END,
		.text = "The policy of this host gave the verdict tcp, so this host left the SMC option out.",
		.likely = {
			"a deny rule matches, or no rule does and the default is deny",
			"an auto rule has learned that such connections do not pay",
			"a limit, the breaker, the memory of peers or the cool-down overrides the rule",
		},
		.remedies = {
			{ "See which rule decides, and what would change its verdict",
			  "smc-ebpf explain --side SIDE --peer IP --port PORT" },
			{ "Allow the service",
			  "smc-ebpf policy add NAME --side SIDE --peer IP --port PORT" },
		},
	},
	{
		.word = CAUSE_PEER_POLICY, .origin = CAUSE_OURS, .place = CAUSE_OTHER_END,
		.text = "The peer speaks SMC elsewhere, but left the SMC option out for this connection.",
		.likely = {
			"a policy on the peer says tcp for this service",
			"the program at the peer has no SMC socket for this service",
			"something between the ends took the option out",
		},
		.remedies = {
			{ "If the peer runs smc-policy, ask there, with the opposite side",
			  "smc-ebpf explain --side SIDE --peer IP --port PORT" },
			SEE_PATH,
		},
	},
	{
		.word = CAUSE_UNKNOWN, .origin = CAUSE_OURS, .place = CAUSE_BOTH_ENDS,
		.text = "The kernel or the peer gave a code that this version of smc-policy does not know.",
		.likely = {
			"the kernel is newer than this version, or has codes of its vendor",
			"the peer is no Linux host and has codes of its own",
		},
		.remedies = {
			{ "Look for the code in net/smc/smc_clc.h of that kernel's source", NULL },
		},
	},

	/* ---- memory ---- */
	{
		.code = 0x01010000, .name = "MEM", .word = "memory",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "There was no memory for the buffers or the control data of the connection.",
		.likely = {
			"free memory is scarce, or too fragmented for contiguous buffers",
			"there are very many SMC connections, or their buffers are large",
			"the device or the limit of locked memory allows no more",
		},
		.remedies = {
			FEWER,
			LESS_MEMORY,
			{ "Let buffers of SMC-R be virtually contiguous", "sysctl net.smc.smcr_buf_type=2" },
			{ "Compact memory", "sysctl vm.compact_memory=1" },
		},
	},

	/* ---- time-outs ---- */
	{
		.code = 0x02010000, .name = "TIMEOUT_CL", .word = "clc-timeout",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_PATH,
		.text = "The first RDMA link was set up, but the message that confirms it did not come over RDMA.",
		.likely = {
			"RDMA packets do not get through: UDP port 4791 is filtered, or a switch drops RoCE",
			"the MTU of the RDMA path is smaller than that of the devices",
			"the other end is overloaded",
			"the RDMA driver cannot do what SMC needs",
		},
		.remedies = {
			{ "Try RDMA between the hosts without SMC", "rping -c -a IP -v" },
			{ "Let RoCE v2 through the firewalls between the hosts", "nft list ruleset" },
			SEE_LINKS,
			SEE_BREAKER,
		},
	},
	{
		.code = 0x02020000, .name = "TIMEOUT_AL", .word = "clc-timeout",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_PATH,
		.text = "The message that adds a second RDMA link did not come over RDMA.",
		.likely = {
			"RDMA packets do not get through on the second path",
			"the other end is overloaded",
		},
		.remedies = {
			{ "See the links of each link group", "smcr -d linkgroup link-show" },
			{ "Do without a second link", "sysctl net.smc.smcr_max_links_per_lgr=1" },
			SEE_BREAKER,
		},
	},

	/* ---- configuration, devices ---- */
	{
		.code = 0x03000000, .name = "CNFERR", .word = "configuration",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The configuration of this end does not allow the connection.",
		.likely = {
			"the VLAN of the net device could not be given up at the SMC-D device",
			"the local address has no IP prefix that could be sent to the peer",
		},
		.remedies = {
			{ "See the addresses and prefixes of the net device", "ip address show" },
			SEE_ISM,
			SEE_LOG,
		},
	},
	{
		.code = 0x03010000, .name = "PEERNOSMC", .word = "peer",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_OTHER_END,
		.text = "The SYN or the SYN-ACK of the other end came without the SMC option, or this end's own "
			"was left out; both ends see the same code.",
		.likely = {
			"the program at the other end has no SMC socket, or that host has no SMC",
			"the policy of either host says tcp",
			"something between the ends takes the option out",
			"SYN cookies are in use, which have no room for the option",
			"the listener limits SMC handshakes because too many are under way",
		},
		.remedies = {
			{ "See what the policy of this host says",
			  "smc-ebpf explain --side SIDE --peer IP --port PORT" },
			{ "See the SMC sockets of the other host", "smcss -a" },
			SEE_PATH,
			{ "See whether SYN cookies are always on (2)", "sysctl net.ipv4.tcp_syncookies" },
			{ "See whether they were needed", "nstat -az TcpExtSyncookiesSent" },
			{ "See whether the listener's host limits handshakes", "sysctl net.smc.limit_smc_hs" },
		},
	},
	{
		.code = 0x03020000, .name = "IPSEC", .word = "ipsec",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "IPsec protects the connection; SMC would bypass it.",
		.likely = { "an IPsec policy covers the addresses of the connection" },
		.remedies = {
			{ "See the IPsec policies", "ip xfrm policy" },
			{ "Leave such peers out, so that no handshake is wasted",
			  "smc-ebpf policy add NAME --peers PREFIX --action deny" },
		},
	},
	{
		.code = 0x03030000, .name = "NOSMCDEV", .word = "no-device",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "This end found no device, neither for SMC-R nor for SMC-D, that fits the connection.",
		.likely = {
			"there is no RDMA device, or its port is down",
			"the RDMA device does not belong to the net device, and no PNET ID ties them together",
			"the device has only RoCE v2 addresses, and no UEID is set or the peer has another one",
			"the connection uses IPv6 and the device only RoCE v2, which needs IPv4",
			"the RDMA device is in another network namespace",
		},
		.remedies = {
			SEE_LINKS,
			SEE_DEVICES,
			SAME_PNETID,
			SEE_UEID,
			{ "Try with software RDMA", "rdma link add rxe0 type rxe netdev NETDEV" },
			{ "See whether namespaces share RDMA devices", "rdma system show" },
		},
	},
	{
		.code = 0x03030001, .name = "NOSMCDDEV", .word = "no-smcd-device",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The peer offers only SMC-D, and this end found no SMC-D device that reaches the peer.",
		.likely = {
			"there is no ISM device, or it has another PNET ID",
			"the hosts are not on the same machine",
			"the kernel is built without the loopback device of SMC-D",
		},
		.remedies = {
			SEE_ISM,
			{ "Let the peer offer SMC-R as well: see its RDMA devices", "smcr device" },
		},
	},
	{
		.code = 0x03030002, .name = "NOSMCRDEV", .word = "no-device",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "This end found no RDMA device that fits the connection.",
		.likely = {
			"the port of the RDMA device is down",
			"the RDMA device does not belong to the net device, and no PNET ID ties them together",
			"the device has no RoCE address (GID) for the local IP address",
		},
		.remedies = {
			SEE_LINKS,
			SEE_DEVICES,
			SAME_PNETID,
		},
	},
	{
		.code = 0x03030003, .name = "NOISM2SUPP", .word = "no-ismv2",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The peer offers SMC-D version 2, and no device of this end can do that.",
		.likely = { "the ISM devices of this host know only version 1, or there are none" },
		.remedies = {
			{ "See which versions this host can do", "smcd info" },
			SEE_ISM,
		},
	},

	/* ---- what the ends told each other ---- */
	{
		.code = 0x03030004, .name = "NOV2EXT", .word = "version",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_OTHER_END,
		.text = "The peer offers SMC version 2, but its proposal lacks the part for version 2.",
		.likely = { "the kernel of the peer has a fault, or something between the ends changed the proposal" },
		.remedies = { SAME_KERNELS },
	},
	{
		.code = 0x03030005, .name = "NOV2DEXT", .word = "version",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_OTHER_END,
		.text = "The peer offers SMC-D version 2, but its proposal lacks the part for it.",
		.likely = { "the kernel of the peer has a fault, or something between the ends changed the proposal" },
		.remedies = { SAME_KERNELS },
	},
	{
		.code = 0x03030006, .name = "NOSEID", .word = "seid",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_OTHER_END,
		.text = "The peer sent no system EID (SEID); later kernels give ueid instead.",
		.likely = { "the peer's machine has no SEID, or it is disabled there" },
		.remedies = {
			{ "See the SEID of the peer", "smcd seid show" },
			{ "Enable it at the peer", "smcd seid enable" },
		},
	},
	{
		.code = 0x03030007, .name = "NOSMCD2DEV", .word = "no-smcd-device",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "None of the SMC-D devices that the peer offers reaches a device of this end.",
		.likely = {
			"the hosts are not on the same machine, or their ISM devices are on different networks (CHID)",
			"the devices have different PNET IDs",
		},
		.remedies = {
			SEE_ISM,
			{ "Let both hosts offer SMC-R as well: see their RDMA devices", "smcr device" },
		},
	},
	{
		.code = 0x03030008, .name = "NOUEID", .word = "ueid",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_OTHER_END,
		.text = "The peer sent no user-defined EID (UEID), and version 2 of SMC needs a common one.",
		.likely = {
			"no UEID is set at the peer",
			"for SMC-D: its system EID is disabled as well, or does not exist outside IBM Z",
		},
		.remedies = {
			{ "See the UEIDs of both hosts", "smcr ueid show" },
			SEE_UEID,
		},
	},
	{
		.code = 0x03030009, .name = "RELEASEERR", .word = "release",
		.origin = CAUSE_DIFFERS, .place = CAUSE_BOTH_ENDS,
		.text = "The ends did not agree on a release of SMC version 2.",
		.differs = "Upstream's kernels since SMC version 2.1, and vendors' kernels that took it over: the "
			   "client confirmed another release than the server had chosen. Kernels older than that "
			   "do not have the code; one that gives it has it from its vendor, who may mean something "
			   "else: see net/smc/smc_clc.h of that kernel.",
		.likely = {
			"the kernel of one end has a fault in what it says of its release",
			"the kernels of the two ends come from different vendors",
		},
		.remedies = {
			SAME_KERNELS,
			{ "See the version and release of each host", "smcr info" },
		},
	},
	{
		.code = 0x0303000a, .name = "MAXCONNERR", .word = "link-limits",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_BOTH_ENDS,
		.text = "The ends did not agree on how many connections a link group may have.",
		.likely = { "the limit of one end is below 16, the least that SMC allows" },
		.remedies = {
			{ "Set the limit on both hosts", "sysctl net.smc.smcr_max_conns_per_lgr=255" },
			SAME_KERNELS,
		},
	},
	{
		.code = 0x0303000b, .name = "MAXLINKERR", .word = "link-limits",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_BOTH_ENDS,
		.text = "The ends did not agree on how many links a link group may have.",
		.likely = { "the limit of one end is outside of what the other allows, 1 or 2" },
		.remedies = {
			{ "Set the limit on both hosts", "sysctl net.smc.smcr_max_links_per_lgr=2" },
			SAME_KERNELS,
		},
	},
	{
		.code = 0x0303000c, .name = "VENDORERR", .word = "vendor-options",
		.origin = CAUSE_ALIBABA, .place = CAUSE_BOTH_ENDS,
		.text = "The ends did not agree on the options of Alibaba's own, such as flow control by credits.",
		.likely = { "the hosts run different releases of Alibaba's kernel" },
		.remedies = { SAME_KERNELS },
	},
	{
		.code = 0x03040000, .name = "MODEUNSUPP", .word = "mode",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_BOTH_ENDS,
		.text = "The server chose SMC-R or SMC-D, and the client had not offered it.",
		.likely = { "the kernel of the server has a fault, or something between the ends changed the proposal" },
		.remedies = {
			{ "See which devices each host has", "smcr device; smcd device" },
			SAME_KERNELS,
		},
	},
	{
		.code = 0x03050000, .name = "RMBE_EC", .word = "eyecatcher",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_OTHER_END,
		.text = "The peer starts its receive buffers with a mark (eyecatcher), which Linux does not support.",
		.likely = { "the peer is no Linux host" },
		.remedies = {
			{ "Keep such peers on TCP", "smc-ebpf policy add NAME --peers PREFIX --action deny" },
		},
	},
	{
		.code = 0x03060000, .name = "OPTUNSUPP", .word = "socket-option",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The program uses something that an SMC socket cannot do.",
		.likely = {
			"the program uses TCP Fast Open: MSG_FASTOPEN or one of the options TCP_FASTOPEN*",
		},
		.remedies = {
			{ "Switch TCP Fast Open off in the program's own configuration", NULL },
			{ "See which options it sets", "strace -f -e trace=setsockopt,sendto COMMAND" },
			{ "Keep the service on TCP, so that no handshake is wasted",
			  "smc-ebpf policy add NAME --port PORT --action deny" },
		},
	},
	{
		.code = 0x03070000, .name = "DIFFPREFIX", .word = "subnet",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_BOTH_ENDS,
		.text = "The ends are in different IP subnets, which version 1 of SMC cannot cross.",
		.likely = {
			"the hosts are in different subnets, or one has another prefix length",
			"version 2 of SMC, which can be routed, was not possible: no common UEID, or an old kernel",
			"the connection uses IPv6, for which SMC-R has version 1 only",
		},
		.remedies = {
			{ "Compare addresses and prefix lengths", "ip address show" },
			SEE_UEID,
		},
	},
	{
		.code = 0x03080000, .name = "GETVLANERR", .word = "vlan",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The VLAN of the net device could not be found out.",
		.likely = {
			"the net device went away during the handshake",
			"the net device is stacked in a way that SMC does not follow",
		},
		.remedies = { { "See how the net device is stacked", "ip -d link show NETDEV" } },
	},
	{
		.code = 0x03090000, .name = "ISMVLANERR", .word = "vlan",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The VLAN of the net device could not be registered at the SMC-D device.",
		.likely = { "the ISM device does not take this VLAN" },
		.remedies = { SEE_ISM, SEE_LOG },
	},
	{
		.code = 0x030a0000, .name = "NOACTLINK", .word = "link-down",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The link group has no link that is active.",
		.likely = {
			"the port of the RDMA device went down",
			"the link group is just being set up or ended",
		},
		.remedies = {
			{ "See the links of each link group", "smcr -d linkgroup link-show" },
			SEE_LINKS,
		},
	},
	{
		.code = 0x030b0000, .name = "NOSRVLINK", .word = "server-link",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_BOTH_ENDS,
		.text = "The server chose a link of the link group that the client does not have.",
		.likely = { "a link went down at one end only, and the other has not noticed yet" },
		.remedies = {
			{ "See the links of each link group, on both hosts", "smcr -d linkgroup link-show" },
		},
	},
	{
		.code = 0x030c0000, .name = "VERSMISMAT", .word = "version",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_BOTH_ENDS,
		.text = "The ends do not have a version of SMC in common.",
		.likely = { "one end has only version 1, the other only version 2" },
		.remedies = {
			{ "See the version of each host", "smcr info" },
			SAME_KERNELS,
		},
	},
	{
		.code = 0x030d0000, .name = "MAX_DMB", .word = "dmb-limit",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The SMC-D device has no receive buffer (DMB) left.",
		.likely = { "there are as many SMC-D connections as the device can have" },
		.remedies = { SEE_ISM, FEWER },
	},
	{
		.code = 0x030e0000, .name = "NOROUTE", .word = "route",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "This end has no route to the RoCE v2 address of the peer.",
		.likely = {
			"the peer's RDMA device has an address in another network than its TCP address",
			"a route or a neighbour entry is missing",
		},
		.remedies = {
			{ "See the route to the address of the peer's RDMA device", "ip route get IP" },
			SEE_DEVICES,
		},
	},
	{
		.code = 0x030f0000, .name = "NOINDIRECT", .word = "route",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_BOTH_ENDS,
		.text = "The peer says that a gateway lies between the ends, and this end reaches it directly.",
		.likely = { "the two hosts have different routes or prefix lengths for each other" },
		.remedies = {
			{ "Compare the routes on both hosts", "ip route get IP" },
		},
	},

	/* ---- the course of the handshake ---- */
	{
		.code = 0x04000000, .name = "SYNCERR", .word = "out-of-sync",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_BOTH_ENDS,
		.text = "The server wanted to use a link group that the client no longer has.",
		.likely = {
			"one end ended the link group, and the other has not noticed yet",
			"one host was rebooted or its SMC module was loaded anew",
		},
		.remedies = {
			{ "Wait: the link group is given up, and the next connection makes a new one", NULL },
			{ "See the link groups of both hosts", "smcr linkgroup" },
		},
	},
	{
		.code = 0x05000000, .name = "PEERDECL", .word = "peer-declined",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_OTHER_END,
		.text = "The peer declined SMC during the handshake, with a code of its own.",
		.likely = { "what the peer's own code says" },
		.remedies = {
			SEE_PEER,
			{ "Explain the code of the peer", "smc-ebpf explain CODE" },
		},
	},
	{
		.code = 0x09990000, .name = "INTERR", .word = "internal",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The kernel could not set up the link group, for a reason that it does not tell.",
		.likely = {
			"the RDMA device refused a queue pair, a completion queue or a memory region",
			"the RDMA device has run out of resources",
		},
		.remedies = {
			SEE_LOG,
			{ "See what the RDMA device has in use", "rdma resource show" },
			FEWER,
		},
	},
	{
		.code = 0x09990001, .name = "ERR_RTOK", .word = "remote-buffer",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The receive buffer that the peer named could not be added to the link group.",
		.likely = { "the link group has as many receive buffers as it can have" },
		.remedies = {
			{ "Let a link group have fewer connections",
			  "sysctl net.smc.smcr_max_conns_per_lgr=64" },
			{ "See the link groups", "smcr linkgroup" },
		},
	},
	{
		.code = 0x09990002, .name = "ERR_RDYLNK", .word = "link-setup",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "The queue pair of the RDMA link could not be made ready.",
		.likely = {
			"the port of the RDMA device went down, or its address changed",
			"the RDMA driver refused the values that were negotiated",
		},
		.remedies = { SEE_LINKS, SEE_LOG },
	},
	{
		.code = 0x09990003, .name = "ERR_REGBUF", .other_name = "ERR_REGRMB", .word = "buffer-registration",
		.origin = CAUSE_UPSTREAM, .place = CAUSE_THIS_END,
		.text = "A buffer of the connection could not be registered at the RDMA device.",
		.likely = {
			"the RDMA device has no memory region left",
			"the device or the limit of locked memory allows no more",
		},
		.remedies = {
			{ "See what the RDMA device has in use", "rdma resource show" },
			FEWER,
			LESS_MEMORY,
			SEE_LOG,
		},
	},
	{
		.code = 0x09990004, .name = "CREDITSERR", .word = "credits",
		.origin = CAUSE_ALIBABA, .place = CAUSE_THIS_END,
		.text = "The credits of the flow control on the RDMA link could not be announced.",
		.likely = { "the RDMA link broke during the handshake" },
		.remedies = { SEE_LINKS, SEE_LOG },
	},

	/* ---- errnos ---- */
	{
		ERRNO(ETIMEDOUT, "clc-timeout", CAUSE_PATH),
		.text = "A message of the handshake over TCP did not come in time (6 s).",
		.likely = {
			"the peer echoes the SMC option without speaking SMC",
			"a middlebox drops what it takes for data of an unknown protocol",
			"the other end is overloaded",
		},
		.remedies = { SEE_PATH, SEE_BREAKER },
	},
	{
		ERRNO(EAGAIN, "clc-timeout", CAUSE_PATH),
		.text = "A message of the handshake over TCP did not come in time (6 s).",
		.likely = {
			"the peer echoes the SMC option without speaking SMC",
			"a middlebox drops what it takes for data of an unknown protocol",
			"the other end is overloaded",
		},
		.remedies = { SEE_PATH, SEE_BREAKER },
	},
	{
		ERRNO(EPROTO, "clc-garbled", CAUSE_PATH),
		.text = "What came in the handshake was no message of SMC.",
		.likely = {
			"the peer echoes the SMC option without speaking SMC, and sent its own data",
			"a middlebox changes or answers the data",
		},
		.remedies = { SEE_PATH, SEE_BREAKER },
	},
	{
		ERRNO(ECONNRESET, "clc-reset", CAUSE_OTHER_END),
		.text = "The TCP connection was reset or closed during the handshake.",
		.likely = {
			"the peer echoes the SMC option without speaking SMC, and closed on what it got",
			"a middlebox resets the connection",
			"the program at the peer ended",
		},
		.remedies = { SEE_PATH, SEE_BREAKER },
	},
	{
		ERRNO(EPIPE, "clc-reset", CAUSE_OTHER_END),
		.text = "The TCP connection was closed before this end could send its message of the handshake.",
		.likely = { "the program at the peer ended", "a middlebox resets the connection" },
		.remedies = { SEE_PATH, SEE_BREAKER },
	},
	{
		ERRNO(EINTR, "interrupted", CAUSE_THIS_END),
		.text = "A signal interrupted the program during the handshake.",
		.likely = { "the program was stopped or gave up waiting" },
		.remedies = { { "Look at the log of the program", NULL } },
	},
	{
		ERRNO(ENOMEM, "memory", CAUSE_THIS_END),
		.text = "There was no memory for the handshake.",
		.likely = { "free memory is scarce, or there are very many SMC connections" },
		.remedies = { FEWER, LESS_MEMORY },
	},
	{
		.word = "errno", .origin = CAUSE_ERRNO, .place = CAUSE_THIS_END,
		.text = "The handshake ended with an error of the kernel.",
		.likely = { "what the error says" },
		.remedies = { SEE_LOG, SEE_BREAKER },
	},
};
/* clang-format on */

const size_t causes_n = sizeof(causes) / sizeof(*causes);

/* ---- numbers ---- */

static bool is_errno(uint32_t code)
{
	return code >= (uint32_t)-ERRNO_MAX;
}

const struct cause *cause_by_code(uint32_t code)
{
	const struct cause *cause;

	cause_for_each(cause)
		if (code && cause->code == code)
			return cause;
	/* The last one is true of any errno. */
	return is_errno(code) ? &causes[causes_n - 1] : NULL;
}

const char *cause_word(uint32_t code)
{
	const struct cause *cause = cause_by_code(code);

	return cause ? cause->word : CAUSE_UNKNOWN;
}

void cause_format_code(uint32_t code, char *text)
{
	snprintf(text, CAUSE_CODE_SIZE, "0x%08x", code);
}

/* ---- text ---- */

/* Read "EPROTO" or "-EPROTO". */
static int read_errno_name(const char *text, uint32_t *code)
{
	text += *text == '-';
	for (int number = 1; number <= ERRNO_MAX; number++) {
		const char *name = strerrorname_np(number);

		if (!name || strcasecmp(name, text))
			continue;
		*code = (uint32_t)-number;
		return 0;
	}
	return -EINVAL;
}

/* Read the digits of @base that @text consists of. */
static int read_digits(const char *text, int base, unsigned long most, unsigned long *number)
{
	const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";

	if (!*text || text[strspn(text, digits)] || strlen(text) > 16)
		return -EINVAL;
	*number = strtoul(text, NULL, base);
	return *number && *number <= most ? 0 : -EINVAL;
}

int cause_read_code(const char *text, uint32_t *code)
{
	unsigned long number;
	bool hex = !strncasecmp(text, "0x", 2);

	if (*text == '-' && !read_digits(text + 1, 10, ERRNO_MAX, &number))
		number = -number;
	/* Without 0x as long as a code is: words such as "mode" and "dead" have hexadecimal digits too. */
	else if ((!hex && strlen(text) < 7) || read_digits(text + 2 * hex, 16, UINT32_MAX, &number))
		return read_errno_name(text, code);
	*code = (uint32_t)number;
	return 0;
}

static bool has_name(const struct cause *cause, const char *text)
{
	if (!strncasecmp(text, CODE_PREFIX, strlen(CODE_PREFIX)))
		text += strlen(CODE_PREFIX);
	return (cause->name && !strcasecmp(cause->name, text)) ||
	       (cause->other_name && !strcasecmp(cause->other_name, text));
}

const struct cause *cause_by_text(const char *text)
{
	const struct cause *cause;
	uint32_t code;

	cause_for_each(cause)
		if (!strcasecmp(cause->word, text))
			return cause;
	cause_for_each(cause)
		if (has_name(cause, text))
			return cause;
	return cause_read_code(text, &code) ? NULL : cause_by_code(code);
}
