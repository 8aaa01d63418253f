// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "policy/intern.h"
#include "policy/rule.h"

const char *const policy_rule_keys[] = {
	"side",     "ports",           "peers",      "action",  "ttl",
	"max-rate", "max-connections", "max-memory", "max-rtt", NULL,
};

struct policy_rule *policy_rule_new(const char *name)
{
	struct policy_rule *rule = calloc(1, sizeof(*rule));

	if (!rule)
		return NULL;
	snprintf(rule->name, sizeof(rule->name), "%s", name);
	rule->side = POLICY_SIDE_BOTH;
	rule->action = -1;
	return rule;
}

void policy_rule_free(struct policy_rule *rule)
{
	if (!rule)
		return;
	free(rule->ports);
	free(rule->peers);
	free(rule->peers_file);
	free(rule->own_peers.items);
	free(rule->file);
	free(rule);
}

static void *copy_array(const void *from, size_t count, size_t size)
{
	void *to = calloc(count ? count : 1, size);

	if (to && count)
		memcpy(to, from, count * size);
	return to;
}

struct policy_rule *policy_rule_copy(const struct policy_rule *rule)
{
	struct policy_rule *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *rule;
	copy->ports = copy_array(rule->ports, rule->n_ports, sizeof(*rule->ports));
	copy->peers = copy_array(rule->peers, rule->n_peers, sizeof(*rule->peers));
	copy->own_peers.items = rule->peers_file
					? copy_array(rule->own_peers.items, rule->own_peers.n,
						     sizeof(*rule->own_peers.items))
					: NULL;
	copy->peers_file = rule->peers_file ? strdup(rule->peers_file) : NULL;
	copy->file = rule->file ? strdup(rule->file) : NULL;
	if (!copy->ports || !copy->peers || (rule->file && !copy->file) ||
	    (rule->peers_file && (!copy->own_peers.items || !copy->peers_file))) {
		policy_rule_free(copy);
		return NULL;
	}
	return copy;
}

/* A list being parsed: items of @size bytes. */
struct list {
	char *items;
	size_t n, room, size;
};

static void *list_next(struct list *list)
{
	size_t room = list->room ? list->room * 2 : 4;
	char *items;

	if (list->n < list->room)
		return list->items + list->n++ * list->size;
	items = reallocarray(list->items, room, list->size);
	if (!items)
		return NULL;
	list->items = items;
	list->room = room;
	return list->items + list->n++ * list->size;
}

/* Sort the items and drop those that are there twice. */
static void list_normalize(struct list *list, int (*compare)(const void *, const void *))
{
	size_t kept = 0;

	if (!list->n)
		return;
	qsort(list->items, list->n, list->size, compare);
	for (size_t i = 1; i < list->n; i++) {
		char *last = list->items + kept * list->size;
		char *item = list->items + i * list->size;

		if (compare(last, item))
			memmove(list->items + ++kept * list->size, item, list->size);
	}
	list->n = kept + 1;
}

static int add_range(void *arg, const char *word, struct value_error *error)
{
	struct policy_range *range = list_next(arg);

	return range ? value_range(word, range, error) : -ENOMEM;
}

static int add_prefix(void *arg, const char *word, struct value_error *error)
{
	struct policy_prefix *prefix = list_next(arg);

	return prefix ? value_prefix(word, prefix, error) : -ENOMEM;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct policy_range *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->last > y->last) - (x->last < y->last);
}

static int set_ports(struct policy_rule *rule, const char *text, struct value_error *error)
{
	struct list list = { .size = sizeof(struct policy_range) };
	int rc = value_list(text, add_range, &list, error);

	if (rc) {
		free(list.items);
		return rc;
	}
	list_normalize(&list, compare_ranges);
	free(rule->ports);
	rule->ports = (struct policy_range *)list.items;
	rule->n_ports = list.n;
	return 0;
}

static int set_peers(struct policy_rule *rule, const char *text, struct value_error *error)
{
	struct list list = { .size = sizeof(struct policy_prefix) };
	int rc = value_list(text, add_prefix, &list, error);
	struct policy_peers peers = { (struct policy_prefix *)list.items, list.n };

	if (!rc)
		rc = policy_peers_sort(&peers);
	if (rc) {
		free(list.items);
		return rc;
	}
	free(rule->peers);
	rule->peers = peers.items;
	rule->n_peers = peers.n;
	return 0;
}

