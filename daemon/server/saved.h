/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is learned, kept in STATE_DIR/learned over a restart of the host.  Killing the daemon needs
 * no file: the maps are pinned.  A file that cannot be read is a warning and no more: what it
 * held is learned again.
 */
#ifndef SMC_POLICY_SAVED_H
#define SMC_POLICY_SAVED_H

struct server;

/*
 * Put back what was saved, if the kernel's maps know nothing.  Its times are moved to this boot's
 * clock; what is older than this boot fades by its half-life.
 */
void saved_read(struct server *server);

/* Save what is learned now, in the place of what was saved before. */
void saved_write(struct server *server);

#endif
