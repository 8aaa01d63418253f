// SPDX-License-Identifier: GPL-2.0-or-later
/* The sections of the configuration but [rule NAME]: their keys, the values and the defaults. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "policy/settings.h"

static const struct {
	const char *name;
	enum settings_section section;
} sections[] = {
	{ "daemon", SECTION_DAEMON },   { "policy", SECTION_POLICY },   { "auto", SECTION_AUTO },
	{ "budget", SECTION_BUDGET },   { "breaker", SECTION_BREAKER }, { "smc", SECTION_SMC },
	{ "metrics", SECTION_METRICS },
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
			.message_gain = 1000,
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

static int set_ueid(struct policy_config *config, const char *text, struct value_error *error)
{
	int rc = value_ueid(text, error);

	if (!rc)
		strcpy(config->settings.smc_ueid, text);
	return rc;
}

/* node_exporter reads no other names, and nothing else that root has may be replaced by a slip. */
static int set_textfile(struct policy_config *config, const char *text, struct value_error *error)
{
	char *path = config->settings.metrics_textfile;
	size_t length = strlen(text);

	if (!strcmp(text, "none")) {
		*path = '\0';
		return 0;
	}
	if (length < 6 || strcmp(text + length - 5, ".prom") || text[length - 6] == '/')
		return value_refuse(
			error,
			"\"%.100s\" is not valid; write an absolute path that ends with "
			".prom, or none",
			text);
	return set_path(path, sizeof(config->settings.metrics_textfile), text, error);
}

static int set_listen(struct policy_config *config, const char *text, struct value_error *error)
{
	return policy_endpoint_parse(text, &config->settings.metrics_listen, error);
}

static int set_allow_remote(struct policy_config *config, const char *text,
			    struct value_error *error)
{
	return value_word(&words_allow_remote, text, &config->settings.metrics_allow_remote, error);
}

/* "5%" */
static int set_warn_unexpected(struct policy_config *config, const char *text,
			       struct value_error *error)
{
	size_t length = strlen(text);
	uint64_t percent = 0;
	char number[8] = "";

	if (strcmp(text, "off")) {
		if (length && length <= sizeof(number) && text[length - 1] == '%')
			memcpy(number, text, length - 1);
		if (value_number("warn-unexpected", number, 1, 99, &percent, error))
			return value_refuse(error,
					    "warn-unexpected \"%.64s\" is not valid; write 1%% to "
					    "99%%, or off",
					    text);
	}
	config->settings.warn_unexpected = (uint32_t)percent;
	return 0;
}

/* ---- keys of all sections but rules ---- */

struct key {
	enum settings_section section;
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

static int parse_cost_or_0(const struct key *key, const char *text, uint32_t *number,
			   struct value_error *error)
{
	if (strcmp(text, "0"))
		return or_word(parse_cost(key, text, number, error), "0", error);
	*number = 0;
	return 0;
}

/* min_sndbuf and max_sndbuf of net/smc/smc_sysctl.c, and those of rcvbuf. */
#define BUFFER_MIN 16384
#define BUFFER_MAX (INT32_MAX / 2)

static int parse_buffer(const struct key *key, const char *text, uint32_t *number,
			struct value_error *error)
{
	uint64_t bytes;
	int rc = value_size(text, &bytes, error);

	if (rc)
		return rc;
	if (bytes < BUFFER_MIN || bytes > BUFFER_MAX)
		return value_refuse(error,
				    "%s %s is not valid; write 16K to 1023M, for example 256K",
				    key->name, text);
	*number = (uint32_t)bytes;
	return 0;
}

#define BUFFER(field) NULL, parse_buffer, offsetof(struct policy_settings, field), 0, 0
#define NUMBER(field) NULL, parse_number, offsetof(struct policy_settings, field)
#define VOTES(field) NULL, parse_votes, offsetof(struct policy_settings, field)
#define DURATION(field) NULL, parse_duration, offsetof(struct policy_settings, field), 0, 0
#define DURATION_OR_OFF(field) \
	NULL, parse_duration_or_off, offsetof(struct policy_settings, field), 0, 0
#define COST(field) NULL, parse_cost, offsetof(struct policy_settings, field), 0, 0
#define COST_OR_0(field) NULL, parse_cost_or_0, offsetof(struct policy_settings, field), 0, 0
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
	{ SECTION_AUTO, "message-gain", COST_OR_0(message_gain) },
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
	{ SECTION_SMC, "ueid", VALUE(set_ueid) },
	{ SECTION_SMC, "wmem", BUFFER(smc_wmem) },
	{ SECTION_SMC, "rmem", BUFFER(smc_rmem) },
	{ SECTION_METRICS, "textfile", VALUE(set_textfile) },
	{ SECTION_METRICS, "listen", VALUE(set_listen) },
	{ SECTION_METRICS, "allow-remote", VALUE(set_allow_remote) },
	{ SECTION_METRICS, "warn-unexpected", VALUE(set_warn_unexpected) },
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

enum settings_section settings_find_section(const char *name)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		if (!strcmp(name, sections[i].name))
			return sections[i].section;
	return SECTION_UNKNOWN;
}

static const struct key *find_key(enum settings_section section, const char *name)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].section == section && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

const char *settings_find_key(enum settings_section section, const char *name)
{
	const struct key *key = find_key(section, name);

	return key ? key->name : NULL;
}

void settings_list_keys(enum settings_section section, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].section == section && used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 keys[i].name);
}

int settings_set(struct policy_config *config, enum settings_section section, const char *name,
		 const char *text, struct value_error *error)
{
	const struct key *key = find_key(section, name);

	return key ? set_key(key, config, text, error) : -ENOENT;
}
