// SPDX-License-Identifier: GPL-2.0-or-later
/* The client: connections to check serve, data and times. */
#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check/connect.h"
#include "check/sightings.h"
#include "check/talk.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"

#define SETUPS 11 /* connections of each kind, of which the median counts */
#define PINGS 200
#define PING_SIZE 64
#define ROUNDS 5 /* of data, of which the median counts */
#define ROUND_BYTES (1u << 20) /* the most of a round, and the least */
#define ROUND_BYTES_LEAST (16u << 10)
#define ROUND_NS (NSEC_PER_SEC / 4) /* that a round should take at most */
#define CHECK_BYTES (128u << 10) /* of the first one, which is not measured */

/*
 * Over soft RoCE no write of SMC's may be longer than a packet of 1,024 bytes, two windows of the exchange.
 * Seen with the stock rdma_rxe of Linux 6.12 where a host is so busy that packets are sent again: longer
 * writes ended with "make_send_cqe: non-flush error status = 9" at the sender, and SMC then ended all
 * connections of the link group.  Writes of one packet came through hundreds of such repetitions.
 */
#define SOFT_WINDOW 512u

static int compare(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

static uint64_t median(uint64_t *times, unsigned int n)
{
	qsort(times, n, sizeof(*times), compare);
	return times[n / 2];
}

static uint64_t now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* ---- connections ---- */

/* A connection, and how long connect() took; a negative errno if there is none. */
static int open_connection(const struct check_target *target, bool smc, uint64_t *took)
{
	struct timeval timeout = { .tv_sec = TALK_IDLE_MS / 1000 };
	autoclose int fd = mode_socket(target->address.any.sa_family, smc);
	uint64_t start;

	if (fd < 0)
		return fd;
	/* connect() waits no longer than that either. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	start = now();
	if (connect(fd, &target->address.any, target->length))
		return errno == EINPROGRESS || errno == EAGAIN ? -ETIMEDOUT : -errno;
	*took = now() - start;
	return steal_fd(fd);
}

/* Send a line and read the object that answers it; NULL and @error. */
__attribute__((format(printf, 3, 4))) static json_t *ask(int fd, int *error, const char *format,
							 ...)
{
	char line[TALK_LINE_SIZE];
	json_t *json = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	*error = talk_send_line(fd, "%s", line);
	if (!*error)
		*error = talk_receive_line(fd, line);
	if (!*error)
		json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	if (!*error && !json_is_object(json))
		*error = -EPROTO;
	return json;
}

/* The server's view of the connection into @mode. */
static int say_hello(int fd, struct mode *mode)
{
	static const char *const words[] = { "smc-r", "smc-d", "tcp" };
	autojson json_t *answer = NULL;
	const char *word;
	int rc;

	answer = ask(fd, &rc, "hello %d", TALK_PROTOCOL);
	if (rc)
		return rc;
	if (json_integer_value(json_object_get(answer, "protocol")) != TALK_PROTOCOL)
		return -EPROTO;
	word = json_string_value(json_object_get(answer, "mode"));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word && !strcmp(word, words[i]))
			mode->word = words[i];
	mode->code = (uint32_t)json_integer_value(json_object_get(answer, "code"));
	mode->peer_code = (uint32_t)json_integer_value(json_object_get(answer, "peer_code"));
	return 0;
}

/* ---- times ---- */

/* @bytes both ways; whether all arrived as it was sent, at both ends, into @right. */
static int exchange(int fd, uint32_t bytes, uint32_t window, bool *right)
{
	uint32_t seed = (uint32_t)now() & 0xffffff;
	struct talk_data data = {
		.bytes = bytes, .window = window, .seed = seed, .expected = seed + 1
	};
	char line[TALK_LINE_SIZE];
	int rc = talk_send_line(fd, "data %u %u %u", bytes, seed, window);

	if (!rc)
		rc = talk_exchange(fd, &data, right);
	if (!rc)
		rc = talk_receive_line(fd, line);
	if (!rc)
		*right &= !strcmp(line, "ok");
	return rc;
}

static int measure_round_trips(int fd, struct connect_times *times)
{
	uint8_t message[PING_SIZE] = { 0 };
	uint64_t took[PINGS];
	int rc = talk_send_line(fd, "ping %d %d", PINGS, PING_SIZE);

	for (unsigned int i = 0; i < PINGS && !rc; i++) {
		uint64_t start = now();

		rc = talk_send(fd, message, sizeof(message));
		if (!rc)
			rc = talk_receive(fd, message, sizeof(message));
		took[i] = now() - start;
	}
	if (!rc)
		times->round_trip = median(took, PINGS);
	return rc;
}

/* Bytes of a round where CHECK_BYTES took @ns: fewer on a slow path. */
static uint32_t round_bytes(uint64_t ns)
{
	uint64_t bytes = CHECK_BYTES * (uint64_t)ROUND_NS / (ns + 1);

	bytes = bytes < ROUND_BYTES_LEAST ? ROUND_BYTES_LEAST : bytes;
	return (uint32_t)(bytes > ROUND_BYTES ? ROUND_BYTES : bytes) & ~1023u;
}

static int measure_data(int fd, uint32_t window, struct connect_times *times, bool *right)
{
	uint64_t took[ROUNDS], start = now();
	bool this_right;
	int rc = exchange(fd, CHECK_BYTES, window, &this_right);
	uint32_t bytes = round_bytes(now() - start);

	*right &= rc || this_right;
	for (unsigned int i = 0; i < ROUNDS && !rc; i++) {
		start = now();
		rc = exchange(fd, bytes, window, &this_right);
		took[i] = now() - start;
		*right &= rc || this_right;
	}
	if (!rc)
		times->kib = median(took, ROUNDS) / (2 * bytes / 1024);
	return rc;
}

/* The median of connects that check serve has answered; none if one of them fails. */
static void measure_setups(const struct check_target *target, bool smc, struct connect_times *times)
{
	uint64_t took[SETUPS];
	struct mode mode;

	for (unsigned int i = 0; i < SETUPS; i++) {
		autoclose int fd = open_connection(target, smc, &took[i]);

		/* The answer tells that the server is done with setting up, too. */
		if (fd < 0 || say_hello(fd, &mode))
			return;
	}
	times->setup = median(took, SETUPS);
}

/* Both kinds of sockets get the same window, or they could not be compared. */
static int measure(const struct check_target *target, int fd, bool smc,
		   struct connect_result *result)
{
	struct connect_times *times = smc ? &result->smc : &result->tcp;
	int rc = measure_data(fd, result->soft ? SOFT_WINDOW : ROUND_BYTES, times, &result->right);

	if (!rc)
		rc = measure_round_trips(fd, times);
	if (!rc)
		measure_setups(target, smc, times);
	return rc;
}

/* ---- the option ---- */

static enum facts_answer as_answer(const json_t *json)
{
	return json_is_boolean(json) ? json_is_true(json) ? FACTS_YES : FACTS_NO : FACTS_UNKNOWN;
}

/* Where the option was on the way of the SMC connection from @port; @control: a connection to ask. */
static void trace_option(struct sightings *sightings, int control, uint16_t port,
			 struct connect_result *result)
{
	autojson json_t *answer = NULL;
	uint32_t isn;
	int rc;

	if (!sightings_isn(sightings, port, &isn))
		return;
	result->syn_left = sightings_option(sightings, isn, false);
	result->synack_arrived = sightings_option(sightings, isn, true);
	answer = ask(control, &rc, "syn %u", isn);
	result->syn_arrived = as_answer(json_object_get(answer, "syn"));
	result->synack_left = as_answer(json_object_get(answer, "synack"));
}

static uint16_t local_port(int fd)
{
	union check_address address = { 0 };
	socklen_t length = sizeof(address);

	getsockname(fd, &address.any, &length);
	return ntohs(*check_address_port(&address));
}

/* ---- all of it ---- */

/* Whether there is a device of rdma_rxe, which has the attribute "parent" (drivers/infiniband/sw/rxe). */
static bool soft_roce(void)
{
	glob_t found;
	int rc = glob("/sys/class/infiniband/*/parent", 0, NULL, &found);

	globfree(&found);
	return !rc;
}

static void try_smc(const struct check_target *target, struct sightings *sightings, int control,
		    struct connect_result *result)
{
	uint64_t took;
	autoclose int fd = open_connection(target, true, &took);

	result->smc_error = fd < 0 ? fd : 0;
	if (fd < 0)
		return;
	result->here = mode_of(fd);
	result->soft = result->here.word && !strcmp(result->here.word, "smc-r") && soft_roce();
	/* First: where only the SYN-ACK lost its option, the server never answers. */
	trace_option(sightings, control, local_port(fd), result);
	result->data_error = say_hello(fd, &result->there);
	if (!result->data_error)
		result->data_error = measure(target, fd, true, result);
}

/* By a connection of its own: check serve has closed what was silent meanwhile. */
static int try_tcp(const struct check_target *target, struct connect_result *result)
{
	uint64_t took;
	autoclose int fd = open_connection(target, false, &took);

	return fd < 0 ? fd : measure(target, fd, false, result);
}

static void try_both(const struct check_target *target, struct sightings *sightings,
		     struct connect_result *result)
{
	struct mode mode;
	uint64_t took;
	autoclose int control = open_connection(target, false, &took);

	result->tcp_error = control < 0 ? control : 0;
	if (control < 0)
		return;
	result->talks = !say_hello(control, &mode);
	if (!result->talks)
		return;
	result->right = true;
	try_smc(target, sightings, control, result);
	if (!result->smc_error && !result->data_error)
		result->data_error = try_tcp(target, result);
}

int connect_try(const struct check_target *target, struct connect_result *result)
{
	autofree struct sightings *sightings = malloc(sizeof(*sightings));
	int rc = sightings ? sightings_open(sightings, target->port) : -ENOMEM;

	memset(result, 0, sizeof(*result));
	if (rc)
		return rc;
	try_both(target, sightings, result);
	sightings_close(sightings);
	return 0;
}
