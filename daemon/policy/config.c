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
#include <syslog.h>

#include "common/cleanup.h"
#include "policy/config.h"

enum section {
	SECTION_NONE,
	SECTION_UNKNOWN,
	SECTION_DAEMON,
	SECTION_POLICY,
	SECTION_AUTO,
	SECTION_BUDGET,
	SECTION_BREAKER,
	SECTION_RULE
};

static const struct {
	const char *name;
	enum section section;
} sections[] = {
	{ "daemon", SECTION_DAEMON }, { "policy", SECTION_POLICY },   { "auto", SECTION_AUTO },
	{ "budget", SECTION_BUDGET }, { "breaker", SECTION_BREAKER },
};

#define SECTIONS_TEXT "[daemon], [policy], [auto], [budget], [breaker] or [rule NAME]"

static const char peers_file[] = POLICY_PEERS_FILE;

#define KEYS_MAX 64 /* keys that are remembered as seen: all of them fit */

struct parser {
	struct policy_config *config;
	struct policy_errors *errors;
	const char *file;
	const char *next, *end; /* text not yet read */
	unsigned int line; /* number of the line that inih is given now */
	bool failed; /* there was an error, even if no memory to list it */
	enum section section;
	struct policy_rule *rule; /* being filled, owned */
	struct policy_named_file list; /* its peers-file */
	struct policy_peers peers; /* that it lists */
	bool rule_nameless; /* its name was refused, it is not kept */
	bool rule_unclear; /* a line of it was refused that may have been its action */
	size_t rule_errors; /* number of errors before its own */
	struct {
		enum section section;
		const char *key;
		unsigned int line;
		bool refused; /* its value was */
	} seen[KEYS_MAX]; /* keys of this rule, and of all sections but rules */
	size_t n_seen;
	struct policy rules; /* of this file, to notice the same name twice */
};

void policy_config_init(struct policy_config *config)
{
	*config = (struct policy_config){
		.settings = {
			.socket = "/run/smc-policy/control.sock",
			.state_dir = "/var/lib/smc-policy",
			.pin_dir = "/sys/fs/bpf/smc-policy",
			.log_level = LOG_INFO,
			.backend = POLICY_BACKEND_AUTO,
			.netns = POLICY_NETNS_ALL,
			.on_stop = POLICY_ON_STOP_KEEP,
			.read_access = POLICY_READ_GROUP,
			.parameters = policy_parameters_default,
			.setup_cost = 100000,
			.kib_gain = 1000,
			.auto_peers = 65536,
			.auto_connections = 65536,
			.save_interval = 300,
		},
	};
	policy_init(&config->policy);
}

static void clear_netns_names(struct policy_settings *settings)
{
	for (size_t i = 0; i < settings->n_netns_names; i++)
		free(settings->netns_names[i]);
	free(settings->netns_names);
	settings->netns_names = NULL;
	settings->n_netns_names = 0;
}

void policy_config_clear(struct policy_config *config)
{
	clear_netns_names(&config->settings);
	policy_clear(&config->policy);
}

__attribute__((format(printf, 3, 4))) static void complain(struct parser *parser, unsigned int line,
							   const char *format, ...)
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

/* ---- values ---- */

static int set_path(char *path, size_t size, const char *text, struct value_error *error)
{
	int rc = value_path(text, size, error);

	if (!rc)
		snprintf(path, size, "%s", text);
	return rc;
}

static int set_socket(struct policy_config *config, const char *text, struct value_error *error)
{
	return set_path(config->settings.socket, sizeof(config->settings.socket), text, error);
}

static int set_state_dir(struct policy_config *config, const char *text, struct value_error *error)
{
	return set_path(config->settings.state_dir, sizeof(config->settings.state_dir), text,
			error);
}

static int set_pin_dir(struct policy_config *config, const char *text, struct value_error *error)
{
	return set_path(config->settings.pin_dir, sizeof(config->settings.pin_dir), text, error);
}

