// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many short connections at a steady rate.
 *
 * Each connection sends a small payload and checks the echo.  Only smc_diag knows
 * the mode of a connection; it lists open sockets, all of them at once.  So a
 * finished connection stays open until the next tick, when one dump has them all.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smc-tool.h"

static const char usage[] =
	"usage: smc-tool load --to ADDRESS --port N --rate R --out FILE\n"
	"                     --seconds S|--count N|--until FILE\n"
	"                     [--bytes N] [--family smc|ipproto-smc|tcp]\n"
	"                     [--timeout SECONDS] [--at-once N]\n"
	"Opens R connections a second, R * S or N in all, or until the file of --until exists,\n"
	"each with --bytes (default 64) echoed, or with --bytes 0 only opened.  When --at-once\n"
	"(default 100) are under way the next waits for one to end, however slow the host is.\n"
	"A connection that takes longer than --timeout (default 300) has failed.\n"
	"FILE gets a line per connection: \"t=SECONDS local_port=N mode=… reason=0x…\n"
	"peer_reason=0x… linkgroup=yes|no data=ok|bad|none us=N error=NAME|-\", t being its start\n"
	"on CLOCK_MONOTONIC, us how long it took.  Standard output gets a summary.  Status 0 only\n"
	"if every connection had its data echoed right.\n";

#define TICK_MS 25
#define PAYLOAD_MAX 4096

enum phase {
	PHASE_CONNECTING,
	PHASE_ECHOING,
	PHASE_DONE, /* result known, socket still open for smc_diag */
};

struct connection {
	int fd;
	enum phase phase;
	ino_t inode;
	uint16_t port;
	uint64_t seed;
	uint64_t started; /* us, CLOCK_MONOTONIC */
	uint64_t finished;
	size_t sent; /* bytes */
	size_t received;
	bool same; /* so far the echo is what was sent */
	int error; /* errno, 0 while all is well */
	bool listed; /* state is known */
	struct smc_state state;
};

struct load {
	struct endpoint endpoint;
	unsigned long rate; /* connections a second */
	unsigned long seconds;
	const char *until; /* path, or NULL */
	unsigned long total; /* 0: as many as the seconds give */
	unsigned long bytes;
	unsigned long at_once; /* connections */
	uint64_t timeout_us;
	FILE *out;
	unsigned long opened;
	struct connection *open; /* array of open_count */
	struct pollfd *poll_fds; /* same length */
	size_t open_count;
	size_t open_size;
	/* for the summary */
	unsigned long ok, failed, modes[5];
};

static const char *const mode_names[] = { "SMCR", "SMCD", "FALLBACK", "TCP", "UNKNOWN" };

static void finish(struct connection *connection, int error)
{
	connection->phase = PHASE_DONE;
	connection->finished = now_us();
	connection->error = error;
	connection->port = local_port(connection->fd);
}

static struct connection *new_connection(struct load *load)
{
	if (load->open_count == load->open_size) {
		load->open_size = load->open_size ? 2 * load->open_size : 64;
		load->open = reallocarray(load->open, load->open_size, sizeof(*load->open));
		load->poll_fds =
			reallocarray(load->poll_fds, load->open_size, sizeof(*load->poll_fds));
		if (!load->open || !load->poll_fds)
			fail("out of memory");
	}
	return &load->open[load->open_count++];
}

static void open_connection(struct load *load)
{
	struct connection *connection = new_connection(load);

	*connection = (struct connection){
		.fd = endpoint_socket(&load->endpoint, SOCK_NONBLOCK),
		.seed = load->opened++,
		.started = now_us(),
		.same = true,
	};
	connection->inode = socket_inode(connection->fd);
	if (connect(connection->fd, (struct sockaddr *)&load->endpoint.addr, load->endpoint.len) &&
	    errno != EINPROGRESS)
		finish(connection, errno);
}

