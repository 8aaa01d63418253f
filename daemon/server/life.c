// SPDX-License-Identifier: GPL-2.0-or-later
/* Start, run, stop. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/plural.h"
#include "server/control.h"
#include "server/file_rules.h"
#include "server/internal.h"
#include "server/learning.h"
#include "server/metrics.h"
#include "server/saved.h"
#include "server/watch.h"

/* Take over or create what lives in the kernel; changes nothing that is in force. */
static int open_kernel(struct server *server, struct kernel_error *error)
{
	struct kernel_sizes sizes = {
		.rules = (uint32_t)(server->config.policy.n_rules + server->added.n_rules),
		.peers = server->config.settings.auto_peers,
		.connections = server->config.settings.auto_connections,
	};
	int rc;

	rc = kernel_open(&server->kernel, server->config.settings.pin_dir, &sizes, error);
	if (rc)
		return rc;
	server->generation = kernel_generation(server->kernel);
	if (server->generation < server->state.generation)
		server->generation = server->state.generation;
	rc = slots_open(&server->slots, server->kernel);
	if (rc)
		return kernel_fail(error, rc, "cannot read the counters' owners: %s",
				   strerror(-rc));
	return 0;
}

/* Note in the history what differs from what an earlier daemon had. */
static void note_start(struct server *server, bool changed)
{
	struct history_draft draft;
	struct policy_rule *rule;

	history_begin(&draft);
	policy_for_each(rule, &server->state.passed)
		history_rule(&draft, rule->name, rule, NULL);
	file_rules_compare_saved(&draft, &server->state, &server->config.policy);
	if (draft.rules || !draft.files || draft.default_before != draft.default_after)
		file_rules_save(&server->state, &server->config.policy);
	if (!draft.rules)
		history_remark(&draft, "%zu %s in force", server->in_force.n_rules,
			       plural(server->in_force.n_rules, "rule", "rules"));
	if (changed || draft.rules)
		state_note(&server->state, &server->added, server->generation,
			   history_end(&draft, server->generation, &server->author));
	history_drop(&draft);
	policy_clear(&server->state.passed);
}