static int set_log_level(struct policy_config *config, const char *text, struct value_error *error)
{
	return value_word(&words_log_level, text, &config->settings.log_level, error);
}

static int set_backend(struct policy_config *config, const char *text, struct value_error *error)
{
	return value_word(&words_backend, text, &config->settings.backend, error);
}

static int set_on_stop(struct policy_config *config, const char *text, struct value_error *error)
{
	return value_word(&words_on_stop, text, &config->settings.on_stop, error);
}

static int set_read_access(struct policy_config *config, const char *text,
			   struct value_error *error)
{
	return value_word(&words_read_access, text, &config->settings.read_access, error);
}

static int set_group(struct policy_config *config, const char *text, struct value_error *error)
{
	if (strlen(text) >= sizeof(config->settings.group) || strpbrk(text, " \t,:/"))
		return value_refuse(error,
				    "group \"%.64s\" is not valid; write one group name of at most "
				    "%zu characters",
				    text, sizeof(config->settings.group) - 1);
	strcpy(config->settings.group, text);
	return 0;
}

static int add_netns_name(void *arg, const char *word, struct value_error *error)
{
	struct policy_settings *settings = arg;
	char **names;

	if (strchr(word, '/') || !strcmp(word, ".") || !strcmp(word, "..") || !strcmp(word, "all"))
		return value_refuse(
			error,
			"netns \"%.64s\" cannot be in a list; write \"all\" alone, or \"init\" "
			"and names as in \"ip netns list\"",
			word);
	names = reallocarray(settings->netns_names, settings->n_netns_names + 1, sizeof(char *));
	if (!names)
		return -ENOMEM;
	settings->netns_names = names;
	names[settings->n_netns_names] = strdup(word);
	return names[settings->n_netns_names] ? settings->n_netns_names++, 0 : -ENOMEM;
}

static int set_take_over(struct policy_config *config, const char *text, struct value_error *error)
{
	return value_word(&words_yes_no, text, &config->settings.take_over, error);
}

static int set_netns(struct policy_config *config, const char *text, struct value_error *error)
{
	struct policy_settings *settings = &config->settings;

	clear_netns_names(settings);
	settings->netns = POLICY_NETNS_LIST;
	if (!strcmp(text, "all"))
		settings->netns = POLICY_NETNS_ALL;
	else if (!strcmp(text, "init"))
		settings->netns = POLICY_NETNS_INIT;
	else
		return value_list(text, add_netns_name, settings, error);
	return 0;
}

static int set_default(struct policy_config *config, const char *text, struct value_error *error)
{
	return value_word(&words_action, text, &config->policy.default_action, error);
}

/* ---- keys of all sections but rules ---- */

struct key {
	enum section section;
	const char *name;
	int (*set)(struct policy_config *config, const char *text, struct value_error *error);
	/* Or, where @set is NULL, a number of struct policy_settings: */
	int (*parse)(const struct key *key, const char *text, uint32_t *number,
		     struct value_error *error);
	size_t field;
	uint32_t min, max;
	/* Or, where both are NULL, a limit of the host. */
};

static int parse_number(const struct key *key, const char *text, uint32_t *number,
			struct value_error *error)
{
	uint64_t found;
	int rc = value_number(key->name, text, key->min, key->max, &found, error);

	if (!rc)
		*number = (uint32_t)found;
	return rc;
}

/* Let a refusal name the word that would do too.  Returns @rc. */
static int or_word(int rc, const char *word, struct value_error *error)
{
	size_t used;

	if (rc != -EINVAL)
		return rc;
	used = strlen(error->text);
	snprintf(error->text + used, sizeof(error->text) - used, ", or %s", word);
	return rc;
}

static int parse_votes(const struct key *key, const char *text, uint32_t *number,
		       struct value_error *error)
{
	if (strcmp(text, "off"))
		return or_word(parse_number(key, text, number, error), "off", error);
	*number = 0;
	return 0;
}

static int parse_duration(const struct key *key, const char *text, uint32_t *number,
			  struct value_error *error)
{
	uint64_t found;
	int rc = value_duration(text, &found, error); /* at most ten years: they fit 32 bits */

