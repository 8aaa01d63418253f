// SPDX-License-Identifier: GPL-2.0-or-later
/* What facts about kernel, modules, sysctls and memory mean for SMC. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check/basic.h"
#include "smc_policy_hook.h"

#define WMEM_USUAL 65536 /* default of net.smc.wmem and rmem, net/smc/smc_core.h: 64 KiB */
#define LINKS_USUAL 2 /* of net.smc.smcr_max_links_per_lgr */
#define CONNECTIONS_FEW 64 /* of net.smc.smcr_max_conns_per_lgr, 255 by default */
#define BUFFERS_CONTIGUOUS 0 /* net.smc.smcr_buf_type; 1: virtual, 2: mixed */
#define FASTOPEN_ALL_LISTENERS 0x400 /* net.ipv4.tcp_fastopen, ip-sysctl.rst of the kernel */
#define OUR_CONTROLLERS "smc_policy_"

static void check_kernel(const struct facts *facts, struct check_report *report)
{
	if (facts->smc == FACTS_SMC_LOADED)
		check_add(report, "kernel", CHECK_OK, NULL, "Linux %s with SMC", facts->release);
	else if (facts->smc == FACTS_SMC_LOADABLE)
		check_add(report, "kernel", CHECK_WARNING, "run \"modprobe smc\" and check again",
			  "Linux %s has SMC, but it is not loaded: it is with the first SMC "
			  "socket, and neither UEID nor pnetid can be set before; most other "
			  "things are not checked",
			  facts->release);
	else
		check_add(report, "kernel", CHECK_PROBLEM,
			  "boot a kernel that has it, Linux 5.10 or later with CONFIG_SMC",
			  "Linux %s has no SMC: no program can open an SMC socket, and nothing "
			  "else is checked",
			  facts->release);
}

/* OFED replaces the kernel's RDMA; a module smc fits only the one that it was built for. */
static void check_ofed(const struct facts *facts, struct check_report *report)
{
	bool own = !facts->smc_file[0] || !strncmp(facts->smc_file, "kernel/", strlen("kernel/"));
	const char *remedy =
		"if dmesg says that symbols of smc are unknown or disagree, install an smc "
		"that was built for this OFED, or use the kernel's own RDMA modules";

	if (!own)
		check_add(
			report, "smc-module", CHECK_WARNING, remedy,
			"modprobe takes module smc from %s, not the kernel's own: it may lack SMC's "
			"newer versions or not load at all",
			facts->smc_file);
	else if (facts->ofed && facts->smc != FACTS_SMC_LOADED)
		check_add(report, "smc-module", CHECK_PROBLEM, remedy,
			  "RDMA is that of OFED (module mlx_compat), and SMC is not loaded: the "
			  "kernel's module smc does not fit OFED's RDMA");
	else
		check_add(report, "smc-module", CHECK_OK, NULL, "SMC is the kernel's own");
}

static void check_diag(const struct facts *facts, struct check_report *report)
{
	if (facts->diag == FACTS_YES)
		check_add(report, "smc-diag", CHECK_OK, NULL, "smc_diag lists SMC sockets");
	else if (facts->diag == FACTS_NO)
		check_add(report, "smc-diag", CHECK_WARNING, "run \"modprobe smc_diag\"",
			  "smc_diag is missing: nobody can see which mode SMC sockets have and why "
			  "they fell back");
}

/* ---- what enforces ---- */

static void check_controller(const struct facts *facts, struct check_report *report)
{
	if (!strncmp(facts->hs_ctrl, OUR_CONTROLLERS, strlen(OUR_CONTROLLERS)))
		check_add(report, "hook", CHECK_OK, NULL, "backend native: net.smc.hs_ctrl is %s",
			  facts->hs_ctrl);
	else if (facts->hs_ctrl[0])
		check_add(report, "hook", CHECK_PROBLEM,
			  "clear it (sysctl -w net.smc.hs_ctrl=) and restart smc-policyd, or set "
			  "[daemon] take-over = yes",
			  "net.smc.hs_ctrl is %s, which is not smc-policy's: that program decides "
			  "about SMC in this network namespace",
			  facts->hs_ctrl);
	else
		check_add(
			report, "hook", CHECK_WARNING, "run \"systemctl start smc-policyd\"",
			"net.smc.hs_ctrl is empty: every SMC socket of this network namespace uses "
			"SMC, whatever the policy says");
}

