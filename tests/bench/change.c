// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * change: how long changes of the policy take, and what the daemon costs besides.  It starts
 * daemons of its own (build/smc-policyd, backend observe) in a new directory below /tmp and
 * prints a table.  Times are from sending a command to its answer: the change is in force
 * then.  Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "wire/frame.h"
#include "wire/protocol.h"

#define PREFIXES 1000000
#define RULES 10000
#define IDLE_SECONDS 10
#define WAIT_SECONDS 60
#define SAMPLES_MAX 1000

static char folder[] = "/tmp/smc-policy-change-XXXXXX";
static pid_t daemon_pid;
static int control = -1;
static size_t log_at; /* what of the daemon's log was read */

/* ---- cleaning up ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void stop_daemon(int signal)
{
	if (control >= 0)
		close(control);
	control = -1;
	if (daemon_pid && !kill(daemon_pid, signal))
		waitpid(daemon_pid, NULL, 0);
	daemon_pid = 0;
}

static void clean_up(void)
{
	char path[64];

	stop_daemon(SIGTERM);
	snprintf(path, sizeof(path), "%s/pins", folder);
	umount(path);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;

	fputs("change: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (%s)\n", strerror(errno));
	clean_up();
	exit(EXIT_FAILURE);
}

/* ---- files ---- */

static FILE *create_file(const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	if (!file)
		die("cannot write %s", path);
	return file;
}

/* A configuration up to where the rules begin. */
static FILE *create_config(void)
{
	FILE *file = create_file("config");

	fprintf(file,
		"[daemon]\nsocket = %s/socket\nstate-dir = %s/state\npin-dir = %s/pins\n"
		"backend = observe\non-stop = release\nlog-level = debug\n",
		folder, folder, folder);
	return file;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state;
}

/* A list of random prefixes from /16 to /32 in no order; another @version differs in the first. */
static void write_list(unsigned int version)
{
	FILE *file = create_file("list");
	uint32_t random = 1;

	fprintf(file, "192.0.2.%u\n", version);
	for (int i = 1; i < PREFIXES; i++) {
		uint32_t length = 16 + (next_random(&random) >> 16) % 17;
		uint32_t address = next_random(&random) & ~0u << (32 - length);

		fprintf(file, "%u.%u.%u.%u/%u\n", address >> 24, address >> 16 & 255,
			address >> 8 & 255, address & 255, length);
	}
	fclose(file);
}

/* The rules from @first on in a configuration. */
static void write_rules(int first, int n)
{
	FILE *file = create_config();

	for (int i = first; i < n; i++)
		fprintf(file, "[rule r%d]\npeers = 10.%d.%d.0/24\nports = %d\naction = allow\n", i,
			i / 256, i % 256, 1 + i % 60000);
	fclose(file);
}

/* The first @n of them as rules that were added by command. */
static void write_state(int n)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/state", folder);
	if (mkdir(path, 0700) && errno != EEXIST)
		die("cannot make %s", path);
	file = create_file("state/rules.json");
	fprintf(file, "{\"format\": 2, \"generation\": 1, \"journal\": 1, \"rules\": [");
	for (int i = 0; i < n; i++)
		fprintf(file,
			"%s{\"name\": \"r%d\", \"peers\": \"10.%d.%d.0/24\", "
			"\"ports\": \"%d\", \"action\": \"allow\"}",
			i ? "," : "", i, i / 256, i % 256, 1 + i % 60000);
	fprintf(file, "]}\n");
	fclose(file);
}

/* ---- the daemon ---- */

static int listen_for_ready(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/ready", folder);
	unlink(address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ WAIT_SECONDS, 0 },
		       sizeof(struct timeval)))
		die("cannot listen for the daemon");
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	return fd;
}

static void run_daemon(void)
{
	char config[64], log[64];
	int fd;

	snprintf(config, sizeof(config), "%s/config", folder);
	snprintf(log, sizeof(log), "%s/log", folder);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0 && dup2(fd, STDERR_FILENO) >= 0)
		execl("build/smc-policyd", "smc-policyd", "--config", config, NULL);
	_exit(127);
}

static void connect_daemon(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control < 0 || connect(control, (struct sockaddr *)&address, sizeof(address)))
		die("the daemon cannot be reached");
}

/* Milliseconds from its start until it says that it is ready. */
static double start_daemon(void)
{
	autoclose int ready = listen_for_ready();
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	char text[256];
	double took;

	daemon_pid = fork();
	if (!daemon_pid)
		run_daemon();
	do {
		ssize_t n = recv(ready, text, sizeof(text) - 1, 0);

		if (n < 0)
			die("the daemon does not start, see its log");
		text[n] = '\0';
	} while (!strstr(text, "READY=1"));
	took = (double)(clock_us(CLOCK_MONOTONIC) - start) / 1000;
	connect_daemon();
	return took;
}

