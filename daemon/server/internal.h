/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files behind server/server.h share. */
#ifndef SMC_POLICY_SERVER_INTERNAL_H
#define SMC_POLICY_SERVER_INTERNAL_H

#include "server/server.h"

/* ---- live_rules.c ---- */

/*
 * The rules of @files and @added that count into @live, as borrowed pointers, ascending by name: an
 * added rule hides a file's rule of its name, a rule whose ttl has ended hides nothing.  Starts the
 * ttl of those that come into force.  Returns 0, and live->rules to be freed, or -ENOMEM.
 */
int server_merge_rules(struct server *server, const struct policy *files,
		       const struct policy *added, struct policy *live);

/* Whether @a and @b decide the same: default, and names and content of the rules. */
bool server_same_rules(const struct policy *a, const struct policy *b);

/* ---- namespaces.c ---- */

/* Tell the kernel which namespaces may speak SMC.  Those that cannot be told are in degraded. */
int server_apply_netns(struct server *server, const struct policy_settings *settings,
		       struct kernel_error *error);

/* Put the policy in force in every namespace where it is not.  Errors are logged. */
void server_enforce_netns(struct server *server);

/* ---- enforce.c ---- */

/*
 * Put the rules of @config and server->added in force, if they are not; @changed: they were not.  On
 * error the policy before stays in force.
 */
int server_enforce(struct server *server, const struct policy_config *config, bool *changed,
		   struct kernel_error *error);

/* Give memory back a while from now: the changes until then reuse it. */
void server_arm_trim(struct server *server);

/* ---- added_rules.c ---- */

/*
 * Put server->added, changed by the caller, in force and, if @durable, on disk, or
 * neither.  @change: as for state_prepare(), but for its entry, which is made of @draft; that is dropped.
 */
int server_commit_added(struct server *server, struct state_change *change,
			struct history_draft *draft, bool durable, bool *changed,
			struct kernel_error *error);

/* ---- ttl.c ---- */

/* Set the timer to the next end of a ttl of the rules in force. */
void server_arm_ttl(struct server *server);

/* ---- configuration.c ---- */

/* Read the configuration for the first time.  Its errors are logged. */
int server_load_config(struct server *server, struct kernel_error *error);

/* ---- backends.c ---- */

/*
 * Find the backend that the configuration names, or the best that can be had, into
 * server->backend, and into backend_note why not a better one.
 */
int server_choose_backend(struct server *server, struct kernel_error *error);

/* Attach server->backend. */
int server_attach(struct server *server, struct kernel_error *error);

#endif
