/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One parser per kind of value; configuration files, command line and control
 * protocol all use these.  A parser takes a NUL-terminated word, returns 0 and
 * fills its result, or returns -EINVAL and writes into @error what is wrong and
 * what would be right (-ENOMEM: out of memory).  Nothing is guessed: no
 * surrounding blanks, no signs, no other base than ten.
 */
#ifndef SMC_POLICY_VALUE_H
#define SMC_POLICY_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/words.h"

struct value_error {
	char text[384];
};

/* Write a message into @error.  Returns -EINVAL, for the caller to pass on. */
__attribute__((format(printf, 2, 3))) int value_refuse(struct value_error *error,
						       const char *format, ...);

/* A port or range of ports as it was written, ends included. */
struct policy_range {
	uint16_t first, last;
};

/* An address prefix.  All bits below @length are zero. */
struct policy_prefix {
	uint8_t addr[16]; /* network byte order; IPv4 as ::ffff:a.b.c.d */
	uint8_t length; /* bits that count: 0 to 32 for IPv4, 0 to 128 for IPv6 */
	bool v4;
	bool except; /* written with "!": takes the prefix out of the rule */
};

/* So many of something in so many seconds, and how many may come at once. */
struct policy_rate {
	uint32_t count; /* 1 to VALUE_RATE_MAX; 0: no limit */
	uint32_t seconds; /* 1, 60 or 3600 */
	uint32_t burst; /* 1 to VALUE_RATE_MAX */
};

#define VALUE_RATE_MAX 100000u

#define VALUE_LINE_MAX 65536 /* bytes in a line of a file, without its end */

/* A line of a file, @length bytes: no control characters but tabs. */
int value_line(const char *line, size_t length, struct value_error *error);

/* A word of @list, its number into @number. */
int value_word(const struct word_list *list, const char *text, int *number,
	       struct value_error *error);

/* A decimal number from @min to @max; @what names it in messages. */
int value_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *number,
		 struct value_error *error);

/* A rule name: 1 to 63 letters, digits, ".", "_" or "-", a letter or digit first. */
int value_name(const char *text, struct value_error *error);

/* "80", "8000-9000". */
int value_range(const char *text, struct policy_range *range, struct value_error *error);

/* "10.0.0.0/8", "fd00::/8", "10.1.2.3", with "!" before it an exception. */
int value_prefix(const char *text, struct policy_prefix *prefix, struct value_error *error);

/*
 * The IPv4 prefix that @text begins with into @prefix.  Returns how many bytes it takes; 0:
 * value_prefix() says whether it is another prefix or what is wrong.
 */
size_t value_leading_v4(const char *text, struct policy_prefix *prefix);

/* An IPv4 or IPv6 address into @addr (as in struct policy_prefix). */
int value_address(const char *text, uint8_t addr[16], struct value_error *error);

/* "90", "90s", "15m", "2h", "7d": seconds, at least 1, at most 10 years. */
int value_duration(const char *text, uint64_t *seconds, struct value_error *error);

/* "500us", "20ms", "1s", "2m": microseconds, at least 1, at most an hour. */
int value_time_us(const char *text, uint32_t *us, struct value_error *error);

/* "800ns", "100us", "1ms": nanoseconds, at least 1, at most a second. */
int value_time_ns(const char *text, uint32_t *ns, struct value_error *error);

/*
 * "65536", "64K", "10M", "2G", "1T": bytes, suffixes by powers of 1024, at least 1, at most 1024T.
 */
int value_size(const char *text, uint64_t *bytes, struct value_error *error);

/*
 * "100", "100/s", "30/m", "5/h", each perhaps followed by " burst 20".  Without burst
 * as many may come at once as come in a second, at least 1.
 */
int value_rate(const char *text, struct policy_rate *rate, struct value_error *error);

/* A UEID as the kernel takes it: 1 to 32 of A-Z, 0-9, "." and "-", a letter or digit first. */
int value_ueid(const char *text, struct value_error *error);

/* An absolute path of less than @size bytes. */
int value_path(const char *text, size_t size, struct value_error *error);

/*
 * Split @text at commas, blanks around items dropped, and call @item for each.
 * An empty list or item is refused.  Stops at the first non-zero return of
 * @item and returns it.
 */
int value_list(const char *text,
	       int (*item)(void *arg, const char *word, struct value_error *error), void *arg,
	       struct value_error *error);

/* Whether @addr (as in struct policy_prefix) is an IPv4 address. */
bool value_is_v4(const uint8_t addr[16]);

/* Write a value as it is parsed.  @buf holds at least VALUE_TEXT_SIZE bytes. */
#define VALUE_TEXT_SIZE 64
void value_format_range(const struct policy_range *range, char *buf);
void value_format_address(const uint8_t addr[16], char *buf);
void value_format_prefix(const struct policy_prefix *prefix, char *buf);
void value_format_time_us(uint32_t us, char *buf);
void value_format_size(uint64_t bytes, char *buf);
void value_format_rate(const struct policy_rate *rate, char *buf);

/* Bytes for people, in the largest unit that fits: "1.5 GiB".  @buf as above. */
void value_format_bytes(uint64_t bytes, char *buf);

#endif