/* The sum of the numbers behind @what in what the daemon has logged since it was asked last, in ms. */
static double logged_ms(const char *what)
{
	char path[64], line[512];
	double sum = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", folder);
	file = fopen(path, "re");
	if (!file)
		die("cannot read %s", path);
	fseek(file, (long)log_at, SEEK_SET);
	while (fgets(line, sizeof(line), file)) {
		const char *found = strstr(line, what);

		if (found)
			sum += strtod(found + strlen(what), NULL) / 1000;
	}
	fclose(file);
	return sum;
}

static void skip_log(void)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "%s/log", folder);
	log_at = stat(path, &st) ? 0 : (size_t)st.st_size;
}

/* What the daemon has computed since it started, all threads, in ms. */
static double daemon_cpu(void)
{
	clockid_t clock;

	if (clock_getcpuclockid(daemon_pid, &clock))
		die("no clock of the daemon");
	return (double)clock_us(clock) / 1000;
}

/* How long something took, and of it the daemon's CPU: what another machine's load does not touch. */
struct cost {
	double ms, cpu;
};

/* The result of @command, to be released; @arguments are taken over.  What it took into @cost. */
static json_t *ask(const char *command, json_t *arguments, struct cost *cost)
{
	double cpu = daemon_cpu();
	json_t *request = json_pack("{s:i, s:s, s:o}", "protocol", PROTOCOL_VERSION, "command",
				    command, "arguments", arguments);
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	json_t *response = NULL, *result;

	if (frame_send(control, request) ||
	    frame_receive(control, PROTOCOL_RESPONSE_MAX, &response) ||
	    !json_is_true(json_object_get(response, "ok")))
		die("%s: %s", command,
		    json_string_value(json_object_get(response, "error")) ?: "no answer");
	cost->ms = (double)(clock_us(CLOCK_MONOTONIC) - start) / 1000;
	cost->cpu = daemon_cpu() - cpu;
	result = json_incref(json_object_get(response, "result"));
	json_decref(response);
	json_decref(request);
	return result;
}

static struct cost time_reload(void)
{
	struct cost cost;

	json_decref(ask("reload", json_object(), &cost));
	return cost;
}

static struct cost time_add(const char *name, int i, bool runtime)
{
	char ports[16], peers[32];
	struct cost cost;

	snprintf(ports, sizeof(ports), "%d", 1 + i);
	snprintf(peers, sizeof(peers), "10.%d.%d.7", i / 256 % 256, i % 256);
	json_decref(ask("policy-add",
			json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", name, "ports", ports,
				  "peers", peers, "action", "deny", "runtime", runtime),
			&cost));
	return cost;
}

