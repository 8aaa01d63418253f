/* SPDX-License-Identifier: GPL-2.0-or-later */
/* [metrics] textfile: metrics for node_exporter's collector of that name. */
#ifndef SMC_POLICY_TEXTFILE_H
#define SMC_POLICY_TEXTFILE_H

#include <stddef.h>

#define TEXTFILE_SECONDS 15 /* between two times that it is written */

/*
 * Put @text in the place of the file @path, as a whole: written beside and renamed.  Returns 0 or a
 * negative errno.
 */
int textfile_write(const char *path, const char *text);

#endif