static void check_module(const struct facts *facts, struct check_report *report)
{
	if (!facts->hook_abi.known)
		check_add(
			report, "hook", CHECK_WARNING,
			"run \"modprobe smc_policy\" and restart smc-policyd",
			"this kernel has no smc_hs_ctrl, and module smc_policy is not loaded: every "
			"SMC socket uses SMC, whatever the policy says");
	else if (facts->hook_abi.value != SMC_POLICY_HOOK_ABI)
		check_add(
			report, "hook", CHECK_PROBLEM,
			"install the module of this release, then \"rmmod smc_policy\", \"modprobe "
			"smc_policy\" and restart smc-policyd",
			"module smc_policy is another release's: the policy is not enforced");
	else if (!facts->hooked && facts->smc == FACTS_SMC_LOADED)
		check_add(
			report, "hook", CHECK_WARNING, "run \"systemctl restart smc-policyd\"",
			"module smc_policy is loaded, but no program decides: every SMC socket uses "
			"SMC, whatever the policy says");
	else
		check_add(report, "hook", CHECK_OK, NULL,
			  "backend kmod: module smc_policy is loaded");
}

static void check_hook(const struct facts *facts, struct check_report *report)
{
	if (facts->has_hs_ctrl)
		check_controller(facts, report);
	else
		check_module(facts, report);
}

/* ---- buffers ---- */

static uint64_t largest_buffer(const struct facts *facts)
{
	return facts->wmem.value > facts->rmem.value ? facts->wmem.value : facts->rmem.value;
}

static void check_buffers(const struct facts *facts, struct check_report *report)
{
	const struct facts_number *wmem = &facts->wmem, *rmem = &facts->rmem;

	if (!wmem->known || !rmem->known) /* before 5.18 */
		return;
	if (wmem->value < WMEM_USUAL || rmem->value < WMEM_USUAL)
		check_add(
			report, "buffers", CHECK_WARNING,
			"run \"sysctl -w net.smc.wmem=65536 net.smc.rmem=65536\", or more",
			"net.smc.wmem is %llu and net.smc.rmem %llu bytes, less than the 64 KiB that "
			"are usual: a sender of larger messages waits for its receiver",
			(unsigned long long)wmem->value, (unsigned long long)rmem->value);
	else
		check_add(report, "buffers", CHECK_OK, NULL,
			  "each SMC connection takes %llu KiB to send and %llu KiB to receive",
			  (unsigned long long)wmem->value / 1024,
			  (unsigned long long)rmem->value / 1024);
}

/* Blocks of 2^@order pages that can be had, larger ones cut. */
static uint64_t blocks_of(const struct facts *facts, unsigned int order)
{
	uint64_t blocks = 0;

	for (unsigned int i = order; i < facts->n_orders; i++)
		blocks += facts->free_blocks[i] << (i - order);
	return blocks;
}

static void check_memory(const struct facts *facts, struct check_report *report)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), buffer = largest_buffer(facts), blocks;
	unsigned int order = 0;

	if (!facts->buffer_type.known || !facts->n_orders || !buffer)
		return;
	if (facts->buffer_type.value != BUFFERS_CONTIGUOUS) {
		check_add(report, "contiguous-memory", CHECK_OK, NULL,
			  "buffers need no contiguous memory (net.smc.smcr_buf_type is %llu)",
			  (unsigned long long)facts->buffer_type.value);
		return;
	}
	while (page << order < buffer && order < FACTS_ORDERS - 1)
		order++;
	blocks = blocks_of(facts, order);
	if (blocks)
		check_add(report, "contiguous-memory", CHECK_OK, NULL,
			  "there is room for %llu more contiguous buffers of %llu KiB",
			  (unsigned long long)blocks, (unsigned long long)buffer / 1024);
	else
		check_add(
			report, "contiguous-memory", CHECK_WARNING,
			"run \"sysctl -w net.smc.smcr_buf_type=2\", so that pieces do, or set smaller "
			"net.smc.wmem and net.smc.rmem",
			"no contiguous %llu KiB are free for a buffer: new connections get smaller "
			"ones or fall back to TCP",
			(unsigned long long)buffer / 1024);
}

