// SPDX-License-Identifier: GPL-2.0-or-later
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/top_terminal.h"

#define ESCAPE_DELAY_MS 50 /* after which Esc is a key and not the beginning of one */

/* ---- signals ---- */

static volatile sig_atomic_t quit_came, stop_came, continue_came, size_came;

static void on_quit(int signal)
{
	(void)signal;
	quit_came = 1;
}

static void on_stop(int signal)
{
	(void)signal;
	stop_came = 1;
}

static void on_continue(int signal)
{
	(void)signal;
	continue_came = 1;
}

static void on_size(int signal)
{
	(void)signal;
	size_came = 1;
}

static const struct {
	int signal;
	void (*handler)(int signal);
} handled[] = {
	{ SIGINT, on_quit },  { SIGTERM, on_quit },  { SIGHUP, on_quit },      { SIGQUIT, on_quit },
	{ SIGTSTP, on_stop }, { SIGWINCH, on_size }, { SIGCONT, on_continue },
};

#define N_HANDLED (sizeof(handled) / sizeof(*handled))

static sigset_t before; /* signals that were blocked before top began; none if it did not */

static void handle(int signal, void (*handler)(int signal))
{
	struct sigaction action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	sigaction(signal, &action, NULL);
}

static void handle_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N_HANDLED; i++)
		sigaddset(&set, handled[i].signal);
	sigprocmask(SIG_BLOCK, &set, &before);
	for (size_t i = 0; i < N_HANDLED; i++)
		handle(handled[i].signal, handled[i].handler);
}

/* ---- open and close ---- */

/* Whether the terminal has the string @name of terminfo(5). */
static bool has_string(const char *name)
{
	const char *string = tigetstr(name);

	/* NULL, or -1 as a pointer. */
	return string && (intptr_t)string != -1 && *string;
}

/* Whether the terminal can do what a screen needs; in words if not. */
static bool is_capable(void)
{
	const char *term = getenv("TERM");

	if (has_string("cup") && has_string("clear"))
		return true;
	endwin();
	cli_fail(
		"terminal type \"%s\" cannot place the cursor; use another terminal, or \"smc-ebpf auto show\"",
		term ? term : "");
	return false;
}

int terminal_open(struct terminal *terminal)
{
	const char *term = getenv("TERM");

	*terminal = (struct terminal){ 0 };
	setlocale(LC_CTYPE, "");
	terminal->screen.line = calloc(TOP_LINES_MAX, sizeof(struct top_line));
	if (!terminal->screen.line)
		return cli_fail("out of memory");
	handle_signals();
	terminal->curses = newterm(NULL, stdout, stdin);
	if (!terminal->curses)
		return cli_fail(
			"terminal type \"%s\" is unknown; set TERM to what the terminal is, for example TERM=xterm",
			term ? term : "");
	if (!is_capable())
		return CLI_FAILED;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_DELAY_MS);
	return CLI_DONE;
}

void terminal_close(struct terminal *terminal)
{
	if (terminal->curses) {
		if (!isendwin())
			endwin();
		delscreen(terminal->curses);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(terminal->screen.line);
	*terminal = (struct terminal){ 0 };
}

/* ---- show ---- */

static attr_t attribute(enum top_style style)
{
	return style == TOP_BOLD ? A_BOLD : style == TOP_REVERSE ? A_REVERSE : A_NORMAL;
}

static void draw_line(int y, const struct top_line *line)
{
	int end = line->mark + line->mark_length;

	attrset((int)attribute(line->style));
	mvaddnwstr(y, 0, line->text, line->mark_length ? line->mark : line->length);
	if (!line->mark_length)
		return;
	attrset(A_BOLD);
	addnwstr(line->text + line->mark, line->mark_length);
	attrset((int)attribute(line->style));
	addnwstr(line->text + end, line->length - end);
}

void terminal_show(struct terminal *terminal, struct top_view *view,
		   const struct top_reading *reading)
{
	struct top_screen *screen = &terminal->screen;

	screen->lines = LINES;
	screen->columns = COLS;
	top_layout(view, reading, screen);
	view->page = screen->page;
	view->rows = screen->rows;
	erase();
	for (int y = 0; y < screen->lines; y++)
		draw_line(y, &screen->line[y]);
	attrset(A_NORMAL);
	curs_set(screen->cursor >= 0);
	if (screen->cursor >= 0)
		move(screen->lines - 1, screen->cursor);
	refresh();
}

void terminal_repaint(struct terminal *terminal)
{
	(void)terminal;
	clearok(stdscr, TRUE);
}

/* ---- wait ---- */

unsigned int terminal_wait(int fd, double seconds)
{
	struct pollfd fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	struct timespec timeout = { .tv_sec = (time_t)seconds };
	unsigned int what = 0;

	timeout.tv_nsec = (long)((seconds - (double)timeout.tv_sec) * 1e9);
	if (ppoll(fds, 2, seconds < 0 ? NULL : &timeout, &before) < 0)
		return errno == EINTR ? TERMINAL_SIGNAL : TERMINAL_GONE;
	if (fds[0].revents & ~POLLIN)
		what |= TERMINAL_GONE;
	else if (fds[0].revents)
		what |= TERMINAL_KEY;
	if (fds[1].revents)
		what |= TERMINAL_FD;
	return what;
}

/* As the handler that was there before would have done. */
static void stop(void)
{
	sigset_t set;

	endwin();
	handle(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* Here the process stops, and goes on. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	handle(SIGTSTP, on_stop);
	continue_came = 1;
}

static void follow_size(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

bool terminal_signals(struct terminal *terminal)
{
	if (stop_came && !quit_came) {
		stop_came = 0;
		stop();
	}
	if (continue_came) {
		continue_came = 0;
		size_came = 1; /* it may have changed meanwhile */
		reset_prog_mode();
		terminal_repaint(terminal);
	}
	if (size_came) {
		size_came = 0;
		follow_size();
	}
	return quit_came;
}

/* ---- keys ---- */

static wint_t special_key(wint_t key)
{
	switch (key) {
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case KEY_END:
		return TOP_KEY_END;
	case KEY_BACKSPACE:
		return TOP_KEY_BACKSPACE;
	case KEY_ENTER:
		return '\n';
	default:
		return TOP_KEY_OTHER;
	}
}

bool terminal_key(wint_t *key)
{
	int rc = get_wch(key);

	if (rc == KEY_CODE_YES)
		*key = special_key(*key);
	return rc != ERR;
}
