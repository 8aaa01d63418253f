/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words that agree with a number. */
#ifndef SMC_POLICY_PLURAL_H
#define SMC_POLICY_PLURAL_H

/* What comes after @n in text: "rule" after 1, "rules" after others. */
static inline const char *plural(unsigned long long n, const char *one, const char *more)
{
	return n == 1 ? one : more;
}

#endif
