// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plots as SVG, without scripts.  Lines are stretched to the width of the screen; what is to be read is
 * HTML beside them, in letters of one size.
 */

#include "listener/internal.h"

#define WIDTH 360.0 /* of the drawing: a unit is a step of the history */
#define HEIGHT 100.0
#define HOUR ((HISTORY_SAMPLES - 1) * HISTORY_STEP)
#define TABLE_ROWS 6 /* of ten minutes each */

/* The least of 1, 2, 5, 10, 20, ... that is not below @value. */
static double round_up(double value)
{
	double scale = 1;

	while (scale * 5 < value)
		scale *= 10;
	if (scale >= value)
		return scale;
	return scale * 2 >= value ? scale * 2 : scale * 5;
}

static double greatest(const struct history *history, const struct plot *plot)
{
	double most = 1;

	for (size_t i = 0; i < plot->n; i++)
		for (size_t at = 1; at < history->n; at++)
			if (plot->value(history, i, at) > most)
				most = plot->value(history, i, at);
	return round_up(most);
}

static void draw_line(FILE *out, const struct history *history, const struct plot *plot, size_t i,
		      double top)
{
	uint64_t now = history->samples[history->n - 1].time;

	fprintf(out, "<polyline class=\"s%zu\" points=\"", i);
	for (size_t at = 1; at < history->n; at++) {
		uint64_t ago = now - history->samples[at].time;

		if (ago <= HOUR)
			fprintf(out, "%.1f,%.1f ", WIDTH - (double)ago / HISTORY_STEP,
				HEIGHT - plot->value(history, i, at) / top * HEIGHT);
	}
	fputs("\"/>", out);
}

static void draw(FILE *out, const struct history *history, const struct plot *plot)
{
	double top = greatest(history, plot);

	fputs("<div class=\"plot\"><span class=\"top\">", out);
	html_number(out, (uint64_t)top);
	fputs("</span><span class=\"bottom\">0</span>"
	      "<svg viewBox=\"0 0 360 100\" preserveAspectRatio=\"none\" role=\"img\" "
	      "aria-label=\"",
	      out);
	html_text(out, plot->title);
	fputs("\"><path class=\"grid\" d=\"M0 .5H360M0 50H360M0 99.5H360\"/>", out);
	for (size_t i = 0; i < plot->n; i++)
		draw_line(out, history, plot, i, top);
	fputs("</svg></div><div class=\"time\"><span>1 h ago</span><span>30 min</span>"
	      "<span>now</span></div>",
	      out);
}

static void write_legend(FILE *out, const struct plot *plot)
{
	fputs("<p class=\"legend\">", out);
	for (size_t i = 0; i < plot->n; i++) {
		fprintf(out, "<span><i class=\"k%zu\"></i>", i);
		html_text(out, plot->names[i]);
		fputs("</span>", out);
	}
	fputs("</p>", out);
}

/* The mean of series @i from @from to @to seconds ago; false: there are no samples. */
static bool mean(const struct history *history, const struct plot *plot, size_t i, uint64_t from,
		 uint64_t to, double *result)
{
	uint64_t now = history->samples[history->n - 1].time;
	double sum = 0;
	size_t n = 0;

	for (size_t at = 1; at < history->n; at++) {
		uint64_t ago = now - history->samples[at].time;

		if (ago > from || ago < to)
			continue;
		sum += plot->value(history, i, at);
		n++;
	}
	*result = n ? sum / (double)n : 0;
	return n != 0;
}

static void write_row(FILE *out, const struct history *history, const struct plot *plot, int row)
{
	uint64_t to = (uint64_t)row * 600, from = to + 599;
	double value;

	fprintf(out, "<tr><td>%d&#8211;%d</td>", row * 10 + 10, row * 10);
	for (size_t i = 0; i < plot->n; i++) {
		if (mean(history, plot, i, from, to, &value))
			fprintf(out, "<td>%.1f</td>", value);
		else
			fputs("<td></td>", out);
	}
	fputs("</tr>", out);
}

static void write_table(FILE *out, const struct history *history, const struct plot *plot)
{
	fputs("<details><summary>As a table</summary><table><tr><th>minutes ago</th>", out);
	for (size_t i = 0; i < plot->n; i++) {
		fputs("<th>", out);
		html_text(out, plot->names[i]);
		fputs("</th>", out);
	}
	fputs("</tr>", out);
	for (int row = TABLE_ROWS - 1; row >= 0; row--)
		write_row(out, history, plot, row);
	fputs("</table></details>", out);
}

void plot_write(FILE *out, const struct history *history, const struct plot *plot)
{
	fputs("<section><h2>", out);
	html_text(out, plot->title);
	fprintf(out, " <small>%s</small></h2>", plot->unit);
	if (!plot->n || history->n < 2) {
		fprintf(out, "<p class=\"none\">%s</p></section>",
			plot->n ? "The first figures come in some seconds." : "None.");
		return;
	}
	write_legend(out, plot);
	draw(out, history, plot);
	write_table(out, history, plot);
	fputs("</section>", out);
}
