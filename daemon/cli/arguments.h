/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SMC_POLICY_CLI_ARGUMENTS_H
#define SMC_POLICY_CLI_ARGUMENTS_H

#include "cli/cli.h"

/*
 * Read @argv, whose first word is skipped, into @cli: the global options and the arguments of
 * cli->command.  Returns CLI_DONE, CLI_HELPED after printing help, or CLI_USAGE after telling what
 * is wrong.
 */
int cli_read_arguments(struct cli *cli, int argc, char **argv);

/* Take @path, the value of --socket.  Returns CLI_DONE, or CLI_USAGE after telling what is wrong. */
int cli_take_socket(struct cli *cli, const char *path);

#endif
