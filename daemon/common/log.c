// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"

static int level = LOG_INFO;

void log_set_level(int priority)
{
	level = priority;
}

int log_level(void)
{
	return level;
}

void log_line(int priority, const char *format, ...)
{
	autofree char *text = NULL;
	va_list args;

	if (priority > level)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text)
		return;
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", priority, text);
	else
		fprintf(stderr, "smc-policyd: %s\n", text);
}
