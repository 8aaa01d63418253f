// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A peers-file: parsed and sorted.  What was accepted is what its own text says, each peer once.
 */
#include "fuzz.h"
#include "policy/config.h"
#include "policy/peers.h"

/* The text of @peers, a line each, to be freed. */
static char *tell(const struct policy_peers *peers, size_t *length)
{
	char *text = NULL, one[VALUE_TEXT_SIZE];
	FILE *out = open_memstream(&text, length);

	must(out);
	for (size_t i = 0; i < peers->n; i++) {
		value_format_prefix(&peers->items[i], one);
		fprintf(out, "%s\n", one);
	}
	fclose(out);
	return text;
}

static void tell_again(const struct policy_peers *peers)
{
	struct policy_errors errors = { 0 };
	struct policy_peers again = { 0 };
	size_t length;
	char *text = tell(peers, &length);

	must(!policy_peers_parse(&again, "fuzz.list", text, length, &errors));
	must(!policy_peers_sort(&again));
	must(again.n == peers->n);
	for (size_t i = 0; i < again.n; i++)
		must(!memcmp(again.items[i].addr, peers->items[i].addr, 16) &&
		     again.items[i].length == peers->items[i].length &&
		     again.items[i].except == peers->items[i].except);
	policy_errors_clear(&errors);
	free(again.items);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct policy_errors errors = { 0 };
	struct policy_peers peers = { 0 };
	size_t length = size;
	char *text = malloc(size + 1);

	must(text);
	input_bytes(&input, text, length);
	text[length] = '\0';
	if (policy_peers_parse(&peers, "fuzz.list", text, length, &errors)) {
		must(errors.count && errors.count <= POLICY_PEERS_ERRORS + 1);
	} else {
		must(peers.n && !errors.count);
		must(!policy_peers_sort(&peers));
		tell_again(&peers);
	}
	policy_errors_clear(&errors);
	free(peers.items);
	free(text);
	return 0;
}
