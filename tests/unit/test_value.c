// SPDX-License-Identifier: GPL-2.0-or-later
/* Each kind of value: what is taken, what it becomes, what is refused, and that the refusal helps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/config.h"
#include "policy/value.h"
#include "random.h"
#include "smc_policy_maps.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* A message has a cause and, behind "; ", a remedy, on one line. */
static void assert_helps(const struct value_error *error, const char *input)
{
	const char *remedy = strstr(error->text, "; ");

	if (!remedy || !remedy[2] || strpbrk(error->text, "\n\r\x1b") || strlen(error->text) > 300)
		fail_msg("\"%s\" is refused with \"%s\"", input, error->text);
}

static void assert_refused(int rc, const struct value_error *error, const char *input)
{
	if (rc != -EINVAL)
		fail_msg("\"%s\" gives %d instead of -EINVAL", input, rc);
	assert_helps(error, input);
}

static void assert_taken(int rc, const struct value_error *error, const char *input)
{
	if (rc)
		fail_msg("\"%s\" is refused: %s", input, rc == -EINVAL ? error->text : "?");
}

/* ---- numbers ---- */

static void plain_decimal_numbers_are_taken(void **state)
{
	static const struct {
		const char *text;
		uint64_t number;
	} good[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "10", 10 },
		{ "65535", 65535 },
		{ "18446744073709551615", UINT64_MAX },
	};
	struct value_error error;
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_taken(value_number("n", good[i].text, 0, UINT64_MAX, &number, &error),
			     &error, good[i].text);
		assert_true(number == good[i].number);
	}
}

static const char *const bad_numbers[] = {
	"",
	"-1",
	"+1",
	" 1",
	"1 ",
	"\t1",
	"1\n",
	"01",
	"00",
	"0x10",
	"1e3",
	"1.",
	"1.0",
	"1,000",
	"1_000",
	"one",
	"١",
	"--1",
	"0b1",
	"1h",
	"1\xa0",
	"18446744073709551616",
	"99999999999999999999999999999999999999999999999999999999999999999999999999999999",
};

static void other_numbers_are_refused(void **state)
{
	struct value_error error;
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < N(bad_numbers); i++)
		assert_refused(value_number("n", bad_numbers[i], 0, UINT64_MAX, &number, &error),
			       &error, bad_numbers[i]);
}

static void numbers_out_of_range_are_refused(void **state)
{
	static const char *const bad[] = { "0", "4", "11", "100" };
	struct value_error error;
	uint64_t number;

	(void)state;
	assert_int_equal(value_number("n", "5", 5, 10, &number, &error), 0);
	assert_int_equal(value_number("n", "10", 5, 10, &number, &error), 0);
	for (size_t i = 0; i < N(bad); i++) {
		assert_refused(value_number("n", bad[i], 5, 10, &number, &error), &error, bad[i]);
		assert_non_null(strstr(error.text, "5 to 10"));
	}
}

/* ---- ports ---- */

static void ports_and_ranges_are_taken(void **state)
{
	static const struct {
		const char *text;
		unsigned int first, last;
	} good[] = {
		{ "0", 0, 0 },           { "80", 80, 80 },    { "65535", 65535, 65535 },
		{ "0-65535", 0, 65535 }, { "80-80", 80, 80 }, { "8000-9000", 8000, 9000 },
	};
	struct value_error error;
	struct policy_range range;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_taken(value_range(good[i].text, &range, &error), &error, good[i].text);
		assert_int_equal(range.first, good[i].first);
		assert_int_equal(range.last, good[i].last);
	}
}

static void other_ports_are_refused(void **state)
{
	static const char *const bad[] = {
		"65536",   "80-65536",  "65536-65537", "90-80",   "1-0",    "-80",
		"80-",     "-",         "80-90-99",    "80--90",  "80 -90", "80- 90",
		"080-090", "0x50-0x60", "80:90",       "80..90",  "*",      "any",
		"http",    "80,443",    "4294967376",  "+80-+90", "!80",    "80/tcp",
	};
	struct value_error error;
	struct policy_range range;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_range(bad[i], &range, &error), &error, bad[i]);
	for (size_t i = 0; i < N(bad_numbers); i++)
		assert_refused(value_range(bad_numbers[i], &range, &error), &error, bad_numbers[i]);
}

