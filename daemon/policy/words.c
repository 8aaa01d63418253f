// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "common/openmetrics.h"
#include "policy/words.h"
#include "smc_policy_auto.h"

#define WORDS(list_, what_, ...)                                         \
	static const char *const list_##_table[] = { __VA_ARGS__ };      \
	const struct word_list list_ = {                                 \
		.what = what_,                                           \
		.words = list_##_table,                                  \
		.count = sizeof(list_##_table) / sizeof(*list_##_table), \
	}

WORDS(words_side, "side", [SMC_POLICY_CONNECT] = "connect", [SMC_POLICY_ACCEPT] = "accept");
WORDS(words_rule_side, "side", [SMC_POLICY_CONNECT] = "connect", [SMC_POLICY_ACCEPT] = "accept",
      [POLICY_SIDE_BOTH] = "both");
WORDS(words_action, "action", [SMC_POLICY_ALLOW] = "allow", [SMC_POLICY_DENY] = "deny",
      [SMC_POLICY_AUTO] = "auto");
WORDS(words_verdict, "verdict", [SMC_POLICY_TCP] = "tcp", [SMC_POLICY_SMC] = "smc");
WORDS(words_reason, "reason", [SMC_POLICY_REASON_RULE] = "rule",
      [SMC_POLICY_REASON_DEFAULT] = "default", [SMC_POLICY_REASON_LONG_LIVED] = "long-lived",
      [SMC_POLICY_REASON_SHORT_LIVED] = "short-lived", [SMC_POLICY_REASON_UNPROVEN] = "unproven",
      [SMC_POLICY_REASON_PACING] = "pacing", [SMC_POLICY_REASON_BUDGET] = "budget",
      [SMC_POLICY_REASON_RTT] = "rtt", [SMC_POLICY_REASON_BREAKER] = "breaker",
      [SMC_POLICY_REASON_PEER] = "peer", [SMC_POLICY_REASON_COOLDOWN] = "cooldown",
      [SMC_POLICY_REASON_DISABLED] = "disabled", [SMC_POLICY_REASON_SUSPENDED] = "suspended");
WORDS(words_backend, "backend", [POLICY_BACKEND_AUTO] = "auto", [POLICY_BACKEND_NATIVE] = "native",
      [POLICY_BACKEND_KMOD] = "kmod", [POLICY_BACKEND_OBSERVE] = "observe");
WORDS(words_log_level, "log level", [LOG_ERR] = "error", [LOG_WARNING] = "warning",
      [LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug");
WORDS(words_on_stop,
      "on-stop", [POLICY_ON_STOP_KEEP] = "keep", [POLICY_ON_STOP_RELEASE] = "release");
WORDS(words_read_access, "read-access", [POLICY_READ_GROUP] = "group", [POLICY_READ_ALL] = "all");
WORDS(words_yes_no, "take-over", "no", "yes");
WORDS(words_allow_remote, "allow-remote", "no", "yes");
WORDS(words_precedence, "precedence", [POLICY_BY_PREFIX] = "prefix", [POLICY_BY_PORTS] = "ports",
      [POLICY_BY_SIDE] = "side", [POLICY_BY_ACTION] = "action", [POLICY_BY_NAME] = "name");
WORDS(words_voter, "voter", [SMC_AUTO_SERVICE] = "service",
      [SMC_AUTO_SERVICE_RATE] = "service-rate", [SMC_AUTO_SUBNET] = "subnet",
      [SMC_AUTO_PEER] = "peer", [SMC_AUTO_PEER_RATE] = "peer-rate", [SMC_AUTO_ALWAYS] = "always");
WORDS(words_path_state,
      "breaker state", [SMC_POLICY_PATH_CLOSED] = "closed", [SMC_POLICY_PATH_SUSPECT] = "suspect",
      [SMC_POLICY_PATH_OPEN] = "open", [SMC_POLICY_PATH_HALF_OPEN] = "half-open");
WORDS(words_evidence,
      "evidence", [SMC_POLICY_EVIDENCE_SYN] = "syn", [SMC_POLICY_EVIDENCE_TIMEOUT] = "timeout",
      [SMC_POLICY_EVIDENCE_GARBLED] = "garbled", [SMC_POLICY_EVIDENCE_RESET] = "reset");
WORDS(words_loss, "loss", [SMC_POLICY_LOST_CONNECTIONS] = "connections",
      [SMC_POLICY_LOST_RECORDS] = "records", [SMC_POLICY_LOST_BUSY] = "busy",
      [SMC_POLICY_LOST_POLICY] = "policy", [SMC_POLICY_LOST_RING] = "ring",
      [SMC_POLICY_LOST_SKIPPED] = "skipped", [SMC_POLICY_LOST_UNSEEN] = "unseen");
WORDS(words_mode, "mode", [SMC_POLICY_MODE_R] = "smc-r", [SMC_POLICY_MODE_D] = "smc-d",
      [SMC_POLICY_MODE_TCP] = "tcp");

WORDS(words_metrics_format,
      "format", [OPENMETRICS] = "openmetrics", [OPENMETRICS_PROMETHEUS] = "prometheus");

int word_find(const struct word_list *list, const char *word)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->words[i] && !strcmp(list->words[i], word))
			return (int)i;
	return -1;
}

const char *word_name(const struct word_list *list, unsigned int number)
{
	if (number >= list->count || !list->words[number])
		return "?";
	return list->words[number];
}

void word_choices(const struct word_list *list, char *buf, size_t size)
{
	size_t used = 0, left = 0;

	for (size_t i = 0; i < list->count; i++)
		left += !!list->words[i];
	buf[0] = '\0';
	for (size_t i = 0; i < list->count && used < size; i++) {
		if (!list->words[i])
			continue;
		left--;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", list->words[i],
					 left > 1 ? ", "
					 : left   ? " or "
						  : "");
	}
}
