/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text and numbers on the lines of top's screen. */
#ifndef SMC_POLICY_CLI_TOP_TEXT_H
#define SMC_POLICY_CLI_TOP_TEXT_H

#include "cli/top.h"

#define TOP_NUMBER_SIZE 32

/* How many columns @text takes, with "?" for what is no printable character. */
int top_text_columns(const char *text);

/* Append blanks to @line up to @column. */
void top_pad(struct top_line *line, int column);

/* Append @text up to column @limit, where a "+" tells that it goes on. */
void top_add_text(struct top_line *line, const char *text, int limit);

__attribute__((format(printf, 3, 4))) void top_add_format(struct top_line *line, int limit,
							  const char *format, ...);

/* Append @text so that it ends at column @end, and begins at or behind what is there. */
void top_add_right(struct top_line *line, const char *text, int end);

/* @value as value_format_bytes() has it, but shorter, "1.5G", into @buf of TOP_NUMBER_SIZE. */
void top_format_bytes(double value, char *buf);

/* @value with @digits behind the point if that fits into @width, else "1.5M" by powers of 1000. */
void top_format_number(double value, int digits, int width, char *buf);

#endif
