// SPDX-License-Identifier: GPL-2.0-or-later
/* What the programs have learned: read, put back, forgotten. */
#include <bpf/bpf.h>
#include <errno.h>

#include "kernel/internal.h"
#include "kernel/kernel.h"
#include "kernel/walk.h"

static const struct table {
	enum map map;
	size_t key_size, value_size;
} tables[KERNEL_TABLES] = {
	[KERNEL_SERVICES] = { MAP_AUTO_SERVICES, sizeof(struct smc_auto_key),
			      sizeof(struct smc_auto_service) },
	[KERNEL_PEERS] = { MAP_AUTO_PEERS, sizeof(struct smc_auto_key),
			   sizeof(struct smc_auto_peer) },
	[KERNEL_PATHS] = { MAP_PATHS, sizeof(struct smc_policy_path_key),
			   sizeof(struct smc_policy_path) },
	[KERNEL_FALLBACKS] = { MAP_FALLBACKS, sizeof(struct smc_policy_fallback_key),
			       sizeof(uint64_t) },
	[KERNEL_FALLBACK_PREFIXES] = { MAP_FALLBACK_PREFIXES, sizeof(struct smc_policy_path_key),
				       sizeof(struct smc_policy_fallback_prefix) },
};

size_t kernel_key_size(enum kernel_table table)
{
	return tables[table].key_size;
}

size_t kernel_value_size(enum kernel_table table)
{
	return tables[table].value_size;
}

static int map_of(const struct kernel *kernel, enum kernel_table table)
{
	return kernel->map[tables[table].map];
}

bool kernel_watches(const struct kernel *kernel, const char **why)
{
	return watcher_works(kernel, why);
}

/* ---- all records ---- */

int kernel_each(const struct kernel *kernel, enum kernel_table table, kernel_visit visit, void *arg)
{
	const struct table *of = &tables[table];
	struct walk walk;
	int rc = walk_begin(&walk, map_of(kernel, table), of->key_size, of->value_size);

	while (!rc)
		rc = walk_next(&walk, visit, arg);
	walk_end(&walk);
	return rc == WALK_OVER ? 0 : rc;
}

bool kernel_is_empty(const struct kernel *kernel, enum kernel_table table)
{
	unsigned char key[sizeof(struct smc_auto_key)];

	return bpf_map_get_next_key(map_of(kernel, table), NULL, key) != 0;
}

/* ---- single records ---- */

int kernel_find(const struct kernel *kernel, enum kernel_table table, const void *key, void *value)
{
	return bpf_map_lookup_elem(map_of(kernel, table), key, value) ? -errno : 0;
}

/* A record is there: if it can be against an smc, decisions have to look for such. */
static void note_known(const struct kernel *kernel, enum kernel_table table, const void *value)
{
	const struct smc_auto_peer *peer = value;

	if (table == KERNEL_PEERS && peer->no_smc_until)
		kernel->host->peers_known = 1;
	if (table == KERNEL_PATHS)
		kernel->host->paths_known = 1;
}

/* What a table is visited for. */
struct known {
	const struct kernel *kernel;
	enum kernel_table table;
};

int kernel_restore(const struct kernel *kernel, enum kernel_table table, const void *key,
		   const void *value)
{
	if (bpf_map_update_elem(map_of(kernel, table), key, value, BPF_NOEXIST))
		return -errno;
	note_known(kernel, table, value);
	return 0;
}

static int visit_known(void *arg, const void *key, const void *value)
{
	const struct known *known = arg;

	(void)key;
	note_known(known->kernel, known->table, value);
	return 0;
}

int learned_note_known(const struct kernel *kernel)
{
	struct known peers = { kernel, KERNEL_PEERS }, paths = { kernel, KERNEL_PATHS };
	int rc = kernel_each(kernel, KERNEL_PEERS, visit_known, &peers);

	return rc ? rc : kernel_each(kernel, KERNEL_PATHS, visit_known, &paths);
}

int kernel_forget(const struct kernel *kernel, enum kernel_table table, const void *key)
{
	return bpf_map_delete_elem(map_of(kernel, table), key) ? -errno : 0;
}

void kernel_set_cooldown(const struct kernel *kernel, const struct smc_policy_host *from)
{
	volatile struct smc_policy_host *host = kernel->host;

	/* The end first: while it is in the future the programs leave the others alone. */
	host->cooldown_until = from->cooldown_until;
	host->cooldown = from->cooldown;
	host->cooldown_code = from->cooldown_code;
	host->cooldown_times = from->cooldown_times;
}

/* ---- SMC connections of a rule ---- */

int kernel_read_rule_state(const struct kernel *kernel, uint32_t slot,
			   struct smc_policy_rule_state *state)
{
	*state = (struct smc_policy_rule_state){ 0 };
	if (!bpf_map_lookup_elem(kernel->map[MAP_RULE_STATE], &slot, state))
		return 0;
	return errno == ENOENT ? 0 : -errno;
}

int kernel_renew_rule_state(const struct kernel *kernel, uint32_t slot)
{
	int fd = kernel->map[MAP_RULE_STATE];
	struct smc_policy_rule_state state;

	if (bpf_map_lookup_elem(fd, &slot, &state))
		return errno == ENOENT ? 0 : -errno;
	state = (struct smc_policy_rule_state){ .epoch = state.epoch + 1 };
	return bpf_map_update_elem(fd, &slot, &state, BPF_EXIST) ? -errno : 0;
}
