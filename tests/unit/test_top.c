// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * top without daemon and terminal: answers become rows and rates, rows a screen of any size, keys change
 * the view.
 */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "random.h"
#include "unit.h"

#define SERVICE(side, port, connections, bytes, gained)          \
	"{'side':'" side "','port':" #port                       \
	",'reason':'long-lived','decides':'service','gain':1.5," \
	"'connections':" #connections ",'worthwhile':1,'bytes':" #bytes ",'gained':" #gained "}"

#define STATUS "{'backend':'kmod','generation':7,'rules':{'total':2},'degraded':[]}"
#define STATS                                                                       \
	"{'verdicts':{'smc':30,'tcp':12},'rules':[{'name':'web','smc':20,'tcp':5}," \
	"{'name':'db','smc':10,'tcp':0}],'default':{'smc':0,'tcp':7},'retired':{'smc':0,'tcp':0}}"

static const char learned[] = "{'services':[" SERVICE("connect", 3306, 5, 9000, 2.5) "," SERVICE(
	"accept", 443, 100, 5000000, 1) "," SERVICE("accept", 80, 7, 70,
						    0) "],'peers':[],'smc_connections':3,'lost':0}";

static const struct top_filter everything = { .side = -1 };

/* ---- readings ---- */

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
	autofree char *copy = strdup(text);
	json_error_t error;
	json_t *json;

	for (char *at = copy; *at; at++)
		if (*at == '\'')
			*at = '"';
	json = json_loads(copy, 0, &error);
	if (!json)
		fail_msg("%s: %s", error.text, copy);
	return json;
}

static void read_texts(struct top_reading *reading, const char *const texts[TOP_REQUESTS],
		       const struct top_filter *filter, double time,
		       const struct top_reading *before)
{
	json_t *answers[TOP_REQUESTS];

	for (int i = 0; i < TOP_REQUESTS; i++)
		answers[i] = texts[i] ? parse(texts[i]) : NULL;
	assert_int_equal(top_read(reading, answers, filter, time, before), 0);
	for (int i = 0; i < TOP_REQUESTS; i++)
		json_decref(answers[i]);
}

static void read_learned(struct top_reading *reading, const char *text, double time,
			 const struct top_reading *before)
{
	const char *const texts[TOP_REQUESTS] = { text, STATS, STATUS, NULL };

	read_texts(reading, texts, &everything, time, before);
}

static const struct top_row *service(const struct top_reading *reading, unsigned int port)
{
	const struct top_rows *rows = &reading->lists[TOP_SERVICES];

	for (size_t i = 0; i < rows->n; i++)
		if (rows->items[i].port == port)
			return &rows->items[i];
	return NULL;
}

static void answers_become_rows(void **state)
{
	struct top_reading reading;

	(void)state;
	read_learned(&reading, learned, 10, NULL);
	assert_int_equal(reading.lists[TOP_SERVICES].n, 3);
	assert_string_equal(service(&reading, 3306)->side, "connect");
	assert_true(service(&reading, 3306)->values[TOP_CONNECTIONS] == 5);
	assert_true(service(&reading, 443)->values[TOP_BYTES] == 5000000);
	assert_true(isnan(service(&reading, 443)->rates[TOP_BYTES]));
	assert_int_equal(reading.lists[TOP_RULES].n, 4);
	assert_int_equal(reading.smc_connections, 3);
	assert_string_equal(reading.backend, "kmod");
	assert_int_equal(reading.generation, 7);
	top_reading_clear(&reading);
}

static void rates_are_differences_by_time(void **state)
{
	static const char later[] =
		"{'services':[" SERVICE("accept", 443, 110, 5001000, 1) "," SERVICE(
			"accept", 80, 3, 30, 0) "," SERVICE("accept", 22, 4, 40, 0) "]}";
	struct top_reading before, now;

	(void)state;
	read_learned(&before, learned, 10, NULL);
	read_learned(&now, later, 14, &before);
	assert_true(service(&now, 443)->rates[TOP_CONNECTIONS] == 2.5);
	assert_true(service(&now, 443)->rates[TOP_BYTES] == 250);
	/* Halved or forgotten: nobody knows. */
	assert_true(isnan(service(&now, 80)->rates[TOP_CONNECTIONS]));
	/* It was not there. */
	assert_true(service(&now, 22)->rates[TOP_CONNECTIONS] == 1);
	top_reading_clear(&before);
	top_reading_clear(&now);
}

