// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/errors.h"

void policy_errors_add(struct policy_errors *errors, const char *format, ...)
{
	char **lines = reallocarray(errors->lines, errors->count + 1, sizeof(char *));
	va_list args;

	if (!lines)
		return;
	errors->lines = lines;
	va_start(args, format);
	if (vasprintf(&lines[errors->count], format, args) >= 0)
		errors->count++;
	va_end(args);
}

void policy_errors_clear(struct policy_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		free(errors->lines[i]);
	free(errors->lines);
	*errors = (struct policy_errors){ 0 };
}
