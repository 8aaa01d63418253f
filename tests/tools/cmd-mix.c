// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two kinds of connections to one server: short ones at full speed, and long ones that carry more
 * data over a longer time.
 *
 * smc_diag knows the mode of a long connection.  Short ones close too fast for it.  The kernel counts
 * the handshakes that ended with SMC, of both kinds; without the long ones this is the number of short
 * ones on SMC.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/smc_diag.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smc-tool.h"

static const char usage[] =
	"usage: smc-tool mix --to ADDRESS --port N --seconds S [--short N] [--long N]\n"
	"                    [--short-bytes N] [--long-bytes N] [--long-seconds S] [--out FILE]\n"
	"                    [--long-port N] [--versus PORT]\n"
	"                    [--family smc|ipproto-smc|tcp] [--timeout SECONDS]\n"
	"Keeps --short (default 8) connections open that end when --short-bytes (64) came back, and\n"
	"--long (2) ones that take --long-seconds (3) for --long-bytes (2 MiB); whenever one ends the\n"
	"next is opened, for --seconds.\n"
	"The long ones go to the port of --long-port, if it is given.\n"
	"With --versus as many short ones go to that port at the same time, to compare with: one\n"
	"where the policy never lets SMC be.\n"
	"Prints a line a second, \"second=N short=N failed=N slow=N smc=N versus=N\": short ones that\n"
	"ended, those without their data, those that took more than a second, SMC handshakes of this\n"
	"network namespace, short ones to the other port that ended; and one of each kind in the\n"
	"end: \"kind=short|long|versus connections=N failed=N on_smc=N\".\n"
	"FILE gets a line per long one: \"t=SECONDS mode=… reason=0x… peer_reason=0x… linkgroup=yes|no\n"
	"bytes=N data=ok|bad|none us=N error=NAME|-\", t being its start since ours.  Status 0 only if\n"
	"none failed.\n";

/* SMC's send buffer is finite: no more than this is on its way. */
#define WINDOW 16384
#define PATTERN 16384 /* what is sent repeats after as many bytes */
#define SLOW_US 1000000
#define POLL_MS 10
#define CLASSIFY_US 100000 /* between two dumps of smc_diag */
#define WORKERS_MAX 256

enum phase {
	PHASE_CLOSED,
	PHASE_CONNECTING,
	PHASE_ECHOING,
};

struct kind {
	const char *name;
	uint16_t port;
	unsigned long at_once;
	unsigned long bytes;
	uint64_t duration_us; /* 0: at once */
	unsigned long ended, failed, slow, on_smc;
};

struct worker {
	struct kind *kind;
	enum phase phase;
	int fd;
	ino_t inode;
	uint64_t started; /* us, CLOCK_MONOTONIC */
	size_t sent; /* bytes */
	size_t received;
	size_t offset; /* in the pattern, so that connections differ */
	bool same; /* so far the echo is what was sent */
	bool listed; /* state is known */
	struct smc_state state;
};

struct mix {
	struct endpoint endpoint;
	struct kind short_ones, long_ones, versus;
	struct worker workers[WORKERS_MAX];
	size_t workers_count;
	unsigned char pattern[2 * PATTERN];
	unsigned long seconds;
	uint64_t timeout_us;
	FILE *out;
	uint64_t start;
	unsigned long opened;
	/* at the last line */
	struct kind reported;
	unsigned long reported_versus;
	uint64_t handshakes;
};

static void open_connection(struct mix *mix, struct worker *worker)
{
	struct kind *kind = worker->kind;

	*worker = (struct worker){
		.kind = kind,
		.phase = PHASE_CONNECTING,
		.fd = endpoint_socket(&mix->endpoint, SOCK_NONBLOCK),
		.offset = mix->opened++ * 61 % PATTERN,
		.started = now_us(),
		.same = true,
	};
	worker->inode = socket_inode(worker->fd);
	/* What else goes wrong shows as an event. */
	sockaddr_set_port(&mix->endpoint.addr, kind->port);
	(void)!connect(worker->fd, (struct sockaddr *)&mix->endpoint.addr, mix->endpoint.len);
}

