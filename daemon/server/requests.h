/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of clients: checked and dispatched by the table of commands (wire/command_table.h), each
 * answered by a function of its own.
 */
#ifndef SMC_POLICY_REQUESTS_H
#define SMC_POLICY_REQUESTS_H

#include <jansson.h>
#include <sys/types.h>

#include "kernel/error.h"
#include "policy/errors.h"
#include "server/stream.h"
#include "wire/commands.h"

struct server;

/* Who asks. */
struct requester {
	enum command_access access;
	uid_t uid;
	pid_t pid;
};

/* A request whose command is known and permitted, and whose arguments conform to the table. */
struct request {
	struct server *server;
	const json_t *arguments;
	struct kernel_error error; /* why it is refused; "": out of memory */
	struct policy_errors lines; /* the single errors of a configuration */
	struct stream stream; /* that the client gets from now on, or none */
	bool later; /* it cannot be answered yet */
};

/*
 * Answer @json, a request of @requester; NULL if memory is short.  *@stream is what the client asked to
 * get from now on, owned by the caller, or none.  With *@later NULL is no error: the request is to be
 * answered when control_resume() is called.
 */
json_t *requests_answer(struct server *server, json_t *json, const struct requester *requester,
			struct stream *stream, bool *later);

/* A response that carries @result, which is taken over; NULL for NULL, or if memory is short. */
json_t *requests_respond(json_t *result);

/* A response that says what is wrong. */
json_t *requests_refuse(const char *text);

/* Each returns its result, to be released, or NULL and request->error. */
#define COMMAND(id, ...)
#define REQUEST(id, ...) json_t *answer_##id(struct request *request);
#include "wire/command_table.h"
#undef COMMAND
#undef REQUEST

#endif
