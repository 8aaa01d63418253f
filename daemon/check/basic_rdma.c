// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What facts about RDMA devices mean for SMC-R.  Version 1 needs RoCE v1 addresses, version 2 (Linux 5.16)
 * RoCE v2 addresses that are IPv4 ones and a UEID that both ends have (net/smc/smc_ib.c, smc_clc.c).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/basic.h"

#define VERSION_2_SINCE 516 /* Linux 5.16 */
#define FINDS_SOFTWARE_SINCE 612 /* Linux 6.12 finds soft RoCE by its net device */
#define ERDMA_FIRST 65500 /* ports that eRDMA needs for setting up connections */
#define ERDMA_LAST 65515
#define RDMA_HEADERS 96 /* bytes that the RDMA core sets aside of an MTU, include/rdma/ib_addr.h */
#define RDMA_MTU_USUAL 1024 /* of 1,500 bytes */
#define RDMA_MTU_MOST 4096

static bool is_usable(const struct facts_port *port)
{
	return port->ethernet && !strcmp(port->state, "ACTIVE") && port->netdev[0];
}

static unsigned int count_usable(const struct facts *facts)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < facts->n_ports; i++)
		n += is_usable(&facts->ports[i]);
	return n;
}

#define for_each_usable(port, facts)                                                        \
	for ((port) = (facts)->ports; (port) < (facts)->ports + (facts)->n_ports; (port)++) \
		if (is_usable(port))

/* ---- devices ---- */

static void check_devices(const struct facts *facts, struct check_report *report)
{
	if (facts->n_ports)
		return;
	if (facts->smcd.value)
		check_add(
			report, "rdma-device", CHECK_WARNING,
			"install an RDMA NIC, or for tests \"rdma link add rxe0 type rxe netdev eth0\"",
			"there is no RDMA device, only devices for SMC-D: SMC reaches no further than "
			"they do, for the loopback device this host");
	else
		check_add(
			report, "rdma-device", CHECK_PROBLEM,
			"install an RDMA NIC and its driver, or for tests \"rdma link add rxe0 type rxe "
			"netdev eth0\"; in a container see whether \"rdma system\" says exclusive",
			"there is no RDMA device: every SMC connection falls back to TCP");
}

/* A port that SMC cannot use is no problem where another one does. */
static void check_port(const struct facts_port *port, enum check_state bad,
		       struct check_report *report)
{
	char remedy[160];

	if (!port->ethernet) {
		check_add(report, "rdma-device", bad, "use a RoCE device",
			  "%s port %u is InfiniBand, which SMC-R does not use", port->device,
			  port->number);
	} else if (strcmp(port->state, "ACTIVE")) {
		snprintf(remedy, sizeof(remedy),
			 "run \"ip link set %s up\" and check the cable and the switch",
			 port->netdev[0] ? port->netdev : "NETDEV");
		check_add(report, "rdma-port", bad, remedy, "%s port %u is %s: SMC-R cannot use it",
			  port->device, port->number, port->state[0] ? port->state : "in no state");
	} else if (!port->netdev[0]) {
		check_add(
			report, "net-device", bad,
			"move the net device back, or the RDMA device to its network namespace (rdma "
			"dev set)",
			"%s port %u has no net device in this network namespace: SMC-R does not find "
			"it",
			port->device, port->number);
	} else {
		check_add(report, "rdma-device", CHECK_OK, NULL,
			  "%s port %u of net device %s is active", port->device, port->number,
			  port->netdev);
	}
}

static void check_ports(const struct facts *facts, struct check_report *report)
{
	enum check_state bad = count_usable(facts) ? CHECK_WARNING : CHECK_PROBLEM;

	for (unsigned int i = 0; i < facts->n_ports; i++)
		check_port(&facts->ports[i], bad, report);
}

/* ---- addresses ---- */

static void check_gids(const struct facts *facts, const struct facts_port *port,
		       struct check_report *report)
{
	bool version_2 = facts->version >= VERSION_2_SINCE;

