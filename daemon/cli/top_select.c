// SPDX-License-Identifier: GPL-2.0-or-later
/* Which rows are shown, and in which order. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"

static const struct {
	enum top_number number;
	const char *words[TOP_LISTS];
} sorts[TOP_SORTS] = {
	[TOP_SORT_CONNECTIONS] = { TOP_CONNECTIONS, { "connections", "verdicts" } },
	[TOP_SORT_BYTES] = { TOP_BYTES, { "bytes", NULL } },
	[TOP_SORT_GAINED] = { TOP_GAINED, { "gain", NULL } },
	[TOP_SORT_FALLBACKS] = { TOP_FALLBACKS, { NULL, "fallbacks" } },
	[TOP_SORT_NAME] = { TOP_NUMBERS, { "port", "name" } },
};

const char *top_sort_word(enum top_sort sort, enum top_list list)
{
	return sorts[sort].words[list];
}

enum top_sort top_sort_of(const struct top_view *view)
{
	return top_sort_word(view->sort, view->list) ? view->sort : TOP_SORT_CONNECTIONS;
}

enum top_number top_number_of(const struct top_view *view)
{
	return sorts[top_sort_of(view)].number;
}

static bool contains(const char *text, const char *search)
{
	return strcasestr(text, search);
}

static bool is_shown(const struct top_row *row, const struct top_view *view)
{
	char port[16];

	if (!*view->search)
		return true;
	snprintf(port, sizeof(port), "%u", row->port);
	return contains(row->name, view->search) || contains(row->side, view->search) ||
	       contains(row->reason, view->search) || contains(row->decides, view->search) ||
	       (!*row->name && contains(port, view->search));
}

static int compare_names(const struct top_row *one, const struct top_row *other)
{
	if (one->port != other->port)
		return one->port < other->port ? -1 : 1;
	if (strcmp(one->side, other->side) != 0)
		return strcmp(one->side, other->side);
	return strcmp(one->name, other->name);
}

/* The largest first, what is unknown last. */
static int compare_numbers(double one, double other)
{
	if (isnan(one) || isnan(other))
		return isnan(one) - isnan(other);
	return one > other ? -1 : one < other;
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct top_row *one = *(const struct top_row *const *)a;
	const struct top_row *other = *(const struct top_row *const *)b;
	const struct top_view *view = arg;
	enum top_number by = top_number_of(view);
	int order = 0;

	if (by != TOP_NUMBERS)
		order = view->by_rate ? compare_numbers(one->rates[by], other->rates[by])
				      : compare_numbers(one->values[by], other->values[by]);
	/* Rows that are equal keep their places from one reading to the next. */
	if (!order)
		order = compare_names(one, other);
	return view->reversed ? -order : order;
}

const struct top_row **top_select(const struct top_view *view, const struct top_reading *reading,
				  size_t *n)
{
	const struct top_rows *rows = &reading->lists[view->list];
	const struct top_row **shown = calloc(rows->n + 1, sizeof(struct top_row *));

	*n = 0;
	if (!shown)
		return NULL;
	for (size_t i = 0; i < rows->n; i++)
		if (is_shown(&rows->items[i], view))
			shown[(*n)++] = &rows->items[i];
	qsort_r(shown, *n, sizeof(struct top_row *), compare, (void *)view);
	return shown;
}