static size_t count_services(const struct top_filter *filter, const char *rule)
{
	const char *const texts[TOP_REQUESTS] = { learned, STATS, STATUS, rule };
	struct top_reading reading;
	size_t n;

	read_texts(&reading, texts, filter, 0, NULL);
	n = reading.lists[TOP_SERVICES].n;
	assert_int_equal(reading.no_rule, filter->rule && !rule);
	top_reading_clear(&reading);
	return n;
}

static void filters_select_services(void **state)
{
	static const char web[] = "{'rule':{'name':'web','side':'both','ports':['80','400-500']}}";
	static const char db[] = "{'rule':{'name':'db','side':'accept','ports':[]}}";
	struct top_filter ports = { .side = -1 }, side = { .side = 0 };
	struct top_filter rule = { .side = -1, .rule = "web" };
	struct value_error error;

	(void)state;
	assert_int_equal(top_filter_ports(&ports, "80,3000-4000", &error), 0);
	assert_int_equal(count_services(&everything, NULL), 3);
	assert_int_equal(count_services(&ports, NULL), 2);
	assert_int_equal(count_services(&side, NULL), 1);
	assert_int_equal(count_services(&rule, web), 2);
	assert_int_equal(count_services(&rule, db), 2);
	assert_int_equal(count_services(&rule, NULL), 0);
	assert_int_equal(top_filter_ports(&ports, "80,x", &error), -EINVAL);
	free(ports.ports);
}

static void services_of_peers_are_their_sum(void **state)
{
	static const char text[] =
		"{'services':[],'peers':[" SERVICE("accept", 80, 1, 10, 0) "," SERVICE(
			"accept", 80, 2, 20, 0.5) "," SERVICE("connect", 80, 4, 40, 0) "]}";
	const char *const texts[TOP_REQUESTS] = { text, STATS, STATUS, NULL };
	const struct top_filter filter = { .side = -1, .peer = "10.0.0.0/8" };
	struct top_reading reading;

	(void)state;
	read_texts(&reading, texts, &filter, 0, NULL);
	assert_int_equal(reading.lists[TOP_SERVICES].n, 2);
	assert_true(service(&reading, 80)->values[TOP_CONNECTIONS] == 3);
	assert_true(service(&reading, 80)->values[TOP_GAINED] == 0.5);
	assert_true(isnan(service(&reading, 80)->values[TOP_EXPECTED]));
	top_reading_clear(&reading);
}

static void answers_of_another_release_are_unknown_and_no_fault(void **state)
{
	static const char *const texts[][TOP_REQUESTS] = {
		{ "{}", "{}", "{}", "{}" },
		{ "{'services':{}}", "{'rules':5,'verdicts':[]}", "{'degraded':'x'}",
		  "{'rule':{'ports':[5],'side':null}}" },
		{ "{'services':[[],5,null,{'port':'x','bytes':'y','side':7}]}",
		  "{'rules':[{},null]}", "{'degraded':[7,{}]}", "{'rule':[]}" },
	};
	const struct top_filter rule = { .side = -1, .rule = "-" };
	struct top_reading reading;
	json_t *answers[TOP_REQUESTS];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		for (int j = 0; j < TOP_REQUESTS; j++)
			answers[j] = parse(texts[i][j]);
		top_read(&reading, answers, &rule, 0, NULL);
		top_reading_clear(&reading);
		assert_int_equal(top_read(&reading, answers, &everything, 0, NULL), 0);
		top_reading_clear(&reading);
		for (int j = 0; j < TOP_REQUESTS; j++)
			json_decref(answers[j]);
	}
}

/* ---- order ---- */

static void assert_ports(const struct top_view *view, const struct top_reading *reading,
			 const char *expected)
{
	size_t n, used = 0;
	autofree const struct top_row **rows = top_select(view, reading, &n);
	char ports[128] = "";

	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(ports + used, sizeof(ports) - used, "%s%u", i ? " " : "",
					 rows[i]->port);
	assert_string_equal(ports, expected);
}

