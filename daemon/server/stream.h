/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client gets without asking again: a recording, or a monitoring. */
#ifndef SMC_POLICY_STREAM_H
#define SMC_POLICY_STREAM_H

#include <jansson.h>
#include <stdbool.h>

struct monitoring;
struct recording;
struct server;

/* One of the two, or none. */
struct stream {
	struct recording *recording;
	struct monitoring *monitoring;
};

static inline bool stream_is_open(const struct stream *stream)
{
	return stream->recording || stream->monitoring;
}

/* Whether anything waits to be told. */
bool stream_waits(const struct stream *stream);

/* The next result, of what waits; @end: it is the last.  NULL: out of memory. */
json_t *stream_take(struct stream *stream, bool end);

/* Take what the kernel still has for it. */
void stream_drain(const struct stream *stream, struct server *server);

/* End it; @stream is none then. */
void stream_close(struct stream *stream);

#endif