	if (version_2 && port->gids_v2_ipv4)
		check_add(report, "gid", CHECK_OK, NULL, "%s has RoCE v2 addresses for IPv4%s",
			  port->device, port->gids_v1 ? ", and RoCE v1 addresses" : "");
	else if (version_2 && !port->gids_v1 && port->gids_v2)
		check_add(
			report, "ipv6-only", CHECK_PROBLEM,
			"give the net device an IPv4 address, and let connections use IPv4",
			"%s (%s) has only IPv6 addresses: SMC-R version 2 works over IPv4 alone, so "
			"every connection falls back to TCP",
			port->device, port->netdev);
	else if (version_2 && port->gids_v1)
		check_add(
			report, "gid", CHECK_WARNING,
			"switch on RoCE v2 (cma_roce_mode) and give the net device an IPv4 address",
			"%s has only RoCE v1 addresses: SMC-R reaches peers of the same subnet only",
			port->device);
	else if (!version_2 && port->gids_v1)
		check_add(report, "gid", CHECK_OK, NULL, "%s has RoCE v1 addresses", port->device);
	else if (!port->gids_v2)
		check_add(report, "gid", CHECK_PROBLEM, "give the net device an IPv4 address",
			  "%s (%s) has no RDMA address: SMC-R cannot use it", port->device,
			  port->netdev);
	else
		check_add(
			report, "gid", CHECK_PROBLEM,
			"boot Linux 5.16 or later, or use a NIC that has RoCE v1",
			"%s has only RoCE v2 addresses, and SMC-R of Linux %s has only version 1, "
			"which needs RoCE v1: every connection falls back to TCP",
			port->device, facts->release);
}

/* ---- UEID ---- */

/* As smc_clc_ueid_add() wants it: letters, digits, "." and "-"; a letter or digit first. */
static bool is_ueid(const char *ueid)
{
	if (!isalnum((unsigned char)*ueid))
		return false;
	for (; *ueid; ueid++)
		if (!isupper((unsigned char)*ueid) && !isdigit((unsigned char)*ueid) &&
		    *ueid != '.' && *ueid != '-')
			return false;
	return true;
}

static bool any_v1(const struct facts *facts)
{
	const struct facts_port *port;

	for_each_usable(port, facts) if (port->gids_v1) return true;
	return false;
}

static void check_ueid(const struct facts *facts, struct check_report *report)
{
	if (!facts->ueids_known || facts->version < VERSION_2_SINCE)
		return;
	for (unsigned int i = 0; i < facts->n_ueids; i++)
		if (!is_ueid(facts->ueids[i])) {
			check_add(
				report, "ueid", CHECK_PROBLEM,
				"take up to 32 of A-Z, 0-9, \".\" and \"-\", a letter or digit first",
				"UEID \"%s\" is not well-formed: peers refuse it", facts->ueids[i]);
			return;
		}
	if (facts->n_ueids)
		check_add(report, "ueid", CHECK_OK, NULL,
			  "%u set, the first is %s; peers need the same", facts->n_ueids,
			  facts->ueids[0]);
	else
		check_add(report, "ueid", any_v1(facts) ? CHECK_WARNING : CHECK_PROBLEM,
			  "run \"smcd ueid add NAME\" (smc-tools) with the same name on all hosts",
			  "no UEID is set: SMC version 2 needs one that both ends have, so %s",
			  any_v1(facts) ? "only version 1 works, within a subnet"
					: "every connection falls back to TCP");
}

/* ---- pnetid ---- */

/* The pnetid of a net device or, if @device, of an RDMA device, or NULL. */
static const char *pnetid_of(const struct facts *facts, const char *name, bool device)
{
	for (unsigned int i = 0; i < facts->n_pnetids; i++) {
		const struct facts_pnetid *pnetid = &facts->pnetids[i];

		if (!strcmp(device ? pnetid->device : pnetid->netdev, name))
			return pnetid->name;
	}
	return NULL;
}

static void check_pnetid(const struct facts *facts, const struct facts_port *port,
			 struct check_report *report)
{
	const char *netdev = pnetid_of(facts, port->netdev, false);
	const char *device = pnetid_of(facts, port->device, true);
	bool same = netdev && device && !strcmp(netdev, device);

	if (same)
		check_add(report, "pnetid", CHECK_OK, NULL, "%s and %s share pnetid %s",
			  port->netdev, port->device, netdev);
	else if (netdev)
		check_add(
			report, "pnetid", CHECK_PROBLEM,
			"give both the same (smc_pnet of smc-tools), or remove it from the net device",
			"%s has pnetid %s and %s %s%s: SMC takes only devices with the pnetid of the "
			"net device, so connections fall back to TCP",
			port->netdev, netdev, port->device, device ? "has " : "has none",
			device ? device : "");
	else if (port->software && facts->version < FINDS_SOFTWARE_SINCE)
		check_add(
			report, "pnetid", CHECK_PROBLEM,
			"give both the same pnetid, for example \"smc_pnet -a NET -I eth0 -D rxe0\"",
			"%s is soft RoCE, which Linux %s finds only by a pnetid that its net device %s "
			"has too",
			port->device, facts->release, port->netdev);
	else
		check_add(report, "pnetid", CHECK_OK, NULL, "%s is found by its net device %s",
			  port->device, port->netdev);
}