static void report_long(const struct mix *mix, const struct worker *worker, int error)
{
	const struct smc_state *state = worker->listed ? &worker->state : NULL;
	uint64_t t = worker->started - mix->start;

	fprintf(mix->out, "t=%llu.%06llu ", (unsigned long long)t / 1000000,
		(unsigned long long)t % 1000000);
	print_mode(mix->out, mix->endpoint.kind, state);
	fprintf(mix->out, " bytes=%zu data=%s us=%llu error=%s\n", worker->received,
		!worker->same ? "bad"
		: error       ? "none"
			      : "ok",
		(unsigned long long)(now_us() - worker->started),
		error ? strerrorname_np(error) : "-");
}

static void end_connection(const struct mix *mix, struct worker *worker, int error)
{
	struct kind *kind = worker->kind;

	close(worker->fd);
	worker->phase = PHASE_CLOSED;
	kind->ended++;
	kind->failed += error || !worker->same;
	kind->slow += !kind->duration_us && now_us() - worker->started > SLOW_US;
	kind->on_smc += worker->listed && (worker->state.mode == SMC_DIAG_MODE_SMCR ||
					   worker->state.mode == SMC_DIAG_MODE_SMCD);
	if (kind->duration_us && mix->out)
		report_long(mix, worker, error);
}

/* How many bytes should be sent by now. */
static size_t due(const struct worker *worker)
{
	const struct kind *kind = worker->kind;
	uint64_t age = now_us() - worker->started;
	size_t bytes = kind->bytes;

	if (age < kind->duration_us)
		bytes = (size_t)(kind->bytes * age / kind->duration_us);
	if (bytes > worker->received + WINDOW)
		bytes = worker->received + WINDOW;
	return bytes;
}

static const unsigned char *pattern_at(const struct mix *mix, const struct worker *worker,
				       size_t position)
{
	return mix->pattern + (worker->offset + position) % PATTERN;
}

static int send_some(const struct mix *mix, struct worker *worker)
{
	size_t until = due(worker);
	ssize_t n;

	if (worker->sent >= until)
		return 0;
	n = write(worker->fd, pattern_at(mix, worker, worker->sent), until - worker->sent);
	if (n < 0 && !would_block())
		return errno;
	worker->sent += n > 0 ? (size_t)n : 0;
	return 0;
}

static int receive_some(const struct mix *mix, struct worker *worker)
{
	unsigned char echo[PATTERN];
	ssize_t n = read(worker->fd, echo, sizeof(echo));

	if (n == 0)
		return ECONNRESET;
	if (n < 0 && !would_block())
		return errno;
	if (n > 0) {
		worker->same &= !memcmp(pattern_at(mix, worker, worker->received), echo, (size_t)n);
		worker->received += (size_t)n;
	}
	return 0;
}

static void advance(const struct mix *mix, struct worker *worker, short events)
{
	uint64_t limit = mix->timeout_us + worker->kind->duration_us;
	int error = 0;

	if (worker->phase == PHASE_CONNECTING && events) {
		error = socket_error(worker->fd);
		worker->phase = PHASE_ECHOING;
	}
	if (!error && worker->phase == PHASE_ECHOING)
		error = send_some(mix, worker);
	if (!error && worker->phase == PHASE_ECHOING && events & ~POLLOUT)
		error = receive_some(mix, worker);
	if (!error && now_us() - worker->started > limit)
		error = ETIMEDOUT;
	if (error || worker->received >= worker->kind->bytes)
		end_connection(mix, worker, error);
}

