// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "server/requests.h"
#include "server/server.h"
#include "wire/protocol.h"

static json_t *(*const answers[COMMANDS])(struct request *request) = {
#define COMMAND(id, ...)
#define REQUEST(id, ...) [COMMAND_##id] = answer_##id,
#include "wire/command_table.h"
#undef COMMAND
#undef REQUEST
};

json_t *requests_respond(json_t *result)
{
	return json_pack("{s:i, s:b, s:o}", "protocol", PROTOCOL_VERSION, "ok", 1, "result",
			 result);
}

json_t *requests_refuse(const char *text)
{
	return json_pack("{s:i, s:b, s:o}", "protocol", PROTOCOL_VERSION, "ok", 0, "error",
			 json_text(text));
}

static json_t *refuse_access(const struct command *command)
{
	return requests_refuse(
		command->access == ACCESS_READ
			? "permission denied; run as root, as a member of [daemon] group, or set "
			  "[daemon] read-access = all"
			: "permission denied; run as root or as a member of [daemon] group");
}

static json_t *refuse(struct request *request)
{
	json_t *response = *request->error.text ? requests_refuse(request->error.text) : NULL;
	json_t *lines;

	if (response && request->lines.count) {
		lines = json_array();
		for (size_t i = 0; i < request->lines.count; i++)
			json_array_append_new(lines, json_text(request->lines.lines[i]));
		json_object_set_new(response, "lines", lines);
	}
	policy_errors_clear(&request->lines);
	return response;
}

/* What @command changes is changed by @requester. */
static void note_author(struct server *server, const struct command *command,
			const struct requester *requester)
{
	char words[COMMAND_USAGE_SIZE];

	command_words(command, words);
	server->author = (struct author){
		.known = true,
		.uid = requester->uid,
		.pid = requester->pid,
	};
	snprintf(server->author.way, sizeof(server->author.way), "%.31s", words);
}

json_t *requests_answer(struct server *server, json_t *json, const struct requester *requester,
			struct stream *stream, bool *later)
{
	struct request request = { .server = server };
	const struct command *command;
	struct value_error error;
	json_t *result;

	*stream = (struct stream){ 0 };
	*later = false;
	if (command_read_request(json, &command, &request.arguments, &error))
		return requests_refuse(error.text);
	if (requester->access < command->access)
		return refuse_access(command);
	note_author(server, command, requester);
	result = answers[command - commands](&request);
	*stream = request.stream;
	*later = request.later;
	if (request.later)
		return NULL;
	return result ? requests_respond(result) : refuse(&request);
}
