// SPDX-License-Identifier: GPL-2.0-or-later
/* The page for people: all of it in one answer, nothing from elsewhere, and no script. */
#include <stdlib.h>

#include "listener/internal.h"

#define RULES_SHOWN 20
#define RELOAD_SECONDS "30"

/* Colours: of the two schemes, one for each series, told apart by who sees no red or green too. */
static const char head[] =
	"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	"<meta name=\"color-scheme\" content=\"light dark\">"
	"<meta http-equiv=\"refresh\" content=\"" RELOAD_SECONDS "\">"
	"<title>smc-policy</title><style>"
	":root{--bg:#fff;--card:#f6f7f9;--fg:#1b1f24;--dim:#57606a;--line:#d4d9df;"
	"--c0:#0969b2;--c1:#7a828b;--c2:#c4570a;--c3:#7b3fa0;--c4:#12805c;--c5:#a8305f}"
	"@media(prefers-color-scheme:dark){:root{--bg:#0f1318;--card:#181d24;--fg:#e4e8ed;"
	"--dim:#9aa5b1;--line:#313943;--c0:#5cb0f2;--c1:#98a2ad;--c2:#f09a52;--c3:#c49bea;"
	"--c4:#4fc99a;--c5:#f286b0}}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;padding:16px;max-width:1280px;background:var(--bg);color:var(--fg);"
	"font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}"
	"h1{font-size:22px;margin:0}h2{font-size:16px;margin:0 0 8px}"
	"small,.dim{color:var(--dim);font-size:13px;font-weight:400}"
	"header{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;margin-bottom:16px}"
	"main{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr))}"
	"section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px;"
	"min-width:0}"
	".wide{grid-column:1/-1}"
	".tiles{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(140px,1fr))}"
	".tiles b{display:block;font-size:26px;line-height:1.2;font-variant-numeric:tabular-nums}"
	".plot{position:relative;padding-left:52px}"
	"svg{display:block;width:100%;height:150px;overflow:visible}"
	"polyline,path{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}"
	".grid{stroke:var(--line);stroke-width:1}"
	".top,.bottom{position:absolute;left:0;width:46px;text-align:right;color:var(--dim);"
	"font-size:12px;line-height:1;white-space:nowrap}.top{top:0}.bottom{bottom:0}"
	".time{display:flex;justify-content:space-between;padding-left:52px;color:var(--dim);"
	"font-size:12px;margin-top:4px}"
	".legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin:0 0 8px;font-size:13px}"
	".legend i{display:inline-block;width:14px;height:3px;margin:0 6px 4px 0}"
	".s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}"
	".s4{stroke:var(--c4)}.s5{stroke:var(--c5)}"
	".k0{background:var(--c0)}.k1{background:var(--c1)}.k2{background:var(--c2)}"
	".k3{background:var(--c3)}.k4{background:var(--c4)}.k5{background:var(--c5)}"
	"table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}"
	"th{font-weight:600;color:var(--dim);vertical-align:bottom}"
	"th,td{text-align:right;overflow-wrap:normal;padding:3px 0 3px 10px;border-bottom:1px solid var(--line)}"
	"th:first-child,td:first-child{text-align:left;padding-left:0!important}"
	"td:first-child{overflow-wrap:anywhere}"
	"@media(max-width:480px){body,section{padding:10px}table{font-size:13px}th,td{padding-left:6px}}"
	"summary{cursor:pointer;color:var(--dim);font-size:13px;margin-top:8px}"
	"ul{margin:0;padding-left:20px}.none{color:var(--dim);margin:0}"
	".bad{border-left:4px solid var(--c2)}"
	"</style></head><body>";

static uint64_t number(const json_t *json, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(json, name));
}

static const char *text(const json_t *json, const char *name)
{
	const char *found = json_string_value(json_object_get(json, name));

	return found ? found : "";
}

/* ---- what is drawn ---- */

/* How much a minute @now is more than @before, of samples @at and the one before it. */
static double rate(const struct history *history, size_t at, uint64_t now, uint64_t before)
{
	uint64_t seconds = history->samples[at].time - history->samples[at - 1].time;

	return now < before || !seconds ? 0 : (double)(now - before) * 60 / (double)seconds;
}

static uint64_t sum_fallbacks(const struct sample *sample)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < HISTORY_CAUSES; i++)
		sum += sample->fallbacks[i];
	return sum;
}