/* poll() afresh every time rather than epoll; see cmd-load.c. */
static void poll_workers(struct mix *mix)
{
	struct pollfd fds[WORKERS_MAX];

	for (size_t i = 0; i < mix->workers_count; i++) {
		const struct worker *worker = &mix->workers[i];

		fds[i] = (struct pollfd){
			.fd = worker->phase == PHASE_CLOSED ? -1 : worker->fd,
			.events = worker->phase == PHASE_CONNECTING ? POLLOUT : POLLIN,
		};
	}
	if (poll(fds, mix->workers_count, POLL_MS) < 0 && errno != EINTR)
		fail_errno("poll");
	for (size_t i = 0; i < mix->workers_count; i++) {
		if (mix->workers[i].phase != PHASE_CLOSED)
			advance(mix, &mix->workers[i], fds[i].revents);
	}
}

static void match_long(const struct smc_state *state, void *data)
{
	struct mix *mix = data;

	for (size_t i = 0; i < mix->workers_count; i++) {
		struct worker *worker = &mix->workers[i];

		if (worker->kind == &mix->long_ones && worker->phase == PHASE_ECHOING &&
		    worker->inode == state->inode) {
			worker->state = *state;
			worker->listed = true;
		}
	}
}

static void classify_long(struct mix *mix)
{
	if (mix->endpoint.kind == SOCKET_TCP)
		return;
	for (size_t i = 0; i < mix->workers_count; i++) {
		const struct worker *worker = &mix->workers[i];

		if (worker->kind == &mix->long_ones && worker->phase == PHASE_ECHOING &&
		    !worker->listed) {
			smc_diag_walk(match_long, mix);
			return;
		}
	}
}

static uint64_t smc_handshakes(const struct mix *mix)
{
	struct handshake_stats stats = { 0 };

	if (mix->endpoint.kind != SOCKET_TCP)
		handshake_stats_read(&stats);
	return stats.client;
}

static void print_second(struct mix *mix, unsigned long second)
{
	struct kind *before = &mix->reported;
	const struct kind *now = &mix->short_ones;
	uint64_t handshakes = smc_handshakes(mix);

	printf("second=%lu short=%lu failed=%lu slow=%lu smc=%llu versus=%lu\n", second,
	       now->ended - before->ended, now->failed - before->failed, now->slow - before->slow,
	       (unsigned long long)(handshakes - mix->handshakes),
	       mix->versus.ended - mix->reported_versus);
	*before = *now;
	mix->reported_versus = mix->versus.ended;
	mix->handshakes = handshakes;
}

static bool some_are_open(const struct mix *mix)
{
	for (size_t i = 0; i < mix->workers_count; i++) {
		if (mix->workers[i].phase != PHASE_CLOSED)
			return true;
	}
	return false;
}

static void reopen_closed(struct mix *mix)
{
	for (size_t i = 0; i < mix->workers_count; i++) {
		if (mix->workers[i].phase == PHASE_CLOSED)
			open_connection(mix, &mix->workers[i]);
	}
}

static void run_mix(struct mix *mix)
{
	uint64_t end, now, next_look;
	unsigned long second = 0;

	mix->start = next_look = now_us();
	end = mix->start + mix->seconds * 1000000;
	while ((now = now_us()) < end || some_are_open(mix)) {
		if (now < end)
			reopen_closed(mix);
		poll_workers(mix);
		if (now_us() >= next_look) {
			classify_long(mix);
			next_look = now_us() + CLASSIFY_US;
		}
		/* What ends later is in the totals. */
		if (second < mix->seconds && now_us() >= mix->start + (second + 1) * 1000000)
			print_second(mix, ++second);
	}
}

static void add_worker(struct mix *mix, struct kind *kind)
{
	mix->workers[mix->workers_count++].kind = kind;
}

static void print_kind(const struct kind *kind)
{
	printf("kind=%s connections=%lu failed=%lu on_smc=%lu\n", kind->name, kind->ended,
	       kind->failed, kind->on_smc);
}

