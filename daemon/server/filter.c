// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "policy/causes.h"
#include "server/filter.h"

static const char *text_of(const json_t *arguments, const char *name)
{
	return json_string_value(json_object_get(arguments, name));
}

/* ---- reading ---- */

static int read_word(const struct word_list *list, const char *text, int *number,
		     struct kernel_error *error)
{
	struct value_error why;
	int rc;

	if (!text)
		return 0;
	rc = value_word(list, text, number, &why);
	return rc ? kernel_fail(error, rc, "%s", why.text) : 0;
}

static int read_peer(const char *text, struct filter *filter, struct kernel_error *error)
{
	struct value_error why;
	int rc;

	if (!text)
		return 0;
	rc = value_prefix(text, &filter->peer, &why);
	filter->by_peer = true;
	return rc ? kernel_fail(error, rc, "%s", why.text) : 0;
}

/* The counter slot of the rule called @name, of one that has gone too; 0: there is none. */
static uint32_t find_slot(const struct server *server, const char *name)
{
	uint32_t gone = 0;

	for (uint32_t i = SMC_POLICY_SLOT_FIRST; i < server->slots.n; i++) {
		const struct smc_policy_rule_slot *owner = &server->slots.owners[i];

		if (strcmp(owner->name, name))
			continue;
		if (!owner->retired)
			return i;
		gone = i;
	}
	return gone;
}

static int read_rule(const struct server *server, const char *text, struct filter *filter,
		     struct kernel_error *error)
{
	if (!text)
		return 0;
	if (!find_slot(server, text))
		return kernel_fail(error, -ENOENT,
				   "there is no rule \"%.64s\"; \"smc-ebpf policy list\" lists the "
				   "rules",
				   text);
	strcpy(filter->rule, text); /* a slot's name is not longer */
	return 0;
}

/* A code or a constant stands for its word. */
static int read_cause(const char *text, struct filter *filter, struct kernel_error *error)
{
	const struct cause *cause = text ? cause_by_text(text) : NULL;

	if (text && !cause)
		return kernel_fail(error, -EINVAL,
				   "cause \"%.64s\" is unknown; \"smc-ebpf explain all\" lists the "
				   "causes",
				   text);
	filter->cause = cause ? cause->word : NULL;
	return 0;
}

int filter_read(const struct server *server, const json_t *arguments, struct filter *filter,
		struct kernel_error *error)
{
	const json_t *port = json_object_get(arguments, "port");
	int rc;

	*filter = (struct filter){ .side = -1, .mode = -1, .port = -1 };
	if (port)
		filter->port = (int)json_integer_value(port);
	rc = read_word(&words_side, text_of(arguments, "side"), &filter->side, error);
	if (!rc)
		rc = read_word(&words_mode, text_of(arguments, "mode"), &filter->mode, error);
	if (!rc)
		rc = read_peer(text_of(arguments, "peer"), filter, error);
	if (!rc)
		rc = read_rule(server, text_of(arguments, "rule"), filter, error);
	return rc ? rc : read_cause(text_of(arguments, "cause"), filter, error);
}

bool filter_is_empty(const struct filter *filter)
{
	return filter->side < 0 && filter->mode < 0 && filter->port < 0 && !filter->by_peer &&
	       !filter->rule[0] && !filter->cause;
}

/* ---- matching ---- */

/* Bits of an address that a prefix compares. */
static unsigned int bits_of(const struct policy_prefix *prefix)
{
	return prefix->length + (prefix->v4 ? 96u : 0u);
}

/* The first @bits of 128 set. */
static void fill_mask(uint8_t mask[16], unsigned int bits)
{
	for (unsigned int i = 0; i < 16; i++, bits -= bits < 8 ? bits : 8)
		mask[i] = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
}

static bool is_inside(const struct policy_prefix *prefix, const uint8_t peer[16])
{
	uint8_t mask[16];

	fill_mask(mask, bits_of(prefix));
	for (int i = 0; i < 16; i++)
		if ((peer[i] ^ prefix->addr[i]) & mask[i])
			return false;
	return true;
}

static bool same(const char *wanted, const char *text)
{
	return text && !strcmp(wanted, text);
}

bool filter_matches(const struct filter *filter, const struct filter_subject *subject)
{
	return (filter->side < 0 || filter->side == subject->side) &&
	       (filter->mode < 0 || filter->mode == subject->mode) &&
	       (filter->port < 0 || filter->port == subject->port) &&
	       (!filter->by_peer || (subject->peer && is_inside(&filter->peer, subject->peer))) &&
	       (!filter->rule[0] || same(filter->rule, subject->rule)) &&
	       (!filter->cause || same(filter->cause, subject->cause));
}

/* ---- for the kernel ---- */

/* The codes that the word of @filter stands for. */
static void fill_cause(const struct filter *filter, struct smc_policy_filter *kernel)
{
	const struct cause *cause;
	size_t n = 0;

	kernel->flags |= SMC_POLICY_FILTER_CAUSE;
	kernel->cause = SMC_POLICY_CAUSE_CODES;
	if (!strcmp(filter->cause, CAUSE_POLICY))
		kernel->cause = SMC_POLICY_CAUSE_POLICY;
	else if (!strcmp(filter->cause, CAUSE_PEER_POLICY))
		kernel->cause = SMC_POLICY_CAUSE_PEER_POLICY;
	else if (!strcmp(filter->cause, CAUSE_UNKNOWN))
		kernel->flags &= ~SMC_POLICY_FILTER_CAUSE; /* all that is not known */
	cause_for_each(cause)
		if (cause->code && !strcmp(cause->word, filter->cause) &&
		    n < SMC_POLICY_FILTER_CODES)
			kernel->codes[n++] = cause->code;
	for (size_t i = n; n && i < SMC_POLICY_FILTER_CODES; i++)
		kernel->codes[i] = kernel->codes[0];
}

void filter_for_kernel(const struct server *server, const struct filter *filter,
		       struct smc_policy_filter *kernel)
{
	*kernel = (struct smc_policy_filter){ 0 };
	if (filter->side >= 0) {
		kernel->flags |= SMC_POLICY_FILTER_SIDE;
		kernel->side = (__u8)filter->side;
	}
	if (filter->mode >= 0) {
		kernel->flags |= SMC_POLICY_FILTER_MODE;
		kernel->mode = (__u8)filter->mode;
	}
	if (filter->port >= 0) {
		kernel->flags |= SMC_POLICY_FILTER_PORT;
		kernel->port = (__u16)filter->port;
	}
	if (filter->rule[0]) {
		kernel->flags |= SMC_POLICY_FILTER_RULE;
		kernel->slot = find_slot(server, filter->rule);
	}
	if (filter->by_peer) {
		kernel->flags |= SMC_POLICY_FILTER_PEER;
		memcpy(kernel->peer, filter->peer.addr, sizeof(kernel->peer));
		fill_mask((uint8_t *)kernel->mask, bits_of(&filter->peer));
	}
	if (filter->cause)
		fill_cause(filter, kernel);
}
