// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file: a header, then records, each the number of its table (enum kernel_table) and key and
 * value as they are in the maps, then the tail.  All in this machine's byte order.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/plural.h"
#include "policy/learn.h"
#include "server/lessons.h"
#include "server/saved.h"
#include "server/server.h"

#define FILE_NAME "learned"
#define NEXT_NAME "learned.next"
#define DAMAGED_NAME "learned.damaged"
#define MAGIC "SMCLEARN"
#define TABLES_MAX 8
#define SIZE_OF_RECORD_MAX 4096 /* of a key, and of a value */
#define END UINT32_MAX

struct header {
	char magic[8];
	uint32_t abi; /* SMC_POLICY_PIN_ABI: the layout of keys and values */
	uint32_t tables;
	struct {
		uint32_t key_size, value_size;
	} table[TABLES_MAX];
	uint64_t real, monotonic; /* when it was written, ns of both clocks */
	uint64_t cooldown_until, cooldown_times; /* as in struct smc_policy_host */
	uint32_t cooldown, cooldown_code;
};

struct tail {
	uint32_t end; /* END, where a record would have its table */
	uint32_t records;
	uint64_t sum; /* FNV-1a of all before it */
};

/* ---- writing ---- */

struct writer {
	FILE *out;
	uint64_t sum;
	uint32_t records;
	enum kernel_table table; /* that is being written */
};

static int put(struct writer *writer, const void *data, size_t size)
{
	writer->sum = fnv1a(writer->sum, data, size);
	return fwrite(data, 1, size, writer->out) == size ? 0 : -EIO;
}

/* Counted, but no lesson yet: not worth a place. */
static bool is_blank(enum kernel_table table, const void *value)
{
	const struct smc_auto_service *service = value;

	return table == KERNEL_PEERS      ? !lessons_any(value)
	       : table == KERNEL_SERVICES ? !service->mean.weight
					  : false;
}

static int put_record(void *arg, const void *key, const void *value)
{
	struct writer *writer = arg;
	uint32_t table = writer->table;
	int rc;

	if (is_blank(writer->table, value))
		return 0;
	writer->records++;
	rc = put(writer, &table, sizeof(table));
	if (!rc)
		rc = put(writer, key, kernel_key_size(writer->table));
	return rc ? rc : put(writer, value, kernel_value_size(writer->table));
}

static void fill_header(const struct server *server, struct header *header)
{
	struct smc_policy_host host;

	kernel_read_host(server->kernel, &host);
	*header = (struct header){
		.abi = SMC_POLICY_PIN_ABI,
		.tables = KERNEL_TABLES,
		.real = clock_ns(CLOCK_REALTIME),
		.monotonic = clock_ns(CLOCK_MONOTONIC),
		.cooldown_until = host.cooldown_until,
		.cooldown_times = host.cooldown_times,
		.cooldown = host.cooldown,
		.cooldown_code = host.cooldown_code,
	};
	memcpy(header->magic, MAGIC, sizeof(header->magic));
	for (int i = 0; i < KERNEL_TABLES; i++) {
		header->table[i].key_size = (uint32_t)kernel_key_size((enum kernel_table)i);
		header->table[i].value_size = (uint32_t)kernel_value_size((enum kernel_table)i);
	}
}

static int write_all(const struct server *server, FILE *out)
{
	struct writer writer = { .out = out, .sum = FNV1A_START };
	struct header header;
	struct tail tail;
	int rc;

	fill_header(server, &header);
	rc = put(&writer, &header, sizeof(header));
	for (int i = 0; i < KERNEL_TABLES && !rc; i++) {
		writer.table = (enum kernel_table)i;
		rc = kernel_each(server->kernel, writer.table, put_record, &writer);
	}
	tail = (struct tail){ .end = END, .records = writer.records, .sum = writer.sum };
	if (!rc && fwrite(&tail, sizeof(tail), 1, out) != 1)
		rc = -EIO;
	return !rc && (fflush(out) || fsync(fileno(out))) ? -errno : rc;
}

void saved_write(struct server *server)
{
	autofclose FILE *out = state_create(&server->state, NEXT_NAME);
	int dir = server->state.dir, rc;

	rc = out ? write_all(server, out) : -errno;
	if (!rc && (renameat(dir, NEXT_NAME, dir, FILE_NAME) || fsync(dir)))
		rc = -errno;
	if (!rc)
		return;
	unlinkat(dir, NEXT_NAME, 0);
	log_warning("cannot save what is learned in %s: %s; it will be lost if the host restarts",
		    server->config.settings.state_dir, strerror(-rc));
}

