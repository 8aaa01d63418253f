// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of peers: as strict as key peers, sorted, and part of the rule that names them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/config.h"
#include "policy/peers.h"
#include "random.h"
#include "unit.h"

/* SMC_TEST_SEED, or one from the clock. */
static uint64_t a_seed(void)
{
	unsigned int n;
	const uint64_t *seeds = random_seeds(&n);

	print_message("seed %llu\n", (unsigned long long)seeds[n - 1]);
	return seeds[n - 1];
}

/* ---- reading ---- */

/* Parse @length bytes of @text as list "l": its peers as text, or its errors; to be freed. */
static char *outcome_of(const char *text, size_t length)
{
	struct policy_errors errors = { 0 };
	struct policy_peers peers = { 0 };
	char *result = NULL, word[VALUE_TEXT_SIZE];
	size_t size;
	FILE *out = open_memstream(&result, &size);
	int rc = policy_peers_parse(&peers, "l", text, length, &errors);

	assert_non_null(out);
	assert_true(!rc == !errors.count);
	for (size_t i = 0; i < errors.count; i++)
		fprintf(out, "%s\n", errors.lines[i]);
	for (size_t i = 0; i < peers.n && !rc; i++) {
		value_format_prefix(&peers.items[i], word);
		fprintf(out, "%s\n", word);
	}
	fclose(out);
	free(peers.items);
	policy_errors_clear(&errors);
	return result;
}

static void assert_outcome(const char *text, const char *expected)
{
	autofree char *result = outcome_of(text, strlen(text));

	assert_string_equal(result, expected);
}

static void one_peer_a_line(void **state)
{
	(void)state;
	assert_outcome("10.0.0.0/8\n!10.1.0.0/16\nfd00::/8\n192.0.2.7\n",
		       "10.0.0.0/8\n!10.1.0.0/16\nfd00::/8\n192.0.2.7/32\n");
	assert_outcome("10.0.0.0/8", "10.0.0.0/8\n");
	assert_outcome("10.0.0.0/8\r\n192.0.2.7\r\n", "10.0.0.0/8\n192.0.2.7/32\n");
	assert_outcome("\xef\xbb\xbf"
		       "10.0.0.0/8\n",
		       "10.0.0.0/8\n");
	assert_outcome("0.0.0.0/0\n255.255.255.255\n", "0.0.0.0/0\n255.255.255.255/32\n");
}

static void blanks_and_comments_are_passed_over(void **state)
{
	(void)state;
	assert_outcome("# from 10.0.0.0/8 on\n\n \t10.0.0.0/8\t \n   # x\n\n", "10.0.0.0/8\n");
	assert_outcome("; a list\n10.0.0.0/8\n;\n\t; x\n", "10.0.0.0/8\n");
}

static void what_published_lists_have_behind_a_peer_is_passed_over(void **state)
{
	(void)state;
	assert_outcome("10.0.0.0/8 ; SBL1\n!192.0.2.7\t#x\r\nfd00::/8 ;\n",
		       "10.0.0.0/8\n!192.0.2.7/32\nfd00::/8\n");
	assert_outcome("10.0.0.0/8 ; 11.0.0.0/8, \xc3\xa9\n", "10.0.0.0/8\n");
	assert_outcome("10.0.0.0/8\t64496\nfd00::/8 AS64511 \n11.0.0.0/8  4294967295\t; x\n",
		       "10.0.0.0/8\nfd00::/8\n11.0.0.0/8\n");
}

/* What a line may have behind its peer changes nothing about what the list says. */
static void remarks_at_random_change_nothing(void **state)
{
	static const char *const remarks[] = { "",         " ",  "\t", " ; SBL1",
					       "\t# a, b", " ;", " #", "\r" };
	static const char *const numbers[] = { "", " 64496", "\t0", "  AS4294967295" };
	struct rng rng = { a_seed() };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t length = random_below(&rng, 33);
		uint32_t address = length ? (uint32_t)random_u64(&rng) & ~0u << (32 - length) : 0;
		char plain[64], text[128];

		if (random_once_in(&rng, 4))
			snprintf(plain, sizeof(plain), "2001:db8:%x::/48\n", (address >> 16) | 1);
		else
			snprintf(plain, sizeof(plain), "%u.%u.%u.%u/%u\n", address >> 24,
				 address >> 16 & 255, address >> 8 & 255, address & 255, length);
		snprintf(text, sizeof(text), "%s%.*s%s%s\n", random_once_in(&rng, 4) ? ";\n" : "",
			 (int)strlen(plain) - 1, plain, numbers[random_below(&rng, 4)],
			 remarks[random_below(&rng, 8)]);
		assert_outcome(text, plain);
	}
}