/* ---- ports, namespaces, frames ---- */

/* Whether all ports from @first to @last are in @list, "1-5,8", which the kernel keeps sorted. */
static bool are_reserved(const char *list, unsigned long first, unsigned long last)
{
	while (*list && first <= last) {
		char *end;
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (from <= first && to >= first)
			first = to + 1;
		list = *end ? end + 1 : end;
	}
	return first > last;
}

static bool is_erdma(const struct facts_port *port)
{
	return !strncmp(port->driver, "erdma", 5) || !strncmp(port->device, "erdma", 5);
}

static void check_erdma(const struct facts *facts, struct check_report *report)
{
	for (unsigned int i = 0; i < facts->n_ports; i++) {
		if (!is_erdma(&facts->ports[i]))
			continue;
		if (are_reserved(facts->reserved_ports, ERDMA_FIRST, ERDMA_LAST))
			check_add(report, "reserved-ports", CHECK_OK, NULL,
				  "ports 65500 to 65515 are reserved for eRDMA");
		else
			check_add(
				report, "reserved-ports", CHECK_WARNING,
				"add 65500-65515 to net.ipv4.ip_local_reserved_ports",
				"%s is an eRDMA device, and its ports 65500 to 65515 are not reserved: "
				"a program that gets one of them keeps eRDMA from setting up connections",
				facts->ports[i].device);
		return;
	}
}

static void check_namespaces(const struct facts *facts, struct check_report *report)
{
	if (facts->rdma_shared == FACTS_NO)
		check_add(
			report, "rdma-namespaces", CHECK_WARNING,
			"run \"rdma system set netns shared\" while there are no other network "
			"namespaces, or ib_core.netns_mode=1 at boot",
			"RDMA devices belong to one network namespace each: SMC sockets in the others "
			"fall back to TCP");
	else if (facts->rdma_shared == FACTS_YES)
		check_add(report, "rdma-namespaces", CHECK_OK, NULL,
			  "RDMA devices are shared by all network namespaces");
}

/* Bytes of data in an RDMA packet: a power of two from 256 to 4096. */
static unsigned int rdma_mtu(uint64_t mtu)
{
	unsigned int size = RDMA_MTU_MOST;

	while (size > 256 && size + RDMA_HEADERS > mtu)
		size /= 2;
	return size;
}

static void check_frames(const struct facts *facts, struct check_report *report)
{
	const struct facts_port *port, *least = NULL, *most = NULL;

	for_each_usable(port, facts)
	{
		if (!port->mtu.known)
			continue;
		if (!least || port->mtu.value < least->mtu.value)
			least = port;
		if (!most || port->mtu.value > most->mtu.value)
			most = port;
	}
	if (!least)
		return;
	if (rdma_mtu(least->mtu.value) < RDMA_MTU_USUAL)
		check_add(report, "mtu", CHECK_WARNING,
			  "raise it to 1500, or to 9000 on all hosts and switches",
			  "%s has an MTU of %llu: RDMA packets carry only %u bytes", least->netdev,
			  (unsigned long long)least->mtu.value, rdma_mtu(least->mtu.value));
	else if (least->mtu.value != most->mtu.value)
		check_add(
			report, "mtu", CHECK_WARNING, "give all the same MTU",
			"%s has an MTU of %llu and %s one of %llu: when a link fails over, packets of "
			"the other's size may get lost",
			least->netdev, (unsigned long long)least->mtu.value, most->netdev,
			(unsigned long long)most->mtu.value);
	else
		check_add(
			report, "mtu", CHECK_OK, NULL, "MTU %llu: RDMA packets carry %u bytes%s",
			(unsigned long long)least->mtu.value, rdma_mtu(least->mtu.value),
			rdma_mtu(least->mtu.value) < RDMA_MTU_MOST
				? "; with jumbo frames (9000) on all hosts and switches it would be 4096"
				: ", as jumbo frames allow; all hosts and switches must have them");
}

void check_rdma(const struct facts *facts, struct check_report *report)
{
	const struct facts_port *port;

	check_devices(facts, report);
	check_ports(facts, report);
	for_each_usable(port, facts)
	{
		check_gids(facts, port, report);
		check_pnetid(facts, port, report);
	}
	check_ueid(facts, report);
	check_erdma(facts, report);
	check_namespaces(facts, report);
	check_frames(facts, report);
}
