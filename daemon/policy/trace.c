// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "common/plural.h"
#include "policy/trace.h"

enum column {
	OPEN,
	CLOSE,
	SIDE,
	PEER,
	PORT,
	SENT,
	RECEIVED,
	MESSAGES,
	COLUMNS
};

#define SECONDS_MAX 1e10 /* three centuries; their nanoseconds fit 64 bits */
#define BYTES_MAX (UINT64_MAX / 4)

static int split(char *line, char *columns[COLUMNS], struct value_error *error)
{
	char *rest = line;
	int n;

	for (n = 0; n < COLUMNS; n++)
		columns[n] = rest ? strsep(&rest, ",") : NULL;
	if (!rest && columns[MESSAGES - 1])
		return 0;
	for (n = COLUMNS; rest; n++)
		strsep(&rest, ",");
	while (n > 0 && n <= COLUMNS && !columns[n - 1])
		n--;
	return value_refuse(error, "%d %s; write the %d or %d of " TRACE_HEADER, n,
			    plural((unsigned int)n, "column", "columns"), MESSAGES, COLUMNS);
}

/* "12", "12.345", "1.5e3": seconds, into ns. */
static int parse_time(const char *what, const char *text, uint64_t *ns, struct value_error *error)
{
	char *end;
	double seconds = strtod(text, &end);

	if (!*text || *end || text[strspn(text, "0123456789.eE+-")] || !(seconds >= 0) ||
	    seconds > SECONDS_MAX)
		return value_refuse(error,
				    "%s \"%.32s\" is not a time; write seconds, for example 12.345",
				    what, text);
	*ns = (uint64_t)(seconds * 1e9 + 0.5);
	return 0;
}

static int parse_bytes(char *columns[COLUMNS], uint64_t *bytes, struct value_error *error)
{
	uint64_t sent, received;
	int rc = value_number("sent", columns[SENT], 0, BYTES_MAX, &sent, error);

	if (!rc)
		rc = value_number("received", columns[RECEIVED], 0, BYTES_MAX, &received, error);
	if (!rc)
		*bytes = sent + received;
	return rc;
}

static int parse_messages(char *columns[COLUMNS], uint64_t *messages, struct value_error *error)
{
	*messages = 0;
	return columns[MESSAGES]
		       ? value_number("messages", columns[MESSAGES], 0, BYTES_MAX, messages, error)
		       : 0;
}

int trace_parse(char *line, struct trace_row *row, struct value_error *error)
{
	char *columns[COLUMNS];
	uint64_t port;
	int rc = split(line, columns, error);

	if (!rc)
		rc = parse_time("open", columns[OPEN], &row->opened, error);
	if (!rc)
		rc = parse_time("close", columns[CLOSE], &row->closed, error);
	if (!rc && row->closed < row->opened)
		rc = value_refuse(error, "it closes at %.32s, before it opens at %.32s",
				  columns[CLOSE], columns[OPEN]);
	if (!rc)
		rc = value_word(&words_side, columns[SIDE], &row->side, error);
	if (!rc)
		rc = value_address(columns[PEER], row->peer, error);
	if (!rc)
		rc = value_number("port", columns[PORT], 0, UINT16_MAX, &port, error);
	if (!rc) {
		row->port = (uint16_t)port;
		rc = parse_bytes(columns, &row->bytes, error);
	}
	if (!rc)
		rc = parse_messages(columns, &row->messages, error);
	return rc;
}
