/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smc-ebpf top, in parts that are tested one by one:
 *
 *	top_rows.c	the daemon's answers -> a reading: rows, and rates against the reading before
 *	top_select.c	a reading -> the rows that a view shows, in its order
 *	top_layout.c	a view and a reading -> the text of a screen of any size (with top_text.c)
 *	top_keys.c	a key -> a change of the view
 *	top_source.c	asks the daemon, without waiting for it
 *	top_terminal.c	ncurses and signals
 *	top.c		the command
 *
 * The first four know neither daemon nor terminal.  All texts are UTF-8, as JSON is.
 */
#ifndef SMC_POLICY_CLI_TOP_H
#define SMC_POLICY_CLI_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#include "policy/value.h"

/* ---- readings ---- */

enum top_list {
	TOP_SERVICES,
	TOP_RULES,
	TOP_LISTS,
};

enum top_number {
	TOP_CONNECTIONS, /* of a rule: its verdicts */
	TOP_BYTES,
	TOP_MESSAGES,
	TOP_GAINED, /* set-ups */
	TOP_EXPECTED, /* set-ups, of the next connection */
	TOP_WORTHWHILE,
	TOP_SMC, /* verdicts */
	TOP_TCP,
	TOP_FALLBACKS, /* of a rule */
	TOP_UNEXPECTED, /* of them, those whose verdict was smc */
	TOP_NUMBERS,
};

#define TOP_WORD_SIZE 24
#define TOP_NAME_SIZE 128

/* A service or a rule. */
struct top_row {
	char name[TOP_NAME_SIZE]; /* of a rule */
	char side[TOP_WORD_SIZE]; /* of a service, as what follows */
	unsigned int port; /* service port, host byte order */
	char reason[TOP_WORD_SIZE];
	char decides[TOP_WORD_SIZE];
	double values[TOP_NUMBERS]; /* NAN: unknown */
	double rates[TOP_NUMBERS]; /* a second, since the reading before; NAN: unknown */
};

struct top_rows {
	struct top_row *items;
	size_t n, room;
};

/* What the daemon said at one time. */
struct top_reading {
	double time; /* seconds of CLOCK_MONOTONIC */
	char clock[TOP_WORD_SIZE]; /* the time of day, for people */
	char backend[TOP_WORD_SIZE];
	char degraded[256]; /* the first thing that is degraded, "" if none is */
	size_t n_degraded;
	bool suspended;
	char until[TOP_WORD_SIZE]; /* of suspended, "-": resume */
	json_int_t generation, rules, smc_connections, lost;
	struct top_row verdicts; /* of all rules, with their fallbacks */
	struct top_rows lists[TOP_LISTS];
	bool no_rule; /* the rule that the services are filtered by is not in force */
};

/* What --side, --peer, --port and --rule select. */
struct top_filter {
	int side; /* enum smc_policy_side; -1: both */
	struct policy_range *ports;
	size_t n_ports, ports_room; /* n_ports 0: any */
	const char *peer; /* a prefix; NULL: any */
	const char *rule; /* NULL: any */
};

/* Add the ports of @text, "80,8000-8999", to @filter.  0, or -EINVAL or -ENOMEM and @error. */
int top_filter_ports(struct top_filter *filter, const char *text, struct value_error *error);

/* The requests of a reading, in their order. */
enum top_request {
	TOP_LEARNED, /* auto-show */
	TOP_STATS,
	TOP_STATUS,
	TOP_RULE, /* policy-show, if the filter names a rule */
	TOP_REQUESTS,
};

extern const char *const top_commands[TOP_REQUESTS];

/* How many of the requests @filter needs; the arguments of one of them, to be released. */
unsigned int top_requests(const struct top_filter *filter);
json_t *top_arguments(const struct top_filter *filter, enum top_request request);