static void assert_not_one_peer(const char *line)
{
	char text[128], expected[384];

	snprintf(text, sizeof(text), "10.0.0.0/8\n%s\n", line);
	snprintf(expected, sizeof(expected),
		 "l:2: \"%s\" is not one peer; write one prefix or address a line, and after it "
		 "only a comment (a blank, then \"#\" or \";\") or, after a prefix length, an AS "
		 "number\n",
		 line);
	assert_outcome(text, expected);
}

static void what_could_mean_something_else_is_refused(void **state)
{
	static const char *const lines[] = {
		"10.0.0.0/8 11.0.0.0/8", /* a second peer */
		"10.0.0.0 8", /* a length apart, as in CAIDA's lists of prefixes and their AS */
		"10.0.0.0\t8\t64496",
		"192.0.2.7 64496",
		"10.0.0.0/8 64496 64497",
		"10.0.0.0/8 4294967296",
		"10.0.0.0/8 99999999999999999999999999",
		"10.0.0.0/8 AS",
		"10.0.0.0/8 as64496",
		"10.0.0.0/8 64496;x",
		"10.0.0.0/8 {64496,64497}",
		"10.0.0.0/8 SBL1",
		"10.0.0.0/8,64496",
		"fd00::/8 office",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_not_one_peer(lines[i]);
}

static void wrong_lines_are_refused_with_their_number(void **state)
{
	(void)state;
	assert_outcome(
		"10.0.0.0/8\n10.1.0.0/8\n",
		"l:2: peer 10.1.0.0/8 has bits set below its prefix length; write 10.0.0.0/8\n");
	assert_outcome(
		"010.0.0.0/8\n",
		"l:1: peer \"010.0.0.0/8\" is not an IPv4 or IPv6 address; write for example "
		"192.0.2.7 or 2001:db8::7, without leading zeros in IPv4 and without a zone\n");
	assert_outcome(
		"# a list\n10.0.0.0/08\n",
		"l:2: peer \"10.0.0.0/08\" has no valid prefix length; write a plain number from "
		"0 to 32 after the \"/\"\n");
	assert_not_one_peer("10.0.0.0/8, 11.0.0.0/8");
	assert_outcome("10.0.0.0/8#ten\n",
		       "l:1: peer \"10.0.0.0/8#ten\" has no valid prefix length; write a plain "
		       "number from 0 to 32 after the \"/\"\n");
	assert_outcome("10.0.0.0/8\x01\n",
		       "l:1: line contains a control character (0x01); write plain text, tabs and "
		       "blanks only\n");
	assert_outcome(
		"fd00::1/8\n10.0.0.0/33\n\nx\n",
		"l:1: peer fd00::1/8 has bits set below its prefix length; write fd00::/8\n"
		"l:2: peer \"10.0.0.0/33\" has no valid prefix length; write a plain number from "
		"0 to 32 after the \"/\"\n"
		"l:4: peer \"x\" is not an IPv4 or IPv6 address; write for example 192.0.2.7 or "
		"2001:db8::7, without leading zeros in IPv4 and without a zone\n");
}

static void nul_byte_is_refused_wherever_it_is(void **state)
{
	static const char *const expected =
		"l:1: line contains a NUL byte (0x00); write plain text, "
		"tabs and blanks only\n";
	static const char behind[] = "10.0.0.0/8\0\n", comment[] = "# \0\n10.0.0.0/8\n";
	static const char remark[] = "10.0.0.0/8 ; \0\n", v6[] = "fd00::/8\0 ; x\n";
	autofree char *of_peer = outcome_of(behind, sizeof(behind) - 1);
	autofree char *of_remark = outcome_of(remark, sizeof(remark) - 1);
	autofree char *of_v6 = outcome_of(v6, sizeof(v6) - 1);
	autofree char *of_comment = outcome_of(comment, sizeof(comment) - 1);

	(void)state;
	assert_string_equal(of_peer, expected);
	assert_string_equal(of_remark, expected);
	assert_string_equal(of_v6, expected);
	assert_string_equal(of_comment, expected);
}

static void long_lines_are_refused(void **state)
{
	size_t length = VALUE_LINE_MAX + 1;
	autofree char *text = malloc(length + 32);

	(void)state;
	assert_non_null(text);
	memset(text, '#', length);
	strcpy(text + length, "\n10.0.0.0/8\n");
	assert_outcome(text, "l:1: line is longer than 65536 bytes; write one prefix or address a "
			     "line\n");
	assert_outcome(text + 1, "10.0.0.0/8\n");
	memcpy(text, "10.0.0.0/8", 10); /* what follows makes it no peer, however far it goes */
	memset(text + 10, '0', length - 11);
	text[length - 1] = '\0';
	assert_outcome(
		text,
		"l:1: peer \"10.0.0.0/800000000000000000000000000000000000000000000000000...\" has "
		"no valid prefix length; write a plain number from 0 to 32 after the \"/\"\n");
}

static void a_list_without_peers_is_refused(void **state)
{
	static const char *const expected =
		"l: lists no peer, which must not mean any; write one prefix or address a line, or "
		"remove the rule that names this file\n";

	(void)state;
	assert_outcome("", expected);
	assert_outcome("# none\n\n", expected);
}

static void so_many_errors_are_told_and_then_counted(void **state)
{
	struct policy_errors errors = { 0 };
	struct policy_peers peers = { 0 };
	char text[2 * POLICY_PEERS_ERRORS + 41] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 2 ? '\n' : 'x';
	assert_int_equal(policy_peers_parse(&peers, "l", text, sizeof(text) - 1, &errors), -EINVAL);
	assert_int_equal(errors.count, POLICY_PEERS_ERRORS + 1);
	assert_string_equal(errors.lines[POLICY_PEERS_ERRORS],
			    "l: 20 more lines are wrong; correct them alike");
	free(peers.items);
	policy_errors_clear(&errors);
}

/* ---- sorting ---- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void random_prefix(struct rng *rng, struct policy_prefix *prefix)
{
	struct value_error error;
	char text[VALUE_TEXT_SIZE];
	bool v4 = !random_once_in(rng, 4);

	/* Few values, so that the same come again. */
	if (v4)
		snprintf(text, sizeof(text), "%s%u.%u.0.0/%u", random_once_in(rng, 8) ? "!" : "",
			 random_below(rng, 256), random_below(rng, 4), 16 + random_below(rng, 17));
	else
		snprintf(text, sizeof(text), "%s%x:%x::/%u", random_once_in(rng, 8) ? "!" : "",
			 0x2000 + random_below(rng, 64), random_below(rng, 4),
			 32 + random_below(rng, 97));
	assert_int_equal(value_prefix(text, prefix, &error), 0);
}

