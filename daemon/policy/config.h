/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: settings and rules out of INI text.  The caller reads the
 * files; this parses their content, so that daemon, `policy check`, tests and
 * fuzzers share it.
 */
#ifndef SMC_POLICY_CONFIG_H
#define SMC_POLICY_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

#include "policy/endpoint.h"
#include "policy/errors.h"
#include "policy/limits.h"
#include "policy/parameters.h"
#include "policy/rule.h"
#include "policy/words.h"

#define POLICY_CONFIG_FILE "/etc/smc-policy.conf"

#define POLICY_UEID_SIZE 33 /* longest UEID (SMC_MAX_EID_LEN of the kernel) plus NUL */

/* [daemon], [auto], [budget], [breaker], [smc] and [metrics] */
struct policy_settings {
	char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char state_dir[PATH_MAX];
	char pin_dir[PATH_MAX];
	char group[64]; /* "": root only */
	int log_level; /* syslog priority; what is above it is dropped */
	int backend; /* enum policy_backend */
	int netns; /* enum policy_netns */
	char **netns_names; /* POLICY_NETNS_LIST: names as in `ip netns`, or "init" */
	size_t n_netns_names;
	int take_over; /* 1: replace an SMC controller that somebody else selected, 0: leave it */
	int on_stop; /* enum policy_on_stop */
	int read_access; /* enum policy_read_access */

	/* [auto], [breaker] and the cooldown of [budget] */
	struct policy_parameters parameters;
	uint32_t setup_cost, kib_gain; /* ns; their ratio is parameters.setup_bytes */
	uint32_t message_gain; /* ns; its ratio to kib_gain is parameters.message_bytes */
	uint32_t auto_peers; /* services, subnets and peers that are remembered */
	uint32_t auto_connections; /* living connections that are watched */
	uint32_t save_interval; /* seconds between two times that what is learned is saved */

	struct policy_limits budget; /* of the host */

	/* [smc] */
	char smc_ueid[POLICY_UEID_SIZE]; /* "": none */
	uint32_t smc_wmem, smc_rmem; /* bytes, 0: as they are */

	/* [metrics] */
	char metrics_textfile[PATH_MAX]; /* "": none */
	struct policy_endpoint metrics_listen;
	int metrics_allow_remote; /* 1: other hosts may reach it, 0: that is refused */
	uint32_t warn_unexpected; /* percent of connections that fall back, 0: off */
};

/* A file that the configuration names; both to be freed. */
struct policy_named_file {
	char *path; /* absolute */
	char *text;
	size_t length;
};

/*
 * Read @name, which configuration file @file names: relative to the folder of @file if it does
 * not begin with "/".  Returns 0 and @named, or a negative errno and @error, which says what is
 * wrong with it, "cannot be read: ...", and with -EINVAL what would be right.
 */
typedef int (*policy_read_named)(const char *file, const char *name,
				 struct policy_named_file *named, struct value_error *error);

struct policy_config {
	struct policy_settings settings;
	struct policy policy;
	policy_read_named read_named; /* NULL: no file can be named */
};

/* Fill @config with the defaults of every key and no rules. */
void policy_config_init(struct policy_config *config);
void policy_config_clear(struct policy_config *config);

/*
 * Parse @text of @length bytes, the content of @file, on top of @config: keys
 * replace what earlier files said, rules replace rules of the same name.
 * Every error is added to @errors as "FILE:LINE: what is wrong, and what would
 * be right".  Returns 0, or -EINVAL if there was any: @config is then partly
 * changed and only good for policy_config_clear().
 */
int policy_config_parse(struct policy_config *config, const char *file, const char *text,
			size_t length, struct policy_errors *errors);

#endif
