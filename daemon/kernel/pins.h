/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory on bpffs that keeps programs and maps alive without a daemon:
 *
 *   PIN_DIR/current/   the set in force
 *   PIN_DIR/next/      a set being built; complete before it becomes current
 *   PIN_DIR/old/       the set that was replaced, on its way out
 *
 * A daemon that dies in the middle leaves a state that pins_open() brings in
 * order: next counts only where current is missing.
 */
#ifndef SMC_POLICY_PINS_H
#define SMC_POLICY_PINS_H

#include <limits.h>
#include <stdbool.h>

#include "kernel/error.h"

struct pins {
	char dir[PATH_MAX - 64];
	int lock; /* descriptor of dir; holds the lock for life */
};

/*
 * Create @dir (mode 0700, mounting bpffs if it is not on one), lock it against
 * a second daemon, and put right what an interrupted one left.
 */
int pins_open(struct pins *pins, const char *dir, struct kernel_error *error);
void pins_close(struct pins *pins);

/* Path of @name in the set @set ("current" or "next") into @buf of PATH_MAX bytes. */
void pins_path(const struct pins *pins, const char *set, const char *name, char *buf);

/* Whether the directory is still the one that pins_open() locked, with a set in force. */
bool pins_intact(const struct pins *pins);

/* Open and lock the directory anew after somebody has removed it or parts of it. */
int pins_reopen(struct pins *pins, struct kernel_error *error);

/* Whether there is a set in force. */
bool pins_exist(const struct pins *pins);

/* Make an empty "next". */
int pins_begin(const struct pins *pins, struct kernel_error *error);

/* Put "next" in the place of "current" and drop that one. */
int pins_commit(const struct pins *pins, struct kernel_error *error);

/* Remove every set, and the directory with its mount if pins_open() made one. */
int pins_remove(struct pins *pins, struct kernel_error *error);

#endif
