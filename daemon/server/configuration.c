// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading the configuration files, and taking their settings over. */
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/plural.h"
#include "files/config_files.h"
#include "server/control.h"
#include "server/costs.h"
#include "server/file_rules.h"
#include "server/internal.h"
#include "server/metrics.h"

static void note_outcome(struct server *server, bool succeeded)
{
	server->reload_succeeded = succeeded;
	if (succeeded)
		server->reloaded = clock_us(CLOCK_REALTIME);
}

static void log_errors(const struct policy_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		log_error("%s", errors->lines[i]);
}

/* Settings that a running daemon cannot change keep their old value. */
static void keep_fixed_settings(const struct policy_settings *old, struct policy_settings *new)
{
	if (strcmp(old->socket, new->socket) || strcmp(old->state_dir, new->state_dir) ||
	    strcmp(old->pin_dir, new->pin_dir) || old->backend != new->backend)
		log_warning("socket, state-dir, pin-dir and backend in [daemon] take effect at the "
			    "next start of smc-policyd");
	strcpy(new->socket, old->socket);
	strcpy(new->state_dir, old->state_dir);
	strcpy(new->pin_dir, old->pin_dir);
	new->backend = old->backend;
}

/* Note in the history that @next is in force, and what of it is new. */
static void note_reload(struct server *server, const struct policy_config *next)
{
	struct history_draft draft;

	history_begin(&draft);
	file_rules_compare(&draft, &server->config.policy, &next->policy);
	if (!draft.rules && draft.default_before == draft.default_after)
		history_remark(&draft, "settings, or what peers-files list");
	else
		file_rules_save(&server->state, &next->policy);
	state_note(&server->state, &server->added, server->generation,
		   history_end(&draft, server->generation, &server->author));
}

/* Put @next in the place of the configuration; on error all is as before. */
static int put_config(struct server *server, struct policy_config *next, bool *changed,
		      struct kernel_error *error)
{
	struct kernel_error ignored;
	int rc = control_set_access(server->control, &next->settings, error);

	if (!rc)
		rc = server_apply_netns(server, &next->settings, error);
	if (!rc)
		rc = server_enforce(server, next, changed, error);
	if (!rc && next->settings.take_over != server->config.settings.take_over)
		rc = kernel_attach(server->kernel, server->backend, next->settings.take_over,
				   error);
	if (rc) {
		control_set_access(server->control, &server->config.settings, &ignored);
		server_apply_netns(server, &server->config.settings, &ignored);
		return rc;
	}
	if (*changed)
		note_reload(server, next);
	policy_config_clear(&server->config);
	server->config = *next;
	server_enforce_netns(server);
	smc_settings_apply(server);
	metrics_set(server->metrics, &server->config.settings);
	log_set_level(next->settings.log_level);
	return 0;
}

int server_load_config(struct server *server, struct kernel_error *error)
{
	struct policy_errors errors = { 0 };
	int rc = config_files_load(server->config_file, &server->config, &errors);

	log_set_level(server->config.settings.log_level);
	log_errors(&errors);
	note_outcome(server, !rc);
	if (rc)
		kernel_fail(error, rc, "the configuration has %zu %s; what is in force stays",
			    errors.count, plural(errors.count, "error", "errors"));
	policy_errors_clear(&errors);
	return rc;
}

int server_reload(struct server *server, bool *changed, struct policy_errors *errors,
		  struct kernel_error *error)
{
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	struct policy_config next;
	int rc;

	*changed = false;
	policy_config_init(&next);
	rc = config_files_load(server->config_file, &next, errors);
	server_arm_trim(server);
	log_debug("configuration read in %" PRIu64 " us", clock_us(CLOCK_MONOTONIC) - start);
	if (rc) {
		note_outcome(server, false);
		policy_config_clear(&next);
		log_errors(errors);
		return kernel_fail(error, rc,
				   "the configuration has %zu %s; generation %" PRIu64
				   " stays in force",
				   errors->count, plural(errors->count, "error", "errors"),
				   server->generation);
	}
	keep_fixed_settings(&server->config.settings, &next.settings);
	rc = put_config(server, &next, changed, error);
	note_outcome(server, !rc);
	if (rc) {
		policy_config_clear(&next);
		return rc;
	}
	warnings_log(server);
	costs_follow(server);
	return 0;
}
