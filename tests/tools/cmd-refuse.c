// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program whose decision is one comparison, for tests that attach and detach it
 * often.  In an emulated guest the verifier takes too long for the daemon's programs.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "smc-tool.h"
#include "smc_policy_hook.h"
#include "smc_policy_verdict.h"

static const char usage[] =
	"usage: smc-tool refuse --local-port N|--peer-port N\n"
	"Attaches a program to smc_policy.ko that turns connections with that port into TCP, prints\n"
	"\"ready\", and detaches it when it is killed.\n";

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* field: offset of the port in struct smc_policy_hook. */
static int load_program(size_t field, unsigned long port)
{
	const struct bpf_insn program[] = {
		/* r2 = the structure; r3 = its port */
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 2, .src_reg = 1 },
		{ .code = BPF_LDX | BPF_MEM | BPF_H,
		  .dst_reg = 3,
		  .src_reg = 2,
		  .off = (short)field },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 3, .off = 1, .imm = (int)port },
		{ .code = BPF_ST | BPF_MEM | BPF_W,
		  .dst_reg = 2,
		  .off = offsetof(struct smc_policy_hook, verdict),
		  .imm = SMC_POLICY_TCP },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
		.insns = (uintptr_t)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.license = (uintptr_t) "GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

/* It stays attached until the process ends. */
static int attach(int program)
{
	union bpf_attr attr = {
		.raw_tracepoint.name = (uintptr_t)SMC_POLICY_HOOK_TRACEPOINT,
		.raw_tracepoint.prog_fd = (__u32)program,
	};

	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

int cmd_refuse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "local-port", required_argument, NULL, 'l' },
		{ "peer-port", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long port = 0;
	size_t field = 0;
	int option, program;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h')
			return fputs(usage, stdout) < 0;
		if (option != 'l' && option != 'p')
			return EXIT_USAGE;
		port = parse_number("port", optarg, UINT16_MAX);
		field = option == 'l' ? offsetof(struct smc_policy_hook, local_port)
				      : offsetof(struct smc_policy_hook, peer_port);
	}
	if (!port || optind != argc)
		usage_error("refuse needs a port; see smc-tool refuse --help");
	program = load_program(field, port);
	if (program < 0)
		fail_errno("BPF_PROG_LOAD");
	if (attach(program) < 0)
		fail_errno("BPF_RAW_TRACEPOINT_OPEN");
	puts("ready");
	fflush(stdout);
	pause();
	return EXIT_SUCCESS;
}
