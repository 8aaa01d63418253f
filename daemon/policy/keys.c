// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of a configuration file: finding them, setting them, what must hold of several. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/parser.h"

static const char peers_file[] = POLICY_PEERS_FILE;

/* Note @key (a name from the tables) as seen; false and an error if it was before. */
static bool first_time(struct parser *parser, const char *key)
{
	for (size_t i = 0; i < parser->n_seen; i++) {
		if (parser->seen[i].section != parser->section || parser->seen[i].key != key)
			continue;
		parser_complain(parser, parser->line,
				"key \"%s\" is already set in line %u; keep one of them", key,
				parser->seen[i].line);
		return false;
	}
	if (parser->n_seen < KEYS_MAX) {
		parser->seen[parser->n_seen].section = parser->section;
		parser->seen[parser->n_seen].key = key;
		parser->seen[parser->n_seen].refused = false;
		parser->seen[parser->n_seen++].line = parser->line;
	}
	return true;
}

/* Note that the value of @key, which was seen last, was refused. */
static void note_refused(struct parser *parser, const char *key)
{
	if (parser->n_seen && parser->seen[parser->n_seen - 1].key == key)
		parser->seen[parser->n_seen - 1].refused = true;
}

/* Write the keys of @section, separated by commas, to @buf of @size bytes. */
static void list_keys(enum settings_section section, char *buf, size_t size)
{
	size_t used = 0;

	if (section != SECTION_RULE) {
		settings_list_keys(section, buf, size);
		return;
	}
	for (size_t i = 0; policy_rule_keys[i] && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s, ", policy_rule_keys[i]);
	if (used < size)
		snprintf(buf + used, size - used, "%s", peers_file);
}

/* The key of that name in the section at hand, as the tables have it, or NULL. */
static const char *find_key(const struct parser *parser, const char *name)
{
	if (parser->section != SECTION_RULE)
		return settings_find_key(parser->section, name);
	for (size_t i = 0; policy_rule_keys[i]; i++)
		if (!strcmp(policy_rule_keys[i], name))
			return policy_rule_keys[i];
	return strcmp(name, peers_file) ? NULL : peers_file;
}

/* Read the list @name and keep its peers for when the rule is complete. */
static int set_peers_file(struct parser *parser, const char *name, struct value_error *error)
{
	policy_read_named read_named = parser->config->read_named;
	struct value_error why = { "cannot be named here" };
	struct policy_named_file *list = &parser->list;
	int rc = read_named ? read_named(parser->file, name, list, &why) : -EINVAL;

	if (rc)
		return value_refuse(error, "peers-file %.160s %.200s", name, why.text);
	rc = policy_peers_parse(&parser->peers, list->path, list->text, list->length,
				parser->errors);
	free(steal_ptr(list->text));
	parser->failed |= rc != 0; /* the errors are told */
	return rc == -ENOMEM ? rc : 0;
}

/* Set @key, which find_key() found. */
static int set_value(struct parser *parser, const char *key, const char *value,
		     struct value_error *error)
{
	if (key == peers_file)
		return set_peers_file(parser, value, error);
	if (parser->section == SECTION_RULE)
		return policy_rule_set(parser->rule, key, value, error);
	return settings_set(parser->config, parser->section, key, value, error);
}

static bool is_list(const char *key)
{
	return !strcmp(key, "ports") || !strcmp(key, "peers") || !strcmp(key, "netns");
}

/* One item of a list that was refused as a whole. */
struct item {
	struct parser *parser;
	const char *key;
};

static int complain_item(void *arg, const char *word, struct value_error *error)
{
	struct item *item = arg;

	if (set_value(item->parser, item->key, word, error) == -EINVAL)
		parser_complain(item->parser, item->parser->line, "%s", error->text);
	return 0;
}

/* @error says what is wrong first; of a list every bad item is told. */
static void complain_value(struct parser *parser, const char *key, const char *value,
			   const struct value_error *error)
{
	struct item item = { parser, key };
	size_t before = parser->errors->count;
	struct value_error again;

	if (is_list(key) && value_list(value, complain_item, &item, &again) == -EINVAL)
		parser_complain(parser, parser->line, "%s", again.text);
	if (parser->errors->count == before)
		parser_complain(parser, parser->line, "%s", error->text);
}

static void complain_key(struct parser *parser, const char *name)
{
	char known[256];

	list_keys(parser->section, known, sizeof(known));
	parser_complain(parser, parser->line, "key \"%.64s\" is unknown here; use %s", name, known);
	parser->rule_unclear = true;
}

static void read_key(struct parser *parser, const char *name, const char *value)
{
	const char *key = find_key(parser, name);
	struct value_error error;
	int rc = 0;

	if (!key) {
		complain_key(parser, name);
		return;
	}
	if (!first_time(parser, key))
		return;
	if (!*value)
		parser_complain(parser, parser->line,
				"key \"%s\" has no value; write one, or remove the line", key);
	else
		rc = set_value(parser, key, value, &error);
	if (rc == -EINVAL)
		complain_value(parser, key, value, &error);
	else if (rc)
		parser_complain(parser, parser->line, "out of memory");
	if (rc || !*value)
		note_refused(parser, key);
	if (!strcmp(key, "action"))
		parser->rule_unclear |= rc || !*value;
}

int parser_handle_key(void *user, const char *section, const char *name, const char *value)
{
	struct parser *parser = user;

	(void)section; /* cut at 49 characters; read_section() has it whole */
	if (parser->section == SECTION_UNKNOWN)
		return 1; /* told once, at the section */
	if (parser->section == SECTION_NONE)
		parser_complain(
			parser, parser->line,
			"key \"%.64s\" is outside any section; begin with " SETTINGS_SECTIONS_TEXT,
			name);
	else if (!value)
		parser_complain(parser, parser->line, "\"%.64s\" is not a key; write KEY = VALUE",
				name);
	else if (!*name)
		parser_complain(parser, parser->line, "value without a key; write KEY = VALUE");
	else
		read_key(parser, name, value);
	parser->rule_unclear |= !value || !*name;
	return 1;
}

/* ---- keys that must fit each other ---- */

/* Note the line of @name of @section if this file has it; false if its value was refused. */
static bool find_line(const struct parser *parser, enum settings_section section, const char *name,
		      unsigned int *line)
{
	for (size_t i = 0; i < parser->n_seen; i++) {
		if (parser->seen[i].section != section || strcmp(parser->seen[i].key, name))
			continue;
		if (parser->seen[i].line > *line)
			*line = parser->seen[i].line;
		return !parser->seen[i].refused;
	}
	return true;
}

static void check_pair(struct parser *parser, enum settings_section section, const char *name,
		       uint32_t start, const char *max_name, uint32_t max)
{
	unsigned int line = 0;

	if (find_line(parser, section, name, &line) &&
	    find_line(parser, section, max_name, &line) && line && max < start)
		parser_complain(parser, line,
				"%s is %us, less than %s, %us; raise it, or shorten %s", max_name,
				max, name, start, name);
}

/* Where message-gain, or kib-gain, was set, as in find_line(). */
static bool find_message_line(const struct parser *parser, unsigned int *line)
{
	return find_line(parser, SECTION_AUTO, "message-gain", line) &&
	       find_line(parser, SECTION_AUTO, "kib-gain", line);
}

static void check_message_gain(struct parser *parser)
{
	struct policy_settings *settings = &parser->config->settings;
	uint64_t bytes = settings->message_gain * 1024ULL / settings->kib_gain;
	unsigned int line = 0;

	if (!find_message_line(parser, &line))
		return;
	if ((!bytes && settings->message_gain) || bytes > UINT32_MAX)
		parser_complain(
			parser, line,
			"message-gain divided by kib-gain makes a message worth %llu bytes; write "
			"values that make 1 byte to 4 GiB of it, for example 1us and 1us, or 0 for "
			"message-gain",
			(unsigned long long)bytes);
	else
		settings->parameters.message_bytes = (uint32_t)bytes;
}

static void check_cost(struct parser *parser)
{
	struct policy_settings *settings = &parser->config->settings;
	uint64_t bytes = settings->setup_cost * 1024ULL / settings->kib_gain;
	unsigned int line = 0;

	if (!find_line(parser, SECTION_AUTO, "setup-cost", &line) ||
	    !find_line(parser, SECTION_AUTO, "kib-gain", &line))
		return;
	if (!bytes || bytes > UINT32_MAX)
		parser_complain(
			parser, line,
			"setup-cost divided by kib-gain makes %llu bytes that pay for a set-up; "
			"write values that make 1 byte to 4 GiB of it, for example 100us and 1us",
			(unsigned long long)bytes);
	else
		settings->parameters.setup_bytes = (uint32_t)bytes;
}

static void check_listen(struct parser *parser)
{
	const struct policy_settings *settings = &parser->config->settings;
	char text[POLICY_ENDPOINT_TEXT];
	unsigned int line = 0;

	if (!find_line(parser, SECTION_METRICS, "listen", &line) ||
	    !find_line(parser, SECTION_METRICS, "allow-remote", &line) || !line ||
	    settings->metrics_allow_remote || !policy_endpoint_is_remote(&settings->metrics_listen))
		return;
	policy_endpoint_format(&settings->metrics_listen, text);
	parser_complain(parser, line,
			"other hosts can reach listen, %s; write 127.0.0.1, [::1] or unix:PATH, or "
			"set allow-remote = yes in this file",
			text);
}

void parser_check_settings(struct parser *parser)
{
	const struct policy_parameters *parameters = &parser->config->settings.parameters;

	check_cost(parser);
	check_message_gain(parser);
	check_pair(parser, SECTION_AUTO, "peer-memory", parameters->peer, "peer-memory-max",
		   parameters->peer_max);
	check_pair(parser, SECTION_BUDGET, "cooldown", parameters->cooldown, "cooldown-max",
		   parameters->cooldown_max);
	check_pair(parser, SECTION_BREAKER, "backoff", parameters->backoff, "backoff-max",
		   parameters->backoff_max);
	check_listen(parser);
}
