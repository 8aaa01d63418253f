/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SMC_POLICY_KERNEL_ERROR_H
#define SMC_POLICY_KERNEL_ERROR_H

/* What went wrong and the way out, for people. */
struct kernel_error {
	char text[512];
};

/* Write a message into @error; returns @rc, a negative errno, for the caller to pass on. */
__attribute__((format(printf, 3, 4))) int kernel_fail(struct kernel_error *error, int rc,
						      const char *format, ...);

#endif
