// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Long because each kind of value is parsed and written in one place, and all of them share the few
 * helpers.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "policy/value.h"
#include "smc_policy_maps.h"

#define SHOWN 60 /* bytes of an offending word that a message repeats */

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

int value_refuse(struct value_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -EINVAL;
}

int value_line(const char *line, size_t length, struct value_error *error)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)line[i];

		if ((byte >= ' ' && byte != 0x7f) || byte == '\t')
			continue;
		return value_refuse(
			error,
			"line contains a %s (0x%02x); write plain text, tabs and blanks only",
			byte ? "control character" : "NUL byte", byte);
	}
	return 0;
}

/* @text made fit for a message: short, one line, no control characters. */
static const char *shown(const char *text, char buf[SHOWN + 4])
{
	size_t n = 0;

	for (; text[n] && n < SHOWN; n++)
		buf[n] = isprint((unsigned char)text[n]) ? text[n] : '?';
	strcpy(buf + n, text[n] ? "..." : "");
	return buf;
}

int value_word(const struct word_list *list, const char *text, int *number,
	       struct value_error *error)
{
	char choices[128], word[SHOWN + 4];
	int found = word_find(list, text);

	if (found >= 0) {
		*number = found;
		return 0;
	}
	word_choices(list, choices, sizeof(choices));
	return value_refuse(error, "%s \"%s\" is unknown; use %s", list->what, shown(text, word),
			    choices);
}

int value_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *number,
		 struct value_error *error)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long long found;
	char word[SHOWN + 4];

	if (!digits || text[digits] || (text[0] == '0' && digits > 1))
		return value_refuse(error,
				    "%s \"%s\" is not a plain decimal number; write digits only, "
				    "without sign or leading zeros",
				    what, shown(text, word));
	errno = 0;
	found = strtoull(text, NULL, 10);
	if (errno || found < min || found > max)
		return value_refuse(error, "%s %s is out of range; use %llu to %llu", what,
				    shown(text, word), (unsigned long long)min,
				    (unsigned long long)max);
	*number = found;
	return 0;
}

int value_name(const char *text, struct value_error *error)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t length = strspn(text, allowed);
	char word[SHOWN + 4];

	if (!length || text[length] || !isalnum((unsigned char)text[0]))
		return value_refuse(error,
				    "rule name \"%s\" is not valid; use letters, digits, \".\", "
				    "\"_\" and \"-\", a letter or digit first",
				    shown(text, word));
	if (length >= SMC_POLICY_NAME_SIZE)
		return value_refuse(error,
				    "rule name \"%s\" is too long; use at most %d characters",
				    shown(text, word), SMC_POLICY_NAME_SIZE - 1);
	return 0;
}

static int refuse_blanks(const char *what, const char *text, struct value_error *error)
{
	char word[SHOWN + 4];

	return value_refuse(error,
			    "%s \"%s\" contains a blank; separate items by commas and write none "
			    "inside an item",
			    what, shown(text, word));
}

int value_range(const char *text, struct policy_range *range, struct value_error *error)
{
	autofree char *copy = strdup(text);
	char word[SHOWN + 4], *dash;
	uint64_t first = 0, last;
	int rc;

	if (!copy)
		return -ENOMEM;
	if (strpbrk(text, " \t"))
		return refuse_blanks("port", text, error);
	dash = strchr(copy, '-');
	if (dash && (dash == copy || !dash[1] || strchr(dash + 1, '-')))
		return value_refuse(error,
				    "port range \"%s\" is not valid; write FIRST-LAST, for example "
				    "8000-9000",
				    shown(text, word));
	if (dash)
		*dash = '\0';
	rc = value_number("port", copy, 0, UINT16_MAX, &first, error);
	last = first;
	if (!rc && dash)
		rc = value_number("port", dash + 1, 0, UINT16_MAX, &last, error);
	if (rc)
		return rc;
	if (first > last)
		return value_refuse(error, "port range %s is reversed; write %llu-%llu", text,
				    (unsigned long long)last, (unsigned long long)first);
	range->first = (uint16_t)first;
	range->last = (uint16_t)last;
	return 0;
}

