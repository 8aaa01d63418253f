/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: one process, one event loop, one thread (but for those of kernel/image.c, which only
 * wait).  Whatever changes the policy in force goes through enforce.c; control.c talks to clients,
 * requests.c and commands.c answer them, report.c describes.
 */
#ifndef SMC_POLICY_SERVER_H
#define SMC_POLICY_SERVER_H

#include <systemd/sd-event.h>

#include "kernel/kernel.h"
#include "kernel/module.h"
#include "kernel/places.h"
#include "policy/config.h"
#include "server/fallbacks.h"
#include "server/slots.h"
#include "server/smc_settings.h"
#include "server/state.h"
#include "server/suspension.h"
#include "server/warnings.h"

#include "smc_policy_version.h"

struct control;
struct monitors;
struct learning;
struct metrics;
struct watch;

struct server {
	const char *config_file;
	struct policy_config config; /* from the files */
	struct policy added; /* by command, also those that hide a rule of a file */
	struct policy in_force; /* the rules that count; they belong to config or added */
	struct warnings warnings; /* about them */
	uint64_t generation;
	struct kernel *kernel;
	struct slots slots;
	struct state state;
	struct suspension suspension;
	struct smc_settings smc;
	struct author author; /* of the change that is being made */
	enum policy_backend backend; /* what enforces, never POLICY_BACKEND_AUTO */
	char backend_note[512]; /* why it is not another one, "" if there is nothing to say */
	struct policy_errors degraded; /* what else is not as it should be, one line each */
	struct policy_errors netns_degraded; /* where it is not enforced, as of the last look */
	bool costs_differ; /* costs.h: the log has told it */
	struct watch *watch;
	struct learning *learning;
	struct metrics *metrics;
	struct monitors *monitors; /* NULL: nobody monitors */
	struct places *places; /* names of what the kernel has numbers of */
	struct fallbacks fallbacks;
	sd_event *event;
	sd_event_source *ttl_timer;
	sd_event_source *trim_timer; /* memory goes back a while after a change */
	struct control *control;
	uint64_t started; /* CLOCK_REALTIME in microseconds */
	uint64_t reloaded; /* likewise, when the configuration was read with success last */
	bool reload_succeeded; /* the last time that it was to be read, it was */
};

/*
 * Read configuration and state, put the policy in force, open the control
 * socket.  Returns 0 with everything in force, or a negative errno after the
 * errors were logged; what an earlier daemon left in the kernel is then as it was.
 */
int server_start(struct server *server, const char *config_file);

/* Run until told to stop.  Returns 0 or a negative errno. */
int server_run(struct server *server);

/* Close everything; enforcement stays or goes as [daemon] on-stop says, or stays if @keep. */
void server_stop(struct server *server, bool keep);

/*
 * The kernel has changed: a module came or went.  Take a backend that can be had
 * now instead of one that cannot.
 */
void server_rescan(struct server *server);

/* Namespaces came or went: list those that [daemon] netns names, enrol what is not enrolled. */
void server_refresh_netns(struct server *server);

/*
 * Something below pin-dir may have been removed: pin it again; sets @repinned if so.  Returns 0 or
 * -errno, which is logged: pins are missing then.
 */
int server_refresh_pins(struct server *server, bool *repinned);

/*
 * Read the configuration again.  Returns 0 and whether anything @changed, or a
 * negative errno, @error and, for a bad configuration, its @errors; nothing has
 * changed then.
 */
int server_reload(struct server *server, bool *changed, struct policy_errors *errors,
		  struct kernel_error *error);

/*
 * Add @rule (taken over in any case) with its origin set.  -EEXIST: the name is
 * taken by other content and @replace is not set.
 */
int server_add_rule(struct server *server, struct policy_rule *rule, bool replace, bool *changed,
		    struct kernel_error *error);

/* Delete @n rules that were added by command, all or none.  -ENOENT, -EPERM (a file has it). */
int server_del_rules(struct server *server, const char *const *names, size_t n,
		     struct kernel_error *error);

#endif