/* ---- reading ---- */

struct reader {
	const unsigned char *data, *at, *end;
	struct header header;
};

struct record {
	uint32_t table;
	const unsigned char *key, *value; /* not aligned */
};

/* The next record: 1, 0 at the tail, -EBADMSG. */
static int next_record(struct reader *reader, struct record *record)
{
	size_t left = (size_t)(reader->end - reader->at), key_size, value_size;

	if (left < sizeof(uint32_t))
		return -EBADMSG;
	memcpy(&record->table, reader->at, sizeof(uint32_t));
	if (record->table == END)
		return left == sizeof(struct tail) ? 0 : -EBADMSG;
	if (record->table >= reader->header.tables)
		return -EBADMSG;
	key_size = reader->header.table[record->table].key_size;
	value_size = reader->header.table[record->table].value_size;
	if (left - sizeof(uint32_t) < key_size + value_size)
		return -EBADMSG;
	record->key = reader->at + sizeof(uint32_t);
	record->value = record->key + key_size;
	reader->at = record->value + value_size;
	return 1;
}

static int read_header(struct reader *reader)
{
	struct header *header = &reader->header;

	if (reader->end - reader->at < (ptrdiff_t)sizeof(*header))
		return -EBADMSG;
	memcpy(header, reader->at, sizeof(*header));
	if (memcmp(header->magic, MAGIC, sizeof(header->magic)))
		return -EBADMSG;
	if (header->abi != SMC_POLICY_PIN_ABI)
		return -EPROTO;
	if (header->tables > TABLES_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < header->tables; i++)
		if (header->table[i].key_size > SIZE_OF_RECORD_MAX ||
		    header->table[i].value_size > SIZE_OF_RECORD_MAX)
			return -EBADMSG;
	reader->at += sizeof(*header);
	return 0;
}

/* Whether all of the file is as it was written: 0, -EBADMSG, -EPROTO (of another layout). */
static int verify(struct reader *reader)
{
	const unsigned char *records;
	struct record record;
	struct tail tail;
	uint32_t n = 0;
	int rc = read_header(reader);

	if (rc)
		return rc;
	records = reader->at;
	while ((rc = next_record(reader, &record)) > 0)
		n++;
	if (rc)
		return rc;
	memcpy(&tail, reader->at, sizeof(tail));
	if (tail.records != n ||
	    tail.sum != fnv1a(FNV1A_START, reader->data, (size_t)(reader->at - reader->data)))
		return -EBADMSG;
	reader->at = records;
	return 0;
}

/* ---- from then to now ---- */

struct passage {
	uint64_t then, now; /* CLOCK_MONOTONIC, ns, of two boots perhaps */
	uint64_t elapsed; /* ns between them */
};

/* A time of then on the clock of now; what was before this boot becomes its start. */
static uint64_t move_time(const struct passage *passage, uint64_t time)
{
	int64_t moved = (int64_t)(passage->now + time - passage->then - passage->elapsed);

	return !time ? 0 : moved < 1 ? 1 : (uint64_t)moved;
}

/* Units of struct smc_auto_trend wrap around, so a time before this boot can be told in them. */
static uint32_t move_trend_time(const struct passage *passage, uint32_t time)
{
	uint32_t age = (uint32_t)(passage->then >> SMC_AUTO_TREND_SHIFT) - time;

	return (uint32_t)(passage->now >> SMC_AUTO_TREND_SHIFT) - age -
	       (uint32_t)(passage->elapsed >> SMC_AUTO_TREND_SHIFT);
}

static void move_trend(const struct passage *passage, struct smc_auto_trend *trend)
{
	trend->updated = move_trend_time(passage, trend->updated);
	trend->changed = move_trend_time(passage, trend->changed);
}

static void move_service(const struct passage *passage, struct smc_auto_service *service)
{
	service->rate = (struct smc_auto_rate){ .decider = service->rate.decider };
	move_trend(passage, &service->trend);
	for (int i = 0; i < SMC_AUTO_RATES; i++)
		move_trend(passage, &service->trend_by_rate[i]);
}

static void move_peer(const struct passage *passage, struct smc_auto_peer *peer)
{
	peer->rate = (struct smc_auto_rate){ 0 };
	move_trend(passage, &peer->trend);
	for (int i = 0; i < SMC_AUTO_RATES; i++)
		move_trend(passage, &peer->trend_by_rate[i]);
	peer->no_smc_until = move_time(passage, peer->no_smc_until);
	peer->no_smc_since = 0; /* begins anew */
}