/* Of those that may use SMC, what has not fallen back. */
static uint64_t on_smc(const struct sample *sample)
{
	uint64_t fallen = sum_fallbacks(sample);

	return sample->smc > fallen ? sample->smc - fallen : 0;
}

static double value_connections(const struct history *history, size_t i, size_t at)
{
	const struct sample *now = &history->samples[at], *before = now - 1;

	if (i == 0)
		return rate(history, at, on_smc(now), on_smc(before));
	if (i == 1)
		return rate(history, at, now->tcp, before->tcp);
	return rate(history, at, sum_fallbacks(now), sum_fallbacks(before));
}

static double value_fallbacks(const struct history *history, size_t i, size_t at)
{
	return rate(history, at, history->samples[at].fallbacks[i],
		    history->samples[at - 1].fallbacks[i]);
}

static double value_open(const struct history *history, size_t i, size_t at)
{
	(void)i;
	return (double)history->samples[at].open;
}

static void write_plots(FILE *out, const struct history *history)
{
	static const struct plot connections = {
		.title = "New connections",
		.unit = "a minute",
		.names = { "on SMC", "TCP by our verdict", "fallen back" },
		.n = 3,
		.value = value_connections,
	};
	static const struct plot open = {
		.title = "Open SMC connections",
		.unit = "at a time",
		.names = { "open" },
		.n = 1,
		.value = value_open,
	};
	struct plot fallbacks = {
		.title = "Fallen back, by cause",
		.unit = "a minute",
		.value = value_fallbacks,
	};

	while (fallbacks.n < HISTORY_CAUSES && history->causes[fallbacks.n][0]) {
		fallbacks.names[fallbacks.n] = history->causes[fallbacks.n];
		fallbacks.n++;
	}
	plot_write(out, history, &connections);
	plot_write(out, history, &fallbacks);
	plot_write(out, history, &open);
}

/* ---- what is written ---- */

static void write_tile(FILE *out, const char *name, const char *id, uint64_t value)
{
	fprintf(out, "<div><b id=\"%s\">", id);
	html_number(out, value);
	fprintf(out, "</b>%s</div>", name);
}

static uint64_t count_unexpected(const json_t *metrics)
{
	const json_t *one;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach(json_object_get(metrics, "fallbacks"), i, one)
		if (!json_is_true(json_object_get(one, "expected")))
			sum += number(one, "count");
	return sum;
}

static void write_top(FILE *out, const json_t *metrics)
{
	const json_t *verdicts = json_object_get(metrics, "verdicts");
	bool enforcing = json_is_true(json_object_get(metrics, "enforcing"));
	bool suspended = json_is_true(json_object_get(metrics, "suspended"));

	fputs("<header><h1>smc-policy</h1><span class=\"dim\">backend ", out);
	html_text(out, text(metrics, "backend"));
	fprintf(out, "%s%s, generation ", enforcing ? "" : " (nothing is enforced)",
		suspended ? ", suspended: every connection is TCP" : "");
	html_number(out, number(metrics, "generation"));
	fputs(", rules: ", out);
	html_number(out, number(metrics, "rules_total"));
	fputs("</span></header><main><section class=\"wide\"><div class=\"tiles\">", out);
	write_tile(out, "verdicts SMC", "smc", number(verdicts, "smc"));
	write_tile(out, "verdicts TCP", "tcp", number(verdicts, "tcp"));
	write_tile(out, "unexpected fallbacks", "fallen", count_unexpected(metrics));
	write_tile(out, "SMC connections open", "open", number(metrics, "open"));
	fputs("</div></section>", out);
}

static void write_degraded(FILE *out, const json_t *lines)
{
	const json_t *line;
	size_t i;

	fprintf(out, "<section class=\"wide%s\"><h2>What degrades</h2>",
		json_array_size(lines) ? " bad" : "");
	if (!json_array_size(lines)) {
		fputs("<p class=\"none\">Nothing.</p></section>", out);
		return;
	}
	fputs("<ul>", out);
	json_array_foreach(lines, i, line) {
		fputs("<li>", out);
		html_text(out, json_string_value(line));
		fputs("</li>", out);
	}
	fputs("</ul></section>", out);
}

static void write_cell(FILE *out, uint64_t value)
{
	fputs("<td>", out);
	html_number(out, value);
	fputs("</td>", out);
}