/* How long the disk takes for a durable change: ms.  See state_prepare(). */
static double time_flush(void)
{
	static const char text[128];
	char path[64];
	autoclose int fd = -1;
	uint64_t start;

	snprintf(path, sizeof(path), "%s/flushed", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	start = clock_us(CLOCK_MONOTONIC);
	if (fd < 0 || write(fd, text, sizeof(text)) != sizeof(text) || fdatasync(fd))
		die("cannot write %s", path);
	return (double)(clock_us(CLOCK_MONOTONIC) - start) / 1000;
}

/* A number in KiB of /proc/PID/@file behind @what. */
static long daemon_number(const char *file, const char *what)
{
	char path[64], line[256];
	long sum = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/%s", daemon_pid, file);
	in = fopen(path, "re");
	if (!in)
		die("cannot read %s", path);
	while (fgets(line, sizeof(line), in))
		if (!strncmp(line, what, strlen(what)))
			sum += strtol(line + strlen(what), NULL, 10);
	fclose(in);
	return sum;
}

/* ---- figures ---- */

struct samples {
	double ms[SAMPLES_MAX], cpu[SAMPLES_MAX];
	int n;
};

static void add_cost(struct samples *samples, struct cost cost)
{
	if (samples->n == SAMPLES_MAX)
		return;
	samples->ms[samples->n] = cost.ms;
	samples->cpu[samples->n++] = cost.cpu;
}

static void add_sample(struct samples *samples, double ms)
{
	add_cost(samples, (struct cost){ .ms = ms });
}

static int compare_ms(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Of @n values so many parts in a hundred are at most this. */
static double percentile(double *values, int n, int part)
{
	int at = (n * part + 99) / 100 - 1;

	qsort(values, (size_t)n, sizeof(*values), compare_ms);
	return values[at < 0 ? 0 : at];
}

static void print_row(const char *what, struct samples *samples, int part, const char *goal)
{
	double cpu = percentile(samples->cpu, samples->n, 50);

	printf("| %s | %.1f ms | %.1f ms | ", what, percentile(samples->ms, samples->n, 50),
	       percentile(samples->ms, samples->n, part));
	if (cpu > 0)
		printf("%.1f ms ", cpu);
	printf("| %s |\n", goal);
	fflush(stdout);
}

static void bench_million(void)
{
	struct samples reload = { 0 }, read = { 0 }, compile = { 0 }, publish = { 0 }, swap = { 0 },
		       add = { 0 };
	FILE *file = create_config();
	char name[16];

	fprintf(file, "[rule listed]\npeers-file = list\naction = allow\n");
	for (int i = 0; i < 50; i++)
		fprintf(file, "[rule r%d]\npeers = 10.%d.0.0/16\nports = %d\naction = auto\n", i, i,
			1000 + i);
	fclose(file);
	write_list(0);
	start_daemon();
	for (unsigned int i = 1; i <= 7; i++) {
		write_list(i);
		skip_log();
		add_cost(&reload, time_reload());
		add_sample(&read, logged_ms("configuration read in "));
		add_sample(&compile, logged_ms("compiled in "));
		add_sample(&publish, logged_ms("published in "));
		add_sample(&swap, logged_ms("swapped in "));
	}
	print_row("reload with 1,000,000 prefixes in a peers-file", &reload, 100, "700 ms");
	print_row("- of it reading", &read, 100, "");
	print_row("- of it compiling", &compile, 100, "");
	print_row("- of it publishing", &publish, 100, "30 ms");
	print_row("- of it the swap", &swap, 100, "");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "new%d", i);
		add_cost(&add, time_add(name, i, i % 2));
	}
	print_row("`policy add` with 1,000,000 prefixes in force", &add, 99, "150 ms");
}

static void bench_unloaded(void)
{
	long rss;

	fclose(create_config());
	json_decref(ask("policy-flush", json_object(), &(struct cost){ 0 }));
	time_reload();
	sleep(3); /* it gives memory back 2 s after a change */
	rss = daemon_number("status", "VmRSS:");
	printf("| RSS after 1,000,000 prefixes were loaded and unloaded | %.1f MiB | | | 8 MiB |\n",
	       (double)rss / 1024);
}

static long count_wakeups(void)
{
	return daemon_number("status", "voluntary_ctxt_switches:");
}

static void bench_idle(void)
{
	long before;

	sleep(2);
	before = count_wakeups();
	sleep(IDLE_SECONDS);
	printf("| times that it woke in %d s (connections of the host wake it) | %ld | | | 0 |\n",
	       IDLE_SECONDS, count_wakeups() - before);
}

static void bench_rules(void)
{
	struct samples runtime = { 0 }, durable = { 0 }, flush = { 0 };
	char name[16];

	write_state(RULES / 2);
	write_rules(RULES / 2, RULES);
	start_daemon();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "new%d", i);
		if (i % 2) {
			add_cost(&runtime, time_add(name, i, true));
			continue;
		}
		add_cost(&durable, time_add(name, i, false));
		add_sample(&flush, time_flush());
	}
	print_row(
		"`policy add --runtime` with 10,000 rules in force, half of them added by command",
		&runtime, 99, "5 ms");
	print_row("`policy add` with them in force, durable", &durable, 99, "5 ms");
	print_row("- of it the disk, which flushes one line", &flush, 99, "");
	stop_daemon(SIGTERM);
	write_state(0);
}

static void bench_start(void)
{
	struct samples fresh = { 0 }, load = { 0 }, again = { 0 };

	write_rules(0, 1000);
	for (int i = 0; i < 7; i++) {
		skip_log();
		add_sample(&fresh, start_daemon());
		add_sample(&load, logged_ms("loaded in "));
		stop_daemon(SIGKILL);
		add_sample(&again, start_daemon());
		stop_daemon(SIGTERM);
	}
	print_row("start with 1,000 rules", &fresh, 100, "100 ms");
	print_row("- of it the kernel's check of the programs", &load, 100, "");
	print_row("start with 1,000 rules after a kill, programs in place", &again, 100, "100 ms");
}

int main(void)
{
	if (!mkdtemp(folder))
		die("cannot make a directory");
	puts("| what | median | worst (99 % of `policy add`) | CPU of the daemon | goal |\n|---|---|---|---|---|");
	bench_million();
	bench_unloaded();
	bench_idle();
	stop_daemon(SIGTERM);
	bench_rules();
	bench_start();
	clean_up();
	return 0;
}