static void every_range_survives_its_text(void **state)
{
	struct rng rng = { 1 };
	struct value_error error;

	(void)state;
	for (unsigned int i = 0; i < random_rounds(20000); i++) {
		uint16_t a = (uint16_t)random_u64(&rng), b = (uint16_t)random_u64(&rng);
		struct policy_range range = { a < b ? a : b, a < b ? b : a }, again;
		char text[VALUE_TEXT_SIZE];

		value_format_range(&range, text);
		assert_taken(value_range(text, &again, &error), &error, text);
		assert_memory_equal(&again, &range, sizeof(range));
	}
}

/* ---- prefixes ---- */

static void prefixes_are_taken_and_written_in_one_way(void **state)
{
	static const struct {
		const char *text, *formatted;
	} good[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "!10.0.0.0/8", "!10.0.0.0/8" },
		{ "192.0.2.7", "192.0.2.7/32" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "255.255.255.255/32", "255.255.255.255/32" },
		{ "128.0.0.0/1", "128.0.0.0/1" },
		{ "::/0", "::/0" },
		{ "!::/0", "!::/0" },
		{ "fd00::/8", "fd00::/8" },
		{ "2001:DB8::1", "2001:db8::1/128" },
		{ "2001:db8:0:0:0:0:0:0/32", "2001:db8::/32" },
		{ "8000::/1", "8000::/1" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8" },
		{ "::ffff:10.1.2.3", "10.1.2.3/32" },
		{ "!::ffff:a01:203/128", "!10.1.2.3/32" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
		{ "::fffe:0:0/95", "::fffe:0:0/95" },
		{ "::1.2.3.4", "::1.2.3.4/128" },
	};
	struct value_error error;
	struct policy_prefix prefix;
	char text[VALUE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_taken(value_prefix(good[i].text, &prefix, &error), &error, good[i].text);
		value_format_prefix(&prefix, text);
		assert_string_equal(text, good[i].formatted);
	}
}

static void other_prefixes_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"!",
		"!!10.0.0.0/8",
		"! 10.0.0.0/8",
		" 10.0.0.0/8",
		"10.0.0.0/8 ",
		"10.0.0.0 /8",
		"10.0.0.0/ 8",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"fd00::/129",
		"::ffff:10.0.0.0/129",
		"10.0.0.0/08",
		"10.0.0.0/+8",
		"10.0.0.0/-8",
		"10.0.0.0/0x8",
		"10.0.0.0/8/8",
		"10.0.0.0/255.0.0.0",
		"10.0.0/24",
		"10/8",
		"10",
		"167772160",
		"0x0a000000",
		"010.0.0.0/8",
		"10.00.0.0/16",
		"10.0.0.08",
		"::ffff:010.0.0.1",
		"10.0.0.0.0",
		"10.0.0.256",
		"10.0.0.-1",
		"10..0.1",
		"fe80::1%eth0",
		"fe80::%2/64",
		"10.0.0.1%eth0",
		"[fd00::1]",
		"fd00:::1",
		"fd00::1::2",
		"fd00:1:2:3:4:5:6:7:8",
		"fd00:1:2",
		"12345::",
		"g::",
		"localhost",
		"any",
		"*",
		"10.0.0.*",
		"10.0.0.1-10.0.0.9",
		"10.0.0.0/8,fd00::/8",
	};
	struct value_error error;
	struct policy_prefix prefix;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_prefix(bad[i], &prefix, &error), &error, bad[i]);
}