static void check_connected(const struct load *load, struct connection *connection)
{
	int error = socket_error(connection->fd);

	if (error || !load->bytes)
		finish(connection, error);
	else
		connection->phase = PHASE_ECHOING;
}

static void echo_some(const struct load *load, struct connection *connection)
{
	unsigned char payload[PAYLOAD_MAX], echo[PAYLOAD_MAX];
	ssize_t n;

	fill_pseudo_random(payload, load->bytes, connection->seed);
	if (connection->sent < load->bytes) {
		n = write(connection->fd, payload + connection->sent,
			  load->bytes - connection->sent);
		if (n < 0 && !would_block())
			finish(connection, errno);
		else if (n > 0)
			connection->sent += (size_t)n;
		return;
	}
	n = read(connection->fd, echo, load->bytes - connection->received);
	if (n == 0 || (n < 0 && !would_block())) {
		finish(connection, n ? errno : ECONNRESET);
	} else if (n > 0) {
		connection->same &= !memcmp(payload + connection->received, echo, (size_t)n);
		connection->received += (size_t)n;
		if (connection->received == load->bytes)
			finish(connection, 0);
	}
}

static void advance(const struct load *load, struct connection *connection, short events)
{
	if (connection->phase == PHASE_CONNECTING && events)
		check_connected(load, connection);
	else if (connection->phase == PHASE_ECHOING && events)
		echo_some(load, connection);
	else if (connection->phase != PHASE_DONE &&
		 now_us() - connection->started > load->timeout_us)
		finish(connection, ETIMEDOUT);
}

/*
 * poll() afresh every time rather than epoll: before Linux 5.17 a socket that
 * falls back while someone waits for it wakes nobody.
 */
static void poll_open(struct load *load, int timeout_ms)
{
	for (size_t i = 0; i < load->open_count; i++) {
		const struct connection *connection = &load->open[i];
		bool write =
			connection->phase == PHASE_CONNECTING || connection->sent < load->bytes;

		load->poll_fds[i] = (struct pollfd){
			.fd = connection->phase == PHASE_DONE ? -1 : connection->fd,
			.events = write ? POLLOUT : POLLIN,
		};
	}
	if (poll(load->poll_fds, load->open_count, timeout_ms) < 0 && errno != EINTR)
		fail_errno("poll");
	for (size_t i = 0; i < load->open_count; i++)
		advance(load, &load->open[i], load->poll_fds[i].revents);
}

static void match_finished(const struct smc_state *state, void *data)
{
	struct load *load = data;

	for (size_t i = 0; i < load->open_count; i++) {
		if (load->open[i].inode == state->inode) {
			load->open[i].state = *state;
			load->open[i].listed = true;
		}
	}
}

static void report(struct load *load, const struct connection *connection)
{
	const struct smc_state *state = connection->listed ? &connection->state : NULL;
	const char *mode = mode_name(load->endpoint.kind, state);
	bool complete = !connection->error && connection->same;

	fprintf(load->out, "t=%llu.%06llu local_port=%u ",
		(unsigned long long)connection->started / 1000000,
		(unsigned long long)connection->started % 1000000, connection->port);
	print_mode(load->out, load->endpoint.kind, state);
	fprintf(load->out, " data=%s us=%llu error=%s\n",
		complete           ? "ok"
		: connection->same ? "none"
				   : "bad",
		(unsigned long long)(connection->finished - connection->started),
		connection->error ? strerrorname_np(connection->error) : "-");
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		load->modes[i] += !connection->error && !strcmp(mode, mode_names[i]);
	if (complete)
		load->ok++;
	else
		load->failed++;
}

static void retire_finished(struct load *load)
{
	size_t kept = 0, done = 0;

	for (size_t i = 0; i < load->open_count; i++)
		done += load->open[i].phase == PHASE_DONE;
	if (!done)
		return;
	if (load->endpoint.kind != SOCKET_TCP)
		smc_diag_walk(match_finished, load);
	for (size_t i = 0; i < load->open_count; i++) {
		if (load->open[i].phase != PHASE_DONE) {
			load->open[kept++] = load->open[i];
			continue;
		}
		report(load, &load->open[i]);
		close(load->open[i].fd);
	}
	load->open_count = kept;
}

