// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of causes: every code is there and explained, and every way to name one finds it. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/causes.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define TEXT_SIZE 64

/* What the kernels have: net/smc/smc_clc.h of Linux 7.3, and of Anolis OS's 5.10. */
static const struct {
	const char *name, *word;
	uint32_t code;
	enum cause_origin origin;
} known[] = {
	{ "MEM", "memory", 0x01010000, CAUSE_UPSTREAM },
	{ "TIMEOUT_CL", "clc-timeout", 0x02010000, CAUSE_UPSTREAM },
	{ "TIMEOUT_AL", "clc-timeout", 0x02020000, CAUSE_UPSTREAM },
	{ "CNFERR", "configuration", 0x03000000, CAUSE_UPSTREAM },
	{ "PEERNOSMC", "peer", 0x03010000, CAUSE_UPSTREAM },
	{ "IPSEC", "ipsec", 0x03020000, CAUSE_UPSTREAM },
	{ "NOSMCDEV", "no-device", 0x03030000, CAUSE_UPSTREAM },
	{ "NOSMCDDEV", "no-smcd-device", 0x03030001, CAUSE_UPSTREAM },
	{ "NOSMCRDEV", "no-device", 0x03030002, CAUSE_UPSTREAM },
	{ "NOISM2SUPP", "no-ismv2", 0x03030003, CAUSE_UPSTREAM },
	{ "NOV2EXT", "version", 0x03030004, CAUSE_UPSTREAM },
	{ "NOV2DEXT", "version", 0x03030005, CAUSE_UPSTREAM },
	{ "NOSEID", "seid", 0x03030006, CAUSE_UPSTREAM },
	{ "NOSMCD2DEV", "no-smcd-device", 0x03030007, CAUSE_UPSTREAM },
	{ "NOUEID", "ueid", 0x03030008, CAUSE_UPSTREAM },
	{ "RELEASEERR", "release", 0x03030009, CAUSE_DIFFERS },
	{ "MAXCONNERR", "link-limits", 0x0303000a, CAUSE_UPSTREAM },
	{ "MAXLINKERR", "link-limits", 0x0303000b, CAUSE_UPSTREAM },
	{ "VENDORERR", "vendor-options", 0x0303000c, CAUSE_ALIBABA },
	{ "MODEUNSUPP", "mode", 0x03040000, CAUSE_UPSTREAM },
	{ "RMBE_EC", "eyecatcher", 0x03050000, CAUSE_UPSTREAM },
	{ "OPTUNSUPP", "socket-option", 0x03060000, CAUSE_UPSTREAM },
	{ "DIFFPREFIX", "subnet", 0x03070000, CAUSE_UPSTREAM },
	{ "GETVLANERR", "vlan", 0x03080000, CAUSE_UPSTREAM },
	{ "ISMVLANERR", "vlan", 0x03090000, CAUSE_UPSTREAM },
	{ "NOACTLINK", "link-down", 0x030a0000, CAUSE_UPSTREAM },
	{ "NOSRVLINK", "server-link", 0x030b0000, CAUSE_UPSTREAM },
	{ "VERSMISMAT", "version", 0x030c0000, CAUSE_UPSTREAM },
	{ "MAX_DMB", "dmb-limit", 0x030d0000, CAUSE_UPSTREAM },
	{ "NOROUTE", "route", 0x030e0000, CAUSE_UPSTREAM },
	{ "NOINDIRECT", "route", 0x030f0000, CAUSE_UPSTREAM },
	{ "SYNCERR", "out-of-sync", 0x04000000, CAUSE_UPSTREAM },
	{ "PEERDECL", "peer-declined", 0x05000000, CAUSE_UPSTREAM },
	{ "INTERR", "internal", 0x09990000, CAUSE_UPSTREAM },
	{ "ERR_RTOK", "remote-buffer", 0x09990001, CAUSE_UPSTREAM },
	{ "ERR_RDYLNK", "link-setup", 0x09990002, CAUSE_UPSTREAM },
	{ "ERR_REGBUF", "buffer-registration", 0x09990003, CAUSE_UPSTREAM },
	{ "CREDITSERR", "credits", 0x09990004, CAUSE_ALIBABA },
	{ "ETIMEDOUT", "clc-timeout", (uint32_t)-ETIMEDOUT, CAUSE_ERRNO },
	{ "EAGAIN", "clc-timeout", (uint32_t)-EAGAIN, CAUSE_ERRNO },
	{ "EPROTO", "clc-garbled", (uint32_t)-EPROTO, CAUSE_ERRNO },
	{ "ECONNRESET", "clc-reset", (uint32_t)-ECONNRESET, CAUSE_ERRNO },
	{ "EPIPE", "clc-reset", (uint32_t)-EPIPE, CAUSE_ERRNO },
	{ "EINTR", "interrupted", (uint32_t)-EINTR, CAUSE_ERRNO },
	{ "ENOMEM", "memory", (uint32_t)-ENOMEM, CAUSE_ERRNO },
};

