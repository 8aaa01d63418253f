// SPDX-License-Identifier: GPL-2.0-or-later
/* Facts about kernel, modules, sysctls and memory. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/facts.h"
#include "common/cleanup.h"

#define PATH_SIZE 4096

bool facts_line(char *text, int size, const char *format, ...)
{
	autofclose FILE *file = NULL;
	char path[PATH_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	text[0] = '\0';
	file = fopen(path, "re");
	/* An empty file is a line without text; what cannot be read is none. */
	if (!file || (!fgets(text, size, file) && ferror(file)))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static struct facts_number read_number(const char *root, const char *path)
{
	char text[FACTS_NAME_SIZE], *end;
	struct facts_number number = { 0 };

	if (!facts_line(text, sizeof(text), "%s%s", root, path))
		return number;
	number.value = strtoull(text, &end, 10);
	number.known = end != text;
	return number;
}

static bool exists(const char *root, const char *path)
{
	char full[PATH_SIZE];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return !access(full, F_OK);
}

/* ---- kernel ---- */

/* The file of module smc by modules.dep of the kernel. */
static void read_smc_file(const char *root, struct facts *facts)
{
	autofclose FILE *file = NULL;
	autofree char *line = NULL;
	char path[PATH_SIZE];
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/lib/modules/%s/modules.dep", root, facts->release);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0) {
		const char *name;

		line[strcspn(line, ":\n")] = '\0';
		name = strrchr(line, '/');
		if (name && !strncmp(name, "/smc.ko", strlen("/smc.ko")))
			snprintf(facts->smc_file, sizeof(facts->smc_file), "%s", line);
	}
}

/* Whether the protocol is registered: net.smc.* came only with 5.18. */
static bool smc_registered(const char *root)
{
	autofclose FILE *file = NULL;
	char line[PATH_SIZE];

	snprintf(line, sizeof(line), "%s/proc/net/protocols", root);
	file = fopen(line, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "SMC ", strlen("SMC ")))
			return true;
	return false;
}

static void read_kernel(const char *root, const char *release, struct facts *facts)
{
	unsigned int major = 0, minor = 0;

	snprintf(facts->release, sizeof(facts->release), "%s", release);
	if (sscanf(release, "%3u.%3u", &major, &minor) == 2 && minor < 100)
		facts->version = major * 100 + minor;
	read_smc_file(root, facts);
	facts->smc = smc_registered(root) ? FACTS_SMC_LOADED
		     : facts->smc_file[0] ? FACTS_SMC_LOADABLE
					  : FACTS_SMC_ABSENT;
	facts->ofed = exists(root, "/sys/module/mlx_compat");
}

static void read_hook(const char *root, struct facts *facts)
{
	char text[FACTS_NAME_SIZE];

	facts->hook_abi = read_number(root, "/sys/module/smc_policy/parameters/abi");
	facts->hooked = facts_line(text, sizeof(text), "%s/sys/module/smc_policy/parameters/hooked",
				   root) &&
			(text[0] == 'Y' || text[0] == '1');
	facts->has_hs_ctrl = facts_line(facts->hs_ctrl, sizeof(facts->hs_ctrl),
					"%s/proc/sys/net/smc/hs_ctrl", root);
}

/* ---- settings and memory ---- */

static void read_sysctls(const char *root, struct facts *facts)
{
	facts->wmem = read_number(root, "/proc/sys/net/smc/wmem");
	facts->rmem = read_number(root, "/proc/sys/net/smc/rmem");
	facts->buffer_type = read_number(root, "/proc/sys/net/smc/smcr_buf_type");
	facts->limit_handshakes = read_number(root, "/proc/sys/net/smc/limit_smc_hs");
	facts->links = read_number(root, "/proc/sys/net/smc/smcr_max_links_per_lgr");
	facts->connections = read_number(root, "/proc/sys/net/smc/smcr_max_conns_per_lgr");
	facts->syncookies = read_number(root, "/proc/sys/net/ipv4/tcp_syncookies");
	facts->fastopen = read_number(root, "/proc/sys/net/ipv4/tcp_fastopen");
	facts_line(facts->reserved_ports, sizeof(facts->reserved_ports),
		   "%s/proc/sys/net/ipv4/ip_local_reserved_ports", root);
}

/* Lines of /proc/buddyinfo: "Node 0, zone   Normal   12   7 ...", a number for each order. */
static void add_zone(char *line, struct facts *facts)
{
	char *at = strstr(line, "zone"), *end;
	unsigned int order = 0;

	if (!at)
		return;
	at += strcspn(at, " ");
	at += strspn(at, " ");
	at += strcspn(at, " ");
	for (; order < FACTS_ORDERS; order++, at = end) {
		uint64_t blocks = strtoull(at, &end, 10);

		if (end == at)
			break;
		facts->free_blocks[order] += blocks;
	}
	if (order > facts->n_orders)
		facts->n_orders = order;
}

static void read_free_blocks(const char *root, struct facts *facts)
{
	autofclose FILE *file = NULL;
	char line[PATH_SIZE];

	snprintf(line, sizeof(line), "%s/proc/buddyinfo", root);
	file = fopen(line, "re");
	while (file && fgets(line, sizeof(line), file))
		add_zone(line, facts);
}

void facts_read_files(const char *root, const char *release, struct facts *facts)
{
	char text[FACTS_NAME_SIZE];

	memset(facts, 0, sizeof(*facts));
	read_kernel(root, release, facts);
	read_hook(root, facts);
	read_sysctls(root, facts);
	read_free_blocks(root, facts);
	facts_read_ports(root, facts);
	if (facts_line(text, sizeof(text), "%s/sys/module/ib_core/parameters/netns_mode", root))
		facts->rdma_shared = text[0] == 'Y' ? FACTS_YES : FACTS_NO;
}
