# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Finds what this project has left in the kernel; included after lib.sh.  Needs bpftool.

PINS=/sys/fs/bpf/smc-policy

# in_kernel: programs, maps and pins, one word a line.
in_kernel()
{
	bpftool prog list | sed -n -E 's/^[0-9]+: [a-z_]+  name ([a-z_]+) .*/prog-\1/p' |
		grep -E 'policy_test|kmod_verdict|observe|syn_option|synack_option'
	bpftool map list | sed -n -E 's/^[0-9]+: [a-z_]+  name ([a-z_]+) .*/map-\1/p' |
		grep -E 'policy|rule_|netns_listed|handshakes'
	[ ! -e $PINS ] || find $PINS -type f | sed "s,$PINS/,pin-,"
}

# one_set TEXT: programs, maps and pins are there once each, and no others.
one_set()
{
	claim_equal "$1: nothing is in the kernel twice" "" "$(in_kernel | sort | uniq -d)"
	claim "$1: a policy is" in_kernel_is map-policy_image
	claim_not "$1: no set but the one in force is pinned" test -e $PINS/old -o -e $PINS/next
}

in_kernel_is()
{
	in_kernel | grep -q -x "$1"
}

nothing_left()
{
	[ -z "$(in_kernel)" ]
}
