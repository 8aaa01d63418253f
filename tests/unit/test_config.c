// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Configuration texts and what comes of them.  config/bad/NAME.conf must give
 * exactly the errors in NAME.expected, config/good/NAME.conf the settings and
 * rules.  SMC_TEST_UPDATE=1 writes the expectations anew, to be read before
 * they are committed.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/config.h"
#include "unit.h"

#define FOLDER "tests/unit/config"
#define LICENSE "# SPDX-License-Identifier: GPL-2.0-or-later\n"
#define TESTS_MAX 256

/* ---- text in, text out ---- */

static char *read_file(const char *path, size_t *length)
{
	autofclose FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (!file)
		return NULL;
	n = getdelim(&text, &room, -1, file); /* no byte is -1: all of it */
	if (n < 0)
		n = 0;
	*length = (size_t)n;
	return text ? text : calloc(1, 1);
}

static void dump_settings(FILE *out, const struct policy_settings *settings)
{
	static const char *const netns[] = { "all", "init", "list" };

	fprintf(out, "socket %s\nstate-dir %s\npin-dir %s\n", settings->socket, settings->state_dir,
		settings->pin_dir);
	fprintf(out, "group \"%s\"\n", settings->group);
	fprintf(out, "log-level %s\n",
		word_name(&words_log_level, (unsigned int)settings->log_level));
	fprintf(out, "backend %s\n", word_name(&words_backend, (unsigned int)settings->backend));
	fprintf(out, "take-over %s\n", word_name(&words_yes_no, (unsigned int)settings->take_over));
	fprintf(out, "on-stop %s\n", word_name(&words_on_stop, (unsigned int)settings->on_stop));
	fprintf(out, "read-access %s\n",
		word_name(&words_read_access, (unsigned int)settings->read_access));
	fprintf(out, "netns %s", netns[settings->netns]);
	for (size_t i = 0; i < settings->n_netns_names; i++)
		fprintf(out, " \"%s\"", settings->netns_names[i]);
	fprintf(out, "\n");
}

/* [smc], unless it says nothing. */
static void dump_smc(FILE *out, const struct policy_settings *settings)
{
	if (settings->smc_ueid[0] || settings->smc_wmem || settings->smc_rmem)
		fprintf(out, "ueid \"%s\", wmem %u, rmem %u\n", settings->smc_ueid,
			settings->smc_wmem, settings->smc_rmem);
}

/* [auto] and [breaker], unless they have their defaults. */
static void dump_parameters(FILE *out, const struct policy_settings *settings)
{
	const struct policy_parameters *p = &settings->parameters;

	if (!memcmp(p, &policy_parameters_default, sizeof(*p)) && settings->auto_peers == 65536 &&
	    settings->auto_connections == 65536 && settings->save_interval == 300)
		return;
	fprintf(out, "setup-bytes %u, message-bytes %u, half-life %u\n", p->setup_bytes,
		p->message_bytes, p->half_life);
	fprintf(out, "peers %u, connections %u, save-interval %u\n", settings->auto_peers,
		settings->auto_connections, settings->save_interval);
	fprintf(out, "peer-memory %u to %u, cooldown %u to %u\n", p->peer, p->peer_max, p->cooldown,
		p->cooldown_max);
	fprintf(out, "votes %u, backoff %u to %u, prefix-ipv4 %u, prefix-ipv6 %u\n", p->votes,
		p->backoff, p->backoff_max, p->prefix_v4, p->prefix_v6);
}

static void dump_budget(FILE *out, const struct policy_limits *budget)
{
	char text[VALUE_TEXT_SIZE];

	for (size_t i = 0; policy_limit_keys[i]; i++)
		if (policy_limits_get(budget, policy_limit_keys[i], text) && *text)
			fprintf(out, "%s \"%s\"\n", policy_limit_keys[i], text);
}

/* [metrics], unless it has its defaults. */
static void dump_metrics(FILE *out, const struct policy_settings *settings)
{
	char listens[POLICY_ENDPOINT_TEXT];

	policy_endpoint_format(&settings->metrics_listen, listens);
	if (settings->metrics_textfile[0] || policy_endpoint_any(&settings->metrics_listen) ||
	    settings->metrics_allow_remote)
		fprintf(out, "textfile \"%s\", listen %s, allow-remote %s\n",
			settings->metrics_textfile, listens,
			word_name(&words_allow_remote,
				  (unsigned int)settings->metrics_allow_remote));
}

