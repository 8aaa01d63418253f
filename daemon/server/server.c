// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/buffers.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/plural.h"
#include "files/config_files.h"
#include "kernel/netns.h"
#include "server/control.h"
#include "server/learning.h"
#include "server/saved.h"
#include "server/server.h"
#include "server/watch.h"

#define TTL_RETRY_USEC (10 * 1000000ULL)

/* ---- which rules are in force ---- */

/* The end of a rule's ttl: as it was if this very rule has been in force before. */
static void settle_expiry(struct server *server, struct policy_rule *rule)
{
	const struct smc_policy_rule_slot *owner;

	if (!rule->ttl || rule->expires)
		return;
	owner = slots_owner(&server->slots, rule->name);
	if (owner && owner->expires && owner->digest == policy_rule_digest(rule))
		rule->expires = owner->expires;
	else
		rule->expires = clock_ns(CLOCK_REALTIME) + rule->ttl * NSEC_PER_SEC;
}

static void add_live(struct server *server, struct policy *live, struct policy_rule *rule)
{
	settle_expiry(server, rule);
	if (!rule->expires || rule->expires > clock_ns(CLOCK_REALTIME))
		live->rules[live->n_rules++] = rule;
}

/*
 * The rules of @files and @added that count, as borrowed pointers: an added
 * rule hides a file's rule of its name, an ended ttl hides nothing.
 */
static int merge(struct server *server, const struct policy *files, const struct policy *added,
		 struct policy *live)
{
	size_t f = 0, a = 0;

	policy_init(live);
	live->default_action = files->default_action;
	live->rules = calloc(files->n_rules + added->n_rules + 1, sizeof(struct policy_rule *));
	if (!live->rules)
		return -ENOMEM;
	while (f < files->n_rules || a < added->n_rules) {
		int order = f == files->n_rules ? 1
			    : a == added->n_rules
				    ? -1
				    : strcmp(files->rules[f]->name, added->rules[a]->name);

		if (!order)
			f++;
		else if (order < 0)
			add_live(server, live, files->rules[f++]);
		if (order >= 0)
			add_live(server, live, added->rules[a++]);
	}
	return 0;
}