static void host_bits_are_refused_and_the_right_prefix_is_named(void **state)
{
	static const struct {
		const char *text, *right;
	} bad[] = {
		{ "10.0.0.1/8", "write 10.0.0.0/8" },
		{ "!10.0.0.1/31", "write !10.0.0.0/31" },
		{ "0.0.0.1/0", "write 0.0.0.0/0" },
		{ "10.255.0.0/9", "write 10.128.0.0/9" },
		{ "fd00::1/64", "write fd00::/64" },
		{ "8000::/0", "write ::/0" },
		{ "::ffff:10.0.0.1/104", "write ::ffff:10.0.0.0/104" },
		{ "::ffff:0:0/95", "write ::fffe:0:0/95" },
		{ "2001:db8::3/127", "write 2001:db8::2/127" },
	};
	struct value_error error;
	struct policy_prefix prefix;

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		assert_refused(value_prefix(bad[i].text, &prefix, &error), &error, bad[i].text);
		if (!strstr(error.text, bad[i].right))
			fail_msg("\"%s\" does not say \"%s\"", error.text, bad[i].right);
	}
}

static void random_prefix(struct rng *rng, struct policy_prefix *prefix)
{
	unsigned int skip;

	*prefix = (struct policy_prefix){ .v4 = random_once_in(rng, 2),
					  .except = random_once_in(rng, 4) };
	skip = prefix->v4 ? 96 : 0;
	prefix->length = (uint8_t)random_below(rng, 129 - skip);
	if (prefix->v4)
		memset(prefix->addr + 10, 0xff, 2);
	for (unsigned int i = skip; i < skip + prefix->length; i++)
		if (random_once_in(rng, 3))
			prefix->addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

static void every_prefix_survives_its_text(void **state)
{
	struct rng rng = { 2 };
	struct value_error error;

	(void)state;
	for (unsigned int i = 0; i < random_rounds(50000); i++) {
		struct policy_prefix prefix, again;
		char text[VALUE_TEXT_SIZE];

		random_prefix(&rng, &prefix);
		value_format_prefix(&prefix, text);
		assert_taken(value_prefix(text, &again, &error), &error, text);
		assert_memory_equal(&again, &prefix, sizeof(prefix));
	}
}

/* ---- addresses ---- */

static void addresses_are_taken_and_ipv4_is_mapped(void **state)
{
	static const uint8_t v4[16] = { [10] = 0xff, 0xff, 10, 1, 2, 3 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };
	struct value_error error;
	uint8_t addr[16];

	(void)state;
	assert_int_equal(value_address("10.1.2.3", addr, &error), 0);
	assert_memory_equal(addr, v4, 16);
	assert_int_equal(value_address("::ffff:10.1.2.3", addr, &error), 0);
	assert_memory_equal(addr, v4, 16);
	assert_int_equal(value_address("2001:db8::7", addr, &error), 0);
	assert_memory_equal(addr, v6, 16);
}

static void addresses_survive_their_text(void **state)
{
	static const struct {
		const char *text;
		bool v4;
	} all[] = {
		{ "10.1.2.3", true },     { "0.0.0.0", true }, { "255.255.255.255", true },
		{ "2001:db8::7", false }, { "::", false },     { "::1.2.3.4", false },
		{ "::fffe:0:1", false },
	};
	struct value_error error;
	char text[VALUE_TEXT_SIZE];
	uint8_t addr[16];

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		assert_taken(value_address(all[i].text, addr, &error), &error, all[i].text);
		assert_int_equal(value_is_v4(addr), all[i].v4);
		value_format_address(addr, text);
		assert_string_equal(text, all[i].text);
	}
}

static void other_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"",       "10.0.0.1/32", "!10.0.0.1", "10.0.0",   "010.0.0.1",
		"::1%lo", " ::1",        "[::1]",     "::1/128",  "localhost",
		"1",      "10.0.0.1:80", "::g",       "\x1b[31m", "10.0.0.1\n",
	};
	struct value_error error;
	uint8_t addr[16];

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_address(bad[i], addr, &error), &error, bad[i]);
}