/* IPv4 (dotted, no leading zeros: inet_pton refuses them) or IPv6; says which. */
static int parse_address(const char *text, uint8_t addr[16], bool *v4)
{
	if (inet_pton(AF_INET, text, addr + 12) == 1) {
		memcpy(addr, v4_mapped, sizeof(v4_mapped));
		*v4 = true;
		return 0;
	}
	*v4 = false;
	return inet_pton(AF_INET6, text, addr) == 1 ? 0 : -EINVAL;
}

static int refuse_address(const char *what, const char *text, struct value_error *error)
{
	char word[SHOWN + 4];

	return value_refuse(error,
			    "%s \"%s\" is not an IPv4 or IPv6 address; write for example 192.0.2.7 "
			    "or 2001:db8::7, without leading zeros in IPv4 and without a zone",
			    what, shown(text, word));
}

int value_address(const char *text, uint8_t addr[16], struct value_error *error)
{
	bool v4;

	return parse_address(text, addr, &v4) ? refuse_address("peer", text, error) : 0;
}

bool value_is_v4(const uint8_t addr[16])
{
	return !memcmp(addr, v4_mapped, sizeof(v4_mapped));
}

/* Zero the bits of @addr from bit @from on; returns whether any was set. */
static bool clear_host_bits(uint8_t addr[16], unsigned int from)
{
	bool found = false;

	for (unsigned int i = from / 8; i < 16; i++) {
		uint8_t host = i == from / 8 ? 0xff >> (from % 8) : 0xff;

		found |= addr[i] & host;
		addr[i] &= (uint8_t)~host;
	}
	return found;
}

/* "::ffff:10.0.0.0/104" is the IPv4 prefix 10.0.0.0/8. */
static void fold_mapped(struct policy_prefix *prefix)
{
	if (prefix->v4 || prefix->length < 96 || !value_is_v4(prefix->addr))
		return;
	prefix->v4 = true;
	prefix->length -= 96;
}

/* A number from 0 to @max as value_number() takes it, at @text, which moves behind it. */
static bool parse_small(const char **text, uint32_t max, uint32_t *number)
{
	const char *digit = *text;

	*number = 0;
	while (*digit >= '0' && *digit <= '9' && *number <= max)
		*number = *number * 10 + (uint32_t)(*digit++ - '0');
	if (digit == *text || *number > max || (**text == '0' && digit > *text + 1))
		return false;
	*text = digit;
	return true;
}

/* In a fraction of the time that the general way takes: there may be a million. */
size_t value_leading_v4(const char *text, struct policy_prefix *prefix)
{
	uint32_t number, length = 32, address = 0;
	const char *start = text;

	*prefix = (struct policy_prefix){ .v4 = true, .except = *text == '!' };
	text += prefix->except;
	for (int i = 0; i < 4; i++) {
		if ((i && *text++ != '.') || !parse_small(&text, 255, &number))
			return 0;
		address = address << 8 | number;
	}
	if (*text == '/') {
		text++;
		if (!parse_small(&text, 32, &length))
			return 0;
	}
	if (length < 32 && address << length)
		return 0;
	address = htonl(address);
	memcpy(prefix->addr, v4_mapped, sizeof(v4_mapped));
	memcpy(prefix->addr + sizeof(v4_mapped), &address, sizeof(address));
	prefix->length = (uint8_t)length;
	return (size_t)(text - start);
}