int policy_rule_add_file(struct policy_rule *rule, const char *path, struct policy_peers *peers)
{
	size_t n = peers->n + rule->n_peers;
	struct policy_prefix *items = reallocarray(peers->items, n, sizeof(*items));
	autofree char *name = strdup(path);

	if (items)
		peers->items = items;
	if (!items || !name)
		return -ENOMEM;
	if (rule->n_peers)
		memcpy(items + peers->n, rule->peers, rule->n_peers * sizeof(*items));
	peers->n = n;
	if (policy_peers_sort(peers))
		return -ENOMEM;
	rule->peers_file = steal_ptr(name);
	rule->own_peers = (struct policy_peers){ rule->peers, rule->n_peers };
	rule->peers = steal_ptr(peers->items);
	rule->n_peers = peers->n;
	rule->peers_digest = intern_hash(rule->peers, rule->n_peers * sizeof(*rule->peers));
	peers->n = 0;
	return 0;
}

int policy_rule_set(struct policy_rule *rule, const char *key, const char *text,
		    struct value_error *error)
{
	if (!strcmp(key, "side"))
		return value_word(&words_rule_side, text, &rule->side, error);
	if (!strcmp(key, "action"))
		return value_word(&words_action, text, &rule->action, error);
	if (!strcmp(key, "ports"))
		return set_ports(rule, text, error);
	if (!strcmp(key, "peers"))
		return set_peers(rule, text, error);
	if (!strcmp(key, "ttl"))
		return value_duration(text, &rule->ttl, error);
	return policy_limits_set(&rule->limits, key, text, error);
}

/* Items in text, separated by ", "; @format writes one into a VALUE_TEXT_SIZE buffer. */
static char *join(size_t count, const void *items, size_t size,
		  void (*format)(const void *item, char *buf))
{
	char *text = malloc(count * (VALUE_TEXT_SIZE + 2) + 1), *end = text;

	if (!text)
		return NULL;
	*end = '\0';
	for (size_t i = 0; i < count; i++) {
		if (i)
			end = stpcpy(end, ", ");
		format((const char *)items + i * size, end);
		end += strlen(end);
	}
	return text;
}

static void format_range(const void *item, char *buf)
{
	value_format_range(item, buf);
}

static void format_prefix(const void *item, char *buf)
{
	value_format_prefix(item, buf);
}

struct policy_peers policy_rule_own_peers(const struct policy_rule *rule)
{
	if (rule->peers_file)
		return rule->own_peers;
	return (struct policy_peers){ rule->peers, rule->n_peers };
}

char *policy_rule_get(const struct policy_rule *rule, const char *key)
{
	struct policy_peers own = policy_rule_own_peers(rule);
	char limit[VALUE_TEXT_SIZE], *text = NULL;

	if (!strcmp(key, "ports"))
		return join(rule->n_ports, rule->ports, sizeof(*rule->ports), format_range);
	if (!strcmp(key, "peers"))
		return join(own.n, own.items, sizeof(*own.items), format_prefix);
	if (!strcmp(key, POLICY_PEERS_FILE))
		return strdup(rule->peers_file ? rule->peers_file : "");
	if (!strcmp(key, "side"))
		return strdup(word_name(&words_rule_side, (unsigned int)rule->side));
	if (!strcmp(key, "action"))
		return strdup(word_name(&words_action, (unsigned int)rule->action));
	if (!strcmp(key, "ttl") && rule->ttl)
		return asprintf(&text, "%" PRIu64 "s", rule->ttl) < 0 ? NULL : text;
	policy_limits_get(&rule->limits, key, limit);
	return strdup(limit);
}

int policy_rule_check(const struct policy_rule *rule, struct value_error *error)
{
	if (rule->action < 0)
		return value_refuse(
			error,
			"rule \"%s\" has no action; add \"action = allow\", \"deny\" or "
			"\"auto\"",
			rule->name);
	if (rule->action == SMC_POLICY_DENY && policy_limits_any(&rule->limits))
		return value_refuse(
			error,
			"rule \"%s\": limits have no effect on deny; remove them, or make "
			"the action allow or auto",
			rule->name);
	return 0;
}

