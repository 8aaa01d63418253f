/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The errors of a configuration, collected so that all of them can be reported at once. */
#ifndef SMC_POLICY_ERRORS_H
#define SMC_POLICY_ERRORS_H

#include <stddef.h>

/* One line of text each, in the order in which they were found.  Zero-initialised is empty. */
struct policy_errors {
	char **lines;
	size_t count;
};

/* Add a line.  It is lost if memory is short. */
__attribute__((format(printf, 2, 3))) void policy_errors_add(struct policy_errors *errors,
							     const char *format, ...);

/* Free all lines. */
void policy_errors_clear(struct policy_errors *errors);

#endif
