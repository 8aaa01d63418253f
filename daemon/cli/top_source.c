// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"
#include "cli/top_source.h"
#include "common/json.h"
#include "wire/frame.h"
#include "wire/protocol.h"

/*
 * An answer that has begun to come comes whole, unless the daemon dies or is stopped in its midst: so
 * many seconds without progress end it.
 */
#define STALL_SECONDS 2

void top_source_init(struct top_source *source, const struct cli *cli,
		     const struct top_filter *filter)
{
	*source = (struct top_source){ .cli = cli, .filter = filter, .fd = -1 };
}

static int send_request(const struct top_source *source, enum top_request request)
{
	autojson json_t *json =
		cli_pack_request(top_commands[request], top_arguments(source->filter, request));

	return json ? frame_send(source->fd, json) : -ENOMEM;
}

int top_source_ask(struct top_source *source)
{
	int rc = 0;

	top_source_drop(source);
	source->fd = cli_open(source->cli, STALL_SECONDS, false);
	if (source->fd < 0)
		rc = source->fd;
	for (unsigned int i = 0; !rc && i < top_requests(source->filter); i++)
		rc = send_request(source, i);
	if (rc)
		top_source_drop(source);
	return rc;
}

/* The result of @response for request source->came. */
static int take_result(struct top_source *source, const json_t *response, char *why)
{
	json_t *result = json_object_get(response, "result");

	if (json_is_true(json_object_get(response, "ok")) && json_is_object(result)) {
		source->answers[source->came] = json_incref(result);
		return 0;
	}
	/* The rule may come back. */
	if (source->came == TOP_RULE)
		return 0;
	snprintf(why, TOP_NOTICE_SIZE, "%s", cli_text(response, "error"));
	return -EACCES;
}

int top_source_take(struct top_source *source, char *why)
{
	autojson json_t *response = NULL;
	int rc = frame_receive(source->fd, PROTOCOL_RESPONSE_MAX, &response);

	if (!rc)
		rc = take_result(source, response, why);
	if (rc)
		return rc;
	return ++source->came == top_requests(source->filter);
}

void top_source_drop(struct top_source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
	source->came = 0;
	for (int i = 0; i < TOP_REQUESTS; i++) {
		json_decref(source->answers[i]);
		source->answers[i] = NULL;
	}
}