/* ---- names ---- */

static void names_are_taken(void **state)
{
	static const char *const good[] = { "a", "0", "web", "Web-1", "a.b_c-d", "9lives", "a-" };
	char longest[SMC_POLICY_NAME_SIZE];
	struct value_error error;

	(void)state;
	for (size_t i = 0; i < N(good); i++)
		assert_taken(value_name(good[i], &error), &error, good[i]);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_taken(value_name(longest, &error), &error, longest);
}

static void other_names_are_refused(void **state)
{
	static const char *const bad[] = {
		"",     "-a", ".a",  "_a", "a b",    " a",  "a ",  "a/b", "a\n",    "wéb",
		"a\"b", "a]", "a=b", "*",  "a\x1b[", "a,b", "a:b", "..",  "--help",
	};
	char longer[SMC_POLICY_NAME_SIZE + 1];
	struct value_error error;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_name(bad[i], &error), &error, bad[i]);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_refused(value_name(longer, &error), &error, longer);
	assert_non_null(strstr(error.text, "63"));
}

/* ---- durations ---- */

static void durations_are_taken(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = {
		{ "1", 1 },
		{ "90", 90 },
		{ "90s", 90 },
		{ "15m", 900 },
		{ "2h", 7200 },
		{ "7d", 604800 },
		{ "3650d", 315360000 },
		{ "87600h", 315360000 },
		{ "5256000m", 315360000 },
		{ "315360000", 315360000 },
	};
	struct value_error error;
	uint64_t seconds;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_taken(value_duration(good[i].text, &seconds, &error), &error, good[i].text);
		assert_true(seconds == good[i].seconds);
	}
}

static void other_durations_are_refused(void **state)
{
	static const char *const bad[] = {
		"0",
		"0s",
		"0d",
		"s",
		"d",
		"1w",
		"1y",
		"1 h",
		"1h30m",
		"1.5h",
		"-1h",
		"+1h",
		"01h",
		"1H",
		"1hh",
		"3651d",
		"87601h",
		"315360001",
		"never",
		"infinity",
		"18446744073709551616d",
		"213503982334602d",
		"\x1b[31m",
	};
	struct value_error error;
	uint64_t seconds;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_duration(bad[i], &seconds, &error), &error, bad[i]);
	assert_refused(value_duration("", &seconds, &error), &error, "");
}

/* ---- paths ---- */

static void absolute_paths_that_fit_are_taken(void **state)
{
	struct value_error error;

	(void)state;
	assert_int_equal(value_path("/", 2, &error), 0);
	assert_int_equal(value_path("/run/x", 7, &error), 0);
	assert_refused(value_path("/run/x", 6, &error), &error, "/run/x");
	assert_non_null(strstr(error.text, "at most 5"));
}

static void relative_paths_are_refused(void **state)
{
	static const char *const bad[] = { "", "run/x", "./x", "~/x", " /x", "\"/x\"", "\n" };
	struct value_error error;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_path(bad[i], 100, &error), &error, bad[i]);
}

/* ---- words ---- */

static void every_word_has_its_number(void **state)
{
	static const struct word_list *const lists[] = {
		&words_side,    &words_rule_side, &words_action,  &words_verdict,     &words_reason,
		&words_backend, &words_log_level, &words_on_stop, &words_read_access,
	};
	struct value_error error;
	int number;

	(void)state;
	for (size_t i = 0; i < N(lists); i++)
		for (unsigned int k = 0; k < lists[i]->count; k++) {
			const char *word = word_name(lists[i], k);

			if (!lists[i]->words[k])
				continue;
			assert_taken(value_word(lists[i], word, &number, &error), &error, word);
			assert_int_equal(number, k);
		}
}

