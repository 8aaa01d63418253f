/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files on disk, for the daemon and for `policy check` and
 * `policy diff`.  Errors are added to @errors as "FILE:LINE: ..." or, about a
 * file as a whole, "FILE: ..."; both with the way out.
 */
#ifndef SMC_POLICY_CONFIG_FILES_H
#define SMC_POLICY_CONFIG_FILES_H

#include "policy/config.h"

#define CONFIG_FILE_SIZE_MAX (64u << 20) /* bytes of a file */

/*
 * Read @file, and the files that it names, on top of @config.  Returns 0, or a negative errno and
 * @errors.
 */
int config_files_read(const char *file, struct policy_config *config, struct policy_errors *errors);

/*
 * Read @file, then the *.conf of the directory that belongs to it
 * (/etc/smc-policy.conf: /etc/smc-policy.d) in the order of their names.  None of them may be
 * writable by everybody.
 */
int config_files_load(const char *file, struct policy_config *config, struct policy_errors *errors);

#endif
