// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile client.  The daemon's real connection handling at one end of a socket pair, the input at
 * the other; the kernel refuses bpf().  The first byte: 1 the client is root, 2 anyone may read, 4 it
 * does not take its answers, 8 the bytes are sent as they are, else each line as a frame; 16 it records, and
 * the input is what the kernel tells of connections.  The second: how many bytes are sent at a time, 0: all.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "fuzz.h"
#include "kernel/internal.h"
#include "policy/words.h"

#include "server/metrics.h"
#include "server/requests.h"

static json_t *answer_and_check(struct server *server, json_t *json,
				const struct requester *requester, struct stream *stream,
				bool *later);

#define requests_answer answer_and_check
#include "server/client.c"
#undef requests_answer
#include "server/slots.c"

#define SLOTS 16

static const char rules[] = "[rule a]\naction = allow\nports = 80,443\npeers = 10.0.0.0/8\n"
			    "[rule b]\naction = auto\nttl = 1h\nmax-rate = 10/s\n";

static struct smc_policy_host host;
static struct server server;
static struct control control = { .server = &server, .fd = -1, .group = (gid_t)-1 };

/* bpf() fails as for a process that may not call it. */
static void refuse_bpf(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		abort();
}

/* Rules a and b are in force and own slots, so that adding them anew gets as far as the kernel. */
static void fill_server(void)
{
	static struct kernel kernel = { .host = &host, .test = -1, .n_slots = SLOTS, .n_cpus = 1 };
	struct policy_errors errors = { 0 };
	struct kernel_error error;
	struct policy_rule *rule;

	for (int i = 0; i < MAPS; i++)
		kernel.map[i] = -1;
	server = (struct server){
		.config_file = "/nowhere/fuzz.conf",
		.kernel = &kernel,
		.backend = POLICY_BACKEND_OBSERVE,
		.state.dir = fuzz_dir,
		.control = &control,
	};
	policy_config_init(&server.config);
	policy_init(&server.added);
	must(!policy_config_parse(&server.config, "fuzz.conf", rules, strlen(rules), &errors));
	server.in_force = server.config.policy;
	policy_for_each(rule, &server.in_force)
		rule->slot = SMC_POLICY_SLOT_FIRST + (uint32_t)rule_i;
	if (sd_event_new(&server.event) < 0 || metrics_open(&server.metrics, &server, &error))
		abort();
}

static void fill_slots(void)
{
	struct policy_rule *rule;

	must(!allocate_slots(&server.slots, server.kernel, SLOTS));
	policy_for_each(rule, &server.in_force) {
		strcpy(server.slots.owners[rule->slot].name, rule->name);
		link_slot(&server.slots, rule->slot);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_dir_make();
	refuse_bpf();
	log_set_level(LOG_EMERG);
	fill_server();
	return 0;
}

/* Whether the words of @fields, separated by blanks, are the members of @result. */
static bool has_fields(const json_t *result, const char *fields)
{
	char *copy = strdup(fields), *rest = copy, *field;
	size_t n = 0;

	while ((field = strsep(&rest, " "))) {
		must(json_object_get(result, field));
		n++;
	}
	free(copy);
	return n == json_object_size(result);
}

/*
 * As the daemon answers.  Only what conforms to the table is accepted, its result has the fields that the
 * table says, and whatever is refused has changed nothing.
 */
static json_t *answer_and_check(struct server *server_, json_t *json,
				const struct requester *requester, struct stream *stream,
				bool *later)
{
	uint64_t generation = server.generation;
	json_t *copy = json_deep_copy(json);
	const struct command *command;
	const json_t *arguments;
	struct value_error error;
	json_t *response = requests_answer(server_, json, requester, stream, later);

	must(json_equal(json, copy));
	json_decref(copy);
	if (json_is_true(json_object_get(response, "ok"))) {
		must(!command_read_request(json, &command, &arguments, &error));
		must(requester->access >= command->access);
		must(stream_is_open(stream) == !!command->stream);
		must(has_fields(json_object_get(response, "result"), command->result));
	} else {
		must(server.generation == generation && !stream_is_open(stream));
		must(!*later || !response);
	}
	return response;
}

/* Let the daemon work until it waits; what it answers is taken unless @deaf. */
static void turn(int fd, bool deaf)
{
	char buf[65536];

	do
		while (!deaf && recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	while (sd_event_run(server.event, 0) > 0);
}

static void send_in_pieces(int fd, const char *bytes, size_t n, size_t piece, bool deaf)
{
	for (size_t at = 0; at < n && control.clients;) {
		size_t size = piece && piece < n - at ? piece : n - at;
		ssize_t sent = send(fd, bytes + at, size, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += (size_t)sent;
		turn(fd, deaf);
	}
}

/* @text as a frame, sent in pieces. */
static void send_frame(int fd, const char *text, size_t length, size_t piece, bool deaf)
{
	uint32_t header = htonl((uint32_t)length);
	char *frame = malloc(PROTOCOL_HEADER + length);

	memcpy(frame, &header, PROTOCOL_HEADER);
	memcpy(frame + PROTOCOL_HEADER, text, length);
	send_in_pieces(fd, frame, PROTOCOL_HEADER + length, piece, deaf);
	free(frame);
}

/* Records of connections for the client, and in the end it closes its side. */
static void record(int fd, struct input *input, bool deaf)
{
	struct smc_policy_record closed;

	start_stream(control.clients,
		     &(struct stream){ .recording = recording_new(server.kernel) });
	set_events(control.clients);
	while (input->left) {
		input_bytes(input, &closed, sizeof(closed));
		control_record(&control, &closed);
		if (input_byte(input) & 1)
			control_send_waiting(&control);
		turn(fd, deaf);
	}
	shutdown(fd, SHUT_WR);
}

static void talk(int fd, struct input *input, uint8_t how)
{
	size_t piece = input_byte(input), length;
	bool deaf = how & 4;

	if (how & 16) {
		record(fd, input, deaf);
		return;
	}
	if (how & 8) {
		send_in_pieces(fd, (const char *)input->at, input->left, piece, deaf);
		return;
	}
	while (input->left && control.clients) {
		char *line = input_until(input, '\n', &length);

		send_frame(fd, line, length, piece, deaf);
		free(line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t how = input_byte(&input);
	struct requester requester = {
		.access = how & 1   ? ACCESS_CHANGE
			  : how & 2 ? ACCESS_READ
				    : ACCESS_NONE,
		.uid = how & 1 ? 0 : 65534,
	};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		abort();
	fill_slots();
	must(client_add(&control, fds[0], &requester));
	talk(fds[1], &input, how);
	close(fds[1]);
	turn(-1, true);
	while (control.clients)
		client_free(control.clients);
	must(!server.added.n_rules); /* nothing can come into force here, so nothing was kept */
	slots_close(&server.slots);
	return 0;
}