static int start_enforcing(struct server *server, struct kernel_error *error)
{
	bool changed;
	int rc = server_apply_netns(server, &server->config.settings, error);

	if (!rc)
		rc = server_enforce(server, &server->config, &changed, error);
	if (!rc)
		note_start(server, changed);
	/* The image may have been in force already, suspended or not. */
	if (!rc)
		rc = kernel_suspend(server->kernel, server->suspension.active, error);
	return rc ? rc : server_attach(server, error);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct policy_errors errors = { 0 };
	struct server *server = userdata;
	struct kernel_error error;
	bool changed = false;

	(void)source;
	server->author = (struct author){
		.way = "reload by SIGHUP",
		.known = info->ssi_pid,
		.uid = info->ssi_uid,
		.pid = (pid_t)info->ssi_pid,
	};
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_us(CLOCK_MONOTONIC));
	if (server_reload(server, &changed, &errors, &error)) {
		log_error("reload refused: %s", error.text);
		sd_notifyf(0, "READY=1\nSTATUS=Reload refused: %s", error.text);
	} else {
		log_info("reloaded: generation %" PRIu64 "%s", server->generation,
			 changed ? "" : ", nothing changed");
		sd_notifyf(0, "READY=1\nSTATUS=Generation %" PRIu64 " in force, backend %s",
			   server->generation, word_name(&words_backend, server->backend));
	}
	policy_errors_clear(&errors);
	return 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info,
			void *userdata)
{
	(void)info;
	(void)userdata;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int start_events(struct server *server, struct kernel_error *error)
{
	sigset_t signals;
	int rc;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	rc = sd_event_new(&server->event);
	if (rc >= 0)
		rc = sd_event_add_signal(server->event, NULL, SIGHUP, on_hangup, server);
	if (rc >= 0)
		rc = sd_event_add_signal(server->event, NULL, SIGTERM, on_terminate, server);
	if (rc >= 0)
		rc = sd_event_add_signal(server->event, NULL, SIGINT, on_terminate, server);
	if (rc >= 0)
		rc = sd_event_set_watchdog(server->event, true);
	return rc < 0 ? kernel_fail(error, rc, "cannot set up the event loop: %s", strerror(-rc))
		      : 0;
}

/*
 * What else is kept in state-dir.  Nobody else uses it now: what is prepared there a killed daemon has
 * left.
 */
static void read_state(struct server *server)
{
	state_abort(&server->state);
	suspension_read(server);
	smc_settings_read(server);
	saved_read(server);
}

int server_start(struct server *server, const char *config_file)
{
	struct kernel_error error;
	int rc;

	*server = (struct server){ .config_file = config_file, .state.dir = -1 };
	server->author = (struct author){ .way = "start" };
	server->started = clock_us(CLOCK_REALTIME);
	policy_config_init(&server->config);
	policy_init(&server->added);
	policy_init(&server->in_force);
	server->places = places_new();
	rc = server->places ? server_load_config(server, &error)
			    : kernel_fail(&error, -ENOMEM, "out of memory");
	if (!rc)
		rc = start_events(server, &error);
	if (!rc)
		rc = state_open(&server->state, server->config.settings.state_dir, &server->added,
				&error);
	if (!rc)
		rc = open_kernel(server, &error);
	if (!rc)
		rc = server_choose_backend(server, &error);
	/* All that can be refused comes before the policy in force is touched. */
	if (!rc)
		rc = control_open(&server->control, server, &error);
	if (!rc)
		read_state(server);
	if (!rc)
		rc = start_enforcing(server, &error);
	if (!rc) {
		smc_settings_apply(server);
		rc = watch_open(&server->watch, server, &error);
	}
	if (!rc)
		rc = learning_open(&server->learning, server, &error);
	if (!rc)
		rc = metrics_open(&server->metrics, server, &error);
	/*
	 * Loads what it will need: that takes long on a slow machine, and the watchdog does not run
	 * yet.
	 */
	if (!rc)
		kernel_follow_smc(server->kernel);
	if (!rc)
		fallbacks_check(server);
	if (rc) {
		log_error("cannot start: %s", error.text);
		server_stop(server, true);
		return rc;
	}
	log_notice("generation %" PRIu64 " with %zu %s in force, backend %s%s%s",
		   server->generation, server->in_force.n_rules,
		   plural(server->in_force.n_rules, "rule", "rules"),
		   word_name(&words_backend, server->backend), server->backend_note[0] ? ": " : "",
		   server->backend_note);
	warnings_log(server);
	return 0;
}

int server_run(struct server *server)
{
	sd_notifyf(0, "READY=1\nSTATUS=Generation %" PRIu64 " in force, backend %s",
		   server->generation, word_name(&words_backend, server->backend));
	return sd_event_loop(server->event);
}

void server_stop(struct server *server, bool keep)
{
	struct kernel_error error;

	metrics_close(server->metrics);
	learning_close(server->learning);
	watch_close(server->watch);
	control_close(server->control);
	if (server->kernel && !keep)
		saved_write(server);
	if (server->kernel && !keep && server->config.settings.on_stop == POLICY_ON_STOP_RELEASE) {
		log_notice("on-stop = release: nothing is enforced any more");
		smc_settings_release(server);
		if (kernel_release(server->kernel, &error))
			log_error("%s", error.text);
	}
	suspension_close(&server->suspension);
	smc_settings_clear(&server->smc);
	slots_close(&server->slots);
	kernel_close(server->kernel);
	state_close(&server->state);
	sd_event_source_unref(server->trim_timer);
	sd_event_source_unref(server->ttl_timer);
	sd_event_unref(server->event);
	places_free(server->places);
	free(server->in_force.rules);
	warnings_clear(&server->warnings);
	policy_clear(&server->added);
	policy_config_clear(&server->config);
	policy_errors_clear(&server->degraded);
	policy_errors_clear(&server->netns_degraded);
}
