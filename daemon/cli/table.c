// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/table.h"
#include "common/plural.h"
#include "policy/value.h"

/* Text of a cell into @buf if it is a number, else its own. */
static const char *cell_text(const json_t *cell, char buf[32])
{
	if (json_is_integer(cell))
		snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
	else if (json_is_real(cell))
		snprintf(buf, 32, "%.1f", json_real_value(cell));
	else
		return cli_string(cell);
	return buf;
}

static void measure(const json_t *rows, int width[TABLE_COLUMNS_MAX])
{
	const json_t *row, *cell;
	size_t r, c;
	char buf[32];

	json_array_foreach(rows, r, row) {
		json_array_foreach(row, c, cell) {
			int length = (int)strlen(cell_text(cell, buf));

			if (c < TABLE_COLUMNS_MAX && length > width[c])
				width[c] = length;
		}
	}
}

/* @text, cut to @width. */
static void print_text(const char *text, int width, bool last)
{
	if ((int)strlen(text) > width)
		printf("%.*s+", width - 1, text);
	else
		printf("%-*s", last ? 0 : width, text);
}

static void print_row(const json_t *row, const int width[TABLE_COLUMNS_MAX])
{
	size_t c, last = json_array_size(row) - 1;
	const json_t *cell;
	char buf[32];

	json_array_foreach(row, c, cell) {
		const char *text = cell_text(cell, buf);

		if (json_is_number(cell))
			printf("%*s", width[c], text);
		else
			print_text(text, width[c], c == last);
		fputs(c == last ? "\n" : "  ", stdout);
	}
}

void table_print(const json_t *rows)
{
	int width[TABLE_COLUMNS_MAX] = { 0 };
	const json_t *row;
	size_t r;

	measure(rows, width);
	json_array_foreach(rows, r, row)
		print_row(row, width);
}

#define NARROWEST 4 /* characters that a column keeps */

/* How wide all columns are, with the blanks between them. */
static int total(const int width[TABLE_COLUMNS_MAX], size_t columns)
{
	int sum = 0;

	for (size_t c = 0; c < columns; c++)
		sum += width[c] + (c ? 2 : 0);
	return sum;
}

/* Take one character of the widest column that @shrinks; false: none can give one. */
static bool shrink(int width[TABLE_COLUMNS_MAX], size_t columns,
		   const bool shrinks[TABLE_COLUMNS_MAX])
{
	size_t widest = columns;

	for (size_t c = 0; c < columns; c++)
		if (shrinks[c] && width[c] > NARROWEST &&
		    (widest == columns || width[c] > width[widest]))
			widest = c;
	if (widest == columns)
		return false;
	width[widest]--;
	return true;
}

void table_print_fitting(const json_t *rows, const bool shrinks[TABLE_COLUMNS_MAX])
{
	size_t columns = json_array_size(json_array_get(rows, 0)), r;
	int width[TABLE_COLUMNS_MAX] = { 0 };
	struct winsize size;
	const json_t *row;

	measure(rows, width);
	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		while (total(width, columns) > size.ws_col && shrink(width, columns, shrinks))
			;
	json_array_foreach(rows, r, row)
		print_row(row, width);
}

char *table_list(const json_t *list, size_t width)
{
	size_t count = json_array_size(list), i, used = 0;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!count)
		return strdup("any");
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (i = 0; i < count; i++) {
		const char *item = cli_string(json_array_get(list, i));

		if (i && used + strlen(item) > width)
			break;
		used += strlen(item) + 2;
		fprintf(out, "%s%s", i ? ", " : "", item);
	}
	if (i < count)
		fprintf(out, ", +%zu more", count - i);
	fclose(out);
	return text;
}

void table_field(const char *name, const char *format, ...)
{
	va_list args;

	printf("%-15s ", name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

json_int_t cli_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *cli_plural(const json_t *object, const char *key, const char *one, const char *more)
{
	return plural((unsigned long long)cli_number(object, key), one, more);
}

const char *cli_string(const json_t *value)
{
	return json_is_string(value) ? json_string_value(value) : "-";
}

const char *cli_text(const json_t *object, const char *key)
{
	return cli_string(json_object_get(object, key));
}

void cli_print_text(const json_t *result)
{
	fputs(cli_text(result, "text"), stdout);
}

static char *number_text(const char *key, uint64_t number)
{
	char text[VALUE_TEXT_SIZE];

	if (!strcmp(key, "max-memory"))
		value_format_size(number, text);
	else if (!strcmp(key, "max-rtt"))
		value_format_time_us((uint32_t)number, text);
	else
		sprintf(text, "%" PRIu64 "%s", number, strcmp(key, "ttl") ? "" : "s");
	return strdup(text);
}

char *cli_property(const json_t *rule, const char *key)
{
	const json_t *value = json_object_get(rule, key);

	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (json_is_integer(value))
		return number_text(key, (uint64_t)json_integer_value(value));
	return json_array_size(value) ? table_list(value, SIZE_MAX) : strdup("");
}