static void contract_words_are_there(void **state)
{
	static const char *const reasons[] = {
		"rule",   "default", "long-lived", "short-lived", "unproven", "pacing",
		"budget", "rtt",     "breaker",    "peer",        "cooldown", "disabled",
	};

	(void)state;
	for (size_t i = 0; i < N(reasons); i++)
		assert_int_equal(word_find(&words_reason, reasons[i]), i);
	assert_int_equal(word_find(&words_action, "allow"), SMC_POLICY_ALLOW);
	assert_int_equal(word_find(&words_action, "deny"), SMC_POLICY_DENY);
	assert_int_equal(word_find(&words_action, "auto"), SMC_POLICY_AUTO);
	assert_int_equal(word_find(&words_rule_side, "both"), POLICY_SIDE_BOTH);
	assert_int_equal(word_find(&words_verdict, "smc"), SMC_POLICY_SMC);
	assert_string_equal(word_name(&words_verdict, 7), "?");
}

static void other_words_are_refused_with_the_choices(void **state)
{
	static const char *const bad[] = { "", "Allow", "allow ", " deny", "allo", "allows", "1" };
	struct value_error error;
	int number;

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		assert_refused(value_word(&words_action, bad[i], &number, &error), &error, bad[i]);
		assert_non_null(strstr(error.text, "deny, auto or allow"));
	}
}

/* ---- lists ---- */

static int collect(void *arg, const char *word, struct value_error *error)
{
	char *seen = arg;

	if (!strcmp(word, "bad"))
		return value_refuse(error, "bad; good");
	strcat(strcat(seen, "|"), word);
	return 0;
}

static void lists_are_split_at_commas_and_trimmed(void **state)
{
	struct value_error error;
	char seen[64] = "";

	(void)state;
	assert_int_equal(value_list("a, b ,\tc\t,d e", collect, seen, &error), 0);
	assert_string_equal(seen, "|a|b|c|d e");
}

static void empty_items_are_refused_by_their_number(void **state)
{
	static const struct {
		const char *text, *item;
	} bad[] = {
		{ "", "item 1 " },    { " ", "item 1 " },    { ",", "item 1 " },
		{ "a,", "item 2 " },  { ",a", "item 1 " },   { "a,,b", "item 2 " },
		{ "a, ", "item 2 " }, { "a,b,", "item 3 " },
	};
	struct value_error error;
	char seen[64] = "";

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		assert_refused(value_list(bad[i].text, collect, seen, &error), &error, bad[i].text);
		assert_non_null(strstr(error.text, bad[i].item));
	}
}

static void bad_item_ends_the_list(void **state)
{
	struct value_error error;
	char seen[64] = "";

	(void)state;
	assert_int_equal(value_list("a,bad,c", collect, seen, &error), -EINVAL);
	assert_string_equal(error.text, "bad; good");
	assert_string_equal(seen, "|a");
}

/* ---- times, sizes, rates ---- */

static void times_are_taken(void **state)
{
	static const struct {
		const char *text, *written;
		uint32_t us;
	} good[] = {
		{ "1us", "1us", 1 },
		{ "500us", "500us", 500 },
		{ "20ms", "20ms", 20000 },
		{ "1500us", "1500us", 1500 },
		{ "2000us", "2ms", 2000 },
		{ "1s", "1s", 1000000 },
		{ "2m", "120s", 120000000 },
		{ "60m", "3600s", 3600000000u },
		{ "3600s", "3600s", 3600000000u },
		{ "3600000ms", "3600s", 3600000000u },
	};
	char text[VALUE_TEXT_SIZE];
	struct value_error error;
	uint32_t us, ns;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_taken(value_time_us(good[i].text, &us, &error), &error, good[i].text);
		assert_int_equal(us, good[i].us);
		value_format_time_us(us, text);
		assert_string_equal(text, good[i].written);
	}
	assert_taken(value_time_ns("800ns", &ns, &error), &error, "800ns");
	assert_int_equal(ns, 800);
	assert_taken(value_time_ns("1s", &ns, &error), &error, "1s");
	assert_int_equal(ns, 1000000000);
}