static void dump_rule(FILE *out, const struct policy_rule *rule)
{
	fprintf(out, "rule %s (%s:%u)\n", rule->name, rule->file, rule->line);
	for (size_t i = 0; policy_rule_keys[i]; i++) {
		autofree char *text = policy_rule_get(rule, policy_rule_keys[i]);

		if (*text || strncmp(policy_rule_keys[i], "max-", 4))
			fprintf(out, "  %s \"%s\"\n", policy_rule_keys[i], text);
	}
}

static void dump_config(FILE *out, const struct policy_config *config)
{
	const struct policy_rule *rule;

	dump_settings(out, &config->settings);
	dump_parameters(out, &config->settings);
	dump_budget(out, &config->settings.budget);
	dump_smc(out, &config->settings);
	dump_metrics(out, &config->settings);
	fprintf(out, "default %s\n",
		word_name(&words_action, (unsigned int)config->policy.default_action));
	policy_for_each(rule, &config->policy)
		dump_rule(out, rule);
}

/* Parse @text as @file: the errors, or without any the configuration; to be freed. */
static char *outcome(const char *file, const char *text, size_t length, bool *good)
{
	struct policy_errors errors = { 0 };
	struct policy_config config;
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	assert_non_null(out);
	policy_config_init(&config);
	*good = !policy_config_parse(&config, file, text, length, &errors);
	assert_true(*good == !errors.count);
	for (size_t i = 0; i < errors.count; i++)
		fprintf(out, "%s\n", errors.lines[i]);
	if (*good)
		dump_config(out, &config);
	fclose(out);
	policy_errors_clear(&errors);
	policy_config_clear(&config);
	return result;
}

/* ---- files ---- */

static void update(const char *path, const char *text)
{
	autofclose FILE *file = fopen(path, "we");

	assert_non_null(file);
	fprintf(file, "%s%s", LICENSE, text);
}

static void file_gives_what_is_expected(void **state)
{
	const char *path = *state, *name = strrchr(path, '/') + 1;
	autofree char *expected = NULL, *expected_path = NULL, *result = NULL, *text = NULL;
	size_t length, expected_length;
	bool good;

	text = read_file(path, &length);
	assert_non_null(text);
	result = outcome(name, text, length, &good);
	assert_true(good == !!strstr(path, "/good/"));
	assert_true(asprintf(&expected_path, "%.*s.expected", (int)(strlen(path) - 5), path) > 0);
	if (getenv("SMC_TEST_UPDATE"))
		update(expected_path, result);
	expected = read_file(expected_path, &expected_length);
	assert_non_null(expected);
	assert_true(expected_length >= strlen(LICENSE));
	assert_string_equal(result, expected + strlen(LICENSE));
}

