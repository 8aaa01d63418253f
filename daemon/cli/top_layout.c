// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of a screen. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"
#include "common/cleanup.h"
#include "common/plural.h"

#define HEAD_LINES 5 /* above the rows */
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
static void pad(struct top_line *line, int column)
{
	while (line->columns < column && line->columns < TOP_COLUMNS_MAX)
		add_character(line, L' ', 1);
}

/* How many columns @text takes. */
static int text_columns(const char *text)
{
	int columns, sum = 0;

	while (*text) {
		shown(next_character(&text), &columns);
		sum += columns;
	}
	return sum;
}

/* Append @text up to column @limit, where a "+" tells that it goes on. */
static void add_text(struct top_line *line, const char *text, int limit)
{
	int columns, room;

	limit = limit < TOP_COLUMNS_MAX ? limit : TOP_COLUMNS_MAX;
	room = text_columns(text) <= limit - line->columns ? limit : limit - 1;
	while (*text) {
		wchar_t character = shown(next_character(&text), &columns);

		if (line->columns + columns > room)
			break;
		add_character(line, character, columns);
	}
	if (room < limit) {
		pad(line, room);
		if (line->columns < limit)
			add_character(line, CUT, 1);
	}
}

__attribute__((format(printf, 3, 4))) static void add_format(struct top_line *line, int limit,
							     const char *format, ...)
{
	char text[2 * TOP_COLUMNS_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	add_text(line, text, limit);
}

/* Append @text so that it ends at column @end, and begins at or behind what is there. */
static void add_right(struct top_line *line, const char *text, int end)
{
	pad(line, end - text_columns(text));
	add_text(line, text, end);
}

/* ---- numbers ---- */

#define NUMBER_SIZE 32

/* @value with the unit that lets it have few digits; the units are @base apart. */
static void format_scaled(double value, double base, char *buf)
{
	static const char units[] = "\0kMGTPE";
	size_t unit = 0;

	for (; fabs(value) >= base && unit + 1 < sizeof(units) - 1; unit++)
		value /= base;
	snprintf(buf, NUMBER_SIZE, unit ? "%.1f%c" : "%.0f", value,
		 base > 1000 && unit == 1 ? 'K' : units[unit]);
}

/* Bytes as value_format_bytes() has them, but shorter: "1.5G" is 1.5 GiB. */
static void format_bytes(double value, char *buf)
{
	format_scaled(value, 1024, buf);
	if (fabs(value) < 1024)
		strcat(buf, "B");
}

/* As it is if it fits into @width, else scaled. */
static void format_number(double value, int digits, int width, char *buf)
{
	int length = snprintf(buf, NUMBER_SIZE, "%.*f", digits, value);

	if (length > width || length >= NUMBER_SIZE)
		format_scaled(value, 1000, buf);
}

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

#define COLUMNS_MAX 12
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
		{ "GAINED", 9, 5, KIND_SETUPS, TOP_GAINED, false },
		{ "GAIN/S", 7, 9, KIND_SETUPS, TOP_GAINED, true },
		{ "EXPECTED", 8, 8, KIND_SETUPS, TOP_EXPECTED, false },
		{ "WORTHWHILE", 10, 10, KIND_COUNT, TOP_WORTHWHILE, false },
		{ "DECIDED BY", 12, 11, KIND_DECIDES, 0, false },
	},
	[TOP_RULES] = {
		{ "RULE", 10, 0, KIND_NAME, 0, false },
		{ "VERDICTS", 9, 1, KIND_COUNT, TOP_CONNECTIONS, false },
		{ "VERD/S", 7, 6, KIND_SETUPS, TOP_CONNECTIONS, true },
		{ "SMC", 9, 2, KIND_COUNT, TOP_SMC, false },
		{ "SMC/S", 7, 4, KIND_SETUPS, TOP_SMC, true },
		{ "TCP", 9, 3, KIND_COUNT, TOP_TCP, false },
		{ "TCP/S", 7, 5, KIND_SETUPS, TOP_TCP, true },
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
	spare = width > used ? width - used : 0;
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
		snprintf(buf, NUMBER_SIZE, "%u", row->port);
		return buf;
	case KIND_COUNT:
	case KIND_SETUPS:
	case KIND_BYTES:
		break;
	}
	if (isnan(value))
		return "-";
	if (column->kind == KIND_BYTES)
		format_bytes(value, buf);
	else
		format_number(value, column->kind == KIND_SETUPS, width, buf);
	return buf;
}

static void add_cell(struct top_line *line, const struct column *column, int width,
		     const char *text)
{
	int begin = line->columns;

	if (column->kind <= KIND_TEXTS)
		add_text(line, text, begin + width);
	else
		add_right(line, text, begin + width);
	pad(line, begin + width);
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
			pad(line, line->columns + grid->gap);
		add_cell(line, grid->columns[i], grid->widths[i], grid->columns[i]->heading);
		if (is_sorted_by(view, grid->columns[i])) {
			line->mark = begin;
			line->mark_length = line->length - begin;
		}
	}
	pad(line, width);
}

