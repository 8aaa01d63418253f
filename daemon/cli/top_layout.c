// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of a screen. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"
#include "cli/top_text.h"
#include "common/cleanup.h"
#include "common/plural.h"

#define HEAD_LINES 5 /* above the rows */

/* ---- columns ---- */

enum kind {
	KIND_NAME, /* texts */
	KIND_SIDE,
	KIND_REASON,
	KIND_DECIDES,
	KIND_PORT,
	KIND_COUNT,
	KIND_SETUPS, /* one digit behind the point */
	KIND_BYTES,
};

#define KIND_TEXTS KIND_DECIDES /* up to it: aligned to the left */

struct column {
	const char *heading;
	int width;
	int rank; /* of columns that have no room the last ones are left out */
	enum kind kind;
	enum top_number number;
	bool rate;
};

#define COLUMNS_MAX 14
#define FLEXIBLE_MAX 64 /* columns that the name of a rule can take */

static const struct column columns[TOP_LISTS][COLUMNS_MAX] = {
	[TOP_SERVICES] = {
		{ "SIDE", 7, 1, KIND_SIDE, 0, false },
		{ "PORT", 5, 0, KIND_PORT, 0, false },
		{ "REASON", 11, 4, KIND_REASON, 0, false },
		{ "CONNS", 8, 2, KIND_COUNT, TOP_CONNECTIONS, false },
		{ "CONN/S", 7, 6, KIND_SETUPS, TOP_CONNECTIONS, true },
		{ "BYTES", 8, 3, KIND_BYTES, TOP_BYTES, false },
		{ "BYTES/S", 8, 7, KIND_BYTES, TOP_BYTES, true },
		{ "MESSAGES", 8, 12, KIND_COUNT, TOP_MESSAGES, false },
		{ "MSG/S", 7, 13, KIND_SETUPS, TOP_MESSAGES, true },
		{ "GAINED", 9, 5, KIND_SETUPS, TOP_GAINED, false },
		{ "GAIN/S", 7, 9, KIND_SETUPS, TOP_GAINED, true },
		{ "EXPECTED", 8, 8, KIND_SETUPS, TOP_EXPECTED, false },
		{ "WORTHWHILE", 10, 10, KIND_COUNT, TOP_WORTHWHILE, false },
		{ "DECIDED BY", 12, 11, KIND_DECIDES, 0, false },
	},
	[TOP_RULES] = {
		{ "RULE", 10, 0, KIND_NAME, 0, false },
		{ "VERDICTS", 9, 1, KIND_COUNT, TOP_CONNECTIONS, false },
		{ "VERD/S", 7, 7, KIND_SETUPS, TOP_CONNECTIONS, true },
		{ "SMC", 9, 2, KIND_COUNT, TOP_SMC, false },
		{ "SMC/S", 7, 5, KIND_SETUPS, TOP_SMC, true },
		{ "TCP", 9, 3, KIND_COUNT, TOP_TCP, false },
		{ "TCP/S", 7, 6, KIND_SETUPS, TOP_TCP, true },
		{ "FALLBACKS", 9, 4, KIND_COUNT, TOP_FALLBACKS, false },
		{ "FALL/S", 7, 8, KIND_SETUPS, TOP_FALLBACKS, true },
		{ "UNEXPECTED", 10, 9, KIND_COUNT, TOP_UNEXPECTED, false },
	},
};

/* The columns that a screen has room for. */
struct grid {
	const struct column *columns[COLUMNS_MAX];
	int widths[COLUMNS_MAX];
	int n, gap;
};

static const struct column *of_rank(enum top_list list, int rank)
{
	for (int i = 0; i < COLUMNS_MAX; i++)
		if (columns[list][i].heading && columns[list][i].rank == rank)
			return &columns[list][i];
	return NULL;
}

/* The largest rank up to which all columns of @list fit into @width; @used is what they take. */
static int last_rank(enum top_list list, int width, int *used)
{
	const struct column *column;
	int rank = 0;

	*used = of_rank(list, 0)->width;
	while ((column = of_rank(list, rank + 1)) && *used + 1 + column->width <= width) {
		*used += 1 + column->width;
		rank++;
	}
	return rank;
}