/* Before in the order that struct policy_rule promises. */
static bool before(const struct policy_prefix *a, const struct policy_prefix *b)
{
	if (a->v4 != b->v4)
		return a->v4;
	if (memcmp(a->addr, b->addr, sizeof(a->addr)))
		return memcmp(a->addr, b->addr, sizeof(a->addr)) < 0;
	return a->length != b->length ? a->length < b->length : !a->except && b->except;
}

/* The distinct texts of @peers, sorted, into @texts; their number. */
static size_t list_texts(const struct policy_peers *peers, char **texts)
{
	char text[VALUE_TEXT_SIZE];
	size_t kept = 0;

	for (size_t i = 0; i < peers->n; i++) {
		value_format_prefix(&peers->items[i], text);
		texts[i] = strdup(text);
	}
	qsort(texts, peers->n, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < peers->n; i++) {
		if (kept && !strcmp(texts[kept - 1], texts[i]))
			free(texts[i]);
		else
			texts[kept++] = texts[i];
	}
	return kept;
}

static void lists_of_any_length_are_sorted_and_repetitions_dropped(void **state)
{
	static const size_t lengths[] = { 0, 1, 2, 100, 511, 513, 5000 };
	struct rng rng = { a_seed() };

	(void)state;
	for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
		struct policy_peers peers = { calloc(lengths[l] + 1, sizeof(*peers.items)),
					      lengths[l] };
		char **texts = calloc(lengths[l] + 1, sizeof(*texts));
		char **sorted = calloc(lengths[l] + 1, sizeof(*sorted));
		size_t n;

		for (size_t i = 0; i < peers.n; i++)
			random_prefix(&rng, &peers.items[i]);
		n = list_texts(&peers, texts);
		assert_int_equal(policy_peers_sort(&peers), 0);
		for (size_t i = 1; i < peers.n; i++)
			assert_true(before(&peers.items[i - 1], &peers.items[i]));
		assert_int_equal(list_texts(&peers, sorted), n);
		for (size_t i = 0; i < n; i++) {
			assert_string_equal(texts[i], sorted[i]);
			free(texts[i]);
			free(sorted[i]);
		}
		free(texts);
		free(sorted);
		free(peers.items);
	}
}