static void other_times_are_refused(void **state)
{
	static const char *const bad[] = {
		"",    "1",     "us",  "0us", "-1s",  "1.5ms",
		"1 s", "3601s", "61m", "1h",  "1d",   "1sec",
		"01s", "1S",    "1ns", "1µs", "1m1s", "9999999999999999999999us"
	};
	static const char *const bad_ns[] = { "1", "0ns", "1001ms", "2s", "1m", "ns", "1.5us" };
	struct value_error error;
	uint32_t number;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_time_us(bad[i], &number, &error), &error, bad[i]);
	for (size_t i = 0; i < N(bad_ns); i++)
		assert_refused(value_time_ns(bad_ns[i], &number, &error), &error, bad_ns[i]);
}

static void sizes_are_taken(void **state)
{
	static const struct {
		const char *text, *written;
		uint64_t bytes;
	} good[] = {
		{ "1", "1", 1 },
		{ "65536", "64K", 65536 },
		{ "64K", "64K", 65536 },
		{ "10M", "10M", 10 << 20 },
		{ "1000000", "1000000", 1000000 },
		{ "1536K", "1536K", 1536 << 10 },
		{ "2G", "2G", 2ull << 30 },
		{ "1024G", "1T", 1ull << 40 },
		{ "1024T", "1024T", 1ull << 50 },
	};
	char text[VALUE_TEXT_SIZE];
	struct value_error error;
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_taken(value_size(good[i].text, &bytes, &error), &error, good[i].text);
		assert_true(bytes == good[i].bytes);
		value_format_size(bytes, text);
		assert_string_equal(text, good[i].written);
	}
}

static void other_sizes_are_refused(void **state)
{
	static const char *const bad[] = { "",     "0",    "0K",    "K",
					   "1k",   "1KB",  "1KiB",  "-1",
					   "1.5G", "1 G",  "1025T", "064K",
					   "1P",   "0x10", "none",  "99999999999999999999999" };
	struct value_error error;
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_size(bad[i], &bytes, &error), &error, bad[i]);
}

static void rates_are_taken(void **state)
{
	static const struct {
		const char *text, *written;
		struct policy_rate rate;
	} good[] = {
		{ "100", "100/s", { 100, 1, 100 } },
		{ "100/s", "100/s", { 100, 1, 100 } },
		{ "30/m", "30/m", { 30, 60, 1 } },
		{ "61/m", "61/m", { 61, 60, 2 } },
		{ "5/h", "5/h", { 5, 3600, 1 } },
		{ "100000/h", "100000/h", { 100000, 3600, 28 } },
		{ "100 burst 20", "100/s burst 20", { 100, 1, 20 } },
		{ "30/m\tburst  20", "30/m burst 20", { 30, 60, 20 } },
		{ "100000/s burst 100000", "100000/s", { 100000, 1, 100000 } },
	};
	char text[VALUE_TEXT_SIZE];
	struct value_error error;
	struct policy_rate rate;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_taken(value_rate(good[i].text, &rate, &error), &error, good[i].text);
		assert_memory_equal(&rate, &good[i].rate, sizeof(rate));
		value_format_rate(&rate, text);
		assert_string_equal(text, good[i].written);
	}
}

static void other_rates_are_refused(void **state)
{
	static const char *const bad[] = { "",
					   "0",
					   "100001",
					   "1/d",
					   "1/",
					   "/s",
					   "1/s/s",
					   "1 /s",
					   "-1",
					   "1.5/s",
					   "10k",
					   "burst 5",
					   "1/s burst",
					   "1/s burst 0",
					   "1/s burst -1",
					   "1/s 5",
					   "1/s burst 5 6",
					   "1/s burst 100001",
					   "1/s Burst 5" };
	struct policy_rate rate = { 7, 1, 7 };
	struct value_error error;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(value_rate(bad[i], &rate, &error), &error, bad[i]);
	assert_int_equal(rate.count, 7);
}

