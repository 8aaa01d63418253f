/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LISTENER_CONFINE_H
#define LISTENER_CONFINE_H

/*
 * From now on this process opens no file and no socket, runs and signals nothing, and traces nobody.
 * Returns 0 or a negative errno.
 */
int confine(void);

#endif
