// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/log.h"
#include "kernel/netns.h"
#include "kernel/ueid.h"
#include "server/server.h"
#include "server/smc_settings.h"

#define FILE_NAME "smc.json"
#define NEXT_NAME "smc.json.next"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 64

static const char *const sysctl_names[SMC_SYSCTLS] = {
	[SMC_WMEM] = "net.smc.wmem",
	[SMC_RMEM] = "net.smc.rmem",
};

static const char *const sysctl_paths[SMC_SYSCTLS] = {
	[SMC_WMEM] = "/proc/sys/net/smc/wmem",
	[SMC_RMEM] = "/proc/sys/net/smc/rmem",
};

__attribute__((format(printf, 2, 3))) static void complain(struct server *server,
							   const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_warning("%s", text);
	policy_errors_add(&server->smc.problems, "%s", text);
}

/* ---- the file ---- */

/* What it says is true of this start of the host only. */
static void read_boot_id(char boot[BOOT_ID_SIZE])
{
	autofclose FILE *file = fopen(BOOT_ID, "re");

	if (!file || !fgets(boot, BOOT_ID_SIZE, file))
		boot[0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
}

static struct smc_changed *add_changed(struct smc_settings *smc, uint32_t inum)
{
	if (array_grow(smc->changed, smc->n, smc->room))
		return NULL;
	smc->changed[smc->n] = (struct smc_changed){ .inum = inum };
	return &smc->changed[smc->n++];
}

static void read_changed(struct smc_settings *smc, const json_t *json)
{
	json_int_t inum, before[SMC_SYSCTLS], now[SMC_SYSCTLS];
	struct smc_changed *changed;

	if (json_unpack((json_t *)json, "[I, I, I, I, I]", &inum, &before[0], &now[0], &before[1],
			&now[1]))
		return;
	changed = add_changed(smc, (uint32_t)inum);
	for (int i = 0; changed && i < SMC_SYSCTLS; i++) {
		changed->before[i] = (uint32_t)before[i];
		changed->now[i] = (uint32_t)now[i];
	}
}

void smc_settings_read(struct server *server)
{
	autoclose int fd = openat(server->state.dir, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	autojson json_t *root = fd < 0 ? NULL : json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
	const char *then = json_string_value(json_object_get(root, "boot"));
	const char *ueid = json_string_value(json_object_get(root, "ueid"));
	char boot[BOOT_ID_SIZE];
	const json_t *item;
	size_t i;

	unlinkat(server->state.dir, NEXT_NAME, 0);
	read_boot_id(boot);
	if (!then || strcmp(boot, then))
		return;
	if (ueid)
		snprintf(server->smc.ueid, sizeof(server->smc.ueid), "%s", ueid);
	json_array_foreach(json_object_get(root, "netns"), i, item)
		read_changed(&server->smc, item);
}

static json_t *write_all(const struct smc_settings *smc)
{
	json_t *list = json_array();
	char boot[BOOT_ID_SIZE];

	read_boot_id(boot);
	for (size_t i = 0; i < smc->n; i++) {
		const struct smc_changed *changed = &smc->changed[i];

		json_array_append_new(list, json_pack("[I, I, I, I, I]", (json_int_t)changed->inum,
						      (json_int_t)changed->before[0],
						      (json_int_t)changed->now[0],
						      (json_int_t)changed->before[1],
						      (json_int_t)changed->now[1]));
	}
	return json_pack("{s:s, s:s, s:o}", "boot", boot, "ueid", smc->ueid, "netns", list);
}

/* Save what is changed, before or after it is done: either way it can be put back. */
static void save(struct server *server)
{
	struct smc_settings *smc = &server->smc;
	int dir = server->state.dir;
	autofclose FILE *out = NULL;
	autojson json_t *json = NULL;

	if (!smc->dirty)
		return;
	smc->dirty = false;
	if (!smc->n && !smc->ueid[0]) {
		unlinkat(dir, FILE_NAME, 0);
		return;
	}
	json = write_all(smc);
	out = state_create(&server->state, NEXT_NAME);
	if (!json || !out || json_dumpf(json, out, 0) || fflush(out) || fsync(fileno(out)) ||
	    renameat(dir, NEXT_NAME, dir, FILE_NAME))
		complain(server,
			 "cannot write %s/" FILE_NAME ": %s; what [smc] changes will not be put "
			 "back by another daemon",
			 server->state.dir_path, strerror(errno));
}

/* ---- the UEID ---- */

static const char *ueid_problem(int rc)
{
	switch (-rc) {
	case ENOENT:
		return "SMC is not loaded; it is tried again when it is";
	case EOPNOTSUPP:
		return "this kernel's SMC has no UEIDs (Linux 5.16 has)";
	case EPERM:
		return "that takes CAP_NET_ADMIN; see the unit";
	case ERANGE:
		return "there are 8 UEIDs, and the kernel takes no more; remove one";
	default:
		return strerror(-rc);
	}
}

static void drop_ueid(struct server *server)
{
	struct smc_settings *smc = &server->smc;
	int rc = smc->ueid[0] ? ueid_remove(smc->ueid) : 0;

	if (!smc->ueid[0])
		return;
	if (rc && rc != -ENOENT)
		complain(server, "cannot remove UEID %s: %s", smc->ueid, ueid_problem(rc));
	else
		log_notice("UEID %s removed", smc->ueid);
	smc->ueid[0] = '\0';
	smc->dirty = true;
}

/* The kernel has @ueid when this returns; what was there before is not ours. */
static void put_ueid(struct server *server, const char *ueid)
{
	struct smc_settings *smc = &server->smc;
	bool there;
	int rc = ueid_find(ueid, &there);

	if (!rc && there)
		return;
	if (!rc) {
		strcpy(smc->ueid, ueid);
		smc->dirty = true;
		save(server);
		rc = ueid_add(ueid);
	}
	if (rc)
		complain(server, "[smc] ueid = %s is not in force: %s", ueid, ueid_problem(rc));
	else
		log_notice("UEID %s added", ueid);
}

static void apply_ueid(struct server *server, const char *ueid)
{
	if (strcmp(server->smc.ueid, ueid))
		drop_ueid(server);
	if (*ueid)
		put_ueid(server, ueid);
}

/* ---- the sysctls, inside a network namespace ---- */

static int read_sysctl(enum smc_sysctl which, uint32_t *value)
{
	autofclose FILE *file = fopen(sysctl_paths[which], "re");

	if (!file)
		return -errno;
	return fscanf(file, "%" SCNu32, value) == 1 ? 0 : -EIO;
}

static int write_sysctl(enum smc_sysctl which, uint32_t value)
{
	autoclose int fd = open(sysctl_paths[which], O_WRONLY | O_CLOEXEC);
	char text[16];
	int length = snprintf(text, sizeof(text), "%" PRIu32 "\n", value);

	if (fd < 0)
		return -errno;
	return write(fd, text, (size_t)length) == length ? 0 : errno ? -errno : -EIO;
}

struct walk {
	struct server *server;
	const struct policy_settings *settings; /* NULL: put back everywhere */
	const struct netns_list *states; /* how the policy stands in each namespace */
	bool missing[SMC_SYSCTLS]; /* told already */
};

static struct smc_changed *find_changed(struct smc_settings *smc, uint32_t inum)
{
	for (size_t i = 0; i < smc->n; i++)
		if (smc->changed[i].inum == inum)
			return &smc->changed[i];
	return NULL;
}

/* Put back what was there, unless somebody has set it since. */
static void put_back(struct walk *walk, const struct netns *netns, struct smc_changed *changed,
		     enum smc_sysctl which)
{
	uint32_t value = 0;
	int rc = read_sysctl(which, &value);

	if (!rc && value == changed->now[which])
		rc = write_sysctl(which, changed->before[which]);
	else if (!rc)
		log_notice("network namespace %s: %s = %" PRIu32 " is not ours and stays",
			   netns->name, sysctl_names[which], value);
	if (rc && rc != -ENOENT)
		complain(walk->server,
			 "network namespace %s: cannot put %s back to %" PRIu32 ": %s", netns->name,
			 sysctl_names[which], changed->before[which], strerror(-rc));
	else if (!rc && value == changed->now[which])
		log_notice("network namespace %s: %s is %" PRIu32 " again", netns->name,
			   sysctl_names[which], changed->before[which]);
	changed->now[which] = 0;
	walk->server->smc.dirty = true;
}

static void complain_sysctl(struct walk *walk, const struct netns *netns, enum smc_sysctl which,
			    int rc)
{
	if (rc != -ENOENT)
		complain(walk->server, "network namespace %s: cannot set %s: %s", netns->name,
			 sysctl_names[which], strerror(-rc));
	else if (!walk->missing[which])
		complain(walk->server,
			 "[smc] %s is not in force: there is no %s; SMC is not loaded, or older "
			 "than Linux 6.0",
			 strrchr(sysctl_names[which], '.') + 1, sysctl_names[which]);
	walk->missing[which] |= rc == -ENOENT;
}

/* Make sysctl @which @wanted; what was there before is noted first. */
static void set(struct walk *walk, const struct netns *netns, enum smc_sysctl which,
		uint32_t wanted)
{
	struct smc_settings *smc = &walk->server->smc;
	struct smc_changed *changed = find_changed(smc, netns->inum);
	uint32_t value = 0;
	int rc = read_sysctl(which, &value);

	if (!rc && value == wanted)
		return;
	if (!rc && !changed)
		changed = add_changed(smc, netns->inum);
	if (!rc && changed) {
		changed->seen = true;
		if (!changed->now[which])
			changed->before[which] = value;
		changed->now[which] = wanted;
		smc->dirty = true;
		save(walk->server);
		rc = write_sysctl(which, wanted);
	}
	if (rc || !changed)
		complain_sysctl(walk, netns, which, rc ? rc : -ENOMEM);
	else
		log_notice("network namespace %s: %s = %" PRIu32 " instead of %" PRIu32,
			   netns->name, sysctl_names[which], wanted, value);
}

/* Whether [daemon] netns has the namespace. */
static bool is_listed(const struct policy_settings *settings, const struct netns *netns)
{
	if (settings->netns == POLICY_NETNS_ALL)
		return true;
	if (settings->netns == POLICY_NETNS_INIT)
		return !strcmp(netns->name, "init");
	for (size_t i = 0; i < settings->n_netns_names; i++)
		if (!strcmp(settings->netns_names[i], netns->name))
			return true;
	return false;
}

static bool is_enrolled(const struct walk *walk, const struct netns *netns)
{
	if (!walk->settings || !is_listed(walk->settings, netns))
		return false;
	for (size_t i = 0; i < walk->states->n; i++)
		if (walk->states->items[i].inum == netns->inum)
			return walk->states->items[i].state == NETNS_ENFORCED;
	return false;
}

static void visit(void *arg, struct netns *netns)
{
	struct walk *walk = arg;
	bool enrolled = is_enrolled(walk, netns);
	struct smc_changed *changed = find_changed(&walk->server->smc, netns->inum);
	uint32_t wanted[SMC_SYSCTLS] = { 0 };

	if (enrolled) {
		wanted[SMC_WMEM] = walk->settings->smc_wmem;
		wanted[SMC_RMEM] = walk->settings->smc_rmem;
	}
	if (changed)
		changed->seen = true;
	for (int i = 0; i < SMC_SYSCTLS; i++) {
		if (wanted[i])
			set(walk, netns, (enum smc_sysctl)i, wanted[i]);
		else if (changed && changed->now[i])
			put_back(walk, netns, changed, (enum smc_sysctl)i);
	}
}

/* Forget namespaces that are gone, and those in which nothing is changed any more. */
static void forget(struct smc_settings *smc)
{
	size_t kept = 0;

	for (size_t i = 0; i < smc->n; i++) {
		struct smc_changed *changed = &smc->changed[i];
		bool keep = changed->seen && (changed->now[SMC_WMEM] || changed->now[SMC_RMEM]);

		smc->dirty |= !keep;
		changed->seen = false;
		if (keep)
			smc->changed[kept++] = *changed;
	}
	smc->n = kept;
}

/* @settings NULL: put back everywhere. */
static void apply_sysctls(struct server *server, const struct policy_settings *settings)
{
	struct netns_list states = { 0 };
	struct walk walk = { .server = server, .settings = settings, .states = &states };
	bool wanted = settings && (settings->smc_wmem || settings->smc_rmem);
	int rc = 0;

	if (!wanted && !server->smc.n)
		return;
	if (wanted)
		rc = kernel_enforce_netns(server->kernel, false, &states);
	if (!rc)
		rc = netns_for_each(visit, &walk, NULL);
	if (rc)
		complain(server, "[smc]: cannot go through the network namespaces: %s",
			 strerror(-rc));
	else
		forget(&server->smc);
	netns_list_clear(&states);
}

/* ---- all ---- */

void smc_settings_apply(struct server *server)
{
	const struct policy_settings *settings = &server->config.settings;
	bool observes = server->backend == POLICY_BACKEND_OBSERVE;

	policy_errors_clear(&server->smc.problems);
	if (observes && (settings->smc_ueid[0] || settings->smc_wmem || settings->smc_rmem))
		complain(server, "[smc] is not in force: backend observe changes nothing");
	apply_ueid(server, observes ? "" : settings->smc_ueid);
	apply_sysctls(server, observes ? NULL : settings);
	save(server);
}

void smc_settings_release(struct server *server)
{
	drop_ueid(server);
	apply_sysctls(server, NULL);
	save(server);
}

void smc_settings_clear(struct smc_settings *smc)
{
	free(smc->changed);
	policy_errors_clear(&smc->problems);
	*smc = (struct smc_settings){ 0 };
}