/* ---- the fast way ---- */

/* What is nearly an IPv4 prefix is taken exactly if inet_pton() and plain numbers say so. */
static void nearly_right_prefixes_are_taken_if_they_are_right(void **state)
{
	static const char alphabet[] = "0123456789./ 0.1";
	struct rng rng = { a_seed() };
	unsigned int taken = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t length = random_below(&rng, 34), address = (uint32_t)random_u64(&rng),
			 host;
		struct policy_prefix prefix;
		struct value_error error;
		char text[64], copy[64], *slash;
		bool right;

		if (length <= 32 && !random_once_in(&rng, 4))
			address &= length ? ~0u << (32 - length) : 0;
		snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255,
			 address >> 8 & 255, address & 255, length);
		if (random_once_in(&rng, 2))
			text[random_below(&rng, (uint32_t)strlen(text))] =
				alphabet[random_below(&rng, sizeof(alphabet) - 1)];
		strcpy(copy, text);
		slash = strchr(copy, '/');
		if (slash)
			*slash = '\0';
		length = slash ? (uint32_t)strtoul(slash + 1, NULL, 10) : 32;
		right = inet_pton(AF_INET, copy, &host) == 1 && length <= 32 &&
			(!slash ||
			 (slash[1] && strspn(slash + 1, "0123456789") == strlen(slash + 1) &&
			  (slash[1] != '0' || !slash[2]))) &&
			(length == 32 || !(ntohl(host) << length));
		assert_int_equal(!value_prefix(text, &prefix, &error), right);
		if (!right)
			continue;
		taken++;
		assert_true(prefix.v4 && !prefix.except && prefix.length == length);
		assert_memory_equal(prefix.addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		assert_memory_equal(prefix.addr + 12, &host, 4);
	}
	assert_in_range(taken, 20000, 190000);
}

/* ---- rules that name a list ---- */

static const char *list_text; /* of file "/c/list" */

static int read_list(const char *file, const char *name, struct policy_named_file *named,
		     struct value_error *error)
{
	assert_string_equal(file, "/c/f");
	if (strcmp(name, "list"))
		return value_refuse(error, "cannot be read: it is not there; create it");
	named->path = strdup("/c/list");
	named->text = strdup(list_text);
	named->length = strlen(list_text);
	return 0;
}

/* Parse @text as "/c/f" with @list beside it: rule "r", to be freed, or NULL and @errors. */
static struct policy_rule *rule_of(const char *text, const char *list, struct policy_errors *errors)
{
	struct policy_config config;
	struct policy_rule *rule;
	int rc;

	policy_config_init(&config);
	config.read_named = read_list;
	list_text = list;
	rc = policy_config_parse(&config, "/c/f", text, strlen(text), errors);
	assert_true(!rc == !errors->count);
	rule = rc ? NULL : policy_take(&config.policy, "r");
	policy_config_clear(&config);
	return rule;
}

static struct policy_rule *good_rule(const char *text, const char *list)
{
	struct policy_errors errors = { 0 };
	struct policy_rule *rule = rule_of(text, list, &errors);

	if (!rule)
		fail_msg("%s", errors.lines[0]);
	return rule;
}

static void assert_refused(const char *text, const char *list, const char *expected)
{
	struct policy_errors errors = { 0 };

	assert_null(rule_of(text, list, &errors));
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.lines[0], expected);
	policy_errors_clear(&errors);
}

#define RULE "[rule r]\naction = allow\n"