static int parse_prefix(const char *text, struct policy_prefix *prefix, struct value_error *error)
{
	char address[INET6_ADDRSTRLEN] = "", good[VALUE_TEXT_SIZE], word[SHOWN + 4];
	const char *start = text + (text[0] == '!'), *slash = strchrnul(start, '/');
	uint32_t length;

	if (strpbrk(text, " \t"))
		return refuse_blanks("peer", text, error);
	*prefix = (struct policy_prefix){ .except = text[0] == '!' };
	if ((size_t)(slash - start) < sizeof(address))
		memcpy(address, start, (size_t)(slash - start));
	if (parse_address(address, prefix->addr, &prefix->v4))
		return refuse_address("peer", text, error);
	length = prefix->v4 ? 32 : 128;
	if (*slash++ && (!parse_small(&slash, length, &length) || *slash))
		return value_refuse(error,
				    "peer \"%s\" has no valid prefix length; write a plain number "
				    "from 0 to %d after the \"/\"",
				    shown(text, word), prefix->v4 ? 32 : 128);
	prefix->length = (uint8_t)length;
	if (clear_host_bits(prefix->addr, prefix->length + (prefix->v4 ? 96 : 0))) {
		value_format_prefix(prefix, good);
		return value_refuse(error, "peer %s has bits set below its prefix length; write %s",
				    text, good);
	}
	fold_mapped(prefix);
	return 0;
}

int value_prefix(const char *text, struct policy_prefix *prefix, struct value_error *error)
{
	size_t length = value_leading_v4(text, prefix);

	if (length && !text[length])
		return 0;
	return parse_prefix(text, prefix, error);
}

int value_duration(const char *text, uint64_t *seconds, struct value_error *error)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	const uint64_t limit = 10ULL * 365 * 86400;
	autofree char *copy = strdup(text);
	char word[SHOWN + 4];
	uint64_t unit = 1;
	size_t length;

	if (!copy)
		return -ENOMEM;
	length = strlen(copy);
	for (size_t i = 0; length && i < sizeof(units) / sizeof(*units); i++) {
		if (copy[length - 1] != units[i].unit)
			continue;
		unit = units[i].seconds;
		copy[length - 1] = '\0';
		break;
	}
	if (value_number("duration", copy, 1, limit / unit, seconds, error))
		return value_refuse(
			error,
			"duration \"%s\" is not valid; write a whole number from 1 up with "
			"s, m, h or d, at most ten years, for example 90s or 2h",
			shown(text, word));
	*seconds *= unit;
	return 0;
}

/* A unit and how many of the smallest one it is. */
struct unit {
	const char *name;
	uint64_t times;
};

/*
 * "20ms": a number from 1 to @max, in the smallest unit, with a unit of @units, which
 * end with a name of NULL; longer names before those that they end with.  -EINVAL
 * without a message: it is not that.
 */
static int parse_units(const char *text, const struct unit *units, uint64_t max, uint64_t *number)
{
	size_t length = strlen(text);
	autofree char *copy = strdup(text);
	struct value_error ignored;

	if (!copy)
		return -ENOMEM;
	for (; units->name; units++) {
		size_t tail = strlen(units->name);

		if (length <= tail || strcmp(copy + length - tail, units->name))
			continue;
		copy[length - tail] = '\0';
		if (value_number("", copy, 1, max / units->times, number, &ignored))
			return -EINVAL;
		*number *= units->times;
		return 0;
	}
	return -EINVAL;
}

int value_time_us(const char *text, uint32_t *us, struct value_error *error)
{
	static const struct unit units[] = {
		{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "m", 60000000 }, { NULL, 0 }
	};
	char word[SHOWN + 4];
	uint64_t number;
	int rc = parse_units(text, units, 3600000000u, &number);

	if (rc == -EINVAL)
		return value_refuse(
			error,
			"time \"%s\" is not valid; write a whole number from 1 up with us, ms, s or "
			"m, at most an hour, for example 500us or 20ms",
			shown(text, word));
	if (!rc)
		*us = (uint32_t)number;
	return rc;
}

