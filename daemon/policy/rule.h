/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rule, and a set of rules with the default action: what the whole program
 * calls "policy".  No I/O, no globals; not thread-safe.
 */
#ifndef SMC_POLICY_RULE_H
#define SMC_POLICY_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/limits.h"
#include "policy/peers.h"
#include "policy/value.h"
#include "smc_policy_maps.h"
#include "smc_policy_verdict.h"

/* Where a rule comes from. */
enum policy_origin {
	POLICY_ORIGIN_FILE, /* a configuration file */
	POLICY_ORIGIN_COMMAND, /* policy add, kept in the state directory */
	POLICY_ORIGIN_RUNTIME, /* policy add --runtime, until the daemon ends */
};

/* What every change of the policy asks of every rule is together in front. */
struct policy_rule {
	int side; /* enum smc_policy_side or POLICY_SIDE_BOTH */
	int action; /* enum smc_policy_action, -1: not said */
	struct policy_range *ports; /* ascending; none: any port */
	size_t n_ports;
	struct policy_prefix *peers; /* ascending; none, or only exceptions: any (other) peer */
	size_t n_peers;
	uint32_t slot; /* counter slot while in force */
	unsigned int line; /* POLICY_ORIGIN_FILE: of its section */
	uint64_t
		expires; /* CLOCK_REALTIME in ns when the ttl ends; 0: no end, or not in force yet */
	uint64_t ttl; /* seconds from coming into force, 0: no end */
	struct policy_limits limits;

	char name[SMC_POLICY_NAME_SIZE];
	char *peers_file; /* absolute path of the file that lists more peers, NULL: none */
	struct policy_peers
		own_peers; /* with a peers-file: those of @peers that the rule itself lists */
	uint64_t peers_digest; /* with a peers-file: of @peers */
	enum policy_origin origin;
	char *file; /* POLICY_ORIGIN_FILE: its path, else NULL */
};

/* Rules by name, ascending, and what holds where none matches. */
struct policy {
	int default_action; /* enum smc_policy_action */
	struct policy_rule **rules;
	size_t n_rules;
};

/* A new rule for both sides without action, ports or peers; NULL: out of memory. */
struct policy_rule *policy_rule_new(const char *name);
void policy_rule_free(struct policy_rule *rule);
struct policy_rule *policy_rule_copy(const struct policy_rule *rule);

/*
 * Set one property from its text as in the configuration: "side", "ports",
 * "peers", "action", "ttl" and the limits.  -ENOENT: no such property; -EINVAL, -ENOMEM and
 * @error as in value.h.
 */
int policy_rule_set(struct policy_rule *rule, const char *key, const char *text,
		    struct value_error *error);

/* Key of a rule in a configuration file only: a file is read when the configuration is. */
#define POLICY_PEERS_FILE "peers-file"

/*
 * Add the @peers, at least one, that file @path lists, once the rule has all that it lists
 * itself.  Returns 0 and takes them over, leaving @peers empty, or -ENOMEM.
 */
int policy_rule_add_file(struct policy_rule *rule, const char *path, struct policy_peers *peers);

/* The peers that the rule lists itself, borrowed. */
struct policy_peers policy_rule_own_peers(const struct policy_rule *rule);

/*
 * Text of a property, as policy_rule_set() takes it, or of POLICY_PEERS_FILE; "" where it holds
 * its default.  Peers are those that the rule lists itself.  To be freed; NULL: out of memory.
 */
char *policy_rule_get(const struct policy_rule *rule, const char *key);

/* The properties that can be set, NULL-terminated, in the order for output. */
extern const char *const policy_rule_keys[];

/* What must hold of the rule as a whole: 0, or -EINVAL and @error. */
int policy_rule_check(const struct policy_rule *rule, struct value_error *error);

/* Whether the rule lists no peers, or only exceptions: then it is about any (other) peer. */
bool policy_rule_includes_none(const struct policy_rule *rule);

/* Same content: all that can be set is equal.  The name and the origin do not count. */
bool policy_rule_equal(const struct policy_rule *a, const struct policy_rule *b);

/* 64-bit digest of the name and all that can be set. */
uint64_t policy_rule_digest(const struct policy_rule *rule);

void policy_init(struct policy *policy);
void policy_clear(struct policy *policy);

/* The rule called @name, or NULL. */
struct policy_rule *policy_find(const struct policy *policy, const char *name);

/*
 * Take @rule into @policy; a rule of that name is freed and replaced.  Returns 0
 * and owns @rule, or -ENOMEM and does not.
 */
int policy_put(struct policy *policy, struct policy_rule *rule);

/* Take the rule called @name out of @policy: the caller owns it.  NULL: there is none. */
struct policy_rule *policy_take(struct policy *policy, const char *name);

#define policy_for_each(rule, policy) \
	for (size_t rule##_i = 0;     \
	     rule##_i < (policy)->n_rules && ((rule) = (policy)->rules[rule##_i], 1); rule##_i++)

#endif