	(void)key;
	if (!rc)
		*number = (uint32_t)found;
	return rc;
}

static int parse_duration_or_off(const struct key *key, const char *text, uint32_t *number,
				 struct value_error *error)
{
	if (strcmp(text, "off"))
		return or_word(parse_duration(key, text, number, error), "off", error);
	*number = 0;
	return 0;
}

static int parse_cost(const struct key *key, const char *text, uint32_t *number,
		      struct value_error *error)
{
	(void)key;
	return value_time_ns(text, number, error);
}

#define NUMBER(field) NULL, parse_number, offsetof(struct policy_settings, field)
#define VOTES(field) NULL, parse_votes, offsetof(struct policy_settings, field)
#define DURATION(field) NULL, parse_duration, offsetof(struct policy_settings, field), 0, 0
#define DURATION_OR_OFF(field) \
	NULL, parse_duration_or_off, offsetof(struct policy_settings, field), 0, 0
#define COST(field) NULL, parse_cost, offsetof(struct policy_settings, field), 0, 0
#define LIMIT NULL, NULL, 0, 0, 0
#define VALUE(set) set, NULL, 0, 0, 0

static const struct key keys[] = {
	{ SECTION_DAEMON, "socket", VALUE(set_socket) },
	{ SECTION_DAEMON, "state-dir", VALUE(set_state_dir) },
	{ SECTION_DAEMON, "pin-dir", VALUE(set_pin_dir) },
	{ SECTION_DAEMON, "log-level", VALUE(set_log_level) },
	{ SECTION_DAEMON, "backend", VALUE(set_backend) },
	{ SECTION_DAEMON, "take-over", VALUE(set_take_over) },
	{ SECTION_DAEMON, "netns", VALUE(set_netns) },
	{ SECTION_DAEMON, "on-stop", VALUE(set_on_stop) },
	{ SECTION_DAEMON, "group", VALUE(set_group) },
	{ SECTION_DAEMON, "read-access", VALUE(set_read_access) },
	{ SECTION_POLICY, "default", VALUE(set_default) },
	{ SECTION_AUTO, "setup-cost", COST(setup_cost) },
	{ SECTION_AUTO, "kib-gain", COST(kib_gain) },
	{ SECTION_AUTO, "half-life", DURATION(parameters.half_life) },
	{ SECTION_AUTO, "peers", NUMBER(auto_peers), 1024, 4194304 },
	{ SECTION_AUTO, "connections", NUMBER(auto_connections), 1024, 4194304 },
	{ SECTION_AUTO, "save-interval", DURATION(save_interval) },
	{ SECTION_AUTO, "peer-memory", DURATION_OR_OFF(parameters.peer) },
	{ SECTION_AUTO, "peer-memory-max", DURATION(parameters.peer_max) },
	{ SECTION_BUDGET, "max-rate", LIMIT },
	{ SECTION_BUDGET, "max-connections", LIMIT },
	{ SECTION_BUDGET, "max-memory", LIMIT },
	{ SECTION_BUDGET, "max-rtt", LIMIT },
	{ SECTION_BUDGET, "cooldown", DURATION_OR_OFF(parameters.cooldown) },
	{ SECTION_BUDGET, "cooldown-max", DURATION(parameters.cooldown_max) },
	{ SECTION_BREAKER, "votes", VOTES(parameters.votes), 2, 100 },
	{ SECTION_BREAKER, "backoff", DURATION(parameters.backoff) },
	{ SECTION_BREAKER, "backoff-max", DURATION(parameters.backoff_max) },
	{ SECTION_BREAKER, "prefix-ipv4", NUMBER(parameters.prefix_v4), 0, 32 },
	{ SECTION_BREAKER, "prefix-ipv6", NUMBER(parameters.prefix_v6), 0, 64 },
};

static uint32_t *key_number(const struct key *key, struct policy_config *config)
{
	return (uint32_t *)((char *)&config->settings + key->field);
}

