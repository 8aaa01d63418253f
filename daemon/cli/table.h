/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables and fields for people. */
#ifndef SMC_POLICY_TABLE_H
#define SMC_POLICY_TABLE_H

#include <jansson.h>
#include <stdbool.h>

#define TABLE_COLUMNS_MAX 12

/*
 * Print @rows (an array of arrays of strings and numbers, the first row the
 * headings) with columns aligned: text to the left, numbers to the right, those that are
 * not integers with one digit after the point.
 */
void table_print(const json_t *rows);

/*
 * The same, no wider than the terminal, if standard output is one: then columns that @shrinks are cut,
 * the widest first, and what is cut ends with "+".
 */
void table_print_fitting(const json_t *rows, const bool shrinks[TABLE_COLUMNS_MAX]);

/*
 * "a, b, c", shortened to about @width characters ("a, b, +7 more"); "any" if empty.  To be freed.
 */
char *table_list(const json_t *list, size_t width);

/*
 * The text of @value, "-" if it is none: the daemon may be another release's, and NULL must not be
 * printed.
 */
const char *cli_string(const json_t *value);

/* The integer of @object at @key, 0 if there is none; the text there, "-" if there is none. */
json_int_t cli_number(const json_t *object, const char *key);
const char *cli_text(const json_t *object, const char *key);

/* @one or @more (common/plural.h), whichever agrees with the integer of @object at @key. */
const char *cli_plural(const json_t *object, const char *key, const char *one, const char *more);

/* Print the "text" of @result as it is. */
void cli_print_text(const json_t *result);

/*
 * The property @key of a RULE (wire/protocol.h) as text of the configuration, "" where
 * it has its default.  To be freed; NULL: out of memory.
 */
char *cli_property(const json_t *rule, const char *key);

/* "  name:    value", aligned. */
__attribute__((format(printf, 2, 3))) void table_field(const char *name, const char *format, ...);

#endif
