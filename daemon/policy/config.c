// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inih splits lines into keys and values.  Its reader callback is ours: it
 * watches what inih does not report (sections without keys, NUL bytes, overlong
 * lines, the number of the line) and never hands over a line that inih would
 * cut.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/parser.h"

void parser_complain(struct parser *parser, unsigned int line, const char *format, ...)
{
	autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	policy_errors_add(parser->errors, "%s:%u: %s", parser->file, line,
			  text ? text : "out of memory");
	parser->failed = true;
}

/* ---- sections ---- */

/* Tell what is wrong with the rule as a whole, before the errors of its keys. */
static void complain_rule(struct parser *parser, unsigned int line, const char *text)
{
	struct policy_errors *errors = parser->errors;
	size_t at = parser->rule_errors, before = errors->count;
	char *last;

	parser_complain(parser, line, "%s", text);
	if (errors->count == before)
		return;
	last = errors->lines[before];
	memmove(errors->lines + at + 1, errors->lines + at, (before - at) * sizeof(char *));
	errors->lines[at] = last;
}

static void drop_list(struct parser *parser)
{
	free(parser->list.path);
	free(parser->list.text);
	parser->list = (struct policy_named_file){ 0 };
	free(parser->peers.items);
	parser->peers = (struct policy_peers){ 0 };
}

static void finish_rule(struct parser *parser)
{
	struct policy_rule *rule = steal_ptr(parser->rule);
	struct value_error error;

	if (!rule)
		return;
	if (parser->peers.n && policy_rule_add_file(rule, parser->list.path, &parser->peers))
		parser_complain(parser, rule->line, "out of memory");
	drop_list(parser);
	if (!parser->rule_unclear && policy_rule_check(rule, &error))
		complain_rule(parser, rule->line, error.text);
	if (parser->rule_nameless) {
		policy_rule_free(rule);
	} else if (policy_put(&parser->rules, rule)) {
		parser_complain(parser, rule->line, "out of memory");
		policy_rule_free(rule);
	}
}

static bool check_name(struct parser *parser, const char *name)
{
	struct policy_rule *earlier = policy_find(&parser->rules, name);
	struct value_error error;

	if (value_name(name, &error))
		parser_complain(parser, parser->line, "%s", error.text);
	else if (earlier)
		parser_complain(
			parser, parser->line,
			"rule \"%s\" is already in line %u of this file; give it another name or "
			"merge the two",
			name, earlier->line);
	else
		return true;
	return false;
}

/* A rule whose name is refused is filled too, so that the errors of its keys are told. */
static void start_rule(struct parser *parser, const char *name)
{
	parser->rule_nameless = !check_name(parser, name);
	parser->rule_unclear = false;
	parser->rule_errors = parser->errors->count;
	parser->rule = policy_rule_new(name);
	if (!parser->rule || !(parser->rule->file = strdup(parser->file))) {
		parser_complain(parser, parser->line, "out of memory");
		policy_rule_free(steal_ptr(parser->rule));
		parser->section = SECTION_UNKNOWN;
		return;
	}
	parser->rule->origin = POLICY_ORIGIN_FILE;
	parser->rule->line = parser->line;
}

/* The keys of other sections may not be repeated even if the section is opened twice. */
static void forget_rule_keys(struct parser *parser)
{
	size_t kept = 0;

	for (size_t i = 0; i < parser->n_seen; i++)
		if (parser->seen[i].section != SECTION_RULE)
			parser->seen[kept++] = parser->seen[i];
	parser->n_seen = kept;
}

static void start_section(struct parser *parser, const char *name)
{
	finish_rule(parser);
	forget_rule_keys(parser);
	parser->section = settings_find_section(name);
	if (parser->section != SECTION_UNKNOWN)
		return;
	if (!strncmp(name, "rule", 4) && strspn(name + 4, " \t")) {
		parser->section = SECTION_RULE;
		start_rule(parser, name + 4 + strspn(name + 4, " \t"));
	} else if (!strcmp(name, "rule")) {
		parser_complain(parser, parser->line,
				"section [rule] has no name; write [rule NAME]");
	} else {
		parser_complain(parser, parser->line,
				"section [%.64s] is unknown; use " SETTINGS_SECTIONS_TEXT, name);
	}
}