static void rows_are_sorted_and_searched(void **state)
{
	struct top_view view = { .sort = TOP_SORT_CONNECTIONS };
	struct top_reading reading;

	(void)state;
	read_learned(&reading, learned, 10, NULL);
	assert_ports(&view, &reading, "443 80 3306");
	view.sort = TOP_SORT_GAINED;
	assert_ports(&view, &reading, "3306 443 80");
	view.sort = TOP_SORT_BYTES;
	view.reversed = true;
	assert_ports(&view, &reading, "80 3306 443");
	view.sort = TOP_SORT_NAME;
	assert_ports(&view, &reading, "3306 443 80");
	strcpy(view.search, "ACCEPT");
	assert_ports(&view, &reading, "443 80");
	strcpy(view.search, "33");
	assert_ports(&view, &reading, "3306");
	strcpy(view.search, "nothing");
	assert_ports(&view, &reading, "");
	top_reading_clear(&reading);
}

/* ---- the screen ---- */

static struct top_line lines[TOP_LINES_MAX];

static struct top_screen lay(const struct top_view *view, const struct top_reading *reading,
			     int n_lines, int columns)
{
	struct top_screen screen = { .lines = n_lines, .columns = columns, .line = lines };

	top_layout(view, reading, &screen);
	return screen;
}

/* No line is wider than the screen or holds what is not shown as it is. */
static void assert_fits(const struct top_screen *screen)
{
	for (int y = 0; y < screen->lines; y++) {
		const struct top_line *line = &screen->line[y];
		int sum = 0;

		for (int i = 0; i < line->length; i++) {
			assert_true(wcwidth(line->text[i]) > 0);
			sum += wcwidth(line->text[i]);
		}
		assert_int_equal(line->text[line->length], 0);
		assert_int_equal(sum, line->columns);
		if (sum > screen->columns)
			fail_msg("line %d has %d of %d columns", y, sum, screen->columns);
		assert_true(line->mark + line->mark_length <= line->length);
	}
	assert_true(screen->cursor < screen->columns);
}

static void assert_line(const struct top_screen *screen, int y, const char *expected)
{
	char text[TOP_COLUMNS_MAX + 1];
	int length = screen->line[y].length;

	while (length && screen->line[y].text[length - 1] == L' ')
		length--;
	for (int i = 0; i < length; i++)
		text[i] = (char)screen->line[y].text[i];
	text[length] = '\0';
	assert_string_equal(text, expected);
}

static void a_screen_of_80_columns_has_the_numbers(void **state)
{
	struct top_view view = { .interval = 2 };
	struct top_reading reading;
	struct top_screen screen;

	(void)state;
	read_learned(&reading, learned, 10, NULL);
	strcpy(reading.clock, "08:15:00");
	screen = lay(&view, &reading, 24, 80);
	assert_fits(&screen);
	assert_line(
		&screen, 0,
		"smc-ebpf top - kmod, generation 7, 2 rules                    every 2s  08:15:00");
	assert_line(&screen, 1, "on SMC 3, verdicts: smc 30 (-/s), tcp 12 (-/s)");
	assert_line(&screen, 3, "3 services by connections");
	assert_line(
		&screen, 4,
		"SIDE     PORT REASON         CONNS  CONN/S    BYTES  BYTES/S    GAINED EXPECTED");
	assert_line(
		&screen, 5,
		"accept    443 long-lived       100       -     4.8M        -       1.0      1.5");
	assert_line(
		&screen, 6,
		"accept     80 long-lived         7       -      70B        -       0.0      1.5");
	assert_int_equal(screen.rows, 3);
	assert_int_equal(screen.page, 18);
	view.list = TOP_RULES;
	screen = lay(&view, &reading, 24, 80);
	assert_line(&screen, 3, "4 rules by verdicts");
	assert_line(
		&screen, 4,
		"RULE              VERDICTS  VERD/S       SMC   SMC/S       TCP   TCP/S FALLBACKS");
	assert_line(
		&screen, 5,
		"web                     25       -        20       -         5       -         -");
	top_reading_clear(&reading);
}