/* Each message names file and line, and has a remedy behind the cause. */
static void messages_have_cause_and_remedy(void **state)
{
	const char *path = *state, *name = strrchr(path, '/') + 1;
	autofree char *text = NULL, *result = NULL;
	char *save = NULL, *line;
	size_t length;
	bool good;

	text = read_file(path, &length);
	assert_non_null(text);
	result = outcome(name, text, length, &good);
	for (line = strtok_r(result, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = line + strlen(name);

		assert_memory_equal(line, name, strlen(name));
		assert_true(*colon == ':' && strtoul(colon + 1, &colon, 10) > 0);
		assert_memory_equal(colon, ": ", 2);
		assert_non_null(strstr(colon + 3, "; "));
		assert_in_range(strlen(line), 1, 400);
	}
}

/* ---- texts that are made here ---- */

static void assert_outcome(const char *text, size_t length, const char *expected)
{
	bool good;
	autofree char *result = outcome("f", text, length, &good);

	assert_false(good);
	assert_string_equal(result, expected);
}

static void assert_good(const char *text, size_t length)
{
	bool good;
	autofree char *result = outcome("f", text, length, &good);

	if (!good)
		fail_msg("%s", result);
}

static void nul_byte_is_refused_wherever_it_is(void **state)
{
	static const char in_value[] = "[rule a]\naction = al\0low\n[policy]\ndefualt = deny\n";
	static const char in_section[] = "[rule a\0]\naction = allow\n";
	static const char in_comment[] = "# x\0";

	(void)state;
	assert_outcome(in_value, sizeof(in_value) - 1,
		       "f:2: line contains a NUL byte (0x00); write plain text, tabs and blanks "
		       "only\n"
		       "f:4: key \"defualt\" is unknown here; use default\n");
	assert_outcome(in_section, sizeof(in_section) - 1,
		       "f:1: line contains a NUL byte (0x00); write plain text, tabs and blanks "
		       "only\n"
		       "f:2: key \"action\" is outside any section; begin with [daemon], "
		       "[policy], [auto], [budget], [breaker], [smc], [metrics] or [rule NAME]\n");
	assert_outcome(in_comment, sizeof(in_comment) - 1,
		       "f:1: line contains a NUL byte (0x00); write plain text, tabs and blanks "
		       "only\n");
}

/* "[rule a]", "action = allow", then ports in a line of @length bytes, ended by @end; then @tail. */
static char *long_line_text(size_t length, const char *end, const char *tail)
{
	static const char head[] = "[rule a]\naction = allow\n", key[] = "ports = 80";
	char *text = malloc(sizeof(head) + length + strlen(end) + strlen(tail)), *at = text;

	assert_non_null(text);
	at = stpcpy(at, head);
	memset(at, ' ', length);
	memcpy(at, key, strlen(key));
	for (size_t i = strlen(key); i + 4 < length; i += 4)
		memcpy(at + i, ",443", 4);
	stpcpy(stpcpy(at + length, end), tail);
	return text;
}

static void line_of_64_kib_is_read_whole(void **state)
{
	static const char *const ends[] = { "", "\n", "\r\n" };

	(void)state;
	for (int i = 0; i < 3; i++) {
		autofree char *text = long_line_text(VALUE_LINE_MAX, ends[i], "");

		assert_good(text, strlen(text));
	}
}

static void line_over_64_kib_is_refused(void **state)
{
	static const char *const ends[] = { "", "\n", "\r\n" };

	(void)state;
	for (int i = 0; i < 3; i++) {
		autofree char *text = long_line_text(VALUE_LINE_MAX + 1, ends[i], "");

		assert_outcome(text, strlen(text),
			       "f:3: line is longer than 65536 bytes; split the list over several "
			       "rules\n");
	}
}

static void comment_over_64_kib_is_refused_and_the_rest_is_read(void **state)
{
	size_t length = 1000000;
	autofree char *text = malloc(length + 64);

	(void)state;
	assert_non_null(text);
	memset(text, '#', length);
	strcpy(text + length, "\n[daemon]\nsockets = /x\n");
	assert_outcome(text, strlen(text),
		       "f:1: line is longer than 65536 bytes; split the list over several rules\n"
		       "f:3: key \"sockets\" is unknown here; use socket, state-dir, pin-dir, "
		       "log-level, backend, take-over, netns, on-stop, group, read-access\n");
}

static void error_behind_a_long_line_has_its_line_number(void **state)
{
	autofree char *text = long_line_text(5000, "\n", "\nside = left\n");

	(void)state;
	assert_outcome(text, strlen(text),
		       "f:5: side \"left\" is unknown; use connect, accept or both\n");
}

static void every_prefix_of_a_good_file_is_parsed_safely(void **state)
{
	static const char good[] = "[daemon]\nnetns = a, b\n[policy]\ndefault = auto\n"
				   "[rule a]\nports = 80, 90-99\npeers = 10.0.0.0/8, !fd00::/8\n"
				   "action = allow\nttl = 1h\n[rule b]\naction = deny\n";
	bool ok;

	(void)state;
	for (size_t length = 0; length < sizeof(good); length++) {
		char *copy = malloc(length + 1); /* no NUL behind: a reader past the end is seen */

		memcpy(copy, good, length);
		free(outcome("f", copy, length, &ok));
		free(copy);
	}
	assert_good(good, sizeof(good) - 1);
}

static void five_thousand_rules_are_read(void **state)
{
	struct policy_errors errors = { 0 };
	struct policy_config config;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (int i = 0; i < 5000; i++)
		fprintf(out, "[rule r%d]\nports = %d\naction = allow\n", i, i);
	fclose(out);
	policy_config_init(&config);
	assert_int_equal(policy_config_parse(&config, "f", text, size, &errors), 0);
	assert_int_equal(config.policy.n_rules, 5000);
	policy_config_clear(&config);
	free(text);
}

/* ---- several files ---- */

static void parse(struct policy_config *config, const char *file, const char *text)
{
	struct policy_errors errors = { 0 };

	assert_int_equal(policy_config_parse(config, file, text, strlen(text), &errors), 0);
}

static void later_file_replaces_rules_and_keys(void **state)
{
	struct policy_config config;

	(void)state;
	policy_config_init(&config);
	parse(&config, "a",
	      "[daemon]\nnetns = x, y\nsocket = /a\n[rule r]\naction = deny\nports = 1\n"
	      "[rule s]\naction = auto\n[policy]\ndefault = allow\n");
	parse(&config, "b", "\n[daemon]\nnetns = init\n[rule r]\naction = allow\n");
	assert_int_equal(config.settings.netns, POLICY_NETNS_INIT);
	assert_int_equal(config.settings.n_netns_names, 0);
	assert_string_equal(config.settings.socket, "/a");
	assert_int_equal(config.policy.default_action, SMC_POLICY_ALLOW);
	assert_int_equal(config.policy.n_rules, 2);
	assert_int_equal(policy_find(&config.policy, "r")->action, SMC_POLICY_ALLOW);
	assert_int_equal(policy_find(&config.policy, "r")->n_ports, 0);
	assert_string_equal(policy_find(&config.policy, "r")->file, "b");
	assert_int_equal(policy_find(&config.policy, "r")->line, 4);
	policy_config_clear(&config);
}

static void refused_file_leaves_the_rules_of_others(void **state)
{
	static const char bad[] = "[rule r]\naction = allow\n[rule t]\naction = no\n";
	struct policy_errors errors = { 0 };
	struct policy_config config;

	(void)state;
	policy_config_init(&config);
	parse(&config, "a", "[rule r]\naction = deny\n");
	assert_int_equal(policy_config_parse(&config, "b", bad, strlen(bad), &errors), -EINVAL);
	assert_int_equal(config.policy.n_rules, 1);
	assert_int_equal(policy_find(&config.policy, "r")->action, SMC_POLICY_DENY);
	policy_errors_clear(&errors);
	policy_config_clear(&config);
}

static void defaults_of_auto_and_breaker_are_those_of_the_contract(void **state)
{
	struct policy_config config;
	const struct policy_settings *s = &config.settings;

	(void)state;
	policy_config_init(&config);
	parse(&config, "a", "");
	assert_int_equal(s->parameters.setup_bytes, 102400);
	assert_int_equal(s->parameters.half_life, 600);
	assert_int_equal(s->parameters.peer, 10);
	assert_int_equal(s->parameters.peer_max, 3600);
	assert_int_equal(s->parameters.cooldown, 5);
	assert_int_equal(s->parameters.cooldown_max, 300);
	assert_int_equal(s->parameters.votes, 2);
	assert_int_equal(s->parameters.backoff, 30);
	assert_int_equal(s->parameters.backoff_max, 3600);
	assert_int_equal(s->parameters.prefix_v4, 24);
	assert_int_equal(s->parameters.prefix_v6, 64);
	assert_false(policy_limits_any(&s->budget));
	policy_config_clear(&config);
}

static char *shipped_file_with_comments_as_keys(size_t *length)
{
	autofree char *text = NULL;
	char *result = NULL, *save = NULL;
	FILE *out = open_memstream(&result, length);

	text = read_file("conf/smc-policy.conf", length);
	assert_non_null(text);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		fprintf(out, "%s\n", line + (line[0] == '#' && line[1] != ' '));
	fclose(out);
	return result;
}

/* Each key that the shipped file shows in a comment holds its default there. */
static void shipped_file_shows_every_key_with_its_default(void **state)
{
	static const char *const names[] = { "setup-cost",
					     "kib-gain",
					     "message-gain",
					     "half-life",
					     "peers",
					     "connections",
					     "save-interval",
					     "peer-memory",
					     "peer-memory-max",
					     "max-rate",
					     "max-connections",
					     "max-memory",
					     "max-rtt",
					     "cooldown",
					     "cooldown-max",
					     "votes",
					     "backoff",
					     "backoff-max",
					     "prefix-ipv4",
					     "prefix-ipv6",
					     "ueid",
					     "wmem",
					     "rmem" };
	size_t length;
	autofree char *text = shipped_file_with_comments_as_keys(&length);
	struct policy_config given, defaults;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		autofree char *line = NULL;

		assert_true(asprintf(&line, "\n%s = ", names[i]) > 0);
		if (!strstr(text, line))
			fail_msg("conf/smc-policy.conf does not show %s", names[i]);
	}
	policy_config_init(&given);
	policy_config_init(&defaults);
	parse(&given, "conf", text);
	assert_memory_equal(&given.settings.parameters, &defaults.settings.parameters,
			    sizeof(given.settings.parameters));
	assert_int_equal(given.settings.setup_cost, defaults.settings.setup_cost);
	assert_int_equal(given.settings.message_gain, defaults.settings.message_gain);
	assert_int_equal(given.settings.auto_peers, defaults.settings.auto_peers);
	assert_int_equal(given.settings.auto_connections, defaults.settings.auto_connections);
	assert_int_equal(given.settings.save_interval, defaults.settings.save_interval);
	assert_true(policy_limits_equal(&given.settings.budget, &defaults.settings.budget));
	policy_config_clear(&given);
	policy_config_clear(&defaults);
}