static void write_services(FILE *out, const json_t *services)
{
	const json_t *one;
	size_t i;

	fputs("<section><h2>Services <small>that gain most, as in auto show</small></h2>", out);
	if (!json_array_size(services)) {
		fputs("<p class=\"none\">None yet.</p></section>", out);
		return;
	}
	fputs("<table id=\"services\"><tr><th>service</th><th>connec&shy;tions</th><th>worth it</th>"
	      "<th>KiB</th><th>auto says</th></tr>",
	      out);
	json_array_foreach(services, i, one) {
		fputs("<tr><td>", out);
		html_text(out, text(one, "side"));
		fprintf(out, " %u</td>", (unsigned int)number(one, "port"));
		write_cell(out, number(one, "connections"));
		write_cell(out, number(one, "worthwhile"));
		write_cell(out, number(one, "bytes") / 1024);
		fputs("<td>", out);
		html_text(out, text(one, "reason"));
		fputs("</td></tr>", out);
	}
	fputs("</table></section>", out);
}

static void write_rule(FILE *out, const char *name, const json_t *counts)
{
	fputs("<tr><td>", out);
	html_text(out, name);
	fputs("</td>", out);
	write_cell(out, number(counts, "smc"));
	write_cell(out, number(counts, "tcp"));
	fputs("</tr>", out);
}

static uint64_t hits(const json_t *counts)
{
	return number(counts, "smc") + number(counts, "tcp");
}

static int compare_hits(const void *a, const void *b)
{
	const json_t *one = *(const json_t *const *)a, *other = *(const json_t *const *)b;

	return hits(one) == hits(other) ? 0 : hits(one) > hits(other) ? -1 : 1;
}

static void write_rules(FILE *out, const json_t *metrics)
{
	const json_t *rules = json_object_get(metrics, "rules"), *one, **sorted;
	size_t n = json_array_size(rules), i;

	fputs("<section><h2>Rules <small>that decide most</small></h2><table id=\"rules\">"
	      "<tr><th>rule</th><th>SMC</th><th>TCP</th></tr>",
	      out);
	sorted = calloc(n + 1, sizeof(*sorted));
	if (sorted) {
		json_array_foreach(rules, i, one)
			sorted[i] = one;
		qsort(sorted, n, sizeof(*sorted), compare_hits);
		for (i = 0; i < n && i < RULES_SHOWN; i++)
			write_rule(out, text(sorted[i], "name"), sorted[i]);
		free(sorted);
	}
	write_rule(out, "(default)", json_object_get(metrics, "default"));
	if (hits(json_object_get(metrics, "others")))
		write_rule(out, "(others)", json_object_get(metrics, "others"));
	fputs("</table>", out);
	if (n > RULES_SHOWN)
		fprintf(out,
			"<p class=\"none\">%zu more have decided; smc-ebpf stats lists them.</p>",
			n - RULES_SHOWN);
	fputs("</section>", out);
}

static void write_fallbacks(FILE *out, const json_t *fallbacks)
{
	const json_t *one;
	size_t i;

	fputs("<section><h2>Fallbacks <small>since the counters began</small></h2>", out);
	if (!json_array_size(fallbacks)) {
		fputs("<p class=\"none\">None.</p></section>", out);
		return;
	}
	fputs("<table id=\"fallbacks\"><tr><th>cause</th><th>side</th><th>expected</th>"
	      "<th>connec&shy;tions</th></tr>",
	      out);
	json_array_foreach(fallbacks, i, one) {
		fputs("<tr><td>", out);
		html_text(out, text(one, "cause"));
		fputs("</td><td>", out);
		html_text(out, text(one, "side"));
		fprintf(out, "</td><td>%s</td>",
			json_is_true(json_object_get(one, "expected")) ? "yes" : "no");
		write_cell(out, number(one, "count"));
		fputs("</tr>", out);
	}
	fputs("</table></section>", out);
}

char *page_write(const struct history *history, const json_t *metrics, size_t *size)
{
	char *page = NULL;
	FILE *out = open_memstream(&page, size);

	if (!out)
		return NULL;
	fputs(head, out);
	write_top(out, metrics);
	write_degraded(out, json_object_get(metrics, "degraded"));
	write_plots(out, history);
	write_fallbacks(out, json_object_get(metrics, "fallbacks"));
	write_services(out, json_object_get(metrics, "services"));
	write_rules(out, metrics);
	fputs("</main></body></html>\n", out);
	if (!fclose(out))
		return page;
	free(page);
	return NULL;
}
