// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "wire/frame.h"
#include "common/json.h"
#include "wire/protocol.h"

#define TIMEOUT_SECONDS 30 /* without progress */

static int unreachable(const struct cli *cli, int error)
{
	const char *remedy =
		error == EACCES ? "run as root or as a member of [daemon] group"
		: error == EAGAIN
			? "it is too busy, try again"
			: "run \"systemctl start smc-policyd\" or name its socket with --socket";

	fprintf(stderr, "smc-ebpf: smc-policyd does not answer at %s: %s; %s\n", cli->socket,
		strerror(error), remedy);
	return CLI_UNREACHABLE;
}

int cli_open(const struct cli *cli, unsigned int seconds, bool wait)
{
	int flags = SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK);
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | flags, 0);
	struct timeval timeout = { .tv_sec = seconds };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	if (strlen(cli->socket) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, cli->socket);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || fcntl(fd, F_SETFL, 0))
		return -errno;
	return steal_fd(fd);
}

int cli_connect(const struct cli *cli)
{
	int fd = cli_open(cli, TIMEOUT_SECONDS, true);

	if (fd >= 0)
		return fd;
	unreachable(cli, -fd);
	return -1;
}

json_t *cli_pack_request(const char *command, json_t *arguments)
{
	return json_pack("{s:i, s:s, s:o}", "protocol", PROTOCOL_VERSION, "command", command,
			 "arguments", arguments ? arguments : json_object());
}

int cli_result(json_t *response, json_t **result)
{
	const json_t *lines = json_object_get(response, "lines"), *line;
	const char *error = json_string_value(json_object_get(response, "error"));
	size_t i;

	if (json_is_true(json_object_get(response, "ok"))) {
		*result = json_incref(json_object_get(response, "result"));
		return *result ? CLI_DONE : cli_fail("the daemon's answer has no result");
	}
	json_array_foreach(lines, i, line)
		fprintf(stderr, "%s\n", cli_string(line));
	return cli_fail("%s", error ? error : "the daemon refused without a reason");
}

/* One request, its response into @response: 0 or a negative errno. */
static int exchange(const struct cli *cli, const json_t *request, json_t **response)
{
	autoclose int fd = cli_open(cli, TIMEOUT_SECONDS, true);
	int rc = fd < 0 ? fd : frame_send(fd, request);

	return rc ? rc : frame_receive(fd, PROTOCOL_RESPONSE_MAX, response);
}

int cli_request(struct cli *cli, const char *command, json_t *arguments, json_t **result)
{
	autojson json_t *request = cli_pack_request(command, arguments), *response = NULL;
	int rc;

	if (!request)
		return cli_fail("a word is not valid UTF-8, or memory is short");
	rc = exchange(cli, request, &response);
	return rc ? unreachable(cli, -rc) : cli_result(response, result);
}

json_t *cli_try_request(const struct cli *cli, const char *command, json_t *arguments)
{
	autojson json_t *request = cli_pack_request(command, arguments), *response = NULL;

	if (!request || exchange(cli, request, &response) ||
	    !json_is_true(json_object_get(response, "ok")))
		return NULL;
	return json_incref(json_object_get(response, "result"));
}

int cli_ask(struct cli *cli, void (*print)(const json_t *result))
{
	autojson json_t *result = NULL;
	int rc = cli_request(cli, cli->command->name, json_incref(cli->arguments), &result);

	return rc ? rc : cli_print(cli, result, print);
}
