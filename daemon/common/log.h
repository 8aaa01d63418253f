/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the daemon: to stderr, with the priority as systemd's journal
 * reads it ("<3>...") when stderr is the journal.
 */
#ifndef SMC_POLICY_LOG_H
#define SMC_POLICY_LOG_H

#include <syslog.h>

/* Drop what is less urgent than @priority (LOG_ERR to LOG_DEBUG). */
void log_set_level(int priority);
int log_level(void);

/* One line; an error says what to do about it. */
__attribute__((format(printf, 2, 3))) void log_line(int priority, const char *format, ...);

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
