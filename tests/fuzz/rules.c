// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * STATE_DIR/rules.json and, behind the first NUL of the input, rules.journal: what is read, written and
 * read again is the same.
 */
#include "fuzz.h"
#include "server/state.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_dir_make();
	return 0;
}

static int read_state(struct state *state, struct policy *added)
{
	struct kernel_error error;

	policy_init(added);
	return state_open(state, fuzz_dir_path, added, &error);
}

/* Write @change (NULL: all) of the rules @added and read them again. */
static void write_again(struct state *state, const struct policy *added,
			const struct state_change *change)
{
	struct kernel_error error;
	struct policy again;
	struct state other;

	must(!state_prepare(state, added, change, state->generation, &error));
	must(!state_commit(state, &error));
	must(!read_state(&other, &again));
	must(other.generation == state->generation);
	must(again.n_rules == added->n_rules);
	for (size_t i = 0; i < added->n_rules; i++) {
		must(!strcmp(added->rules[i]->name, again.rules[i]->name));
		must(policy_rule_equal(added->rules[i], again.rules[i]));
		must(added->rules[i]->expires == again.rules[i]->expires);
	}
	policy_clear(&again);
	state_close(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy added;
	struct state state;

	const uint8_t *nul = memchr(data, '\0', size);
	struct state_change change = { 0 };

	fuzz_dir_write("rules.json", data, nul ? (size_t)(nul - data) : size);
	if (nul)
		fuzz_dir_write("rules.journal", nul + 1, size - (size_t)(nul - data) - 1);
	if (!read_state(&state, &added)) {
		change.put = added.n_rules ? added.rules[0] : NULL;
		/* By a new file or in the journal that was read, and then in a journal of its own. */
		if (change.put)
			write_again(&state, &added, &change);
		write_again(&state, &added, NULL);
		if (change.put)
			write_again(&state, &added, &change);
	}
	policy_clear(&added);
	state_close(&state);
	fuzz_dir_empty();
	return 0;
}
