// SPDX-License-Identifier: GPL-2.0-or-later
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/options.h"
#include "common/plural.h"
#include "files/config_files.h"
#include "policy/check.h"
#include "server/server.h"

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: smc-policyd [--config FILE] [--check]\n"
	"Keeps the SMC policy of this host in force.\n"
	"\n"
	"  --config FILE  read FILE instead of " POLICY_CONFIG_FILE "\n"
	"  --check        validate the configuration, print errors and warnings, and exit\n"
	"  --version      print the version and exit\n"
	"  --help         print this and exit\n"
	"\n"
	"Runs in the foreground.  SIGHUP reloads the configuration, SIGTERM stops.\n";

/* As smc-ebpf policy check does it. */
static int check(const char *config_file)
{
	struct policy_errors errors = { 0 }, warnings = { 0 };
	struct policy_config config;
	bool ok;

	policy_config_init(&config);
	if (!config_files_load(config_file, &config, &errors))
		policy_check(&config.policy, &errors, &warnings);
	ok = !errors.count;
	for (size_t i = 0; i < errors.count; i++)
		fprintf(stderr, "%s\n", errors.lines[i]);
	for (size_t i = 0; i < warnings.count; i++)
		fprintf(stderr, "warning: %s\n", warnings.lines[i]);
	if (ok)
		printf("%s: ok, %zu %s\n", config_file, config.policy.n_rules,
		       plural(config.policy.n_rules, "rule", "rules"));
	policy_errors_clear(&errors);
	policy_errors_clear(&warnings);
	policy_config_clear(&config);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * Arrays larger than that, of a million peers perhaps, in memory of their own, which goes back when
 * they do.  What a change of a smaller policy takes stays for the next one: fetching it from the
 * kernel anew is a third of the time that compiling takes.  arm_trim_timer() has it given back.
 */
#define LARGE (16 * 1024 * 1024)

static int serve(const char *config_file)
{
	struct server server;
	int rc;

	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TRIM_THRESHOLD, LARGE);
	/* The thread of a swap needs no memory of its own, which would be 64 MiB of addresses. */
	mallopt(M_ARENA_MAX, 1);

	if (server_start(&server, config_file))
		return EXIT_FAILURE;
	rc = server_run(&server);
	server_stop(&server, false);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

__attribute__((format(printf, 1, 2))) static int wrong_usage(const char *format, ...)
{
	va_list args;

	fputs("smc-policyd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(" (see smc-policyd --help)\n", stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *config_file = POLICY_CONFIG_FILE;
	char error[OPTIONS_ERROR_SIZE];
	bool only_check = false;
	int option, index;

	while ((option = options_next(argc, argv, ":h", options, &index, error)) != -1) {
		switch (option) {
		case 'c':
			config_file = optarg;
			break;
		case 'k':
			only_check = true;
			break;
		case 'V':
			puts("smc-policyd " SMC_POLICY_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			return wrong_usage("%s", error);
		}
	}
	if (optind < argc)
		return wrong_usage("unexpected argument \"%.64s\"", argv[optind]);
	return only_check ? check(config_file) : serve(config_file);
}