/* ---- what the table has ---- */

static void every_code_is_there(void **state)
{
	size_t with_code = 0;
	const struct cause *cause;

	(void)state;
	for (size_t i = 0; i < N(known); i++) {
		cause = cause_by_code(known[i].code);
		if (!cause) {
			fail_msg("%s is missing", known[i].name);
			return;
		}
		assert_int_equal(cause->code, known[i].code);
		assert_string_equal(cause->name, known[i].name);
		assert_string_equal(cause->word, known[i].word);
		assert_int_equal(cause->origin, known[i].origin);
		assert_string_equal(cause_word(known[i].code), known[i].word);
	}
	cause_for_each(cause)
		with_code += !!cause->code;
	assert_int_equal(with_code, N(known));
}

static void nothing_is_there_twice(void **state)
{
	const struct cause *a, *b;

	(void)state;
	cause_for_each(a) {
		cause_for_each(b) {
			if (a == b)
				continue;
			assert_false(a->code && a->code == b->code);
			assert_false(a->name && b->name && !strcasecmp(a->name, b->name));
			/* Else "explain mode" could be either. */
			assert_false(b->name && !strcasecmp(a->word, b->name));
			/* A cause that smc-policy finds itself is like no other. */
			assert_false(a->origin == CAUSE_OURS && !strcmp(a->word, b->word));
		}
	}
}

static void words_are_stable(void **state)
{
	const struct cause *cause;

	(void)state;
	cause_for_each(cause) {
		size_t length = strspn(cause->word, "abcdefghijklmnopqrstuvwxyz0123456789-");

		assert_int_equal(length, strlen(cause->word));
		assert_true(length && length <= 24 && islower(cause->word[0]));
	}
	assert_string_equal(cause_by_text("policy")->word, CAUSE_POLICY);
	assert_string_equal(cause_by_text("peer-policy")->word, CAUSE_PEER_POLICY);
	assert_string_equal(cause_by_text("unknown")->word, CAUSE_UNKNOWN);
}

/* ---- what it says ---- */

/* A sentence, or part of one: printable, without blanks around it, @stop at its end. */
static void assert_prose(const char *text, bool sentence)
{
	size_t length = strlen(text);

	if (length < 12 || length > 400 || strpbrk(text, "\n\t\"") || strstr(text, "  ") ||
	    text[0] == ' ' || (text[length - 1] == '.') != sentence)
		fail_msg("\"%s\"", text);
	if (sentence && !isupper(text[0]))
		fail_msg("\"%s\"", text);
}

/* A remedy is typed as it stands, but for values in capitals: it begins with a program. */
static void assert_command(const char *command)
{
	static const char *const programs[] = {
		"smc-ebpf ", "smcr ",  "smcd ", "nstat ", "smcss ",  "smc_pnet ", "sysctl ",
		"rdma ",     "rping ", "ip ",   "nft ",   "strace ", "dmesg",     "uname ",
	};

	assert_true(strlen(command) < 60); /* it fits a line of 80 columns, indented */
	for (size_t i = 0; i < N(programs); i++)
		if (!strncmp(command, programs[i], strlen(programs[i])))
			return;
	fail_msg("\"%s\" begins with no program that is known", command);
}

static void every_cause_is_explained(void **state)
{
	const struct cause *cause;

	(void)state;
	cause_for_each(cause) {
		assert_prose(cause->text, true);
		assert_int_equal(!!cause->differs, cause->origin == CAUSE_DIFFERS);
		if (cause->differs)
			assert_prose(cause->differs, true);
		assert_non_null(cause->likely[0]);
		for (size_t i = 0; i < CAUSE_LINES && cause->likely[i]; i++)
			assert_prose(cause->likely[i], false);
		assert_non_null(cause->remedies[0].text);
		for (size_t i = 0; i < CAUSE_LINES && cause->remedies[i].text; i++) {
			assert_prose(cause->remedies[i].text, false);
			if (cause->remedies[i].command)
				assert_command(cause->remedies[i].command);
		}
	}
}