/* A line that begins with "[".  inih would pass over what follows the "]". */
static void read_section(struct parser *parser, char *line)
{
	char *close = strchr(line, ']');
	const char *rest = close ? close + 1 + strspn(close + 1, " \t") : NULL;
	char *name = line + 1 + strspn(line + 1, " \t");

	if (!close) {
		parser_complain(parser, parser->line, "section without \"]\"; write [NAME]");
	} else if (*rest && *rest != ';' && *rest != '#') {
		parser_complain(parser, parser->line,
				"unexpected text after \"]\"; put each key on a line of its own");
	} else {
		while (close > name && strchr(" \t", close[-1]))
			close--;
		*close = '\0';
		start_section(parser, name);
		return;
	}
	finish_rule(parser);
	parser->section = SECTION_UNKNOWN;
}

/* ---- lines ---- */

/* Give inih an empty line instead of one that was complained of. */
static char *refuse_line(struct parser *parser, char *buf)
{
	parser->rule_unclear = true;
	return strcpy(buf, "\n");
}

/* Complain of what inih would cut, split or take for the end of the text. */
static bool check_line(struct parser *parser, const char *line, size_t length, size_t room)
{
	struct value_error error;

	if (length > VALUE_LINE_MAX || length + 2 > room) {
		parser_complain(parser, parser->line,
				"line is longer than %d bytes; split the list over several rules",
				VALUE_LINE_MAX);
		return false;
	}
	if (value_line(line, length, &error)) {
		parser_complain(parser, parser->line, "%s", error.text);
		return false;
	}
	return true;
}

/* inih's reader: the next line into @buf of @size bytes, NULL at the end. */
static char *read_line(char *buf, int size, void *stream)
{
	struct parser *parser = stream;
	const char *start = parser->next, *end;
	size_t length;

	if (start >= parser->end)
		return NULL;
	end = memchr(start, '\n', (size_t)(parser->end - start));
	parser->next = end ? end + 1 : parser->end;
	length = (size_t)((end ? end : parser->end) - start);
	if (length && start[length - 1] == '\r')
		length--;
	parser->line++;
	if (!check_line(parser, start, length, (size_t)size))
		return refuse_line(parser, buf);
	/* Without leading blanks: inih would take an indented line for a continued value. */
	while (length && strchr(" \t", *start)) {
		start++;
		length--;
	}
	memcpy(buf, start, length);
	buf[length] = '\0';
	if (buf[0] == '[') {
		read_section(parser, buf);
		buf[0] = '\0';
	}
	strcat(buf, "\n");
	return buf;
}

static void configure_inih(void)
{
	ini_use_stack = false;
	ini_initial_alloc = ini_max_line = VALUE_LINE_MAX + 8;
	ini_allow_realloc = false;
	ini_allow_multiline = false;
	ini_allow_no_value = true;
	ini_stop_on_first_error = false;
	ini_inline_comment_prefixes = (char *)";#"; /* as at the start of a line */
}

/* Give the rules of the file to the configuration. */
static int adopt_rules(struct parser *parser)
{
	int rc = 0;

	while (!rc && parser->rules.n_rules) {
		struct policy_rule *rule = parser->rules.rules[parser->rules.n_rules - 1];

		parser->rules.n_rules--;
		rc = policy_put(&parser->config->policy, rule);
		if (rc)
			policy_rule_free(rule);
	}
	return rc;
}

int policy_config_parse(struct policy_config *config, const char *file, const char *text,
			size_t length, struct policy_errors *errors)
{
	struct parser parser = {
		.config = config,
		.errors = errors,
		.file = file,
		.next = text,
		.end = text + length,
	};
	int rc;

	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		parser.next += 3; /* byte order mark */
	configure_inih();
	rc = ini_parse_stream(read_line, &parser, parser_handle_key, &parser);
	finish_rule(&parser);
	parser_check_settings(&parser);
	if (rc && !parser.failed)
		parser_complain(&parser, rc > 0 ? (unsigned int)rc : 0,
				"cannot be read; out of memory");
	if (!parser.failed && adopt_rules(&parser))
		parser_complain(&parser, 0, "out of memory");
	policy_clear(&parser.rules);
	return parser.failed ? -EINVAL : 0;
}
