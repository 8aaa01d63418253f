// SPDX-License-Identifier: GPL-2.0-or-later
/* connections: the SMC sockets of this host. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/json.h"
#include "kernel/listing.h"
#include "policy/value.h"
#include "server/filter.h"
#include "server/seen.h"
#include "wire/cause_json.h"

/* What a row is sorted by, and the row. */
struct row {
	int side; /* -1: unknown */
	uint16_t port, local_port, peer_port;
	uint8_t peer[16];
	json_t *json;
};

struct rows {
	const struct server *server;
	struct filter filter;
	struct row *items;
	size_t n, room;
	bool short_of_memory;
};

/* One SMC socket, of both its sources. */
struct connection {
	const struct smc_policy_told *told;
	const char *rule, *cause, *state;
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port, port;
	int side; /* -1: unknown */
	uint8_t mode;
	uint32_t code, peer_code, uid;
};

/* ---- states ---- */

#define SMC_INIT 2

/* enum smc_state of net/smc/smc.h */
static const char *smc_state_name(uint8_t state)
{
	switch (state) {
	case 1:
		return "active";
	case SMC_INIT:
		return "init";
	case 7:
		return "closed";
	case 20:
		return "peer-close-wait-1";
	case 21:
		return "peer-close-wait-2";
	case 22:
		return "app-close-wait-1";
	case 23:
		return "app-close-wait-2";
	case 24:
		return "app-fin-close-wait";
	case 25:
		return "peer-fin-close-wait";
	case 26:
		return "peer-abort-wait";
	case 27:
		return "process-abort";
	default:
		return NULL;
	}
}

/* include/net/tcp_states.h, in the words of ss(8) */
static const char *tcp_state_name(uint8_t state)
{
	static const char *const names[] = { NULL,         "established", "syn-sent",  "syn-recv",
					     "fin-wait-1", "fin-wait-2",  "time-wait", "closed",
					     "close-wait", "last-ack",    "listening", "closing" };

	return state < sizeof(names) / sizeof(*names) ? names[state] : NULL;
}

/* ---- one connection ---- */

static void describe_tcp(struct connection *c, const struct smc_policy_listed *tcp)
{
	memcpy(c->local, tcp->local, sizeof(c->local));
	memcpy(c->peer, tcp->peer, sizeof(c->peer));
	c->local_port = tcp->local_port;
	c->peer_port = tcp->peer_port;
	c->told = &tcp->told;
	c->side = tcp->side < SMC_POLICY_SIDES ? tcp->side : -1;
	c->mode = tcp->mode;
	c->code = tcp->code;
	c->peer_code = tcp->peer_code;
	c->uid = tcp->uid;
	c->state = tcp_state_name(tcp->state);
}

static void describe_smc(struct connection *c, const struct listing_smc *smc)
{
	if (!c->told) {
		memcpy(c->local, smc->local, sizeof(c->local));
		memcpy(c->peer, smc->peer, sizeof(c->peer));
		c->local_port = smc->local_port;
		c->peer_port = smc->peer_port;
	}
	/* A socket whose handshake goes on says smc-r in any case (__smc_diag_dump). */
	if (smc->mode == SMC_POLICY_MODE_TCP || smc->state != SMC_INIT)
		c->mode = smc->mode;
	c->code = smc->code ? smc->code : c->code;
	c->peer_code = smc->peer_code ? smc->peer_code : c->peer_code;
	c->uid = smc->uid;
	if (c->mode != SMC_POLICY_MODE_TCP || !c->state)
		c->state = smc_state_name(smc->state);
}

static void describe(const struct server *server, const struct listing *listing,
		     struct connection *c)
{
	static const struct smc_policy_told nobody;

	*c = (struct connection){ .side = -1 };
	if (listing->tcp)
		describe_tcp(c, listing->tcp);
	if (listing->smc)
		describe_smc(c, listing->smc);
	if (!c->told)
		c->told = &nobody;
	c->port = c->side == SMC_POLICY_ACCEPT ? c->local_port : c->peer_port;
	c->rule = seen_rule(server, c->told, listing->tcp ? listing->tcp->epoch : 0);
	if (c->mode == SMC_POLICY_MODE_TCP)
		c->cause = seen_cause(c->told, c->code, listing->tcp && listing->tcp->speaks);
}

static json_t *bytes(const struct smc_policy_listed *tcp, uint64_t count)
{
	return tcp && !tcp->unbytes ? json_integer((json_int_t)count) : json_null();
}

static json_t *link_group(const struct smc_policy_listed *tcp)
{
	/* As smcr(8) writes it. */
	return tcp && tcp->link_group ? json_sprintf("%08x", tcp->link_group) : json_null();
}

