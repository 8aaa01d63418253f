// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading a hostile image: no byte outside of it is read, and every walk ends.  The first byte says
 * whether what follows is the image, or changes to one that was compiled; then come the query, 24 bytes,
 * and the image or the changes.
 */
#include "fuzz.h"
#include "policy/compile.h"
#include "policy/config.h"

static const char text[] =
	"[policy]\ndefault = auto\n"
	"[budget]\nmax-connections = 1000\n"
	"[rule a]\naction = allow\nports = 80,443,1000-2000\npeers = 10.0.0.0/8, "
	"!10.1.0.0/16, 192.0.2.7, 2001:db8::/32, !2001:db8:1::/48\n"
	"[rule b]\naction = allow\nside = accept\npeers = 10.1.2.0/24, ::1\n"
	"max-rate = 10/s\n"
	"[rule c]\naction = auto\nports = 1-65535\nmax-memory = 1M\n";

static struct policy_image compiled;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct policy_image_options options = { 0 };
	struct policy_errors errors = { 0 };
	struct policy_config config;
	struct policy_rule *rule;

	(void)argc;
	(void)argv;
	policy_config_init(&config);
	must(!policy_config_parse(&config, "fuzz.conf", text, strlen(text), &errors));
	policy_for_each(rule, &config.policy)
		rule->slot = SMC_POLICY_SLOT_FIRST + (uint32_t)rule_i;
	options.budget = &config.settings.budget;
	must(!policy_compile(&config.policy, &options, &compiled));
	policy_config_clear(&config);
	return 0;
}

struct query {
	uint8_t peer[16];
	uint32_t slot;
	uint16_t port;
	uint8_t side, reserved;
};

static void ask(const struct policy_image *image, const struct query *query)
{
	uint32_t slot, words[SMC_POLICY_LIMIT_WORDS];
	int action;

	if (!policy_image_lookup(image, query->peer, query->side, query->port, &slot, &action))
		policy_image_limits(image, slot, words);
	policy_image_limits(image, query->slot, words);
}

/* Whole rows of what is left; where the header is not of this layout it is made so in most cases. */
static void ask_raw(struct input *input, const struct query *query, bool mend)
{
	struct policy_image image = {
		.n_rows = (uint32_t)(input->left / sizeof(struct smc_policy_row)),
	};

	image.rows = malloc(image.n_rows * sizeof(*image.rows) + !image.n_rows);
	input_bytes(input, image.rows, image.n_rows * sizeof(*image.rows));
	if (image.n_rows && mend)
		image.rows[0].word[SMC_POLICY_HDR_LAYOUT] = SMC_POLICY_IMAGE_LAYOUT;
	ask(&image, query);
	free(image.rows);
}

/* Words of the compiled image, each changed to another; and the image cut short. */
static void ask_changed(struct input *input, const struct query *query)
{
	struct {
		uint32_t at, value;
	} change;
	struct policy_image image = { .n_rows = compiled.n_rows };
	uint32_t cut;

	input_bytes(input, &cut, sizeof(cut));
	if (cut)
		image.n_rows -= cut % compiled.n_rows;
	image.rows = malloc(image.n_rows * sizeof(*image.rows));
	memcpy(image.rows, compiled.rows, image.n_rows * sizeof(*image.rows));
	while (input->left >= sizeof(change)) {
		input_bytes(input, &change, sizeof(change));
		change.at %= image.n_rows * SMC_POLICY_ROW_WORDS;
		image.rows[change.at / SMC_POLICY_ROW_WORDS]
			.word[change.at % SMC_POLICY_ROW_WORDS] = change.value;
	}
	ask(&image, query);
	free(image.rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t how = input_byte(&input);
	struct query query;

	input_bytes(&input, &query, sizeof(query));
	if (how & 1)
		ask_raw(&input, &query, how & 2);
	else
		ask_changed(&input, &query);
	return 0;
}