int value_time_ns(const char *text, uint32_t *ns, struct value_error *error)
{
	static const struct unit units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }, { NULL, 0 }
	};
	char word[SHOWN + 4];
	uint64_t number;
	int rc = parse_units(text, units, 1000000000, &number);

	if (rc == -EINVAL)
		return value_refuse(
			error,
			"time \"%s\" is not valid; write a whole number from 1 up with ns, us, ms or "
			"s, at most a second, for example 100us",
			shown(text, word));
	if (!rc)
		*ns = (uint32_t)number;
	return rc;
}

/* Ascending, and the unit of nothing last: every text ends with it. */
static const struct unit sizes[] = {
	{ "K", 1ULL << 10 }, { "M", 1ULL << 20 }, { "G", 1ULL << 30 },
	{ "T", 1ULL << 40 }, { "", 1 },           { NULL, 0 },
};

int value_size(const char *text, uint64_t *bytes, struct value_error *error)
{
	char word[SHOWN + 4];
	int rc = parse_units(text, sizes, 1ULL << 50, bytes);

	if (rc == -EINVAL)
		return value_refuse(
			error,
			"size \"%s\" is not valid; write a whole number of bytes from 1 up, or one "
			"with K, M, G or T, at most 1024T, for example 64K or 2G",
			shown(text, word));
	return rc;
}

static const struct unit periods[] = { { "/s", 1 }, { "/m", 60 }, { "/h", 3600 }, { NULL, 0 } };

static uint32_t default_burst(const struct policy_rate *rate)
{
	return (rate->count + rate->seconds - 1) / rate->seconds;
}

/* "30/m" into @rate without its burst; @text is changed.  Returns 0 or -EINVAL. */
static int parse_count(char *text, struct policy_rate *rate)
{
	const char *slash = strchr(text, '/');
	struct value_error ignored;
	uint64_t count = 0;

	rate->seconds = slash ? 0 : 1;
	for (const struct unit *unit = periods; slash && unit->name; unit++)
		if (!strcmp(slash, unit->name))
			rate->seconds = (uint32_t)unit->times;
	if (!rate->seconds)
		return -EINVAL;
	text[strcspn(text, "/")] = '\0';
	if (value_number("", text, 1, VALUE_RATE_MAX, &count, &ignored))
		return -EINVAL;
	rate->count = (uint32_t)count;
	return 0;
}

/* The words of a rate.  Returns 0 or -EINVAL; @text is changed. */
static int parse_rate(char *text, struct policy_rate *rate)
{
	char *save = NULL, *count = strtok_r(text, " \t", &save);
	const char *word = strtok_r(NULL, " \t", &save), *number = strtok_r(NULL, " \t", &save);
	struct value_error ignored;
	uint64_t burst = 0;

	if (!count || parse_count(count, rate) || strtok_r(NULL, " \t", &save))
		return -EINVAL;
	rate->burst = default_burst(rate);
	if (!word)
		return 0;
	if (strcmp(word, "burst") || !number ||
	    value_number("", number, 1, VALUE_RATE_MAX, &burst, &ignored))
		return -EINVAL;
	rate->burst = (uint32_t)burst;
	return 0;
}

int value_rate(const char *text, struct policy_rate *rate, struct value_error *error)
{
	autofree char *copy = strdup(text);
	struct policy_rate found;
	char word[SHOWN + 4];

	if (!copy)
		return -ENOMEM;
	if (parse_rate(copy, &found))
		return value_refuse(
			error,
			"rate \"%s\" is not valid; write a whole number from 1 to %u with /s, /m or "
			"/h, and after it perhaps how many may come at once, for example 100/s or "
			"30/m burst 20",
			shown(text, word), VALUE_RATE_MAX);
	*rate = found;
	return 0;
}

#define UEID_MOST 32 /* SMC_MAX_EID_LEN */
#define UEID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define UEID_DIGITS "0123456789"