static void fallbacks_are_those_of_rules_and_of_all(void **state)
{
	static const char stats[] =
		"{'verdicts':{'smc':9,'tcp':9},'rules':[{'name':'web','smc':9,'tcp':5},"
		"{'name':'db','smc':0,'tcp':0}],'default':{'smc':0,'tcp':7},'fallbacks':{'causes':["
		"{'rule':'web','expected':true,'count':5},{'rule':'web','expected':false,'count':2},"
		"{'rule':null,'expected':false,'count':3},{'rule':'old','expected':true,'count':1}]}}";
	const char *const texts[TOP_REQUESTS] = { learned, stats, STATUS, NULL };
	struct top_view view = { .list = TOP_RULES, .sort = TOP_SORT_FALLBACKS };
	struct top_reading reading;
	const struct top_row *rules;
	struct top_screen screen;

	(void)state;
	read_texts(&reading, texts, &everything, 0, NULL);
	rules = reading.lists[TOP_RULES].items;
	assert_string_equal(rules[0].name, "(default)");
	assert_true(isnan(rules[0].values[TOP_FALLBACKS]));
	assert_string_equal(rules[2].name, "db");
	assert_true(rules[2].values[TOP_FALLBACKS] == 0);
	assert_true(rules[3].values[TOP_FALLBACKS] == 7 && rules[3].values[TOP_UNEXPECTED] == 2);
	assert_true(reading.verdicts.values[TOP_FALLBACKS] == 11);
	screen = lay(&view, &reading, 24, 80);
	assert_line(&screen, 1,
		    "on SMC 3, verdicts: smc 9 (-/s), tcp 9 (-/s), unexpected fallbacks 5");
	assert_line(&screen, 3, "4 rules by fallbacks");
	assert_int_equal(wcsncmp(screen.line[5].text, L"web ", 4), 0);
	top_reading_clear(&reading);
}

static void assert_notice(struct top_view *view, const char *status, const char *expected)
{
	const char *const texts[TOP_REQUESTS] = { learned, STATS, status, NULL };
	struct top_reading reading;
	struct top_screen screen;

	read_texts(&reading, texts, &everything, 0, NULL);
	screen = lay(view, &reading, 24, 80);
	assert_line(&screen, 2, expected);
	assert_int_equal(screen.line[2].style, TOP_BOLD);
	top_reading_clear(&reading);
}

static void what_is_wrong_is_told_the_worst_first(void **state)
{
	struct top_view view = { 0 };

	(void)state;
	assert_notice(&view, "{'suspended':null,'degraded':[]}", "");
	assert_notice(&view, "{'degraded':['bad']}", "degraded: bad");
	assert_notice(&view, "{'degraded':['bad','worse']}",
		      "degraded: bad; 1 more: \"smc-ebpf status\"");
	assert_notice(&view, "{'suspended':{'until':null},'degraded':['bad']}",
		      "suspended: new connections are TCP until \"smc-ebpf resume\"");
	assert_notice(&view, "{'suspended':{'until':'2026-11-29T09:00:00Z'}}",
		      "suspended: new connections are TCP until 2026-11-29T09:00:00Z");
	strcpy(view.notice, "gone");
	assert_notice(&view, "{'suspended':{'until':null}}", "gone");
}

static void a_wide_screen_has_more_columns(void **state)
{
	struct top_view view = { .interval = 2 };
	struct top_reading reading;
	struct top_screen screen;

	(void)state;
	read_learned(&reading, learned, 10, NULL);
	screen = lay(&view, &reading, 60, 200);
	assert_fits(&screen);
	assert_line(
		&screen, 4,
		"SIDE      PORT  REASON          CONNS   CONN/S     BYTES   BYTES/S  MESSAGES    MSG/S     GAINED   GAIN/S  EXPECTED  WORTHWHILE  DECIDED BY");
	assert_int_equal(screen.page, 54);
	top_reading_clear(&reading);
}