static int measure(struct mix *mix)
{
	uint64_t handshakes = smc_handshakes(mix);

	mix->handshakes = handshakes;
	fill_pseudo_random(mix->pattern, PATTERN, 1);
	memcpy(mix->pattern + PATTERN, mix->pattern, PATTERN);
	if (mix->versus.port) {
		mix->versus.at_once = mix->short_ones.at_once;
		mix->versus.bytes = mix->short_ones.bytes;
	}
	/* By turns, so that none of the two is always served first. */
	for (unsigned long i = 0; i < mix->short_ones.at_once; i++) {
		add_worker(mix, &mix->short_ones);
		if (mix->versus.port)
			add_worker(mix, &mix->versus);
	}
	for (unsigned long i = 0; i < mix->long_ones.at_once; i++)
		add_worker(mix, &mix->long_ones);
	run_mix(mix);
	mix->short_ones.on_smc = smc_handshakes(mix) - handshakes - mix->long_ones.on_smc;
	print_kind(&mix->short_ones);
	print_kind(&mix->long_ones);
	if (mix->versus.port)
		print_kind(&mix->versus);
	return mix->short_ones.failed || mix->long_ones.failed || mix->versus.failed ? EXIT_FAILURE
										     : EXIT_SUCCESS;
}

static struct mix mix = {
	.short_ones = { .name = "short", .at_once = 8, .bytes = 64 },
	.long_ones = { .name = "long", .at_once = 2, .bytes = 2 << 20, .duration_us = 3000000 },
	.versus = { .name = "versus" },
	.timeout_us = 300 * 1000000UL,
};

int cmd_mix(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "seconds", required_argument, NULL, 's' },
		{ "short", required_argument, NULL, 'n' },
		{ "long", required_argument, NULL, 'l' },
		{ "short-bytes", required_argument, NULL, 'b' },
		{ "long-bytes", required_argument, NULL, 'B' },
		{ "long-seconds", required_argument, NULL, 'S' },
		{ "family", required_argument, NULL, 'f' },
		{ "timeout", required_argument, NULL, 't' },
		{ "long-port", required_argument, NULL, 'P' },
		{ "versus", required_argument, NULL, 'v' },
		{ "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
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
		case 's':
			mix.seconds = parse_number("seconds", optarg, 3600);
			break;
		case 'n':
			mix.short_ones.at_once = parse_number("short", optarg, WORKERS_MAX / 3);
			break;
		case 'l':
			mix.long_ones.at_once = parse_number("long", optarg, WORKERS_MAX / 3);
			break;
		case 'b':
			mix.short_ones.bytes = parse_number("short-bytes", optarg, WINDOW);
			break;
		case 'B':
			mix.long_ones.bytes = parse_number("long-bytes", optarg, 1UL << 30);
			break;
		case 'S':
			mix.long_ones.duration_us =
				parse_number("long-seconds", optarg, 3600) * 1000000;
			break;
		case 'f':
			mix.endpoint.kind = parse_socket_kind(optarg);
			break;
		case 't':
			mix.timeout_us = parse_number("timeout", optarg, 3600) * 1000000;
			break;
		case 'P':
			mix.long_ones.port =
				(uint16_t)parse_number("long-port", optarg, UINT16_MAX);
			break;
		case 'v':
			mix.versus.port = (uint16_t)parse_number("versus", optarg, UINT16_MAX);
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
	if (!address || !port || !mix.seconds || !mix.short_ones.bytes || !mix.long_ones.bytes ||
	    !mix.long_ones.duration_us || optind != argc)
		usage_error("mix needs --to, --port and --seconds; see smc-tool mix --help");
	endpoint_set(&mix.endpoint, address, port);
	mix.short_ones.port = (uint16_t)port;
	if (!mix.long_ones.port)
		mix.long_ones.port = (uint16_t)port;
	if (path)
		mix.out = create_lines(path);
	status = measure(&mix);
	return mix.out && fclose(mix.out) ? EXIT_FAILURE : status;
}
