# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of the daemon and the command on this host's kernel: a daemon of its own, beside any
# other, in a temporary directory.  Gives claims.sh and
#
#	$ebpf               the command, talking to this daemon
#	daemon_start        returns when the daemon answers
#	daemon_end SIGNAL
#	finish              ends the daemon, removes everything, exits

set -uo pipefail

host_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VM_STATE=$(mktemp -d)
REPORT=/dev/null
CONFIG=$VM_STATE/smc-policy.conf
daemon_log=$VM_STATE/log
ebpf=$host_top/build/smc-ebpf
export SMC_POLICY_SOCKET=$VM_STATE/socket

# shellcheck source-path=SCRIPTDIR source=../claims.sh
. "$host_top/tests/claims.sh"

# configure [KEY=VALUE of the daemon]...: standard input follows the [daemon] section.
configure()
{
	{
		printf '[daemon]\nsocket = %s\nstate-dir = %s\npin-dir = %s\n' \
			"$SMC_POLICY_SOCKET" "$VM_STATE/state" "$VM_STATE/pins"
		[ $# = 0 ] || printf '%s\n' "$@"
		cat
	} > "$CONFIG"
}

daemon_start()
{
	"$host_top/build/smc-policyd" --config "$CONFIG" >> "$daemon_log" 2>&1 &
	echo $! > "$VM_STATE/pid" # a file: claims run in subshells
	wait_until 10 "$ebpf" status > /dev/null || {
		cat "$daemon_log" >&2
		return 1
	}
}

daemon_alive()
{
	[ -e "/proc/$(cat "$VM_STATE/pid")/exe" ]
}

daemon_gone()
{
	! daemon_alive
}

# daemon_end SIGNAL: returns when it is gone.
daemon_end()
{
	[ ! -e "$VM_STATE/pid" ] || ! daemon_alive || kill "-$1" "$(cat "$VM_STATE/pid")"
	[ ! -e "$VM_STATE/pid" ] || wait_until 10 daemon_gone
}

cleanup()
{
	daemon_end KILL
	umount "$VM_STATE/pins" 2> /dev/null
	rm -rf "$VM_STATE"
}

finish()
{
	[ ! -e "$VM_STATE/failed" ]
	exit
}

trap cleanup EXIT
