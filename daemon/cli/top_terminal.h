/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal of top: ncurses, and the signals that concern a terminal.  Handlers only note that a
 * signal came; all else happens in the loop.  Signals are blocked outside terminal_wait(), so none is
 * missed between a look at what came and the wait.
 */
#ifndef SMC_POLICY_CLI_TOP_TERMINAL_H
#define SMC_POLICY_CLI_TOP_TERMINAL_H

#include <stdbool.h>
#include <wchar.h>

#include "cli/top.h"

struct terminal {
	struct top_screen screen;
	void *curses; /* its SCREEN */
};

/*
 * Take the terminal of standard input and output over.  Returns CLI_DONE, or CLI_FAILED after telling why;
 * in either case terminal_close() follows.
 */
int terminal_open(struct terminal *terminal);

/* Give it back as it was. */
void terminal_close(struct terminal *terminal);

/* Lay @view of @reading out and show it. */
void terminal_show(struct terminal *terminal, struct top_view *view,
		   const struct top_reading *reading);

/* Show all of the screen anew with the next terminal_show(): something else may have written to it. */
void terminal_repaint(struct terminal *terminal);

/* What there is after a wait. */
#define TERMINAL_KEY 1u
#define TERMINAL_FD 2u /* the other descriptor is readable, or has an error */
#define TERMINAL_SIGNAL 4u
#define TERMINAL_GONE 8u /* nobody will type any more */

/*
 * Wait for a key, for @fd (-1: none) or for a signal, @seconds at most (negative: without end).
 * Returns TERMINAL_* bits, 0 when the time is over.
 */
unsigned int terminal_wait(int fd, double seconds);

/*
 * Do what the signals that came ask for: stop at Ctrl-Z and show everything anew afterwards, follow the
 * size.  Returns whether one of them asks to quit.
 */
bool terminal_signals(struct terminal *terminal);

/* The next key, a character or an enum top_key, into @key.  Whether there was one. */
bool terminal_key(wint_t *key);

#endif
