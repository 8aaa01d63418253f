// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "smc-tool.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "server", cmd_server, "echo server for many connections at once" },
	{ "client", cmd_client, "one connection: send, check the echo, say what it turned into" },
	{ "load", cmd_load, "many short connections at a given rate" },
	{ "refuse", cmd_refuse, "a program that decides for smc_policy.ko" },
	{ "mix", cmd_mix, "short connections as fast as they go, next to long ones" },
	{ "turns", cmd_turns, "two kinds of short connections in turns, to compare their rates" },
	{ "capture", cmd_capture, "log every SYN and SYN-ACK, with or without the SMC option" },
	{ "diag", cmd_diag, "list SMC sockets" },
	{ "linkgroups", cmd_linkgroups, "list SMC-R link groups" },
	{ "fallback-stats", cmd_fallback_stats, "the kernel's fallback counters" },
	{ "handshake-stats", cmd_handshake_stats, "the kernel's count of handshakes" },
	{ "ueid", cmd_ueid, "add NAME | del NAME | list: user defined EIDs" },
	{ "pnetid", cmd_pnetid, "add NAME --eth IF --ib DEVICE --port N | flush" },
	{ "signal-server", cmd_signal_server, "tell the other guest which signals are set" },
	{ "crowd", cmd_crowd, "silent clients of a Unix socket, very many" },
	{ "tsc", cmd_tsc, "kHz of the time stamp counter" },
	{ "obstacles", cmd_obstacles,
	  "a path between two network namespaces with what SMC meets on it" },
	{ "await", cmd_await, "wait for a signal of the other guest" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fprintf(out, "usage: smc-tool COMMAND [OPTION]...   (COMMAND --help for its options)\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-15s %s\n", commands[i].name, commands[i].help);
}

#define FILES_MAX 16384

int main(int argc, char **argv)
{
	/* Scripts read what we say while we still run. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	/* On a slow host many connections are open at once.  Where it is refused, fewer may be. */
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ FILES_MAX, FILES_MAX });

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help")) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "smc-tool: no command '%s'; smc-tool --help lists them\n", argv[1]);
	return EXIT_USAGE;
}