static void lay_grid(enum top_list list, int width, struct grid *grid)
{
	int used, rank = last_rank(list, width, &used), spare;

	*grid = (struct grid){ .gap = 1 };
	for (int i = 0; i < COLUMNS_MAX && columns[list][i].heading; i++)
		if (columns[list][i].rank <= rank)
			grid->columns[grid->n++] = &columns[list][i];
	if (used + grid->n - 1 <= width) {
		used += grid->n - 1;
		grid->gap = 2;
	}
	/* The first column is there in any case. */
	if (used > width) {
		grid->widths[0] = width;
		return;
	}
	spare = width - used;
	for (int i = 0; i < grid->n; i++) {
		grid->widths[i] = grid->columns[i]->width;
		if (grid->columns[i]->kind == KIND_NAME)
			grid->widths[i] += spare < FLEXIBLE_MAX - grid->widths[i]
						   ? spare
						   : FLEXIBLE_MAX - grid->widths[i];
	}
}

static const char *cell_text(const struct top_row *row, const struct column *column, int width,
			     char *buf)
{
	double value = (column->rate ? row->rates : row->values)[column->number];

	switch (column->kind) {
	case KIND_NAME:
		return row->name;
	case KIND_SIDE:
		return row->side;
	case KIND_REASON:
		return row->reason;
	case KIND_DECIDES:
		return row->decides;
	case KIND_PORT:
		snprintf(buf, TOP_NUMBER_SIZE, "%u", row->port);
		return buf;
	case KIND_COUNT:
	case KIND_SETUPS:
	case KIND_BYTES:
		break;
	}
	if (isnan(value))
		return "-";
	if (column->kind == KIND_BYTES)
		top_format_bytes(value, buf);
	else
		top_format_number(value, column->kind == KIND_SETUPS, width, buf);
	return buf;
}

static void add_cell(struct top_line *line, const struct column *column, int width,
		     const char *text)
{
	int begin = line->columns;

	if (column->kind <= KIND_TEXTS)
		top_add_text(line, text, begin + width);
	else
		top_add_right(line, text, begin + width);
	top_pad(line, begin + width);
}

static bool is_sorted_by(const struct top_view *view, const struct column *column)
{
	enum top_number number = top_number_of(view);

	if (number == TOP_NUMBERS)
		return column->kind == KIND_PORT || column->kind == KIND_NAME;
	return column->kind >= KIND_COUNT && column->number == number &&
	       column->rate == view->by_rate;
}

static void lay_headings(const struct top_view *view, const struct grid *grid, int width,
			 struct top_line *line)
{
	line->style = TOP_REVERSE;
	for (int i = 0; i < grid->n; i++) {
		int begin = line->length;

		if (i)
			top_pad(line, line->columns + grid->gap);
		add_cell(line, grid->columns[i], grid->widths[i], grid->columns[i]->heading);
		if (is_sorted_by(view, grid->columns[i])) {
			line->mark = begin;
			line->mark_length = line->length - begin;
		}
	}
	top_pad(line, width);
}

static void lay_row(const struct top_row *row, const struct grid *grid, int width,
		    struct top_line *line)
{
	char buf[TOP_NUMBER_SIZE];

	for (int i = 0; i < grid->n; i++) {
		if (i)
			top_pad(line, line->columns + grid->gap);
		if (line->columns + grid->widths[i] > width)
			return;
		add_cell(line, grid->columns[i], grid->widths[i],
			 cell_text(row, grid->columns[i], grid->widths[i], buf));
	}
}

/* ---- head and foot ---- */

#define TITLE_COLUMNS 40 /* from which on the first line has a right end */

static void lay_title(const struct top_view *view, const struct top_reading *reading, int width,
		      struct top_line *line)
{
	char right[64] = "";

