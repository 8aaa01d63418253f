// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * check basic: a tree of files that is a healthy host, and trees with one fault each.  Of these exactly that
 * fault is named.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/basic.h"
#include "common/cleanup.h"
#include "smc_policy_hook.h"
#include "unit.h"

#define RELEASE "6.12.1"
#define PORT "/sys/class/infiniband/mlx5_0/ports/1/"
#define NO_GID "0000:0000:0000:0000:0000:0000:0000:0000"
#define GID_V4 "0000:0000:0000:0000:0000:ffff:c000:0201"
#define GID_V6 "fe80:0000:0000:0000:0000:0000:0000:0001"
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

struct file {
	const char *path, *content; /* content NULL: there is no such file */
};

static const struct file healthy[] = {
	{ "/proc/net/protocols", "protocol  size sockets\nSMC       1 0\nTCP 1 0\n" },
	{ "/lib/modules/" RELEASE "/modules.dep", "kernel/net/smc/smc.ko.xz: kernel/ib.ko\n" },
	{ "/sys/module/smc_policy/parameters/abi", TEXT(SMC_POLICY_HOOK_ABI) "\n" },
	{ "/sys/module/smc_policy/parameters/hooked", "Y\n" },
	{ "/sys/module/ib_core/parameters/netns_mode", "Y\n" },
	{ PORT "state", "4: ACTIVE\n" },
	{ PORT "link_layer", "Ethernet\n" },
	{ PORT "gids/0", GID_V6 "\n" },
	{ PORT "gids/1", GID_V4 "\n" },
	{ PORT "gids/2", NO_GID "\n" },
	{ PORT "gid_attrs/types/0", "IB/RoCE v1\n" },
	{ PORT "gid_attrs/types/1", "RoCE v2\n" },
	{ PORT "gid_attrs/ndevs/0", "eth0\n" },
	{ PORT "gid_attrs/ndevs/1", "eth0\n" },
	{ "/sys/class/net/eth0/mtu", "9000\n" },
	{ "/proc/sys/net/smc/wmem", "65536\n" },
	{ "/proc/sys/net/smc/rmem", "65536\n" },
	{ "/proc/sys/net/smc/smcr_buf_type", "0\n" },
	{ "/proc/sys/net/smc/limit_smc_hs", "0\n" },
	{ "/proc/sys/net/smc/smcr_max_links_per_lgr", "2\n" },
	{ "/proc/sys/net/smc/smcr_max_conns_per_lgr", "255\n" },
	{ "/proc/sys/net/ipv4/tcp_syncookies", "1\n" },
	{ "/proc/sys/net/ipv4/tcp_fastopen", "1\n" },
	{ "/proc/sys/net/ipv4/ip_local_reserved_ports", "\n" },
	{ "/proc/buddyinfo", "Node 0, zone   Normal  9 9 9 9 2 0 0 0 0 0 0\n" },
};

