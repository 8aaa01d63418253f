// SPDX-License-Identifier: GPL-2.0-or-later
/* In which network namespaces the policy holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/netns.h"
#include "server/internal.h"
#include "server/report.h"

static void note_unknown_netns(struct server *server, const char *name)
{
	policy_errors_add(
		&server->degraded,
		"network namespace %s of [daemon] netns does not exist; it may speak SMC as soon as "
		"it does",
		name);
}

/* Before 5.14 only the module tells namespaces apart, and nothing is enforced without it. */
static void note_no_cookie(struct server *server, const char *name)
{
	policy_errors_add(
		&server->degraded,
		"network namespace %s of [daemon] netns cannot be told from others by this kernel "
		"without module smc_policy: all are counted as disabled until it is loaded",
		name ? name : "init");
}

/* Tell the kernel which namespaces may speak SMC. */
int server_apply_netns(struct server *server, const struct policy_settings *settings,
		       struct kernel_error *error)
{
	size_t n = settings->netns == POLICY_NETNS_LIST ? settings->n_netns_names : 1, known = 0;
	autofree uint64_t *cookies = calloc(n + 1, sizeof(*cookies));
	int rc;

	policy_errors_clear(&server->degraded);
	if (!cookies)
		return kernel_fail(error, -ENOMEM, "out of memory");
	if (settings->netns == POLICY_NETNS_ALL)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const char *name =
			settings->netns == POLICY_NETNS_LIST ? settings->netns_names[i] : NULL;

		if (name && !strcmp(name, "init"))
			name = NULL;
		rc = netns_cookie(name, &cookies[known]);
		/* EINVAL: `ip netns add` has made the file and not mounted the namespace yet. */
		if ((rc == -ENOENT || rc == -EINVAL) && name)
			note_unknown_netns(server, name);
		else if (rc == -ENOPROTOOPT && server->backend == POLICY_BACKEND_OBSERVE)
			note_no_cookie(server, name);
		else if (rc)
			return kernel_fail(
				error, rc,
				"cannot identify network namespace %s: %s; use netns = all",
				name ? name : "init", strerror(-rc));
		else
			known++;
	}
	return kernel_list_netns(server->kernel, cookies, known, error);
}

void server_enforce_netns(struct server *server)
{
	struct netns_list list = { 0 };
	int rc = kernel_enforce_netns(server->kernel, true, &list);

	report_note_netns(server, &list);
	netns_list_clear(&list);
	if (rc)
		log_error("cannot go through the network namespaces: %s", strerror(-rc));
}

void server_refresh_netns(struct server *server)
{
	struct kernel_error error;

	if (server_apply_netns(server, &server->config.settings, &error))
		log_error("%s", error.text);
	if (!kernel_covers_new_netns(server->kernel))
		server_enforce_netns(server);
	smc_settings_apply(server);
}