	line->style = TOP_BOLD;
	if (width >= TITLE_COLUMNS)
		snprintf(right, sizeof(right), "  every %gs  %s", view->interval,
			 reading ? reading->clock : "--:--:--");
	if (reading)
		top_add_format(line, width - top_text_columns(right),
			       "smc-ebpf top - %s, generation %lld, %lld %s", reading->backend,
			       (long long)reading->generation, (long long)reading->rules,
			       plural((unsigned long long)reading->rules, "rule", "rules"));
	else
		top_add_text(line, "smc-ebpf top", width - top_text_columns(right));
	top_add_right(line, right, width);
}

#define VERDICTS_SIZE (2 * TOP_NUMBER_SIZE + 8)

/* "1234 (5.0/s)" */
static void format_verdicts(const struct top_reading *reading, enum top_number number, char *buf)
{
	char total[TOP_NUMBER_SIZE], rate[TOP_NUMBER_SIZE] = "-";

	top_format_number(reading->verdicts.values[number], 0, 12, total);
	if (!isnan(reading->verdicts.rates[number]))
		top_format_number(reading->verdicts.rates[number], 1, 8, rate);
	snprintf(buf, VERDICTS_SIZE, "%s (%s/s)", total, rate);
}

static void lay_host(const struct top_reading *reading, int width, struct top_line *line)
{
	char smc[VERDICTS_SIZE], tcp[VERDICTS_SIZE];

	if (!reading)
		return;
	format_verdicts(reading, TOP_SMC, smc);
	format_verdicts(reading, TOP_TCP, tcp);
	top_add_format(line, width, "on SMC %lld, verdicts: smc %s, tcp %s",
		       (long long)reading->smc_connections, smc, tcp);
	if (!isnan(reading->verdicts.values[TOP_UNEXPECTED])) {
		top_format_number(reading->verdicts.values[TOP_UNEXPECTED], 0, 12, smc);
		top_add_format(line, width, ", unexpected fallbacks %s", smc);
	}
	if (reading->lost)
		top_add_format(line, width, ", lessons lost %lld", (long long)reading->lost);
}

static void lay_suspended(const struct top_reading *reading, int width, struct top_line *line)
{
	bool ends = strcmp(reading->until, "-") != 0;

	top_add_format(line, width, "suspended: new connections are TCP until %s",
		       ends ? reading->until : "\"smc-ebpf resume\"");
}

/* What is wrong, the worst first. */
static void lay_notice(const struct top_view *view, const struct top_reading *reading, int width,
		       struct top_line *line)
{
	line->style = TOP_BOLD;
	if (*view->notice)
		top_add_text(line, view->notice, width);
	else if (reading && reading->no_rule)
		top_add_text(line, "the rule that --rule names is not in force", width);
	else if (reading && reading->suspended)
		lay_suspended(reading, width, line);
	else if (reading && reading->n_degraded > 1)
		top_add_format(line, width, "degraded: %s; %zu more: \"smc-ebpf status\"",
			       reading->degraded, reading->n_degraded - 1);
	else if (reading && reading->n_degraded)
		top_add_format(line, width, "degraded: %s", reading->degraded);
}

static void lay_selection(const struct top_view *view, size_t first, size_t last, size_t n,
			  int width, struct top_line *line)
{
	const char *by = top_sort_word(top_sort_of(view), view->list);
	bool rate = view->by_rate && top_sort_of(view) != TOP_SORT_NAME;
	const char *what = view->list == TOP_RULES ? plural(n, "rule", "rules")
						   : plural(n, "service", "services");

	if (view->paused)
		top_add_text(line, "PAUSED  ", width);
	if (first == 0 && last == n)
		top_add_format(line, width, "%zu %s", n, what);
	else
		top_add_format(line, width, "%zu-%zu of %zu %s", first + 1, last, n, what);
	top_add_format(line, width, " by %s%s%s", by, rate ? " a second" : "",
		       view->reversed ? ", reversed" : "");
	if (*view->search && !view->searching)
		top_add_format(line, width, ", with \"%s\"", view->search);
}

