// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration, a byte NUL between files; a file that it names is the next one.  Parsed, compiled, and told again.  What was
 * accepted means the same when it is read from its own text, and its image is sound.
 */
#include <errno.h>

#include "fuzz.h"
#include "policy/compile.h"
#include "policy/config.h"

static struct input input;

/* The next piece of the input, whatever its name. */
static int read_next(const char *file, const char *name, struct policy_named_file *named,
		     struct value_error *error)
{
	(void)file;
	(void)error;
	named->path = strdup(name);
	named->text = input_until(&input, '\0', &named->length);
	return 0;
}

/* Every property of @rule, as text, makes the same rule. */
static void tell_again(const struct policy_rule *rule)
{
	struct policy_rule *again;
	struct value_error error;

	if (rule->peers_file)
		return; /* its peers have no text of their own */
	again = policy_rule_new(rule->name);
	for (int i = 0; policy_rule_keys[i]; i++) {
		char *text = policy_rule_get(rule, policy_rule_keys[i]);

		must(text);
		if (*text)
			must(!policy_rule_set(again, policy_rule_keys[i], text, &error));
		free(text);
	}
	must(!policy_rule_check(again, &error));
	must(policy_rule_equal(rule, again));
	policy_rule_free(again);
}

static void compile(const struct policy_config *config)
{
	struct policy_image_options options = {
		.parameters = &config->settings.parameters,
		.budget = &config->settings.budget,
	};
	struct policy_image image;
	struct policy_rule *rule;
	uint8_t peer[16] = { 0 };
	uint32_t slot;
	int action;

	policy_for_each(rule, &config->policy) {
		rule->slot = SMC_POLICY_SLOT_FIRST + (uint32_t)rule_i;
		tell_again(rule);
	}
	must(!policy_compile(&config->policy, &options, &image));
	must(!policy_image_lookup(&image, peer, SMC_POLICY_CONNECT, 0, &slot, &action));
	policy_for_each(rule, &config->policy) {
		uint16_t port = rule->n_ports ? rule->ports[0].first : 80;

		memcpy(peer, rule->n_peers ? rule->peers[0].addr : peer, sizeof(peer));
		must(!policy_image_lookup(&image, peer, SMC_POLICY_ACCEPT, port, &slot, &action));
		must(slot < SMC_POLICY_SLOT_FIRST + config->policy.n_rules);
	}
	policy_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_errors errors = { 0 };
	struct policy_config config;
	int rc = 0;

	input = (struct input){ data, size };
	policy_config_init(&config);
	config.read_named = read_next;
	do {
		size_t length, before = errors.count;
		char *text = input_until(&input, '\0', &length);
		/* Without the NUL: the parser is told the length. */
		char *exact = malloc(length ? length : 1);
		int one;

		memcpy(exact, text, length);
		one = policy_config_parse(&config, "fuzz.conf", exact, length, &errors);
		must(!one == (errors.count == before));
		rc = rc ? rc : one;
		free(exact);
		free(text);
	} while (input.left);
	if (!rc)
		compile(&config);
	policy_errors_clear(&errors);
	policy_config_clear(&config);
	return 0;
}
