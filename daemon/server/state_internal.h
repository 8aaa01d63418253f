/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What state.c, which reads, and state_write.c share. */
#ifndef SMC_POLICY_STATE_INTERNAL_H
#define SMC_POLICY_STATE_INTERNAL_H

#include "server/state.h"

#define FILE_NAME "rules.json"
#define NEXT_NAME "rules.json.next"
#define JOURNAL_NAME "rules.journal"
#define FORMAT 2
#define FORMAT_WITHOUT_JOURNAL 1

/* What comes now is written into a new journal. */
void state_close_journal(struct state *state);

#endif
