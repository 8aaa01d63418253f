// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A list may have a million peers and is read with every reload: IPv4 prefixes, which most are,
 * are sorted as numbers and in passes over their digits, a list that is in order not at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/plural.h"
#include "policy/peers.h"

#define FEW 512 /* peers that qsort() is fast enough for */
#define SHOWN 60 /* bytes of a wrong line that a message repeats */

/* ---- sorting ---- */

static int compare_prefixes(const void *a, const void *b)
{
	const struct policy_prefix *x = a, *y = b;
	int order = y->v4 - x->v4;

	if (!order)
		order = memcmp(x->addr, y->addr, sizeof(x->addr));
	if (!order)
		order = x->length - y->length;
	return order ? order : x->except - y->except;
}

static bool is_sorted(const struct policy_peers *peers)
{
	for (size_t i = 1; i < peers->n; i++)
		if (compare_prefixes(&peers->items[i - 1], &peers->items[i]) >= 0)
			return false;
	return true;
}

static void sort_by_comparing(struct policy_peers *peers)
{
	size_t kept = 0;

	if (!peers->n)
		return;
	qsort(peers->items, peers->n, sizeof(*peers->items), compare_prefixes);
	for (size_t i = 1; i < peers->n; i++)
		if (compare_prefixes(&peers->items[kept], &peers->items[i]))
			peers->items[++kept] = peers->items[i];
	peers->n = kept + 1;
}

/* An IPv4 prefix as a number that sorts as it does: address, length in 6 bits, exception in one. */
#define KEY_BITS 39
#define DIGIT_BITS 10

static uint64_t prefix_key(const struct policy_prefix *prefix)
{
	uint32_t address;

	memcpy(&address, prefix->addr + 12, sizeof(address));
	return (uint64_t)ntohl(address) << 7 | (uint64_t)prefix->length << 1 | prefix->except;
}

static void set_prefix(struct policy_prefix *prefix, uint64_t key)
{
	uint32_t address = htonl((uint32_t)(key >> 7));

	*prefix = (struct policy_prefix){
		.addr = { [10] = 0xff, [11] = 0xff },
		.length = key >> 1 & 0x3f,
		.v4 = true,
		.except = key & 1,
	};
	memcpy(prefix->addr + 12, &address, sizeof(address));
}