static void both_lists_together_are_the_peers(void **state)
{
	struct policy_rule *plain =
		good_rule(RULE "peers = 10.0.0.0/8, fd00::/8, !10.1.0.0/16, 192.0.2.7\n", "");
	struct policy_rule *listed =
		good_rule(RULE "peers-file = list\npeers = fd00::/8, 10.0.0.0/8\n",
			  "!10.1.0.0/16\n192.0.2.7\n10.0.0.0/8\n");
	struct policy_rule *copy = policy_rule_copy(listed);
	autofree char *own = policy_rule_get(listed, "peers");
	autofree char *path = policy_rule_get(listed, POLICY_PEERS_FILE);
	autofree char *none = policy_rule_get(plain, POLICY_PEERS_FILE);

	(void)state;
	assert_true(policy_rule_equal(plain, listed));
	assert_int_equal(listed->n_peers, 4);
	assert_string_equal(own, "10.0.0.0/8, fd00::/8");
	assert_string_equal(path, "/c/list");
	assert_string_equal(none, "");
	assert_true(policy_rule_equal(copy, listed));
	assert_int_equal(copy->own_peers.n, 2);
	assert_int_equal(policy_rule_digest(copy), policy_rule_digest(listed));
	policy_rule_free(copy);
	policy_rule_free(plain);
	policy_rule_free(listed);
}

static void content_makes_the_difference_and_its_order_does_not(void **state)
{
	struct policy_rule *a = good_rule(RULE "peers-file = list\n", "10.0.0.0/8\n11.0.0.0/8\n");
	struct policy_rule *b =
		good_rule(RULE "peers-file = list\n", "# b\n11.0.0.0/8\n10.0.0.0/8\n");
	struct policy_rule *c = good_rule(RULE "peers-file = list\n", "10.0.0.0/8\n12.0.0.0/8\n");

	(void)state;
	assert_true(policy_rule_equal(a, b));
	assert_int_equal(policy_rule_digest(a), policy_rule_digest(b));
	assert_false(policy_rule_equal(a, c));
	assert_int_not_equal(policy_rule_digest(a), policy_rule_digest(c));
	assert_int_not_equal(a->peers_digest, c->peers_digest);
	policy_rule_free(a);
	policy_rule_free(b);
	policy_rule_free(c);
}

static void errors_of_lists_refuse_the_configuration(void **state)
{
	(void)state;
	assert_refused(RULE "peers-file = list\n", "10.0.0.0/8\n10.0.0.1/8\n",
		       "/c/list:2: peer 10.0.0.1/8 has bits set below its prefix length; write "
		       "10.0.0.0/8");
	assert_refused(RULE "\npeers-file = other\n", "",
		       "/c/f:4: peers-file other cannot be read: it is not there; create it");
	assert_refused(RULE "peers-file =\n", "",
		       "/c/f:3: key \"peers-file\" has no value; write one, or remove the line");
	assert_refused(RULE "peers-file = list\npeers-file = list\n", "10.0.0.0/8\n",
		       "/c/f:4: key \"peers-file\" is already set in line 3; keep one of them");
	assert_refused("[policy]\npeers-file = list\n", "10.0.0.0/8\n",
		       "/c/f:2: key \"peers-file\" is unknown here; use default");
}

static void where_no_file_can_be_read_none_can_be_named(void **state)
{
	static const char text[] = RULE "peers-file = list\n";
	struct policy_errors errors = { 0 };
	struct policy_config config;

	(void)state;
	policy_config_init(&config);
	assert_int_equal(policy_config_parse(&config, "f", text, strlen(text), &errors), -EINVAL);
	assert_int_equal(config.policy.n_rules, 0);
	policy_errors_clear(&errors);
	policy_config_clear(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_peer_a_line),
		cmocka_unit_test(blanks_and_comments_are_passed_over),
		cmocka_unit_test(what_published_lists_have_behind_a_peer_is_passed_over),
		cmocka_unit_test(remarks_at_random_change_nothing),
		cmocka_unit_test(what_could_mean_something_else_is_refused),
		cmocka_unit_test(wrong_lines_are_refused_with_their_number),
		cmocka_unit_test(nul_byte_is_refused_wherever_it_is),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(a_list_without_peers_is_refused),
		cmocka_unit_test(so_many_errors_are_told_and_then_counted),
		cmocka_unit_test(lists_of_any_length_are_sorted_and_repetitions_dropped),
		cmocka_unit_test(nearly_right_prefixes_are_taken_if_they_are_right),
		cmocka_unit_test(both_lists_together_are_the_peers),
		cmocka_unit_test(content_makes_the_difference_and_its_order_does_not),
		cmocka_unit_test(errors_of_lists_refuse_the_configuration),
		cmocka_unit_test(where_no_file_can_be_read_none_can_be_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
