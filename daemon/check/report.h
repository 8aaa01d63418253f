/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a check has found: items, each with a state, what is so and what it means, and what to do. */
#ifndef SMC_POLICY_CHECK_REPORT_H
#define SMC_POLICY_CHECK_REPORT_H

#include <jansson.h>

enum check_state {
	CHECK_OK,
	CHECK_WARNING, /* SMC works, but not as it could, or something is not known */
	CHECK_PROBLEM, /* SMC does not work, or does harm */
	CHECK_STATES
};

struct check_report {
	json_t *items; /* [{"name", "state", "text", "remedy"}] */
	enum check_state state; /* the worst of all items */
};

/* "ok", "warning", "problem". */
extern const char *const check_state_words[CHECK_STATES];

/* Begin with an empty report; check_report_free() gives its memory back. */
void check_report_init(struct check_report *report);
void check_report_free(struct check_report *report);

/*
 * Add an item.  @name: one word; @remedy: what to do, NULL: nothing.  The text says what is so and what
 * it means.  Both begin in lower case and end without a full stop.
 */
__attribute__((format(printf, 5, 6))) void check_add(struct check_report *report, const char *name,
						     enum check_state state, const char *remedy,
						     const char *format, ...);

/* The document of -j: {"items", "state"}; to be released.  NULL: out of memory. */
json_t *check_report_json(const struct check_report *report);

/* One line an item on standard output. */
void check_report_print(const struct check_report *report);

#endif