/* A rule's name as a daemon would have it that wants to break the screen. */
static void names_cannot_break_the_screen(void **state)
{
	static const char *const names[] = {
		"esc\\u001b[2Jx",
		"bell\\u0007\\b\\r\\n\\t",
		"c1\\u009b31m",
		"bidi\\u202eabc",
		"zero\\u0301\\u200b",
		"\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587",
		"caf\\u00e9",
		"long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-"
		"long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long",
	};
	static const char *const locales[] = { "C", "C.UTF-8" };
	struct top_view view = { .list = TOP_RULES };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(*names); i++) {
		char stats[512], status[512];
		const char *const texts[TOP_REQUESTS] = { "{}", stats, status, NULL };
		struct top_reading reading;
		struct top_screen screen;

		assert_non_null(setlocale(LC_CTYPE, locales[i % 2]));
		snprintf(stats, sizeof(stats), "{'rules':[{'name':'%s','smc':1,'tcp':2}]}",
			 names[i / 2]);
		snprintf(status, sizeof(status), "{'backend':'%s','degraded':['%s']}", names[i / 2],
			 names[i / 2]);
		read_texts(&reading, texts, &everything, 0, NULL);
		for (int width = 1; width <= 120; width++) {
			screen = lay(&view, &reading, 24, width);
			assert_fits(&screen);
		}
		top_reading_clear(&reading);
	}
	setlocale(LC_CTYPE, "C");
}

static void what_is_cut_is_marked(void **state)
{
	const char *const texts[TOP_REQUESTS] = {
		"{}", "{'rules':[{'name':'0123456789abcdef','smc':1,'tcp':2}]}", STATUS, NULL
	};
	struct top_view view = { .list = TOP_RULES };
	struct top_reading reading;
	struct top_screen screen;

	(void)state;
	read_texts(&reading, texts, &everything, 0, NULL);
	screen = lay(&view, &reading, 24, 10);
	assert_line(&screen, 5, "012345678+");
	top_reading_clear(&reading);
}

static void every_size_is_laid_out(void **state)
{
	static const enum top_list lists[] = { TOP_SERVICES, TOP_RULES };
	struct top_reading reading;

	(void)state;
	read_learned(&reading, learned, 10, NULL);
	for (int n = 1; n <= 40; n++) {
		for (int width = 1; width <= 200; width += 3) {
			struct top_view view = { .list = lists[n % 2], .first = (size_t)n % 5 };
			struct top_screen screen;

			view.searching = n % 3 == 0;
			view.help = n % 7 == 0;
			strcpy(view.search, n % 3 ? "" : "a text that is longer than some");
			strcpy(view.notice, "smc-policyd does not answer: Connection refused");
			screen = lay(&view, width % 2 ? &reading : NULL, n, width);
			assert_fits(&screen);
		}
	}
	top_reading_clear(&reading);
}

static void numbers_that_do_not_fit_are_scaled(void **state)
{
	static const char many[] = "{'services':[" SERVICE("accept", 1, 123456789012,
							   1125899906842624, 98765432109.5) "]}";
	struct top_view view = { .interval = 2 };
	struct top_reading reading;
	struct top_screen screen;

	(void)state;
	read_learned(&reading, many, 10, NULL);
	screen = lay(&view, &reading, 24, 80);
	assert_fits(&screen);
	assert_line(
		&screen, 5,
		"accept      1 long-lived    123.5G       -     1.0P        -     98.8G      1.5");
	top_reading_clear(&reading);
}

/* ---- keys ---- */

static void press(struct top_view *view, const char *keys)
{
	for (; *keys; keys++)
		assert_int_equal(top_press(view, (wint_t)*keys), TOP_STAY);
}

static void keys_change_the_view(void **state)
{
	struct top_view view = { 0 };

	(void)state;
	press(&view, "b");
	assert_int_equal(view.sort, TOP_SORT_BYTES);
	press(&view, "G");
	assert_true(view.sort == TOP_SORT_GAINED && view.by_rate);
	press(&view, "g");
	assert_false(view.by_rate);
	press(&view, "\t");
	assert_int_equal(view.list, TOP_RULES);
	/* It has no gain: connections. */
	assert_int_equal(top_sort_of(&view), TOP_SORT_CONNECTIONS);
	press(&view, "b");
	assert_int_equal(view.sort, TOP_SORT_GAINED);
	press(&view, "nr \t");
	assert_true(view.sort == TOP_SORT_NAME && view.reversed && view.paused);
	assert_int_equal(view.list, TOP_SERVICES);
	press(&view, "h");
	assert_true(view.help);
	press(&view, "c");
	assert_true(!view.help && view.sort == TOP_SORT_NAME);
	press(&view, "?");
	assert_int_equal(top_press(&view, 'q'), TOP_QUIT);
	assert_int_equal(top_press(&view, 'L' & 0x1f), TOP_REPAINT);
	press(&view, "xyz0!");
}

