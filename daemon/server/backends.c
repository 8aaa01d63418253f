// SPDX-License-Identifier: GPL-2.0-or-later
/* Which backend enforces, as modules and pins come and go. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "server/internal.h"
#include "server/learning.h"

/*
 * What would have to change for the policy to be enforced, from why native and kmod cannot be had.
 */
static void note_nothing_enforces(struct server *server, const struct kernel_error *native,
				  const struct kernel_error *kmod)
{
	struct kernel_error smc;

	if (smc_state() == SMC_ABSENT && smc_not_loaded(&smc))
		snprintf(server->backend_note, sizeof(server->backend_note), "%s", smc.text);
	else if (smc_state() == SMC_LOADED)
		snprintf(server->backend_note, sizeof(server->backend_note), "%.250s; %.200s",
			 kmod->text, native->text);
	else
		snprintf(server->backend_note, sizeof(server->backend_note),
			 "%.250s; on Linux 6.19 and later \"modprobe smc\" is enough", kmod->text);
}

/*
 * The best backend that can be had now, into server->backend, and in the note why not a better one.
 */
static int choose_any(struct server *server, struct kernel_error *error)
{
	struct kernel_error native, kmod;
	int rc;

	server->backend_note[0] = '\0';
	server->backend = POLICY_BACKEND_NATIVE;
	rc = kernel_probe(server->kernel, POLICY_BACKEND_NATIVE, &native);
	if (!rc)
		return 0;
	/* The hook is there, and something else is wrong with it. */
	if (rc != -EOPNOTSUPP && rc != -ENOENT)
		log_warning("%s", native.text);
	server->backend = POLICY_BACKEND_KMOD;
	rc = kernel_probe(server->kernel, POLICY_BACKEND_KMOD, &kmod);
	if (!rc)
		return 0;
	if (rc == -EPROTO)
		log_error("%s", kmod.text);
	note_nothing_enforces(server, &native, &kmod);
	server->backend = POLICY_BACKEND_OBSERVE;
	return kernel_probe(server->kernel, POLICY_BACKEND_OBSERVE, error);
}

int server_choose_backend(struct server *server, struct kernel_error *error)
{
	enum policy_backend wanted = (enum policy_backend)server->config.settings.backend;
	struct kernel_error why;
	int rc;

	if (wanted == POLICY_BACKEND_AUTO)
		return choose_any(server, error);
	server->backend = wanted;
	server->backend_note[0] = '\0';
	rc = kernel_probe(server->kernel, wanted, &why);
	if (rc)
		return kernel_fail(error, rc, "backend %s cannot be had: %.400s",
				   word_name(&words_backend, wanted), why.text);
	return 0;
}

int server_attach(struct server *server, struct kernel_error *error)
{
	return kernel_attach(server->kernel, server->backend, server->config.settings.take_over,
			     error);
}

/* A backend that was there and is gone, with its programs. */
static bool is_lost(const struct server *server)
{
	struct kernel_error why;

	return server->backend != POLICY_BACKEND_OBSERVE &&
	       kernel_probe(server->kernel, server->backend, &why);
}

void server_rescan(struct server *server)
{
	enum policy_backend before = server->backend;
	struct kernel_error error;
	int rc;

	learning_refresh(server->learning);
	if (server->config.settings.backend == POLICY_BACKEND_OBSERVE)
		return;
	if (is_lost(server))
		kernel_detach(server->kernel, &error);
	else if (before != POLICY_BACKEND_OBSERVE) {
		smc_settings_apply(server); /* SMC may have come */
		return;
	}
	rc = server_choose_backend(server, &error);
	if (rc) {
		/* The configuration wants a certain one.  Until that is back: */
		snprintf(server->backend_note, sizeof(server->backend_note), "%s", error.text);
		server->backend = POLICY_BACKEND_OBSERVE;
		rc = kernel_probe(server->kernel, server->backend, &error);
	}
	if (!rc)
		rc = server_apply_netns(server, &server->config.settings, &error);
	if (!rc)
		rc = server_attach(server, &error);
	if (rc)
		log_error("cannot attach: %s", error.text);
	else if (server->backend != before)
		log_notice("backend %s instead of %s%s%s",
			   word_name(&words_backend, server->backend),
			   word_name(&words_backend, before), server->backend_note[0] ? ": " : "",
			   server->backend_note);
	smc_settings_apply(server);
	sd_notifyf(0, "STATUS=Generation %" PRIu64 " in force, backend %s", server->generation,
		   word_name(&words_backend, server->backend));
}

int server_refresh_pins(struct server *server, bool *repinned)
{
	struct kernel_error error;
	int rc = kernel_repin(server->kernel, repinned, &error);

	if (rc)
		log_error(
			"pins below %s are missing and cannot be made again: %s; the policy stays "
			"in force only as long as this daemon runs",
			server->config.settings.pin_dir, error.text);
	else if (*repinned)
		log_warning("pins below %s were missing: pinned again",
			    server->config.settings.pin_dir);
	return rc;
}