/* The last line: keys, or the search while it is written. */
static void lay_foot(const struct top_view *view, struct top_screen *screen)
{
	struct top_line *line = &screen->line[screen->lines - 1];
	int width = screen->columns;

	screen->cursor = -1;
	if (!view->searching) {
		line->style = TOP_REVERSE;
		top_add_text(
			line,
			view->list == TOP_RULES
				? "h help  Tab services  c f n sort  r reverse  / search  Space pause  q quit"
				: "h help  Tab rules  c b g p sort  r reverse  / search  Space pause  q quit",
			width);
		top_pad(line, width);
		return;
	}
	top_add_text(line, "show rows with: ", width);
	top_add_text(line, view->search, width);
	screen->cursor = line->columns < width ? line->columns : width - 1;
}

/* ---- help ---- */

static const char *const help[] = {
	"smc-ebpf top: which services use connections, and what SMC gains for them",
	"",
	"  Tab        services or rules",
	"  c b g p    sort by connections, bytes, gain, port (rules: c f n)",
	"  C B G F    the same, by what came in the last interval",
	"  r          reverse the order",
	"  /          show rows that contain a text; Enter keeps it, Esc does not",
	"  Space      pause, and go on",
	"  arrows, Page Up, Page Down, Home, End    scroll",
	"  Ctrl-L     draw the screen again",
	"  h ?        this text; any key leaves it",
	"  q          quit",
	"",
	"  CONNS, BYTES, GAINED, WORTHWHILE are those of auto show.  Gains are in",
	"  set-ups of SMC: a connection that pays for two set-ups gains 1.  EXPECTED is",
	"  the gain of the next connection.  Connections count when they close and,",
	"  while they are open, after half a second, one, two, four and so on.",
	"  K, M, G of bytes are powers of 1024.  \"-\" is what is not known.",
};

static void lay_help(struct top_screen *screen)
{
	int n = (int)(sizeof(help) / sizeof(*help));

	for (int i = 0; i < n && i < screen->lines; i++)
		top_add_text(&screen->line[i], help[i], screen->columns);
	screen->line[0].style = TOP_BOLD;
	screen->cursor = -1;
}

/* ---- the screen ---- */

static void lay_rows(const struct top_view *view, const struct top_reading *reading,
		     struct top_screen *screen)
{
	size_t n = 0, page = screen->page, first = view->first;
	autofree const struct top_row **rows = reading ? top_select(view, reading, &n) : NULL;
	struct grid grid;

	if (first + page > n)
		first = n > page ? n - page : 0;
	screen->rows = n;
	lay_grid(view->list, screen->columns, &grid);
	if (screen->lines > HEAD_LINES)
		lay_headings(view, &grid, screen->columns, &screen->line[HEAD_LINES - 1]);
	for (size_t i = 0; rows && i < page && first + i < n; i++)
		lay_row(rows[first + i], &grid, screen->columns, &screen->line[HEAD_LINES + i]);
	if (reading && screen->lines > HEAD_LINES - 1)
		lay_selection(view, first, first + page < n ? first + page : n, n, screen->columns,
			      &screen->line[HEAD_LINES - 2]);
}

void top_layout(const struct top_view *view, const struct top_reading *reading,
		struct top_screen *screen)
{
	int lines = screen->lines < TOP_LINES_MAX ? screen->lines : TOP_LINES_MAX;

	screen->lines = lines;
	if (screen->columns > TOP_COLUMNS_MAX)
		screen->columns = TOP_COLUMNS_MAX;
	for (int i = 0; i < lines; i++)
		screen->line[i] = (struct top_line){ 0 };
	screen->page = lines > HEAD_LINES + 1 ? (size_t)(lines - HEAD_LINES - 1) : 0;
	screen->rows = 0;
	if (view->help) {
		lay_help(screen);
		return;
	}
	lay_title(view, reading, screen->columns, &screen->line[0]);
	if (lines > 2)
		lay_host(reading, screen->columns, &screen->line[1]);
	if (lines > 3)
		lay_notice(view, reading, screen->columns, &screen->line[2]);
	lay_rows(view, reading, screen);
	if (lines > 1)
		lay_foot(view, screen);
}