static void every_rate_survives_its_text(void **state)
{
	static const uint32_t seconds[] = { 1, 60, 3600 };
	struct rng rng = { 4 };

	(void)state;
	for (unsigned int i = 0; i < random_rounds(20000); i++) {
		struct policy_rate rate = { 1 + random_below(&rng, VALUE_RATE_MAX),
					    seconds[random_below(&rng, 3)],
					    1 + random_below(&rng, VALUE_RATE_MAX) };
		struct policy_rate again;
		struct value_error error;
		char text[VALUE_TEXT_SIZE];

		value_format_rate(&rate, text);
		assert_taken(value_rate(text, &again, &error), &error, text);
		assert_memory_equal(&again, &rate, sizeof(rate));
	}
}

/* ---- anything ---- */

/* No parser believes noise, and none writes control characters into its message. */
static void noise_is_refused_readably(void **state)
{
	static const char alphabet[] = "0123456789abcdef:./-!, %+xusmKMG\x1b\n\t\xff";
	struct rng rng = { 3 };

	(void)state;
	for (unsigned int i = 0; i < random_rounds(200000); i++) {
		struct policy_prefix prefix;
		struct policy_range range;
		struct policy_rate rate;
		struct value_error error;
		uint64_t bytes;
		uint32_t time;
		char text[80];
		uint32_t n = random_below(&rng, random_once_in(&rng, 20) ? 79 : 12);

		for (uint32_t k = 0; k < n; k++)
			text[k] = alphabet[random_below(&rng, sizeof(alphabet) - 1)];
		text[n] = '\0';
		if (value_prefix(text, &prefix, &error))
			assert_helps(&error, text);
		if (value_range(text, &range, &error))
			assert_helps(&error, text);
		if (value_name(text, &error))
			assert_helps(&error, text);
		if (value_rate(text, &rate, &error))
			assert_helps(&error, text);
		if (value_size(text, &bytes, &error))
			assert_helps(&error, text);
		if (value_time_us(text, &time, &error))
			assert_helps(&error, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_decimal_numbers_are_taken),
		cmocka_unit_test(other_numbers_are_refused),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(ports_and_ranges_are_taken),
		cmocka_unit_test(other_ports_are_refused),
		cmocka_unit_test(every_range_survives_its_text),
		cmocka_unit_test(prefixes_are_taken_and_written_in_one_way),
		cmocka_unit_test(other_prefixes_are_refused),
		cmocka_unit_test(host_bits_are_refused_and_the_right_prefix_is_named),
		cmocka_unit_test(every_prefix_survives_its_text),
		cmocka_unit_test(addresses_are_taken_and_ipv4_is_mapped),
		cmocka_unit_test(addresses_survive_their_text),
		cmocka_unit_test(other_addresses_are_refused),
		cmocka_unit_test(names_are_taken),
		cmocka_unit_test(other_names_are_refused),
		cmocka_unit_test(durations_are_taken),
		cmocka_unit_test(other_durations_are_refused),
		cmocka_unit_test(absolute_paths_that_fit_are_taken),
		cmocka_unit_test(relative_paths_are_refused),
		cmocka_unit_test(every_word_has_its_number),
		cmocka_unit_test(contract_words_are_there),
		cmocka_unit_test(other_words_are_refused_with_the_choices),
		cmocka_unit_test(lists_are_split_at_commas_and_trimmed),
		cmocka_unit_test(empty_items_are_refused_by_their_number),
		cmocka_unit_test(bad_item_ends_the_list),
		cmocka_unit_test(times_are_taken),
		cmocka_unit_test(other_times_are_refused),
		cmocka_unit_test(sizes_are_taken),
		cmocka_unit_test(other_sizes_are_refused),
		cmocka_unit_test(rates_are_taken),
		cmocka_unit_test(other_rates_are_refused),
		cmocka_unit_test(every_rate_survives_its_text),
		cmocka_unit_test(noise_is_refused_readably),
	};

	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