static void move_path(const struct passage *passage, struct smc_policy_path *path)
{
	path->since = move_time(passage, path->since);
	path->until = move_time(passage, path->until);
	path->voted = move_time(passage, path->voted);
	path->answered = 0; /* begins anew, like cookies */
}

static int restore_record(const struct server *server, const struct passage *passage,
			  const struct record *record)
{
	union {
		struct smc_auto_service service;
		struct smc_auto_peer peer;
		struct smc_policy_path path;
	} value;
	union {
		struct smc_auto_key context;
		struct smc_policy_path_key path;
	} key;
	enum kernel_table table = (enum kernel_table)record->table;

	memcpy(&key, record->key, kernel_key_size(table));
	memcpy(&value, record->value, kernel_value_size(table));
	if (table == KERNEL_SERVICES)
		move_service(passage, &value.service);
	else if (table == KERNEL_PEERS)
		move_peer(passage, &value.peer);
	else
		move_path(passage, &value.path);
	return kernel_restore(server->kernel, table, &key, &value);
}

static void restore_cooldown(const struct server *server, const struct passage *passage,
			     const struct header *header)
{
	struct smc_policy_host host = {
		.cooldown_until = move_time(passage, header->cooldown_until),
		.cooldown = header->cooldown,
		.cooldown_code = header->cooldown_code,
		.cooldown_times = header->cooldown_times,
	};

	kernel_set_cooldown(server->kernel, &host);
}

/* Whether the records of @table are as this build has them. */
static bool is_same_layout(const struct header *header, uint32_t table)
{
	return table < KERNEL_TABLES &&
	       header->table[table].key_size == kernel_key_size((enum kernel_table)table) &&
	       header->table[table].value_size == kernel_value_size((enum kernel_table)table);
}

static void restore_all(const struct server *server, struct reader *reader)
{
	const struct header *header = &reader->header;
	uint64_t real = clock_ns(CLOCK_REALTIME);
	struct passage passage = {
		.then = header->monotonic,
		.now = clock_ns(CLOCK_MONOTONIC),
		.elapsed = real > header->real ? real - header->real : 0,
	};
	unsigned int restored = 0, dropped = 0;
	struct record record;

	while (next_record(reader, &record) > 0) {
		if (!is_same_layout(header, record.table))
			dropped++;
		else if (!restore_record(server, &passage, &record))
			restored++;
	}
	restore_cooldown(server, &passage, header);
	log_info("%u %s of what was learned %s back, saved %llu s ago", restored,
		 plural(restored, "record", "records"), plural(restored, "is", "are"),
		 (unsigned long long)(passage.elapsed / SMC_AUTO_SEC));
	if (dropped)
		log_notice("%u %s of what was learned %s another release's: dropped", dropped,
			   plural(dropped, "record", "records"), plural(dropped, "is", "are"));
}

static void set_aside(const struct server *server)
{
	const char *dir = server->config.settings.state_dir;

	renameat(server->state.dir, FILE_NAME, server->state.dir, DAMAGED_NAME);
	log_warning("%s/" FILE_NAME " is damaged: moved to " DAMAGED_NAME
		    " there, and all is learned anew",
		    dir);
}

static int read_file(struct server *server, int fd)
{
	struct reader reader = { 0 };
	struct stat st;
	void *data;
	int rc;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return -EBADMSG;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	reader.data = reader.at = data;
	reader.end = reader.data + st.st_size;
	rc = verify(&reader);
	if (!rc)
		restore_all(server, &reader);
	munmap(data, (size_t)st.st_size);
	return rc;
}

static bool knows_nothing(const struct kernel *kernel)
{
	for (int i = 0; i < KERNEL_TABLES; i++)
		if (!kernel_is_empty(kernel, (enum kernel_table)i))
			return false;
	return true;
}

void saved_read(struct server *server)
{
	autoclose int fd = -1;
	int rc;

	if (!knows_nothing(server->kernel))
		return;
	fd = openat(server->state.dir, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return;
	rc = fd < 0 ? -errno : read_file(server, fd);
	if (rc == -EBADMSG)
		set_aside(server);
	else if (rc == -EPROTO)
		log_notice("what was learned was saved by another release: dropped");
	else if (rc)
		log_warning("cannot read %s/" FILE_NAME ": %s; all is learned anew",
			    server->config.settings.state_dir, strerror(-rc));
}
