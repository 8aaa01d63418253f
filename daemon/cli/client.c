// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "cli/cli.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/protocol.h"

static int cannot_connect(const struct cli *cli, int error)
{
	if (error == EACCES || error == EPERM)
		return cli_fail("the socket of smc-policyd, %s, is not for this user; run as root, or "
				"as a member of [daemon] group",
				cli->socket);
	cli_fail("smc-policyd does not answer at %s: %s; run \"systemctl start smc-policyd\" or name "
		 "its socket with --socket",
		 cli->socket, strerror(error));
	return CLI_UNREACHABLE;
}

/* The connection broke or brought nonsense: @error, a negative errno. */
static int lost(const struct cli *cli, int error)
{
	if (error == -ENOMEM)
		return cli_fail("out of memory; close other programs and try again");
	if (error == -EMSGSIZE || error == -EBADMSG)
		return cli_fail("what listens at %s is not smc-policyd; name its socket with "
				"--socket",
				cli->socket);
	cli_fail("smc-policyd at %s gave no answer: %s; see \"systemctl status smc-policyd\"",
		 cli->socket,
		 error == -ECONNRESET || error == -EPIPE ? "it closed the connection"
							 : strerror(-error));
	return CLI_UNREACHABLE;
}

int cli_connect(const struct cli *cli, struct frame_stream *stream)
{
	struct timeval timeout = { .tv_sec = FRAME_TIMEOUT_MS / 1000 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	autoclose int fd = -1;

	if (strlen(cli->socket) >= sizeof(addr.sun_path))
		return cli_usage(cli, "the path of the socket is too long; use at most %zu bytes",
				 sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, cli->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* connect() waits, as long as this, while the daemon's backlog is full. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return cannot_connect(cli, errno == EAGAIN ? ETIMEDOUT : errno);
	stream->fd = steal_fd(fd);
	return CLI_DONE;
}

int cli_send(const struct cli *cli, struct frame_stream *stream, const char *command,
	     json_t *arguments)
{
	autojson json_t *request =
		json_pack("{s:i, s:s, s:o}", "protocol", PROTOCOL_VERSION, "command", command,
			  "arguments", arguments ? arguments : json_object());
	int rc = request ? frame_send(stream, request) : -ENOMEM;

	/* A daemon that turns a client away answers, then closes: the answer tells more. */
	return rc && rc != -EPIPE && rc != -ECONNRESET ? lost(cli, rc) : CLI_DONE;
}

int cli_receive(const struct cli *cli, struct frame_stream *stream, json_t **result)
{
	autojson json_t *response = NULL;
	const json_t *line;
	const char *error;
	size_t i;
	int rc = frame_receive(stream, PROTOCOL_RESPONSE_MAX, &response);

	if (rc)
		return lost(cli, rc);
	if (json_is_true(json_object_get(response, "ok"))) {
		*result = json_incref(json_object_get(response, "result"));
		return *result ? CLI_DONE : lost(cli, -EBADMSG);
	}
	json_array_foreach(json_object_get(response, "lines"), i, line)
		cli_line(json_string_value(line));
	error = json_string_value(json_object_get(response, "error"));
	return error ? cli_fail("%s", error) : lost(cli, -EBADMSG);
}

int cli_request(const struct cli *cli, const char *command, json_t *arguments, json_t **result)
{
	autostream struct frame_stream stream = FRAME_STREAM_CLOSED;
	autojson json_t *owned = arguments;
	int rc = cli_connect(cli, &stream);

	if (!rc)
		rc = cli_send(cli, &stream, command, json_incref(owned));
	return rc ? rc : cli_receive(cli, &stream, result);
}