static void maximum_of_one_file_holds_for_the_next(void **state)
{
	static const char bad[] = "[breaker]\nvotes = 3\nbackoff = 3h\n";
	struct policy_errors errors = { 0 };
	struct policy_config config;

	(void)state;
	policy_config_init(&config);
	parse(&config, "a", "[breaker]\nbackoff = 1h\nbackoff-max = 2h\n[auto]\nkib-gain = 2us\n");
	parse(&config, "b", "[breaker]\nbackoff = 2h\n[auto]\nsetup-cost = 200us\n");
	assert_int_equal(config.settings.parameters.backoff, 7200);
	assert_int_equal(config.settings.parameters.setup_bytes, 102400);
	assert_int_equal(config.settings.parameters.message_bytes, 512);
	assert_int_equal(policy_config_parse(&config, "c", bad, strlen(bad), &errors), -EINVAL);
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.lines[0],
			    "c:3: backoff-max is 7200s, less than backoff, 10800s; raise it, or "
			    "shorten backoff");
	policy_errors_clear(&errors);
	policy_config_clear(&config);
}

static void errors_of_several_files_are_collected(void **state)
{
	struct policy_errors errors = { 0 };
	struct policy_config config;

	(void)state;
	policy_config_init(&config);
	assert_int_equal(policy_config_parse(&config, "a", "x", 1, &errors), -EINVAL);
	assert_int_equal(policy_config_parse(&config, "b", "# y", 3, &errors), 0);
	assert_int_equal(policy_config_parse(&config, "c", "[z", 2, &errors), -EINVAL);
	assert_int_equal(errors.count, 2);
	assert_memory_equal(errors.lines[0], "a:1: ", 5);
	assert_memory_equal(errors.lines[1], "c:1: ", 5);
	policy_errors_clear(&errors);
	policy_config_clear(&config);
}