static void lay_row(const struct top_row *row, const struct grid *grid, int width,
		    struct top_line *line)
{
	char buf[NUMBER_SIZE];

	for (int i = 0; i < grid->n; i++) {
		if (i)
			pad(line, line->columns + grid->gap);
		if (line->columns + grid->widths[i] > width)
			return;
		add_cell(line, grid->columns[i], grid->widths[i],
			 cell_text(row, grid->columns[i], grid->widths[i], buf));
	}
}

/* ---- head and foot ---- */

static void lay_title(const struct top_view *view, const struct top_reading *reading, int width,
		      struct top_line *line)
{
	char right[64];

	line->style = TOP_BOLD;
	snprintf(right, sizeof(right), "  every %gs  %s", view->interval,
		 reading ? reading->clock : "--:--:--");
	if (reading)
		add_format(line, width - text_columns(right),
			   "smc-ebpf top - %s, generation %lld, %lld %s", reading->backend,
			   (long long)reading->generation, (long long)reading->rules,
			   plural((unsigned long long)reading->rules, "rule", "rules"));
	else
		add_text(line, "smc-ebpf top", width - text_columns(right));
	add_right(line, right, width);
}

/* "1234 (5.0/s)" */
static void format_verdicts(const struct top_reading *reading, enum top_number number, char *buf)
{
	char total[NUMBER_SIZE], rate[NUMBER_SIZE] = "-";

	format_number(reading->verdicts.values[number], 0, 12, total);
	if (!isnan(reading->verdicts.rates[number]))
		format_number(reading->verdicts.rates[number], 1, 8, rate);
	snprintf(buf, 2 * NUMBER_SIZE, "%s (%s/s)", total, rate);
}

static void lay_host(const struct top_reading *reading, int width, struct top_line *line)
{
	char smc[2 * NUMBER_SIZE], tcp[2 * NUMBER_SIZE];

	if (!reading)
		return;
	format_verdicts(reading, TOP_SMC, smc);
	format_verdicts(reading, TOP_TCP, tcp);
	add_format(line, width, "open SMC connections %lld, verdicts: smc %s, tcp %s",
		   (long long)reading->smc_connections, smc, tcp);
	if (reading->lost)
		add_format(line, width, ", lessons lost %lld", (long long)reading->lost);
}

/* What is wrong, the worst first. */
static void lay_notice(const struct top_view *view, const struct top_reading *reading, int width,
		       struct top_line *line)
{
	line->style = TOP_BOLD;
	if (*view->notice)
		add_text(line, view->notice, width);
	else if (reading && reading->no_rule)
		add_text(line, "the rule that --rule names is not in force", width);
	else if (reading && reading->n_degraded > 1)
		add_format(line, width, "degraded: %s; %zu more: \"smc-ebpf status\"",
			   reading->degraded, reading->n_degraded - 1);
	else if (reading && reading->n_degraded)
		add_format(line, width, "degraded: %s", reading->degraded);
}

static void lay_selection(const struct top_view *view, size_t first, size_t last, size_t n,
			  int width, struct top_line *line)
{
	const char *by = top_sort_word(top_sort_of(view), view->list);
	bool rate = view->by_rate && top_sort_of(view) != TOP_SORT_NAME;
	const char *what = view->list == TOP_RULES ? plural(n, "rule", "rules")
						   : plural(n, "service", "services");

	if (view->paused)
		add_text(line, "PAUSED  ", width);
	if (first == 0 && last == n)
		add_format(line, width, "%zu %s", n, what);
	else
		add_format(line, width, "%zu-%zu of %zu %s", first + 1, last, n, what);
	add_format(line, width, " by %s%s%s", by, rate ? " a second" : "",
		   view->reversed ? ", reversed" : "");
	if (*view->search && !view->searching)
		add_format(line, width, ", with \"%s\"", view->search);
}

/* The last line: keys, or the search while it is written. */
static void lay_foot(const struct top_view *view, struct top_screen *screen)
{
	struct top_line *line = &screen->line[screen->lines - 1];
	int width = screen->columns;

	screen->cursor = -1;
	if (!view->searching) {
		line->style = TOP_REVERSE;
		add_text(
			line,
			view->list == TOP_RULES
				? "h help  Tab services  c n sort  r reverse  / search  Space pause  q quit"
				: "h help  Tab rules  c b g p sort  r reverse  / search  Space pause  q quit",
			width);
		pad(line, width);
		return;
	}
	add_text(line, "show rows with: ", width);
	add_text(line, view->search, width);
	screen->cursor = line->columns < width ? line->columns : width - 1;
}

/* ---- help ---- */

static const char *const help[] = {
	"smc-ebpf top: which services use connections, and what SMC gains for them",
	"",
	"  Tab        services or rules",
	"  c b g p    sort by connections, bytes, gain, port (for rules: c n)",
	"  C B G      the same, by what came in the last interval",
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
		add_text(&screen->line[i], help[i], screen->columns);
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
