// SPDX-License-Identifier: GPL-2.0-or-later
#include "server/learning.h"
#include "server/monitoring.h"
#include "server/recording.h"
#include "server/server.h"
#include "server/stream.h"

bool stream_waits(const struct stream *stream)
{
	return stream->recording ? recording_waits(stream->recording)
				 : monitoring_waits(stream->monitoring);
}

json_t *stream_take(struct stream *stream, bool end)
{
	return stream->recording ? recording_take(stream->recording, end)
				 : monitoring_take(stream->monitoring, end);
}

void stream_drain(const struct stream *stream, struct server *server)
{
	if (stream->recording)
		learning_take_records(server->learning);
	else
		monitoring_drain(server);
}

void stream_close(struct stream *stream)
{
	recording_free(stream->recording);
	monitoring_free(stream->monitoring);
	*stream = (struct stream){ 0 };
}