/*
 * Make @reading of @answers, the results in the order of the requests; that of TOP_RULE is NULL if the
 * rule is not in force.  Whatever is missing or of another type counts as unknown: the daemon may be
 * another release's.  @before, NULL if there is none, is what the rates are against; @time is in seconds
 * of CLOCK_MONOTONIC.  Returns 0 or -ENOMEM; @reading is to be cleared in any case.
 */
int top_read(struct top_reading *reading, json_t *const answers[TOP_REQUESTS],
	     const struct top_filter *filter, double time, const struct top_reading *before);

void top_reading_clear(struct top_reading *reading);

/* ---- the view ---- */

#define TOP_SEARCH_SIZE 128 /* bytes */
#define TOP_NOTICE_SIZE 256

enum top_sort {
	TOP_SORT_CONNECTIONS,
	TOP_SORT_BYTES,
	TOP_SORT_GAINED,
	TOP_SORT_FALLBACKS,
	TOP_SORT_NAME, /* port and side of a service, name of a rule */
	TOP_SORTS,
};

struct top_view {
	enum top_list list;
	enum top_sort sort;
	bool by_rate; /* sort by the rate of the number */
	bool reversed;
	bool paused;
	bool help;
	bool searching; /* keys go to the search */
	char search[TOP_SEARCH_SIZE]; /* rows that contain it are shown; "": all */
	char undo[TOP_SEARCH_SIZE]; /* what it was before it was edited */
	size_t first; /* row at the top */
	char notice[TOP_NOTICE_SIZE]; /* what the user must know about the daemon, "" if nothing */
	double interval; /* seconds */
	/* Of the screen before, for keys that scroll. */
	size_t page, rows;
};

/*
 * The rows of @reading that @view shows, in its order: pointers into @reading, to be freed; their number
 * into @n.  NULL: out of memory.
 */
const struct top_row **top_select(const struct top_view *view, const struct top_reading *reading,
				  size_t *n);

/* What @sort means for @list, "connections"; NULL if that list has no such number. */
const char *top_sort_word(enum top_sort sort, enum top_list list);

/* What the list of @view is sorted by: by connections if it has no number that was chosen for the other. */
enum top_sort top_sort_of(const struct top_view *view);

/* The number that this is about; TOP_NUMBERS for the name. */
enum top_number top_number_of(const struct top_view *view);

/* ---- the screen ---- */

#define TOP_COLUMNS_MAX 512 /* a wider terminal stays blank on its right */
#define TOP_LINES_MAX 1024

enum top_style {
	TOP_PLAIN,
	TOP_BOLD,
	TOP_REVERSE,
};

struct top_line {
	wchar_t text[TOP_COLUMNS_MAX + 1]; /* printable characters alone */
	int length; /* characters */
	int columns; /* that they take */
	enum top_style style;
	int mark, mark_length; /* characters of another style than the line's */
};

struct top_screen {
	int lines, columns;
	int cursor; /* column of the last line where the cursor is, -1: hidden */
	size_t page, rows; /* rows that there is room for, rows that there are */
	struct top_line *line;
};

/*
 * Lay out @view of @reading (NULL: none yet) on @screen, whose lines and columns are given and at least
 * 1, and whose line has room for TOP_LINES_MAX.  Depends on LC_CTYPE: what cannot be shown there, and
 * what is no printable character, becomes "?".
 */
void top_layout(const struct top_view *view, const struct top_reading *reading,
		struct top_screen *screen);

/* ---- keys ---- */

/* Keys that are no characters, beyond Unicode. */
enum top_key {
	TOP_KEY_UP = 0x110000,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_BACKSPACE,
	TOP_KEY_OTHER, /* one that means nothing */
};

enum top_action {
	TOP_STAY, /* show the view, which may have changed */
	TOP_REPAINT, /* the whole screen anew */
	TOP_QUIT,
};

/* Apply @key, a character or an enum top_key, to @view. */
enum top_action top_press(struct top_view *view, wint_t key);

#endif