static void a_search_is_edited(void **state)
{
	struct top_view view = { 0 };

	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	press(&view, "/q8x\b\r");
	assert_string_equal(view.search, "q8");
	assert_false(view.searching);
	press(&view, "/zz\x1b");
	assert_string_equal(view.search, "q8");
	press(&view, "/\x15");
	top_press(&view, 0xe9);
	top_press(&view, 0x4e2d);
	top_press(&view, TOP_KEY_UP);
	top_press(&view, 0x1f600);
	assert_string_equal(view.search, "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80");
	top_press(&view, TOP_KEY_BACKSPACE);
	top_press(&view, 0x7f);
	assert_string_equal(view.search, "\xc3\xa9");
	for (int i = 0; i < 300; i++)
		top_press(&view, 0x4e2d);
	assert_true(strlen(view.search) < TOP_SEARCH_SIZE);
	press(&view, "\x15\r");
	assert_string_equal(view.search, "");
	setlocale(LC_CTYPE, "C");
}

static void scrolling_stays_inside(void **state)
{
	struct top_view view = { .page = 10, .rows = 25 };
	static const struct {
		enum top_key key;
		size_t first;
	} steps[] = {
		{ TOP_KEY_UP, 0 },         { TOP_KEY_DOWN, 1 },  { TOP_KEY_PAGE_DOWN, 11 },
		{ TOP_KEY_PAGE_DOWN, 15 }, { TOP_KEY_DOWN, 15 }, { TOP_KEY_PAGE_UP, 5 },
		{ TOP_KEY_END, 15 },       { TOP_KEY_HOME, 0 },  { TOP_KEY_OTHER, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		top_press(&view, steps[i].key);
		assert_int_equal(view.first, steps[i].first);
	}
	/* Rows that are gone. */
	view.first = 15;
	view.rows = 3;
	top_press(&view, TOP_KEY_DOWN);
	assert_int_equal(view.first, 0);
}

static void press_at_random(const struct top_reading *reading, struct rng *rng)
{
	struct top_view view = { .interval = 2 };

	for (unsigned int i = 0; i < random_rounds(1000); i++) {
		uint32_t key = random_below(rng, 200);
		struct top_screen screen;

		top_press(&view, key < 128 ? key : TOP_KEY_UP + key % 8);
		screen = lay(&view, reading, 1 + (int)random_below(rng, 30),
			     1 + (int)random_below(rng, 130));
		view.page = screen.page;
		view.rows = screen.rows;
		assert_fits(&screen);
	}
}

static void whatever_is_pressed_the_screen_holds(void **state)
{
	struct top_reading reading;
	unsigned int n;
	const uint64_t *seeds = random_seeds(&n);

	(void)state;
	read_learned(&reading, learned, 10, NULL);
	for (unsigned int i = 0; i < n; i++) {
		struct rng rng = { seeds[i] };

		press_at_random(&reading, &rng);
	}
	top_reading_clear(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_become_rows),
		cmocka_unit_test(rates_are_differences_by_time),
		cmocka_unit_test(fallbacks_are_those_of_rules_and_of_all),
		cmocka_unit_test(filters_select_services),
		cmocka_unit_test(services_of_peers_are_their_sum),
		cmocka_unit_test(answers_of_another_release_are_unknown_and_no_fault),
		cmocka_unit_test(rows_are_sorted_and_searched),
		cmocka_unit_test(a_screen_of_80_columns_has_the_numbers),
		cmocka_unit_test(what_is_wrong_is_told_the_worst_first),
		cmocka_unit_test(a_wide_screen_has_more_columns),
		cmocka_unit_test(names_cannot_break_the_screen),
		cmocka_unit_test(what_is_cut_is_marked),
		cmocka_unit_test(every_size_is_laid_out),
		cmocka_unit_test(numbers_that_do_not_fit_are_scaled),
		cmocka_unit_test(keys_change_the_view),
		cmocka_unit_test(a_search_is_edited),
		cmocka_unit_test(scrolling_stays_inside),
		cmocka_unit_test(whatever_is_pressed_the_screen_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
