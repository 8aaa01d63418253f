/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fixed words of the contract and their numbers, for configuration,
 * command line, protocol and output alike.
 */
#ifndef SMC_POLICY_WORDS_H
#define SMC_POLICY_WORDS_H

#include <stddef.h>

#include "smc_policy_verdict.h"

/* What enforces; POLICY_BACKEND_AUTO only as a setting. */
enum policy_backend {
	POLICY_BACKEND_AUTO,
	POLICY_BACKEND_NATIVE,
	POLICY_BACKEND_KMOD,
	POLICY_BACKEND_OBSERVE,
};

enum policy_on_stop {
	POLICY_ON_STOP_KEEP, /* enforcement goes on without the daemon */
	POLICY_ON_STOP_RELEASE, /* programs, maps and pins are removed */
};

enum policy_read_access {
	POLICY_READ_GROUP, /* root and [daemon] group */
	POLICY_READ_ALL,
};

/* [daemon] netns */
enum policy_netns {
	POLICY_NETNS_ALL,
	POLICY_NETNS_INIT,
	POLICY_NETNS_LIST,
};

/* By what one rule that matches goes before another, in this order. */
enum policy_precedence {
	POLICY_BY_PREFIX, /* the longer peer prefix */
	POLICY_BY_PORTS, /* the narrower port range */
	POLICY_BY_SIDE, /* one side before both */
	POLICY_BY_ACTION, /* deny before auto before allow */
	POLICY_BY_NAME,
};

#define POLICY_SIDE_BOTH SMC_POLICY_SIDES /* of a rule for connect and accept */

struct word_list {
	const char *what; /* "action": for messages */
	const char *const *words; /* the word of number 0, 1, …; NULL where a number has none */
	size_t count;
};

extern const struct word_list words_side; /* connect, accept */
extern const struct word_list words_rule_side; /* connect, accept, both */
extern const struct word_list words_action; /* enum smc_policy_action */
extern const struct word_list words_verdict; /* enum smc_policy_verdict */
extern const struct word_list words_reason; /* enum smc_policy_reason */
extern const struct word_list words_backend; /* enum policy_backend */
extern const struct word_list words_log_level; /* syslog priorities 3 to 7 */
extern const struct word_list words_on_stop; /* enum policy_on_stop */
extern const struct word_list words_read_access; /* enum policy_read_access */
extern const struct word_list words_yes_no; /* no, yes */
extern const struct word_list words_allow_remote; /* no, yes */
extern const struct word_list words_precedence; /* enum policy_precedence */
extern const struct word_list words_voter; /* enum smc_auto_context */
extern const struct word_list words_path_state; /* enum smc_policy_path_state */
extern const struct word_list words_evidence; /* enum smc_policy_evidence */
extern const struct word_list words_loss; /* enum smc_policy_loss */
extern const struct word_list words_metrics_format; /* enum openmetrics_format */
extern const struct word_list words_mode; /* enum smc_policy_mode, but unknown */

/* Number of @word in @list, or -1. */
int word_find(const struct word_list *list, const char *word);

/* Word of @number in @list, or "?" if it has none. */
const char *word_name(const struct word_list *list, unsigned int number);

/* Write "a, b or c", the words of @list, to @buf of @size bytes, NUL-terminated. */
void word_choices(const struct word_list *list, char *buf, size_t size);

#endif