/* When the next one is to be opened, in us on CLOCK_MONOTONIC. */
static uint64_t next_open(const struct load *load, uint64_t start)
{
	return start + load->opened * (uint64_t)1000000 / load->rate;
}

/* How long poll() may wait, in ms: every wakeup costs something in an emulated guest. */
static int time_until(uint64_t when)
{
	uint64_t now = now_us();

	return when > now ? (int)((when - now + 999) / 1000) : 0;
}

static void run_load(struct load *load)
{
	uint64_t start = now_us();
	uint64_t next_tick = start;
	unsigned long total = load->total ? load->total : load->rate * load->seconds;

	if (load->until)
		total = ULONG_MAX;

	while (load->opened < total || load->open_count) {
		uint64_t now = now_us(), wake;

		/*
		 * A host that cannot keep up gets them later, not all at once: handshakes that
		 * wait for others in module smc's queue (smc_hs_wq, from 256 on) time out.
		 */
		while (load->opened < total && load->open_count < load->at_once &&
		       now >= next_open(load, start))
			open_connection(load);
		wake = next_tick;
		if (load->opened < total && load->open_count < load->at_once &&
		    next_open(load, start) < wake)
			wake = next_open(load, start);
		poll_open(load, time_until(wake));
		if (now_us() >= next_tick) {
			if (load->until && !access(load->until, F_OK))
				total = load->opened;
			retire_finished(load);
			next_tick = now_us() + TICK_MS * 1000;
		}
	}
}

static int print_summary(const struct load *load)
{
	printf("connections=%lu ok=%lu failed=%lu", load->opened, load->ok, load->failed);
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		printf(" %s=%lu", mode_names[i], load->modes[i]);
	putchar('\n');
	return load->failed || !load->ok ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cmd_load(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "until", required_argument, NULL, 'u' },
		{ "bytes", required_argument, NULL, 'n' },
		{ "family", required_argument, NULL, 'f' },
		{ "timeout", required_argument, NULL, 't' },
		{ "at-once", required_argument, NULL, 'm' },
		{ "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct load load = { .bytes = 64, .at_once = 100, .timeout_us = 300 * 1000000UL };
	const char *address = NULL, *path = NULL;
	unsigned long port = 0;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			address = optarg;
			break;
		case 'p':
			port = parse_number("port", optarg, UINT16_MAX);
			break;
		case 'r':
			load.rate = parse_number("rate", optarg, 100000);
			break;
		case 's':
			load.seconds = parse_number("seconds", optarg, 3600);
			break;
		case 'c':
			load.total = parse_number("count", optarg, 10000000);
			break;
		case 'u':
			load.until = optarg;
			break;
		case 'n':
			load.bytes = parse_number("bytes", optarg, PAYLOAD_MAX);
			break;
		case 'f':
			load.endpoint.kind = parse_socket_kind(optarg);
			break;
		case 't':
			load.timeout_us = parse_number("timeout", optarg, 3600) * 1000000;
			break;
		case 'm':
			load.at_once = parse_number("at-once", optarg, 10000);
			break;
		case 'o':
			path = optarg;
			break;
		case 'h':
			return fputs(usage, stdout) < 0;
		default:
			return EXIT_USAGE;
		}
	}
	if (!address || !port || !load.rate || !load.at_once || !path || optind != argc ||
	    !!load.seconds + !!load.total + !!load.until != 1)
		usage_error("load needs --to, --port, --rate, --out, and one of --seconds, --count "
			    "and --until; see --help");
	endpoint_set(&load.endpoint, address, port);
	load.out = create_lines(path);
	run_load(&load);
	status = print_summary(&load);
	return fclose(load.out) ? EXIT_FAILURE : status;
}