static bool same_policy(const struct policy *a, const struct policy *b)
{
	if (a->default_action != b->default_action || a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (strcmp(a->rules[i]->name, b->rules[i]->name) ||
		    !policy_rule_equal(a->rules[i], b->rules[i]))
			return false;
	return true;
}

/* ---- namespaces ---- */

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
static int apply_netns(struct server *server, const struct policy_settings *settings,
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

static void enforce_netns(struct server *server)
{
	int rc = kernel_enforce_netns(server->kernel, true, NULL);

	if (rc)
		log_error("cannot go through the network namespaces: %s", strerror(-rc));
}

void server_refresh_netns(struct server *server)
{
	struct kernel_error error;

	if (apply_netns(server, &server->config.settings, &error))
		log_error("%s", error.text);
	if (!kernel_covers_new_netns(server->kernel))
		enforce_netns(server);
}

/* ---- putting a policy in force ---- */

static void arm_ttl_timer(struct server *server);

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
static void arm_trim_timer(struct server *server)
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
		.flags = settings->netns == POLICY_NETNS_ALL ? 0 : SMC_POLICY_IMAGE_F_NETNS_LISTED,
		.parameters = &settings->parameters,
		.budget = &settings->budget,
		.connection_memory = smc_connection_memory(),
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
static int enforce(struct server *server, const struct policy_config *config, bool *changed,
		   struct kernel_error *error)
{
	uint64_t generation = server->generation + 1, start = clock_us(CLOCK_MONOTONIC), compiled;
	struct policy_image image = { 0 };
	struct warnings found = { 0 };
	struct policy live;
	int rc;

	*changed = false;
	if (merge(server, &config->policy, &server->added, &live))
		return kernel_fail(error, -ENOMEM, "out of memory");
	rc = compile(server, &config->settings, &live, generation, &image, error);
	compiled = clock_us(CLOCK_MONOTONIC);
	if (!rc && image.rows) {
		bool same = kernel_image_equal(server->kernel, &image) &&
			    (!server->in_force.rules || same_policy(&live, &server->in_force));

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
	arm_ttl_timer(server);
	arm_trim_timer(server);
	return 0;
}

/* ---- rules by command ---- */

/*
 * Put server->added, changed by the caller, in force and (@durable) on disk, or
 * neither.  @change: as for state_prepare().
 */
static int commit_added(struct server *server, const struct state_change *change, bool durable,
			bool *changed, struct kernel_error *error)
{
	struct kernel_error state_error;
	int rc = 0;

	if (durable)
		rc = state_prepare(&server->state, &server->added, change, server->generation + 1,
				   error);
	if (rc)
		return rc;
	rc = enforce(server, &server->config, changed, error);
	if (rc && durable)
		state_abort(&server->state);
	else if (durable && state_commit(&server->state, &state_error))
		log_error("%s; the change is in force but will be lost at the next start",
			  state_error.text);
	return rc;
}

/* The rule called @name that counts, or that would if its ttl had not ended. */
static const struct policy_rule *find_rule(const struct server *server, const char *name)
{
	const struct policy_rule *rule = policy_find(&server->added, name);

	return rule ? rule : policy_find(&server->config.policy, name);
}

static const char *describe_origin(const struct policy_rule *rule, char *buf, size_t size)
{
	if (rule->origin == POLICY_ORIGIN_FILE)
		snprintf(buf, size, "%s:%u", rule->file, rule->line);
	else
		snprintf(buf, size, "%s",
			 rule->origin == POLICY_ORIGIN_COMMAND ? "policy add"
							       : "policy add --runtime");
	return buf;
}

/* Whether @rule is there already, so that adding it again changes nothing. */
static bool nothing_to_add(const struct policy_rule *before, const struct policy_rule *rule)
{
	return before && policy_rule_equal(before, rule) && !rule->ttl &&
	       (before->origin == rule->origin || before->origin == POLICY_ORIGIN_FILE);
}

/* Put @rule in the place of what @server->added has under its name.  Owns @rule. */
static int put_added(struct server *server, struct policy_rule *rule, bool *changed,
		     struct kernel_error *error)
{
	struct policy_rule *before = policy_take(&server->added, rule->name);
	bool kept = rule->origin == POLICY_ORIGIN_COMMAND;
	struct state_change change = {
		.put = kept ? rule : NULL,
		.gone = &before,
		.n_gone = !kept && before && before->origin == POLICY_ORIGIN_COMMAND,
	};
	int rc = policy_put(&server->added, rule);

	if (rc)
		kernel_fail(error, rc, "out of memory");
	else
		rc = commit_added(server, &change, kept || change.n_gone, changed, error);
	if (!rc) {
		policy_rule_free(before);
		return 0;
	}
	policy_take(&server->added, rule->name);
	policy_rule_free(rule);
	if (before)
		policy_put(&server->added, before); /* there is room: it was there before */
	return rc;
}

int server_add_rule(struct server *server, struct policy_rule *rule, bool replace, bool *changed,
		    struct kernel_error *error)
{
	const struct policy_rule *before = find_rule(server, rule->name);
	char origin[PATH_MAX + 16];

	*changed = false;
	if (before && !policy_rule_equal(before, rule) && !replace) {
		kernel_fail(
			error, -EEXIST,
			"rule \"%s\" exists with other content (from %s); use --replace to change "
			"it",
			rule->name, describe_origin(before, origin, sizeof(origin)));
		policy_rule_free(rule);
		return -EEXIST;
	}
	if (nothing_to_add(before, rule)) {
		policy_rule_free(rule);
		return 0;
	}
	rule->expires = rule->ttl ? clock_ns(CLOCK_REALTIME) + rule->ttl * NSEC_PER_SEC : 0;
	return put_added(server, rule, changed, error);
}

static int check_deletable(const struct server *server, const char *name,
			   struct kernel_error *error)
{
	const struct policy_rule *rule = find_rule(server, name);
	char origin[PATH_MAX + 16];

	if (!rule)
		return kernel_fail(
			error, -ENOENT,
			"there is no rule \"%s\"; \"smc-ebpf policy list\" shows those that "
			"are",
			name);
	if (rule->origin == POLICY_ORIGIN_FILE)
		return kernel_fail(error, -EPERM,
				   "rule \"%s\" comes from %s; remove it there and run \"smc-ebpf "
				   "reload\"",
				   name, describe_origin(rule, origin, sizeof(origin)));
	return 0;
}

int server_del_rules(struct server *server, const char *const *names, size_t n,
		     struct kernel_error *error)
{
	struct state_change change;
	struct policy taken;
	bool durable = false, changed;
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = check_deletable(server, names[i], error);
	if (rc || !n)
		return rc;
	policy_init(&taken);
	for (size_t i = 0; i < n && !rc; i++) {
		struct policy_rule *rule = policy_take(&server->added, names[i]);

		if (!rule)
			continue; /* named twice */
		durable |= rule->origin == POLICY_ORIGIN_COMMAND;
		rc = policy_put(&taken, rule);
	}
	change = (struct state_change){ .gone = taken.rules, .n_gone = taken.n_rules };
	rc = rc ? kernel_fail(error, rc, "out of memory")
		: commit_added(server, &change, durable, &changed, error);
	while (rc && taken.n_rules)
		policy_put(&server->added, taken.rules[--taken.n_rules]);
	policy_clear(&taken);
	return rc;
}

/* ---- ttl ---- */

/* Forget added rules whose ttl has ended. */
static bool drop_ended(struct server *server)
{
	bool durable = false;

	for (size_t i = server->added.n_rules; i-- > 0;) {
		struct policy_rule *rule = server->added.rules[i];

		if (!rule->expires || rule->expires > clock_ns(CLOCK_REALTIME))
			continue;
		log_info("rule %s has reached the end of its ttl", rule->name);
		durable |= rule->origin == POLICY_ORIGIN_COMMAND;
		/* It may be in force still; enforce() merges anew before anyone looks. */
		for (size_t k = 0; k < server->in_force.n_rules; k++)
			if (server->in_force.rules[k] == rule) {
				warnings_clear(&server->warnings); /* they count rules */
				server->in_force.n_rules--;
				memmove(server->in_force.rules + k, server->in_force.rules + k + 1,
					(server->in_force.n_rules - k) *
						sizeof(struct policy_rule *));
				break;
			}
		policy_rule_free(policy_take(&server->added, rule->name));
	}
	return durable;
}

static int on_ttl(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *server = userdata;
	struct kernel_error error;
	bool changed;

	(void)usec;
	if (!commit_added(server, NULL, drop_ended(server), &changed, &error))
		return 0; /* and the timer is set anew */
	log_error("cannot take a rule whose ttl has ended out of force, will try again: %s",
		  error.text);
	sd_event_source_set_time(source, clock_us(CLOCK_REALTIME) + TTL_RETRY_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void arm_ttl_timer(struct server *server)
{
	const struct policy_rule *rule;
	uint64_t first = UINT64_MAX;

	policy_for_each(rule, &server->in_force)
		if (rule->expires && rule->expires < first)
			first = rule->expires;
	server->ttl_timer = sd_event_source_unref(server->ttl_timer);
	if (first == UINT64_MAX || !server->event)
		return;
	if (sd_event_add_time(server->event, &server->ttl_timer, CLOCK_REALTIME, first / 1000 + 1,
			      1000, on_ttl, server) < 0)
		log_error("cannot set a timer: the rule with the next ttl stays in force after it");
}

/* ---- configuration ---- */

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

/* Put @next in the place of the configuration; on error all is as before. */
static int put_config(struct server *server, struct policy_config *next, bool *changed,
		      struct kernel_error *error)
{
	struct kernel_error ignored;
	int rc = control_set_access(server->control, &next->settings, error);

	if (!rc)
		rc = apply_netns(server, &next->settings, error);
	if (!rc)
		rc = enforce(server, next, changed, error);
	if (!rc && next->settings.take_over != server->config.settings.take_over)
		rc = kernel_attach(server->kernel, server->backend, next->settings.take_over,
				   error);
	if (rc) {
		control_set_access(server->control, &server->config.settings, &ignored);
		apply_netns(server, &server->config.settings, &ignored);
		return rc;
	}
	policy_config_clear(&server->config);
	server->config = *next;
	enforce_netns(server);
	log_set_level(next->settings.log_level);
	return 0;
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
	arm_trim_timer(server);
	log_debug("configuration read in %" PRIu64 " us", clock_us(CLOCK_MONOTONIC) - start);
	if (rc) {
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
	if (rc)
		policy_config_clear(&next);
	else
		warnings_log(server);
	return rc;
}

/* ---- start, run, stop ---- */

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

static int choose_backend(struct server *server, struct kernel_error *error)
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

static int attach(struct server *server, struct kernel_error *error)
{
	return kernel_attach(server->kernel, server->backend, server->config.settings.take_over,
			     error);
}

static int start_enforcing(struct server *server, struct kernel_error *error)
{
	bool changed;
	int rc = apply_netns(server, &server->config.settings, error);

	if (!rc)
		rc = enforce(server, &server->config, &changed, error);
	return rc ? rc : attach(server, error);
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
	else if (before != POLICY_BACKEND_OBSERVE)
		return;
	rc = choose_backend(server, &error);
	if (rc) {
		/* The configuration wants a certain one.  Until that is back: */
		snprintf(server->backend_note, sizeof(server->backend_note), "%s", error.text);
		server->backend = POLICY_BACKEND_OBSERVE;
		rc = kernel_probe(server->kernel, server->backend, &error);
	}
	if (!rc)
		rc = apply_netns(server, &server->config.settings, &error);
	if (!rc)
		rc = attach(server, &error);
	if (rc)
		log_error("cannot attach: %s", error.text);
	else if (server->backend != before)
		log_notice("backend %s instead of %s%s%s",
			   word_name(&words_backend, server->backend),
			   word_name(&words_backend, before), server->backend_note[0] ? ": " : "",
			   server->backend_note);
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

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct policy_errors errors = { 0 };
	struct server *server = userdata;
	struct kernel_error error;
	bool changed = false;

	(void)source;
	(void)info;
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

static int load_config(struct server *server, struct kernel_error *error)
{
	struct policy_errors errors = { 0 };
	int rc = config_files_load(server->config_file, &server->config, &errors);

	log_set_level(server->config.settings.log_level);
	log_errors(&errors);
	if (rc)
		kernel_fail(error, rc, "the configuration has %zu %s; what is in force stays",
			    errors.count, plural(errors.count, "error", "errors"));
	policy_errors_clear(&errors);
	return rc;
}

int server_start(struct server *server, const char *config_file)
{
	struct kernel_error error;
	int rc;

	*server = (struct server){ .config_file = config_file, .state.dir = -1 };
	server->started = clock_us(CLOCK_REALTIME);
	policy_config_init(&server->config);
	policy_init(&server->added);
	policy_init(&server->in_force);
	rc = load_config(server, &error);
	if (!rc)
		rc = start_events(server, &error);
	if (!rc)
		rc = state_open(&server->state, server->config.settings.state_dir, &server->added,
				&error);
	if (!rc)
		rc = open_kernel(server, &error);
	if (!rc)
		rc = choose_backend(server, &error);
	/* All that can be refused comes before the policy in force is touched. */
	if (!rc)
		rc = control_open(&server->control, server, &error);
	/* Nobody else uses state-dir now: what is prepared there a killed daemon has left. */
	if (!rc)
		state_abort(&server->state);
	if (!rc)
		saved_read(server);
	if (!rc)
		rc = start_enforcing(server, &error);
	if (!rc)
		rc = watch_open(&server->watch, server, &error);
	if (!rc)
		rc = learning_open(&server->learning, server, &error);
	/*
	 * Loads what it will need: that takes long on a slow machine, and the watchdog does not run
	 * yet.
	 */
	if (!rc)
		kernel_follow_smc(server->kernel);
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

	learning_close(server->learning);
	watch_close(server->watch);
	control_close(server->control);
	if (server->kernel && !keep)
		saved_write(server);
	if (server->kernel && !keep && server->config.settings.on_stop == POLICY_ON_STOP_RELEASE) {
		log_notice("on-stop = release: nothing is enforced any more");
		if (kernel_release(server->kernel, &error))
			log_error("%s", error.text);
	}
	slots_close(&server->slots);
	kernel_close(server->kernel);
	state_close(&server->state);
	sd_event_source_unref(server->trim_timer);
	sd_event_source_unref(server->ttl_timer);
	sd_event_unref(server->event);
	free(server->in_force.rules);
	warnings_clear(&server->warnings);
	policy_clear(&server->added);
	policy_config_clear(&server->config);
	policy_errors_clear(&server->degraded);
}
