// SPDX-License-Identifier: GPL-2.0-or-later
/* What the programs have learned: read, put back, forgotten. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "kernel/internal.h"
#include "kernel/kernel.h"

#define CHUNK 512u /* records that are read at a time, at first */

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

/* Room for records, and where in the map the next ones begin. */
struct chunk {
	unsigned char *keys, *values;
	uint32_t room, count;
	uint32_t at, next; /* buckets, as the kernel counts them */
	bool begun;
};

static void chunk_clear(struct chunk *chunk)
{
	free(chunk->keys);
	free(chunk->values);
}

static int chunk_grow(struct chunk *chunk, const struct table *table, uint32_t room)
{
	chunk_clear(chunk);
	chunk->keys = calloc(room, table->key_size);
	chunk->values = calloc(room, table->value_size);
	chunk->room = room;
	return chunk->keys && chunk->values ? 0 : -ENOMEM;
}

/*
 * Read the next records.  0, -ENOENT with the last ones, or another error.  In batches, which go by
 * whole buckets: what stays in the map is seen once, whatever comes and goes meanwhile, and
 * reading does not make a record look used to the LRU.
 */
static int chunk_read(struct chunk *chunk, int fd, const struct table *table)
{
	int rc;

	for (;;) {
		chunk->count = chunk->room;
		rc = bpf_map_lookup_batch(fd, chunk->begun ? &chunk->at : NULL, &chunk->next,
					  chunk->keys, chunk->values, &chunk->count, NULL);
		if (rc != -ENOSPC)
			break;
		/* A bucket holds more than there is room for. */
		rc = chunk_grow(chunk, table, chunk->room * 2);
		if (rc)
			return rc;
	}
	if (rc && rc != -ENOENT)
		return rc;
	chunk->at = chunk->next;
	chunk->begun = true;
	return rc;
}

static int visit_all(const struct chunk *chunk, const struct table *table, kernel_visit visit,
		     void *arg)
{
	int rc = 0;

	for (uint32_t i = 0; i < chunk->count && !rc; i++)
		rc = visit(arg, chunk->keys + i * table->key_size,
			   chunk->values + i * table->value_size);
	return rc;
}

int kernel_each(const struct kernel *kernel, enum kernel_table table, kernel_visit visit, void *arg)
{
	const struct table *of = &tables[table];
	int fd = map_of(kernel, table), rc, status = 0;
	struct chunk chunk = { 0 };

	rc = chunk_grow(&chunk, of, CHUNK);
	while (!rc && !status) {
		rc = chunk_read(&chunk, fd, of);
		if (!rc || rc == -ENOENT)
			status = visit_all(&chunk, of, visit, arg);
	}
	chunk_clear(&chunk);
	return status ? status : rc == -ENOENT ? 0 : rc;
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