static const struct fault {
	const char *release;
	const char *name, *state, *text; /* of the item; text: part of it */
	struct file files[4]; /* instead of those above */
} faults[] = {
	{ RELEASE,
	  "kernel",
	  "problem",
	  "has no SMC",
	  { { "/proc/net/protocols", "TCP 1 0\n" },
	    { "/lib/modules/" RELEASE "/modules.dep", NULL } } },
	{ RELEASE,
	  "kernel",
	  "warning",
	  "is not loaded",
	  { { "/proc/net/protocols", "TCP 1 0\nSMCX 1\n" } } },
	{ RELEASE,
	  "smc-module",
	  "warning",
	  "from extra/smc.ko",
	  { { "/lib/modules/" RELEASE "/modules.dep", "extra/smc.ko:\nkernel/a/xsmc.ko:\n" } } },
	{ RELEASE,
	  "hook",
	  "warning",
	  "smc_policy is not loaded",
	  { { "/sys/module/smc_policy/parameters/abi", NULL } } },
	{ RELEASE,
	  "hook",
	  "problem",
	  "another release's",
	  { { "/sys/module/smc_policy/parameters/abi", "999\n" } } },
	{ RELEASE,
	  "hook",
	  "warning",
	  "no program decides",
	  { { "/sys/module/smc_policy/parameters/hooked", "N\n" } } },
	{ RELEASE,
	  "hook",
	  "problem",
	  "net.smc.hs_ctrl is linkcheck",
	  { { "/proc/sys/net/smc/hs_ctrl", "linkcheck\n" } } },
	{ RELEASE,
	  "hook",
	  "problem",
	  "net.smc.hs_ctrl is smc_polic",
	  { { "/proc/sys/net/smc/hs_ctrl", "smc_polic\n" } } },
	{ RELEASE,
	  "hook",
	  "warning",
	  "net.smc.hs_ctrl is empty",
	  { { "/proc/sys/net/smc/hs_ctrl", "\n" } } },
	{ RELEASE,
	  "rdma-device",
	  "problem",
	  "no RDMA device",
	  { { PORT "state", NULL }, { PORT "link_layer", NULL }, { PORT, NULL } } },
	{ RELEASE,
	  "rdma-device",
	  "problem",
	  "is InfiniBand",
	  { { PORT "link_layer", "InfiniBand\n" } } },
	{ RELEASE, "rdma-port", "problem", "is DOWN", { { PORT "state", "1: DOWN\n" } } },
	{ RELEASE,
	  "net-device",
	  "problem",
	  "no net device",
	  { { PORT "gid_attrs/ndevs/0", NULL }, { PORT "gid_attrs/ndevs/1", NULL } } },
	{ RELEASE, "gid", "warning", "only RoCE v1", { { PORT "gids/1", NO_GID "\n" } } },
	{ RELEASE,
	  "ipv6-only",
	  "problem",
	  "only IPv6",
	  { { PORT "gids/1", GID_V6 "\n" }, { PORT "gid_attrs/types/0", "RoCE v2\n" } } },
	{ "5.10.1",
	  "gid",
	  "problem",
	  "only RoCE v2",
	  { { PORT "gids/0", NO_GID "\n" },
	    { "/lib/modules/5.10.1/modules.dep", "kernel/smc.ko:\n" } } },
	{ "6.1.2",
	  "pnetid",
	  "problem",
	  "mlx5_0 is soft RoCE",
	  { { "/sys/class/infiniband/mlx5_0/parent", "eth0\n" } } },
	{ RELEASE,
	  "rdma-namespaces",
	  "warning",
	  "one network namespace each",
	  { { "/sys/module/ib_core/parameters/netns_mode", "N\n" } } },
	{ RELEASE, "mtu", "warning", "MTU of 1000", { { "/sys/class/net/eth0/mtu", "1000\n" } } },
	{ RELEASE,
	  "buffers",
	  "warning",
	  "net.smc.wmem is 16384",
	  { { "/proc/sys/net/smc/wmem", "16384\n" } } },
	{ RELEASE,
	  "buffers",
	  "warning",
	  "net.smc.rmem 32768",
	  { { "/proc/sys/net/smc/rmem", "32768\n" } } },
	{ RELEASE,
	  "contiguous-memory",
	  "warning",
	  "no contiguous 64 KiB",
	  { { "/proc/buddyinfo", "Node 0, zone Normal 9 9 9 9 0 0 0 0 0 0 0\n" } } },
	{ RELEASE,
	  "links",
	  "warning",
	  "one link",
	  { { "/proc/sys/net/smc/smcr_max_links_per_lgr", "1\n" } } },
	{ RELEASE,
	  "links",
	  "warning",
	  "takes 16",
	  { { "/proc/sys/net/smc/smcr_max_conns_per_lgr", "16\n" } } },
	{ RELEASE,
	  "handshake-limit",
	  "warning",
	  "limit_smc_hs is 1",
	  { { "/proc/sys/net/smc/limit_smc_hs", "1\n" } } },
	{ RELEASE,
	  "syncookies",
	  "problem",
	  "tcp_syncookies is 2",
	  { { "/proc/sys/net/ipv4/tcp_syncookies", "2\n" } } },
	{ RELEASE,
	  "fast-open",
	  "warning",
	  "tcp_fastopen is 1027",
	  { { "/proc/sys/net/ipv4/tcp_fastopen", "1027\n" } } },
};

/* ---- trees ---- */

static char root[] = "/tmp/smc-policy-basic.XXXXXX";

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(path);
}