static void add_sources(const struct server *server, const struct listing *listing, json_t *json)
{
	const struct smc_policy_listed *tcp = listing->tcp;
	const struct listing_smc *smc = listing->smc;

	json_object_set_new(json, "link_group", link_group(tcp));
	json_object_set_new(json, "device",
			    json_text_or_null(smc && smc->device[0] ? smc->device : NULL));
	json_object_set_new(json, "sent", bytes(tcp, tcp ? tcp->sent : 0));
	json_object_set_new(json, "received", bytes(tcp, tcp ? tcp->received : 0));
	json_object_set_new(json, "inode",
			    smc && smc->inode ? json_integer((json_int_t)smc->inode) : json_null());
	json_object_set_new(json, "netns", json_text_or_null(listing->netns));
	json_object_set_new(
		json, "cgroup",
		json_text_or_null(tcp ? places_cgroup(server->places, tcp->cgroup) : NULL));
}

static bool is_known(const uint8_t addr[16])
{
	static const uint8_t none[16];

	return memcmp(addr, none, sizeof(none)) != 0;
}

static json_t *describe_json(const struct server *server, const struct listing *listing,
			     const struct connection *c)
{
	json_t *json = json_pack(
		"{s:o, s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}",
		"side",
		c->side < 0 ? json_null()
			    : json_string(word_name(&words_side, (unsigned int)c->side)),
		"local", is_known(c->local) ? seen_address(c->local) : json_null(), "local_port",
		(int)c->local_port, "peer", is_known(c->peer) ? seen_address(c->peer) : json_null(),
		"peer_port", (int)c->peer_port, "port",
		c->side < 0 ? json_null() : json_integer(c->port), "mode", seen_mode(c->mode),
		"state", json_text_or_null(c->state), "verdict", seen_verdict(c->told), "reason",
		seen_reason(c->told), "rule", json_text_or_null(c->rule), "cause",
		json_text_or_null(c->cause), "code", cause_json_code(c->code), "peer_code",
		cause_json_code(c->peer_code), "uid", (json_int_t)c->uid);

	if (json)
		add_sources(server, listing, json);
	return json;
}

/* ---- all of them ---- */

static void add_row(void *arg, const struct listing *listing)
{
	struct rows *rows = arg;
	struct connection c;
	struct row *row;

	describe(rows->server, listing, &c);
	if (!filter_matches(&rows->filter, &(struct filter_subject){
						   .side = c.side,
						   .mode = c.mode,
						   .port = c.side < 0 ? -1 : c.port,
						   .peer = c.peer,
						   .rule = c.rule,
						   .cause = c.cause,
					   }))
		return;
	if (array_grow(rows->items, rows->n, rows->room)) {
		rows->short_of_memory = true;
		return;
	}
	row = &rows->items[rows->n++];
	*row = (struct row){
		.side = c.side,
		.port = c.port,
		.local_port = c.local_port,
		.peer_port = c.peer_port,
		.json = describe_json(rows->server, listing, &c),
	};
	memcpy(row->peer, c.peer, sizeof(row->peer));
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *one = a, *other = b;
	int peers = memcmp(one->peer, other->peer, sizeof(one->peer));

	if (one->side != other->side)
		return one->side < other->side ? -1 : 1;
	if (one->port != other->port)
		return one->port < other->port ? -1 : 1;
	if (peers)
		return peers;
	if (one->peer_port != other->peer_port)
		return one->peer_port < other->peer_port ? -1 : 1;
	return one->local_port < other->local_port ? -1 : one->local_port > other->local_port;
}

/* The rows as JSON, sorted; what they hold is taken over. */
static json_t *take_rows(struct rows *rows)
{
	json_t *list = json_array();

	if (rows->n)
		qsort(rows->items, rows->n, sizeof(*rows->items), compare_rows);
	for (size_t i = 0; i < rows->n; i++)
		json_array_append_new(list, rows->items[i].json);
	free(rows->items);
	return list;
}

json_t *seen_connections(const struct server *server, const json_t *arguments,
			 struct kernel_error *error)
{
	struct rows rows = { .server = server };
	struct smc_policy_totals counts;
	json_t *list;

	if (filter_read(server, arguments, &rows.filter, error))
		return NULL;
	if (kernel_list_connections(server->kernel, add_row, &rows, error) ||
	    rows.short_of_memory) {
		if (rows.short_of_memory)
			kernel_fail(error, -ENOMEM, "out of memory");
		json_decref(take_rows(&rows));
		return NULL;
	}
	list = take_rows(&rows);
	kernel_read_totals(server->kernel, &counts);
	return json_pack("{s:o, s:I}", "connections", list, "lost",
			 (json_int_t)counts.connections_lost);
}
