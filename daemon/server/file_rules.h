/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changed in the rules of files, for the history: between two configurations, or since an earlier
 * daemon, which left the digests of its rules in STATE_DIR/rules.files.
 */
#ifndef SMC_POLICY_FILE_RULES_H
#define SMC_POLICY_FILE_RULES_H

#include "policy/rule.h"
#include "server/history.h"
#include "server/state.h"

/* Tell @draft of the rules that differ from @before to @after. */
void file_rules_compare(struct history_draft *draft, const struct policy *before,
			const struct policy *after);

/* The same from what was saved; if nothing was, that it is not known. */
void file_rules_compare_saved(struct history_draft *draft, const struct state *state,
			      const struct policy *after);

/* Save the digests of the rules of @policy.  Errors are logged. */
void file_rules_save(const struct state *state, const struct policy *policy);

#endif