/* Move the @n keys of @from to @to in the order of the digit at @shift. */
static void sort_digit(const uint64_t *from, uint64_t *to, size_t n, int shift)
{
	size_t place[1 << DIGIT_BITS] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		place[from[i] >> shift & ((1 << DIGIT_BITS) - 1)]++;
	for (size_t i = 0; i < 1 << DIGIT_BITS; i++) {
		size_t count = place[i];

		place[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[place[from[i] >> shift & ((1 << DIGIT_BITS) - 1)]++] = from[i];
}

/* Sort @n keys, with room for as many more behind them. */
static void sort_keys(uint64_t *keys, size_t n)
{
	_Static_assert((KEY_BITS + DIGIT_BITS - 1) / DIGIT_BITS % 2 == 0, "ends where it began");

	for (int shift = 0; shift < KEY_BITS; shift += 2 * DIGIT_BITS) {
		sort_digit(keys, keys + n, n, shift);
		sort_digit(keys + n, keys, n, shift + DIGIT_BITS);
	}
}

static int sort_by_digits(struct policy_peers *peers)
{
	autofree uint64_t *keys = reallocarray(NULL, peers->n, 2 * sizeof(*keys));
	struct policy_peers v6 = { .items = reallocarray(NULL, peers->n, sizeof(*v6.items)) };
	size_t n = 0, kept = 0;

	if (!keys || !v6.items) {
		free(v6.items);
		return -ENOMEM;
	}
	for (size_t i = 0; i < peers->n; i++) {
		if (peers->items[i].v4)
			keys[n++] = prefix_key(&peers->items[i]);
		else
			v6.items[v6.n++] = peers->items[i];
	}
	sort_keys(keys, n);
	for (size_t i = 0; i < n; i++)
		if (!i || keys[i] != keys[i - 1])
			set_prefix(&peers->items[kept++], keys[i]);
	sort_by_comparing(&v6);
	memcpy(peers->items + kept, v6.items, v6.n * sizeof(*v6.items));
	peers->n = kept + v6.n;
	free(v6.items);
	return 0;
}

int policy_peers_sort(struct policy_peers *peers)
{
	if (is_sorted(peers))
		return 0;
	if (peers->n > FEW)
		return sort_by_digits(peers);
	sort_by_comparing(peers);
	return 0;
}

/* ---- finding ---- */

/* Zero the last of the @length bits that @prefix has. */
static void shorten(struct policy_prefix *prefix)
{
	unsigned int bit = (prefix->v4 ? 96u : 0) + --prefix->length;

	prefix->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

const struct policy_prefix *policy_peers_find(const struct policy_peers *peers,
					      const uint8_t addr[16], bool except)
{
	struct policy_prefix wanted = { .v4 = value_is_v4(addr), .except = except };
	const struct policy_prefix *found;

	memcpy(wanted.addr, addr, sizeof(wanted.addr));
	wanted.length = wanted.v4 ? 32 : 128;
	for (;; shorten(&wanted)) {
		found = peers->n ? bsearch(&wanted, peers->items, peers->n, sizeof(*peers->items),
					   compare_prefixes)
				 : NULL;
		if (found || !wanted.length)
			return found;
	}
}

/* ---- reading ---- */

/* More than the longest prefix takes. */
#define WORD_SIZE 96

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static void trim(const char **line, size_t *length)
{
	while (*length && is_blank((*line)[*length - 1]))
		--*length;
	while (*length && is_blank(**line)) {
		++*line;
		--*length;
	}
}

static bool is_comment(const char *text)
{
	return *text == '#' || *text == ';';
}

/* How many bytes the AS number takes that @text of @length bytes begins with, "64496" or "AS64496". */
static size_t as_number_length(const char *text, size_t length)
{
	size_t first = length > 2 && text[0] == 'A' && text[1] == 'S' ? 2 : 0, n = first;
	uint64_t number = 0;

	while (n < length && text[n] >= '0' && text[n] <= '9' && number <= UINT32_MAX)
		number = number * 10 + (uint64_t)(text[n++] - '0');
	return n > first && number <= UINT32_MAX && (n == length || is_blank(text[n])) ? n : 0;
}

/*
 * Whether @rest of @length bytes, blanks first, is what lists have behind a peer: a comment, and after
 * a prefix whose length is @written the number of the AS that announces it.  After an address alone a
 * number could be the length.
 */
static bool is_remark(const char *rest, size_t length, bool written)
{
	size_t number;

	trim(&rest, &length);
	number = written ? as_number_length(rest, length) : 0;
	rest += number;
	length -= number;
	trim(&rest, &length);
	return !length || is_comment(rest);
}

/* The prefix that is the first word of @line, @length bytes long. */
static int parse_word(const char *line, size_t length, struct policy_prefix *prefix,
		      struct value_error *error)
{
	char word[WORD_SIZE];

	if (length >= WORD_SIZE)
		length = WORD_SIZE - 1; /* too long for a prefix, as what is left of it is */
	memcpy(word, line, length);
	word[length] = '\0';
	if (strlen(word) < length)
		return value_line(line, length, error); /* a NUL byte hides what follows it */
	return value_prefix(word, prefix, error);
}

static size_t word_length(const char *line, size_t length)
{
	const char *blank = memchr(line, ' ', length), *tab;

	length = blank ? (size_t)(blank - line) : length;
	tab = memchr(line, '\t', length);
	return tab ? (size_t)(tab - line) : length;
}

/* @line of @length bytes, without blanks around it; a byte behind it ends it. */
static int parse_line(const char *line, size_t length, struct policy_prefix *prefix,
		      struct value_error *error)
{
	size_t word = value_leading_v4(line, prefix);
	int rc = 0;

	if (word == length)
		return 0;
	if (!word || !is_blank(line[word])) {
		word = word_length(line, length);
		rc = parse_word(line, word, prefix, error);
	}
	if (!rc && word == length)
		return 0;
	if (value_line(line, length, error))
		return -EINVAL;
	if (!rc && is_remark(line + word, length - word, memchr(line, '/', word)))
		return 0;
	if (rc && !memchr(line, ',', word))
		return parse_word(line, word, prefix, error);
	return value_refuse(
		error,
		"\"%.*s\" is not one peer; write one prefix or address a line, and after it only a "
		"comment (a blank, then \"#\" or \";\") or, after a prefix length, an AS number",
		length < SHOWN ? (int)length : SHOWN, line);
}

/* Take over the peer of one line, if there is one. */
static int read_line(struct policy_peers *peers, const char *line, size_t length,
		     struct value_error *error)
{
	int rc;

	if (length && line[length - 1] == '\r')
		length--;
	if (length > VALUE_LINE_MAX)
		return value_refuse(
			error, "line is longer than %d bytes; write one prefix or address a line",
			VALUE_LINE_MAX);
	trim(&line, &length);
	if (!length)
		return 0;
	if (is_comment(line))
		return value_line(line, length, error);
	rc = parse_line(line, length, &peers->items[peers->n], error);
	peers->n += !rc;
	return rc;
}

static int make_room(struct policy_peers *peers, const char *text, const char *end)
{
	size_t lines = 1;
	struct policy_prefix *items;

	while (text < end && (text = memchr(text, '\n', (size_t)(end - text)))) {
		lines++;
		text++;
	}
	items = reallocarray(peers->items, peers->n + lines, sizeof(*items));
	if (!items)
		return -ENOMEM;
	peers->items = items;
	return 0;
}

int policy_peers_parse(struct policy_peers *peers, const char *file, const char *text,
		       size_t length, struct policy_errors *errors)
{
	const char *end = text + length, *next;
	size_t before = peers->n, wrong = 0, line = 1;
	struct value_error error;
	int rc = make_room(peers, text, end);

	if (rc)
		return rc;
	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3; /* byte order mark */
	for (; text < end; text = next + 1, line++) {
		next = memchr(text, '\n', (size_t)(end - text)) ?: end;
		rc = read_line(peers, text, (size_t)(next - text), &error);
		if (rc == -ENOMEM)
			return rc;
		if (rc && wrong++ < POLICY_PEERS_ERRORS)
			policy_errors_add(errors, "%s:%zu: %s", file, line, error.text);
	}
	if (wrong > POLICY_PEERS_ERRORS)
		policy_errors_add(errors, "%s: %zu more %s wrong; correct them alike", file,
				  wrong - POLICY_PEERS_ERRORS,
				  plural(wrong - POLICY_PEERS_ERRORS, "line is", "lines are"));
	if (!wrong && peers->n == before)
		policy_errors_add(
			errors,
			"%s: lists no peer, which must not mean any; write one prefix or address a "
			"line, or remove the rule that names this file",
			file);
	return wrong || peers->n == before ? -EINVAL : 0;
}