bool policy_rule_includes_none(const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_peers; i++)
		if (!rule->peers[i].except)
			return false;
	return true;
}

bool policy_rule_equal(const struct policy_rule *a, const struct policy_rule *b)
{
	return a->side == b->side && a->action == b->action && a->ttl == b->ttl &&
	       policy_limits_equal(&a->limits, &b->limits) && a->n_ports == b->n_ports &&
	       a->n_peers == b->n_peers &&
	       (!a->n_ports || !memcmp(a->ports, b->ports, a->n_ports * sizeof(*a->ports))) &&
	       (!a->n_peers || !memcmp(a->peers, b->peers, a->n_peers * sizeof(*a->peers)));
}

/* A rule without limits keeps the digest that it had before there were limits. */
static uint64_t digest_limits(uint64_t hash, const struct policy_limits *limits)
{
	if (!policy_limits_any(limits))
		return hash;
	hash = fnv1a(hash, &limits->rate, sizeof(limits->rate));
	hash = fnv1a(hash, &limits->connections, sizeof(limits->connections));
	hash = fnv1a(hash, &limits->memory, sizeof(limits->memory));
	return fnv1a(hash, &limits->rtt_us, sizeof(limits->rtt_us));
}

uint64_t policy_rule_digest(const struct policy_rule *rule)
{
	uint64_t hash = fnv1a(FNV1A_START, rule->name, strlen(rule->name) + 1);

	hash = fnv1a(hash, &rule->side, sizeof(rule->side));
	hash = fnv1a(hash, &rule->action, sizeof(rule->action));
	hash = fnv1a(hash, &rule->ttl, sizeof(rule->ttl));
	hash = digest_limits(hash, &rule->limits);
	hash = fnv1a(hash, rule->ports, rule->n_ports * sizeof(*rule->ports));
	if (rule->peers_file)
		return fnv1a(hash, &rule->peers_digest, sizeof(rule->peers_digest));
	return fnv1a(hash, rule->peers, rule->n_peers * sizeof(*rule->peers));
}

void policy_init(struct policy *policy)
{
	*policy = (struct policy){ .default_action = SMC_POLICY_DENY };
}

void policy_clear(struct policy *policy)
{
	for (size_t i = 0; i < policy->n_rules; i++)
		policy_rule_free(policy->rules[i]);
	free(policy->rules);
	policy_init(policy);
}

/* Index of the first rule that is not before @name. */
static size_t find_place(const struct policy *policy, const char *name)
{
	size_t low = 0, high = policy->n_rules;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(policy->rules[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct policy_rule *policy_find(const struct policy *policy, const char *name)
{
	size_t at = find_place(policy, name);

	if (at == policy->n_rules || strcmp(policy->rules[at]->name, name))
		return NULL;
	return policy->rules[at];
}

int policy_put(struct policy *policy, struct policy_rule *rule)
{
	size_t at = find_place(policy, rule->name);
	struct policy_rule **rules;

	if (at < policy->n_rules && !strcmp(policy->rules[at]->name, rule->name)) {
		policy_rule_free(policy->rules[at]);
		policy->rules[at] = rule;
		return 0;
	}
	rules = reallocarray(policy->rules, policy->n_rules + 1, sizeof(struct policy_rule *));
	if (!rules)
		return -ENOMEM;
	memmove(rules + at + 1, rules + at, (policy->n_rules - at) * sizeof(struct policy_rule *));
	rules[at] = rule;
	policy->rules = rules;
	policy->n_rules++;
	return 0;
}

struct policy_rule *policy_take(struct policy *policy, const char *name)
{
	size_t at = find_place(policy, name);
	struct policy_rule *rule;

	if (at == policy->n_rules || strcmp(policy->rules[at]->name, name))
		return NULL;
	rule = policy->rules[at];
	policy->n_rules--;
	memmove(policy->rules + at, policy->rules + at + 1,
		(policy->n_rules - at) * sizeof(struct policy_rule *));
	return rule;
}