/* ---- the list of tests ---- */

static size_t n_tests;
static struct CMUnitTest tests[TESTS_MAX];

static void add_test(const char *name, CMUnitTestFunction function, void *state)
{
	if (n_tests == TESTS_MAX)
		abort();
	tests[n_tests++] = (struct CMUnitTest){ name, function, NULL, NULL, state };
}

static void add_files(const char *pattern, const char *claim, CMUnitTestFunction function,
		      glob_t *files)
{
	if (glob(pattern, 0, NULL, files)) {
		fprintf(stderr, "no %s: run this from the top of the tree\n", pattern);
		exit(1);
	}
	for (size_t i = 0; i < files->gl_pathc; i++) {
		char *name;

		if (asprintf(&name, "%s: %s", strstr(files->gl_pathv[i], "config/"), claim) < 0)
			abort();
		add_test(name, function, files->gl_pathv[i]);
	}
}

#define ADD(test) add_test(#test, test, NULL)

int main(void)
{
	glob_t good, bad, again;
	size_t named;
	int rc;

	ADD(nul_byte_is_refused_wherever_it_is);
	ADD(line_of_64_kib_is_read_whole);
	ADD(line_over_64_kib_is_refused);
	ADD(comment_over_64_kib_is_refused_and_the_rest_is_read);
	ADD(error_behind_a_long_line_has_its_line_number);
	ADD(every_prefix_of_a_good_file_is_parsed_safely);
	ADD(five_thousand_rules_are_read);
	ADD(later_file_replaces_rules_and_keys);
	ADD(refused_file_leaves_the_rules_of_others);
	ADD(defaults_of_auto_and_breaker_are_those_of_the_contract);
	ADD(shipped_file_shows_every_key_with_its_default);
	ADD(maximum_of_one_file_holds_for_the_next);
	ADD(errors_of_several_files_are_collected);
	named = n_tests;
	add_files(FOLDER "/bad/*.conf", "is refused as expected", file_gives_what_is_expected,
		  &bad);
	add_files(FOLDER "/bad/*.conf", "messages name cause and remedy",
		  messages_have_cause_and_remedy, &again);
	add_files(FOLDER "/good/*.conf", "is read as expected", file_gives_what_is_expected, &good);
	rc = _cmocka_run_group_tests("config", tests, n_tests, NULL, NULL);
	globfree(&good);
	globfree(&bad);
	globfree(&again);
	for (size_t i = named; i < n_tests; i++)
		free((void *)(uintptr_t)tests[i].name);
	return rc;
}