/* ---- limits and TCP ---- */

static void check_limits(const struct facts *facts, struct check_report *report)
{
	if (facts->links.known && facts->links.value < LINKS_USUAL)
		check_add(
			report, "links", CHECK_WARNING,
			"run \"sysctl -w net.smc.smcr_max_links_per_lgr=2\"",
			"a link group has one link (net.smc.smcr_max_links_per_lgr): its connections "
			"break when the RDMA port fails");
	else if (facts->connections.known && facts->connections.value < CONNECTIONS_FEW)
		check_add(
			report, "links", CHECK_WARNING,
			"run \"sysctl -w net.smc.smcr_max_conns_per_lgr=255\"",
			"a link group takes %llu connections (net.smc.smcr_max_conns_per_lgr): each "
			"further one pays for setting up a link group",
			(unsigned long long)facts->connections.value);
	else if (facts->links.known)
		check_add(report, "links", CHECK_OK, NULL, "a link group can have %llu links",
			  (unsigned long long)facts->links.value);
}

static void check_handshakes(const struct facts *facts, struct check_report *report)
{
	if (!facts->limit_handshakes.known)
		return;
	if (facts->limit_handshakes.value)
		check_add(
			report, "handshake-limit", CHECK_WARNING,
			"run \"sysctl -w net.smc.limit_smc_hs=0\", and limit the rate by max-rate of "
			"rules instead",
			"net.smc.limit_smc_hs is 1: when connections come fast, the kernel makes them "
			"TCP by itself, whatever the policy says");
	else
		check_add(report, "handshake-limit", CHECK_OK, NULL,
			  "the kernel limits no handshakes by itself");
}

static void check_tcp(const struct facts *facts, struct check_report *report)
{
	if (facts->syncookies.value == 2)
		check_add(
			report, "syncookies", CHECK_PROBLEM,
			"run \"sysctl -w net.ipv4.tcp_syncookies=1\"",
			"net.ipv4.tcp_syncookies is 2: each SYN is answered by a cookie, which has no "
			"room for SMC's option, so all accepted connections are TCP");
	else if (facts->syncookies.known)
		check_add(report, "syncookies", CHECK_OK, NULL,
			  "SYN cookies are sent only in a SYN flood, if at all");
	if (facts->fastopen.value & FASTOPEN_ALL_LISTENERS)
		check_add(
			report, "fast-open", CHECK_WARNING,
			"clear 0x400 of net.ipv4.tcp_fastopen; 1 is usual",
			"net.ipv4.tcp_fastopen is %llu, which gives TCP Fast Open to every listener: a "
			"connection opened that way falls back to TCP",
			(unsigned long long)facts->fastopen.value);
	else if (facts->fastopen.known)
		check_add(report, "fast-open", CHECK_OK, NULL,
			  "TCP Fast Open is only for programs that ask for it");
}

void check_basic(const struct facts *facts, struct check_report *report)
{
	check_kernel(facts, report);
	if (facts->smc == FACTS_SMC_ABSENT && !facts->ofed)
		return;
	check_ofed(facts, report);
	if (facts->smc != FACTS_SMC_LOADED)
		return;
	check_diag(facts, report);
	check_hook(facts, report);
	check_rdma(facts, report);
	check_buffers(facts, report);
	check_memory(facts, report);
	check_limits(facts, report);
	check_handshakes(facts, report);
	check_tcp(facts, report);
}