/* ---- how a cause is named ---- */

static void in_capitals(const char *text, char *capitals)
{
	size_t i = 0;

	do
		capitals[i] = (char)toupper(text[i]);
	while (text[i++]);
}

static void assert_finds(const char *text, const struct cause *cause)
{
	char capitals[TEXT_SIZE];

	in_capitals(text, capitals);
	if (cause_by_text(text) != cause || cause_by_text(capitals) != cause)
		fail_msg("\"%s\" does not name %s", text, cause->word);
}

static void every_code_is_read_in_each_form(void **state)
{
	static const struct {
		const char *before;
		int width;
	} forms[] = { { "0x", 8 }, { "0x", 1 }, { "", 8 }, { "", 1 }, { "0x0", 1 } };

	(void)state;
	for (size_t i = 0; i < N(known); i++) {
		const struct cause *cause = cause_by_code(known[i].code);
		char text[TEXT_SIZE], code[CAUSE_CODE_SIZE];

		cause_format_code(known[i].code, code);
		assert_finds(code, cause);
		for (size_t form = 0; form < N(forms); form++) {
			snprintf(text, sizeof(text), "%s%0*x", forms[form].before,
				 forms[form].width, known[i].code);
			assert_finds(text, cause);
		}
		if (known[i].origin != CAUSE_ERRNO)
			continue;
		snprintf(text, sizeof(text), "%d", (int)known[i].code);
		assert_finds(text, cause);
	}
}

static void every_name_is_read(void **state)
{
	char text[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < N(known); i++) {
		const struct cause *cause = cause_by_code(known[i].code);

		assert_finds(known[i].name, cause);
		snprintf(text, sizeof(text), "%s%s",
			 known[i].origin == CAUSE_ERRNO ? "-" : "SMC_CLC_DECL_", known[i].name);
		assert_finds(text, cause);
	}
	assert_finds("SMC_CLC_DECL_ERR_REGRMB", cause_by_code(0x09990003));
	assert_finds("err_regrmb", cause_by_code(0x09990003));
}

static void every_word_is_read(void **state)
{
	const struct cause *cause;

	(void)state;
	cause_for_each(cause) {
		const struct cause *found = cause_by_text(cause->word);

		assert_non_null(found);
		assert_string_equal(found->word, cause->word);
		assert_true(found <= cause);
	}
}

static void any_errno_has_a_cause(void **state)
{
	(void)state;
	assert_string_equal(cause_word((uint32_t)-EHOSTUNREACH), "errno");
	assert_string_equal(cause_word((uint32_t)-1), "errno");
	assert_string_equal(cause_word((uint32_t)-4095), "errno");
	assert_string_equal(cause_word((uint32_t)-4096), CAUSE_UNKNOWN);
	assert_string_equal(cause_by_text("EHOSTUNREACH")->word, "errno");
	assert_string_equal(cause_by_text("-113")->word, "errno");
	assert_string_equal(cause_by_text("0xffffff8f")->word, "errno");
}

static void what_is_no_cause_is_not_guessed(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"0",
		"0x",
		"0x0",
		"00000000",
		"0x12345678",
		"12345678",
		"0x103010000",
		"103010000",
		" 0x03010000",
		"0x03010000 ",
		"0x0301000g",
		"-",
		"-0",
		"-4096",
		"--11",
		"+11",
		"11",
		"dead",
		"face",
		"beadfeed",
		"SMC_CLC_DECL_",
		"DECL_MEM",
		"SMC_CLC_DECL_policy",
		"SMC_CLC_DECL_0x03010000",
		"E",
		"-E",
		"EFOO",
		"peer policy",
		"0x00000000000000000003010000",
	};

	(void)state;
	assert_null(cause_by_code(0));
	assert_null(cause_by_code(0x03030010));
	assert_string_equal(cause_word(0x03030010), CAUSE_UNKNOWN);
	for (size_t i = 0; i < N(texts); i++)
		if (cause_by_text(texts[i]))
			fail_msg("\"%s\" names %s", texts[i], cause_by_text(texts[i])->word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_is_there),
		cmocka_unit_test(nothing_is_there_twice),
		cmocka_unit_test(words_are_stable),
		cmocka_unit_test(every_cause_is_explained),
		cmocka_unit_test(every_code_is_read_in_each_form),
		cmocka_unit_test(every_name_is_read),
		cmocka_unit_test(every_word_is_read),
		cmocka_unit_test(any_errno_has_a_cause),
		cmocka_unit_test(what_is_no_cause_is_not_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
