// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/top_text.h"

#define CUT L'+' /* the last character of a text that does not fit */

/* ---- characters ---- */

/*
 * The character at @text, which is advanced.  What is no UTF-8 gives U+FFFD a byte at a time: the
 * daemon's texts are UTF-8, but may have been cut.
 */
static wchar_t next_character(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;
	int more = *at < 0x80       ? 0
		   : *at >> 5 == 6  ? 1
		   : *at >> 4 == 14 ? 2
		   : *at >> 3 == 30 ? 3
				    : -1;
	wchar_t character = more > 0 ? *at & (0x3f >> more) : *at;

	for (int i = 1; i <= more; i++) {
		if (at[i] >> 6 != 2)
			more = -1;
		else
			character = character << 6 | (at[i] & 0x3f);
	}
	*text += more > 0 ? more + 1 : 1;
	return more < 0 ? 0xfffd : character;
}

/*
 * @character as it is shown, its columns into @columns.  Whatever has no width of its own (controls,
 * marks that change the direction of text, accents by themselves) is shown as "?".
 */
static wchar_t shown(wchar_t character, int *columns)
{
	*columns = wcwidth(character);
	if (*columns > 0)
		return character;
	*columns = 1;
	return L'?';
}

/* ---- lines ---- */

static void add_character(struct top_line *line, wchar_t character, int columns)
{
	line->text[line->length++] = character;
	line->text[line->length] = L'\0';
	line->columns += columns;
}

/* Blanks up to @column. */
void top_pad(struct top_line *line, int column)
{
	while (line->columns < column && line->columns < TOP_COLUMNS_MAX)
		add_character(line, L' ', 1);
}

/* How many columns @text takes. */
int top_text_columns(const char *text)
{
	int columns, sum = 0;

	while (*text) {
		shown(next_character(&text), &columns);
		sum += columns;
	}
	return sum;
}

/* Append @text up to column @limit, where a "+" tells that it goes on. */
void top_add_text(struct top_line *line, const char *text, int limit)
{
	int columns, room;

	limit = limit < TOP_COLUMNS_MAX ? limit : TOP_COLUMNS_MAX;
	room = top_text_columns(text) <= limit - line->columns ? limit : limit - 1;
	while (*text) {
		wchar_t character = shown(next_character(&text), &columns);

		if (line->columns + columns > room)
			break;
		add_character(line, character, columns);
	}
	if (room < limit) {
		top_pad(line, room);
		if (line->columns < limit)
			add_character(line, CUT, 1);
	}
}

void top_add_format(struct top_line *line, int limit, const char *format, ...)
{
	char text[2 * TOP_COLUMNS_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	top_add_text(line, text, limit);
}

/* Append @text so that it ends at column @end, and begins at or behind what is there. */
void top_add_right(struct top_line *line, const char *text, int end)
{
	top_pad(line, end - top_text_columns(text));
	top_add_text(line, text, end);
}

/* ---- numbers ---- */

/* @value with the unit that lets it have few digits; the units are @base apart. */
static void format_scaled(double value, double base, char *buf)
{
	static const char units[] = "\0kMGTPE";
	size_t unit = 0;

	for (; fabs(value) >= base && unit + 1 < sizeof(units) - 1; unit++)
		value /= base;
	snprintf(buf, TOP_NUMBER_SIZE, unit ? "%.1f%c" : "%.0f", value,
		 base > 1000 && unit == 1 ? 'K' : units[unit]);
}

/* Bytes as value_format_bytes() has them, but shorter: "1.5G" is 1.5 GiB. */
void top_format_bytes(double value, char *buf)
{
	format_scaled(value, 1024, buf);
	if (fabs(value) < 1024)
		strcat(buf, "B");
}

/* As it is if it fits into @width, else scaled. */
void top_format_number(double value, int digits, int width, char *buf)
{
	int length = snprintf(buf, TOP_NUMBER_SIZE, "%.*f", digits, value);

	if (length > width || length >= TOP_NUMBER_SIZE)
		format_scaled(value, 1000, buf);
}