/* smc_clc_ueid_valid() in net/smc/smc_clc.c. */
int value_ueid(const char *text, struct value_error *error)
{
	size_t length = strlen(text);

	if (strspn(text, UEID_LETTERS UEID_DIGITS ".-") == length && length &&
	    length <= UEID_MOST && strspn(text, UEID_LETTERS UEID_DIGITS))
		return 0;
	return value_refuse(error,
			    "ueid \"%.64s\" is not valid; write 1 to %d of A-Z, 0-9, \".\" and "
			    "\"-\", a letter or digit first, no lower case",
			    text, UEID_MOST);
}

int value_path(const char *text, size_t size, struct value_error *error)
{
	char word[SHOWN + 4];

	if (text[0] != '/')
		return value_refuse(error,
				    "path \"%s\" is not absolute; write it with a leading \"/\"",
				    shown(text, word));
	if (strlen(text) >= size)
		return value_refuse(error, "path \"%s\" is too long; use at most %zu characters",
				    shown(text, word), size - 1);
	return 0;
}

/* Cut blanks from both ends of @text in place; returns its start. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && strchr(" \t", text[length - 1]))
		text[--length] = '\0';
	return text;
}

int value_list(const char *text,
	       int (*item)(void *arg, const char *word, struct value_error *error), void *arg,
	       struct value_error *error)
{
	autofree char *copy = strdup(text);
	unsigned int at = 0, empty = 0;
	char *rest = copy, *word;
	int rc;

	if (!copy)
		return -ENOMEM;
	while ((word = strsep(&rest, ","))) {
		at++;
		word = trim(word);
		rc = *word ? item(arg, word, error) : 0;
		if (rc)
			return rc;
		if (!*word && !empty)
			empty = at;
	}
	if (empty)
		return value_refuse(error,
				    "list item %u is empty; separate items by single commas, "
				    "without one at the start or the end",
				    empty);
	return 0;
}

void value_format_range(const struct policy_range *range, char *buf)
{
	if (range->first == range->last)
		sprintf(buf, "%u", range->first);
	else
		sprintf(buf, "%u-%u", range->first, range->last);
}

static void format_address(const uint8_t addr[16], bool v4, char *buf)
{
	inet_ntop(v4 ? AF_INET : AF_INET6, addr + (v4 ? 12 : 0), buf, INET6_ADDRSTRLEN);
}

void value_format_address(const uint8_t addr[16], char *buf)
{
	format_address(addr, value_is_v4(addr), buf);
}

void value_format_prefix(const struct policy_prefix *prefix, char *buf)
{
	char addr[INET6_ADDRSTRLEN];

	/* A mapped address whose prefix is refused is told as it was written. */
	format_address(prefix->addr, prefix->v4, addr);
	sprintf(buf, "%s%s/%u", prefix->except ? "!" : "", addr, prefix->length);
}

void value_format_time_us(uint32_t us, char *buf)
{
	if (us % 1000)
		sprintf(buf, "%" PRIu32 "us", us);
	else if (us % 1000000)
		sprintf(buf, "%" PRIu32 "ms", us / 1000);
	else
		sprintf(buf, "%" PRIu32 "s", us / 1000000);
}

void value_format_size(uint64_t bytes, char *buf)
{
	const struct unit *best = sizes;

	for (const struct unit *unit = sizes; unit->name; unit++)
		if (!(bytes % unit->times) && (bytes % best->times || unit->times > best->times))
			best = unit;
	sprintf(buf, "%" PRIu64 "%s", bytes / best->times, best->name);
}

void value_format_rate(const struct policy_rate *rate, char *buf)
{
	const struct unit *period = periods;

	while (period[1].name && period->times != rate->seconds)
		period++;
	buf += sprintf(buf, "%" PRIu32 "%s", rate->count, period->name);
	if (rate->burst != default_burst(rate))
		sprintf(buf, " burst %" PRIu32, rate->burst);
}

void value_format_bytes(uint64_t bytes, char *buf)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		sprintf(buf, "%u B", (unsigned int)bytes);
		return;
	}
	for (; value >= 1024 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
		value /= 1024;
	snprintf(buf, VALUE_TEXT_SIZE, "%.1f %s", value, units[unit]);
}
