// SPDX-License-Identifier: GPL-2.0-or-later
/* Putting a policy in force: the one path for every change. */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffers.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/plural.h"
#include "server/internal.h"
#include "server/monitoring.h"

#define TRIM_USEC (2 * 1000 * 1000) /* between a change and giving memory back */

static int on_trim(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	(void)userdata;
	malloc_trim(0);
	return 0;
}

/* What changes come until then find the memory of this one. */
void server_arm_trim(struct server *server)
{
	if (server->trim_timer) {
		if (sd_event_source_get_enabled(server->trim_timer, NULL) > 0)
			return;
		sd_event_source_set_time_relative(server->trim_timer, TRIM_USEC);
		sd_event_source_set_enabled(server->trim_timer, SD_EVENT_ONESHOT);
	} else if (!server->event ||
		   sd_event_add_time_relative(server->event, &server->trim_timer, CLOCK_MONOTONIC,
					      TRIM_USEC, 0, on_trim, server) < 0) {
		malloc_trim(0);
	}
}

static int compile(struct server *server, const struct policy_settings *settings,
		   const struct policy *live, uint64_t generation, struct policy_image *image,
		   struct kernel_error *error)
{
	struct policy_image_options options = {
		.generation = generation,
		.flags = (settings->netns == POLICY_NETNS_ALL ? 0
							      : SMC_POLICY_IMAGE_F_NETNS_LISTED) |
			 (server->suspension.active ? SMC_POLICY_IMAGE_F_SUSPENDED : 0),
		.parameters = &settings->parameters,
		.budget = &settings->budget,
		.connection_memory =
			smc_connection_memory_of(settings->smc_wmem, settings->smc_rmem),
	};
	int rc = slots_assign(&server->slots, live);

	if (rc == -ENOSPC)
		return kernel_fail(error, rc,
				   "there is room for the counters of %u %s, and all of it is in "
				   "use; \"systemctl restart smc-policyd\" makes more",
				   kernel_slots(server->kernel) - SMC_POLICY_SLOT_FIRST,
				   plural(kernel_slots(server->kernel) - SMC_POLICY_SLOT_FIRST,
					  "rule", "rules"));
	if (!rc)
		rc = policy_compile(live, &options, image);
	if (rc)
		return kernel_fail(error, rc, "cannot compile the policy: %s", strerror(-rc));
	return 0;
}

/*
 * Put what @config and server->added say in force, if it is not: the one path
 * for every change.  On error the policy before stays.
 */
int server_enforce(struct server *server, const struct policy_config *config, bool *changed,
		   struct kernel_error *error)
{
	uint64_t generation = server->generation + 1, start = clock_us(CLOCK_MONOTONIC), compiled;
	struct policy_image image = { 0 };
	struct warnings found = { 0 };
	struct policy live;
	int rc;

	*changed = false;
	if (server_merge_rules(server, &config->policy, &server->added, &live))
		return kernel_fail(error, -ENOMEM, "out of memory");
	rc = compile(server, &config->settings, &live, generation, &image, error);
	compiled = clock_us(CLOCK_MONOTONIC);
	if (!rc && image.rows) {
		bool same =
			kernel_image_equal(server->kernel, &image) &&
			(!server->in_force.rules || server_same_rules(&live, &server->in_force));

		*changed = !same;
		if (same)
			generation = kernel_generation(server->kernel);
		image.rows[0].word[SMC_POLICY_HDR_GENERATION_LO] = (uint32_t)generation;
		image.rows[0].word[SMC_POLICY_HDR_GENERATION_HI] = (uint32_t)(generation >> 32);
		if (!same || kernel_fresh(server->kernel))
			rc = kernel_publish(server->kernel, &image, error);
		if (!rc)
			warnings_find(&found, &live, &image);
	}
	policy_image_free(&image);
	if (rc) {
		free(live.rules);
		return rc;
	}
	log_debug("generation %" PRIu64 ": compiled in %" PRIu64 " us, published in %" PRIu64 " us",
		  generation, compiled - start, clock_us(CLOCK_MONOTONIC) - compiled);
	server->generation = generation;
	free(server->in_force.rules);
	server->in_force = live;
	warnings_clear(&server->warnings);
	server->warnings = found;
	if (slots_commit(&server->slots, &live, generation))
		log_warning(
			"cannot note which rules own which counters: counts may be lost when the "
			"daemon restarts");
	server_arm_ttl(server);
	server_arm_trim(server);
	monitoring_tell_policy(server);
	return 0;
}