static int remove_tree(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static void put_file(const struct file *file)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s%s", root, file->path);
	for (char *at = strchr(path + strlen(root) + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(file->content, out);
	fclose(out);
}

/* The healthy tree but for @files; of a directory that is left out nothing below is put. */
static void put_tree(const struct file files[4])
{
	for (size_t i = 0; i < sizeof(healthy) / sizeof(healthy[0]); i++) {
		bool left_out = false;

		for (int j = 0; j < 4 && files[j].path; j++)
			left_out |= !strncmp(healthy[i].path, files[j].path, strlen(files[j].path));
		if (!left_out)
			put_file(&healthy[i]);
	}
	for (int j = 0; j < 4 && files[j].path; j++)
		if (files[j].content)
			put_file(&files[j]);
}

/* What only netlink tells, of a healthy host. */
static void read_facts(const char *release, struct facts *facts)
{
	facts_read_files(root, release, facts);
	facts->diag = FACTS_YES;
	facts->smcd.known = facts->ueids_known = true;
	facts->n_ueids = 1;
	strcpy(facts->ueids[0], "MY-HOSTS");
}

/* ---- claims ---- */

/* Assert that exactly the item @name is not ok, in @state and with @text; NULL: none. */
static void assert_only(const struct facts *facts, const char *name, const char *state,
			const char *text)
{
	struct check_report report;
	const json_t *item;
	bool found = false;
	size_t i;

	check_report_init(&report);
	check_basic(facts, &report);
	json_array_foreach(report.items, i, item) {
		const char *is = json_string_value(json_object_get(item, "state"));
		const char *called = json_string_value(json_object_get(item, "name"));
		const char *says = json_string_value(json_object_get(item, "text"));

		assert_true(json_is_string(json_object_get(item, "remedy")) || !strcmp(is, "ok"));
		if (!strcmp(is, "ok"))
			continue;
		if (!name || found || strcmp(called, name) || strcmp(is, state) ||
		    !strstr(says, text))
			fail_msg("wanted %s %s: %s; got %s %s: %s", state, name, text, is, called,
				 says);
		found = true;
	}
	if (name && !found)
		fail_msg("%s: not named", text);
	check_report_free(&report);
}

static void a_healthy_host_is_ok_in_everything(void **state)
{
	static const struct file none[4] = { { NULL, NULL } };
	struct facts facts;

	(void)state;
	put_tree(none);
	read_facts(RELEASE, &facts);
	assert_only(&facts, NULL, NULL, NULL);
	assert_string_equal(facts.ports[0].netdev, "eth0");
	assert_int_equal(facts.ports[0].gids_v1, 1);
	assert_int_equal(facts.ports[0].gids_v2_ipv4, 1);
}

static void each_fault_is_named_and_nothing_else(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct facts facts;

		put_tree(faults[i].files);
		read_facts(faults[i].release, &facts);
		assert_only(&facts, faults[i].name, faults[i].state, faults[i].text);
		assert_int_equal(remove_tree(state), 0);
		assert_int_equal(make_root(state), 0);
	}
}

static void what_netlink_tells_is_judged(void **state)
{
	static const struct file none[4] = { { NULL, NULL } };
	struct facts facts;

	(void)state;
	put_tree(none);
	read_facts(RELEASE, &facts);
	facts.diag = FACTS_NO;
	assert_only(&facts, "smc-diag", "warning", "is missing");
	read_facts(RELEASE, &facts);
	facts.n_ueids = 0;
	assert_only(&facts, "ueid", "warning", "only version 1");
	facts.ports[0].gids_v1 = 0;
	assert_only(&facts, "ueid", "problem", "falls back");
	read_facts(RELEASE, &facts);
	strcpy(facts.ueids[0], "My_Hosts");
	assert_only(&facts, "ueid", "problem", "not well-formed");
	read_facts(RELEASE, &facts);
	facts.n_pnetids = 1;
	strcpy(facts.pnetids[0].name, "NET");
	strcpy(facts.pnetids[0].netdev, "eth0");
	assert_only(&facts, "pnetid", "problem", "has none");
	facts.n_pnetids = 2;
	strcpy(facts.pnetids[1].name, "OTHER");
	strcpy(facts.pnetids[1].device, "mlx5_0");
	assert_only(&facts, "pnetid", "problem", "has OTHER");
	strcpy(facts.pnetids[1].name, "NET");
	assert_only(&facts, NULL, NULL, NULL);
}

/* Ports of eRDMA in net.ipv4.ip_local_reserved_ports, as the kernel writes it. */
static void erdma_needs_all_of_its_ports(void **state)
{
	static const char *const good[] = { "65500-65515", "1-5,65000-65535",
					    "65500-65507,65508-65515" };
	static const char *const bad[] = {
		"", "65500", "65501-65515", "65500-65514", "65500-65507,65509-65515", "1-5"
	};
	static const struct file none[4] = { { NULL, NULL } };
	struct facts facts;

	(void)state;
	put_tree(none);
	read_facts(RELEASE, &facts);
	strcpy(facts.ports[0].driver, "erdma");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		strcpy(facts.reserved_ports, good[i]);
		assert_only(&facts, NULL, NULL, NULL);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(facts.reserved_ports, bad[i]);
		assert_only(&facts, "reserved-ports", "warning", "not reserved");
	}
}

static void nothing_at_all_is_one_problem(void **state)
{
	struct facts facts;

	(void)state;
	facts_read_files(root, "x", &facts);
	assert_only(&facts, "kernel", "problem", "has no SMC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_healthy_host_is_ok_in_everything, make_root,
						remove_tree),
		cmocka_unit_test_setup_teardown(each_fault_is_named_and_nothing_else, make_root,
						remove_tree),
		cmocka_unit_test_setup_teardown(what_netlink_tells_is_judged, make_root,
						remove_tree),
		cmocka_unit_test_setup_teardown(erdma_needs_all_of_its_ports, make_root,
						remove_tree),
		cmocka_unit_test_setup_teardown(nothing_at_all_is_one_problem, make_root,
						remove_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