static int set_key(const struct key *key, struct policy_config *config, const char *text,
		   struct value_error *error)
{
	if (key->set)
		return key->set(config, text, error);
	if (key->parse)
		return key->parse(key, text, key_number(key, config), error);
	return or_word(policy_limits_set(&config->settings.budget, key->name, text, error), "none",
		       error);
}

/* ---- sections ---- */

/* Tell what is wrong with the rule as a whole, before the errors of its keys. */
static void complain_rule(struct parser *parser, unsigned int line, const char *text)
{
	struct policy_errors *errors = parser->errors;
	size_t at = parser->rule_errors, before = errors->count;
	char *last;

	complain(parser, line, "%s", text);
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
		complain(parser, rule->line, "out of memory");
	drop_list(parser);
	if (!parser->rule_unclear && policy_rule_check(rule, &error))
		complain_rule(parser, rule->line, error.text);
	if (parser->rule_nameless) {
		policy_rule_free(rule);
	} else if (policy_put(&parser->rules, rule)) {
		complain(parser, rule->line, "out of memory");
		policy_rule_free(rule);
	}
}

static bool check_name(struct parser *parser, const char *name)
{
	struct policy_rule *earlier = policy_find(&parser->rules, name);
	struct value_error error;

	if (value_name(name, &error))
		complain(parser, parser->line, "%s", error.text);
	else if (earlier)
		complain(parser, parser->line,
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
		complain(parser, parser->line, "out of memory");
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
	parser->section = SECTION_UNKNOWN;
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		if (!strcmp(name, sections[i].name))
			parser->section = sections[i].section;
	if (parser->section != SECTION_UNKNOWN)
		return;
	if (!strncmp(name, "rule", 4) && strspn(name + 4, " \t")) {
		parser->section = SECTION_RULE;
		start_rule(parser, name + 4 + strspn(name + 4, " \t"));
	} else if (!strcmp(name, "rule")) {
		complain(parser, parser->line, "section [rule] has no name; write [rule NAME]");
	} else {
		complain(parser, parser->line, "section [%.64s] is unknown; use " SECTIONS_TEXT,
			 name);
	}
}

/* A line that begins with "[".  inih would pass over what follows the "]". */
static void read_section(struct parser *parser, char *line)
{
	char *close = strchr(line, ']');
	const char *rest = close ? close + 1 + strspn(close + 1, " \t") : NULL;
	char *name = line + 1 + strspn(line + 1, " \t");

	if (!close) {
		complain(parser, parser->line, "section without \"]\"; write [NAME]");
	} else if (*rest && *rest != ';' && *rest != '#') {
		complain(parser, parser->line,
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

/* ---- keys ---- */

/* Note @key (a name from the tables) as seen; false and an error if it was before. */
static bool first_time(struct parser *parser, const char *key)
{
	for (size_t i = 0; i < parser->n_seen; i++) {
		if (parser->seen[i].section != parser->section || parser->seen[i].key != key)
			continue;
		complain(parser, parser->line,
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

/* "ports, peers or action": the keys of @section. */
static void list_keys(enum section section, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; section != SECTION_RULE && i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].section == section && used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 keys[i].name);
	for (size_t i = 0; section == SECTION_RULE && policy_rule_keys[i]; i++)
		if (used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 policy_rule_keys[i]);
	if (section == SECTION_RULE && used < size)
		snprintf(buf + used, size - used, ", %s", peers_file);
}

/* The key of that name in the section at hand, as in the tables, or NULL. */
static const char *find_key(const struct parser *parser, const char *name)
{
	if (parser->section == SECTION_RULE) {
		for (size_t i = 0; policy_rule_keys[i]; i++)
			if (!strcmp(policy_rule_keys[i], name))
				return policy_rule_keys[i];
		return strcmp(name, peers_file) ? NULL : peers_file;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].section == parser->section && !strcmp(keys[i].name, name))
			return keys[i].name;
	return NULL;
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
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].name == key)
			return set_key(&keys[i], parser->config, value, error);
	return -ENOENT;
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
		complain(item->parser, item->parser->line, "%s", error->text);
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
		complain(parser, parser->line, "%s", again.text);
	if (parser->errors->count == before)
		complain(parser, parser->line, "%s", error->text);
}

static void complain_key(struct parser *parser, const char *name)
{
	char known[256];

	list_keys(parser->section, known, sizeof(known));
	complain(parser, parser->line, "key \"%.64s\" is unknown here; use %s", name, known);
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
		complain(parser, parser->line,
			 "key \"%s\" has no value; write one, or remove the line", key);
	else
		rc = set_value(parser, key, value, &error);
	if (rc == -EINVAL)
		complain_value(parser, key, value, &error);
	else if (rc)
		complain(parser, parser->line, "out of memory");
	if (rc || !*value)
		note_refused(parser, key);
	if (!strcmp(key, "action"))
		parser->rule_unclear |= rc || !*value;
}

/* inih's handler: one call for each line that is not blank, comment or section. */
static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct parser *parser = user;

	(void)section; /* cut at 49 characters; read_section() has it whole */
	if (parser->section == SECTION_UNKNOWN)
		return 1; /* told once, at the section */
	if (parser->section == SECTION_NONE)
		complain(parser, parser->line,
			 "key \"%.64s\" is outside any section; begin with " SECTIONS_TEXT, name);
	else if (!value)
		complain(parser, parser->line, "\"%.64s\" is not a key; write KEY = VALUE", name);
	else if (!*name)
		complain(parser, parser->line, "value without a key; write KEY = VALUE");
	else
		read_key(parser, name, value);
	parser->rule_unclear |= !value || !*name;
	return 1;
}

/* ---- keys that must fit each other ---- */

/* Note the line of @name of @section if this file has it; false if its value was refused. */
static bool find_line(const struct parser *parser, enum section section, const char *name,
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

static void check_pair(struct parser *parser, enum section section, const char *name,
		       uint32_t start, const char *max_name, uint32_t max)
{
	unsigned int line = 0;

	if (find_line(parser, section, name, &line) &&
	    find_line(parser, section, max_name, &line) && line && max < start)
		complain(parser, line, "%s is %us, less than %s, %us; raise it, or shorten %s",
			 max_name, max, name, start, name);
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
		complain(parser, line,
			 "setup-cost divided by kib-gain makes %llu bytes that pay for a set-up; "
			 "write values that make 1 byte to 4 GiB of it, for example 100us and 1us",
			 (unsigned long long)bytes);
	else
		settings->parameters.setup_bytes = (uint32_t)bytes;
}

/* What must hold of the settings together, where this file has changed them. */
static void check_settings(struct parser *parser)
{
	const struct policy_parameters *parameters = &parser->config->settings.parameters;

	check_cost(parser);
	check_pair(parser, SECTION_AUTO, "peer-memory", parameters->peer, "peer-memory-max",
		   parameters->peer_max);
	check_pair(parser, SECTION_BUDGET, "cooldown", parameters->cooldown, "cooldown-max",
		   parameters->cooldown_max);
	check_pair(parser, SECTION_BREAKER, "backoff", parameters->backoff, "backoff-max",
		   parameters->backoff_max);
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
		complain(parser, parser->line,
			 "line is longer than %d bytes; split the list over several rules",
			 VALUE_LINE_MAX);
		return false;
	}
	if (value_line(line, length, &error)) {
		complain(parser, parser->line, "%s", error.text);
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
	rc = ini_parse_stream(read_line, &parser, handle, &parser);
	finish_rule(&parser);
	check_settings(&parser);
	if (rc && !parser.failed)
		complain(&parser, rc > 0 ? (unsigned int)rc : 0, "cannot be read; out of memory");
	if (!parser.failed && adopt_rules(&parser))
		complain(&parser, 0, "out of memory");
	policy_clear(&parser.rules);
	return parser.failed ? -EINVAL : 0;
}
