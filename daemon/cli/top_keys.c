// SPDX-License-Identifier: GPL-2.0-or-later
/* What keys do. */
#include <string.h>
#include <wctype.h>

#include "cli/top.h"

#define CTRL(key) ((key)&0x1f)
#define ESCAPE 0x1b
#define DELETE 0x7f

/* ---- the search ---- */

/* Append @key as UTF-8, if there is room. */
static void append_character(char *text, wint_t key)
{
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	size_t length = strlen(text);
	int more = key < 0x80 ? 0 : key < 0x800 ? 1 : key < 0x10000 ? 2 : 3;

	if (length + (size_t)more + 2 > TOP_SEARCH_SIZE)
		return;
	text[length++] = (char)(lead[more] | key >> 6 * more);
	for (int i = more - 1; i >= 0; i--)
		text[length++] = (char)(0x80 | (key >> 6 * i & 0x3f));
	text[length] = '\0';
}

static void remove_character(char *text)
{
	size_t length = strlen(text);

	while (length && ((unsigned char)text[--length] & 0xc0) == 0x80)
		;
	text[length] = '\0';
}

static void press_searching(struct top_view *view, wint_t key)
{
	switch (key) {
	case '\n':
	case '\r':
		view->searching = false;
		break;
	case ESCAPE:
		strcpy(view->search, view->undo);
		view->searching = false;
		break;
	case TOP_KEY_BACKSPACE:
	case CTRL('h'):
	case DELETE:
		remove_character(view->search);
		break;
	case CTRL('u'):
		view->search[0] = '\0';
		break;
	default:
		if (key < TOP_KEY_UP && wcwidth((wchar_t)key) > 0)
			append_character(view->search, key);
	}
	view->first = 0;
}

static void begin_search(struct top_view *view)
{
	strcpy(view->undo, view->search);
	view->searching = true;
}

/* ---- scrolling ---- */

/* Scroll by @step rows, never beyond the last page. */
static void scroll(struct top_view *view, ssize_t step)
{
	size_t last = view->rows > view->page ? view->rows - view->page : 0;
	ssize_t first = (ssize_t)(view->first < last ? view->first : last) + step;

	view->first = first < 0 ? 0 : (size_t)first < last ? (size_t)first : last;
}

static bool press_scrolling(struct top_view *view, wint_t key)
{
	ssize_t page = view->page ? (ssize_t)view->page : 1;

	switch (key) {
	case TOP_KEY_UP:
		scroll(view, -1);
		return true;
	case TOP_KEY_DOWN:
		scroll(view, 1);
		return true;
	case TOP_KEY_PAGE_UP:
		scroll(view, -page);
		return true;
	case TOP_KEY_PAGE_DOWN:
		scroll(view, page);
		return true;
	case TOP_KEY_HOME:
		view->first = 0;
		return true;
	case TOP_KEY_END:
		scroll(view, (ssize_t)view->rows);
		return true;
	default:
		return false;
	}
}

/* ---- sorting ---- */

static bool press_sorting(struct top_view *view, wint_t key)
{
	static const struct {
		wint_t key;
		enum top_sort sort;
	} sorts[] = {
		{ 'c', TOP_SORT_CONNECTIONS }, { 'b', TOP_SORT_BYTES }, { 'g', TOP_SORT_GAINED },
		{ 'f', TOP_SORT_FALLBACKS },   { 'p', TOP_SORT_NAME },  { 'n', TOP_SORT_NAME },
	};

	for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++) {
		if (towlower(key) != sorts[i].key || !top_sort_word(sorts[i].sort, view->list))
			continue;
		view->sort = sorts[i].sort;
		view->by_rate = key != sorts[i].key && sorts[i].sort != TOP_SORT_NAME;
		view->first = 0;
		return true;
	}
	return false;
}

/* ---- all keys ---- */

static void switch_list(struct top_view *view)
{
	view->list = view->list == TOP_RULES ? TOP_SERVICES : TOP_RULES;
	view->first = 0;
}

static enum top_action press_command(struct top_view *view, wint_t key)
{
	switch (key) {
	case 'q':
		return TOP_QUIT;
	case CTRL('l'):
		return TOP_REPAINT;
	case 'h':
	case '?':
		view->help = true;
		break;
	case '\t':
		switch_list(view);
		break;
	case 'r':
		view->reversed = !view->reversed;
		break;
	case '/':
		begin_search(view);
		break;
	case ' ':
		view->paused = !view->paused;
		break;
	default:
		break;
	}
	return TOP_STAY;
}

enum top_action top_press(struct top_view *view, wint_t key)
{
	if (view->searching) {
		press_searching(view, key);
		return TOP_STAY;
	}
	if (view->help && key != 'q' && key != CTRL('l')) {
		view->help = false;
		return TOP_STAY;
	}
	if (press_scrolling(view, key) || press_sorting(view, key))
		return TOP_STAY;
	return press_command(view, key);
}
