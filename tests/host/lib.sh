# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of the daemon and the command on this host's kernel.  Each test has a daemon of its own in a
# temporary directory, beside any other daemon.  SMC_TEST_PROGRAMS names the directory of daemon and
# command; default: build/.  If it is set, they must be built with sanitizers, and a report of these
# fails the test.  Includes claims.sh and gives
#
#	$programs           that directory
#	$ebpf               the command, talking to this daemon
#	daemon_start        returns when the daemon answers
#	daemon_end SIGNAL
#	serve PORT..., stop_serving, touch_port PORT ADDRESS...
#	exits, refused, json	what a command must do, for claims
#	finish              ends the daemon, removes everything, exits

set -uo pipefail

host_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VM_STATE=$(mktemp -d)
REPORT=/dev/null
CONFIG=$VM_STATE/smc-policy.conf
daemon_log=$VM_STATE/log
programs=${SMC_TEST_PROGRAMS:-$host_top/build}
ebpf=$programs/smc-ebpf
export SMC_POLICY_SOCKET=$VM_STATE/socket

# shellcheck source-path=SCRIPTDIR source=../claims.sh
. "$host_top/tests/claims.sh"
# shellcheck source-path=SCRIPTDIR source=../lock.sh
. "$host_top/tests/lock.sh"
take_tests_lock

# exits STATUS COMMAND...: it ends with STATUS.
exits()
{
	local wanted=$1 got=0

	shift
	"$@" || got=$?
	[ "$got" = "$wanted" ]
}

# refused STATUS PATTERN COMMAND...: ends with STATUS, nothing on stdout, PATTERN on stderr.
refused()
{
	local wanted=$1 pattern=$2 got=0

	shift 2
	"$@" > "$VM_STATE/out" 2> "$VM_STATE/err" || got=$?
	cat "$VM_STATE/err"
	[ "$got" = "$wanted" ] && [ ! -s "$VM_STATE/out" ] && grep -q -E -e "$pattern" "$VM_STATE/err"
}

# json FILTER COMMAND...: the JSON that it prints satisfies jq's FILTER.
json()
{
	local filter=$1

	shift
	"$@" > "$VM_STATE/out" || return
	cat "$VM_STATE/out"
	jq -s -e "length == 1 and (.[0] | $filter)" "$VM_STATE/out" > /dev/null
}

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
	"$programs/smc-policyd" --config "$CONFIG" >> "$daemon_log" 2>&1 &
	echo $! > "$VM_STATE/pid" # a file: claims run in subshells
	wait_until 30 "$ebpf" status > /dev/null || {
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
	[ ! -e "$VM_STATE/pid" ] || wait_until 30 daemon_gone
}

# A process that has ended may hold its descriptors for another moment.
unmount_pins()
{
	! mountpoint -q "$VM_STATE/pins" || wait_until 20 umount "$VM_STATE/pins"
}

cleanup()
{
	daemon_end KILL
	unmount_pins
	rm -rf "$VM_STATE"
}

# Sanitizers report to files, because the tests compare what programs print.
sanitizer=$VM_STATE/sanitizer
mkdir -m 1777 "$sanitizer"
export ASAN_OPTIONS=log_path=$sanitizer/report:detect_leaks=1
export UBSAN_OPTIONS=print_stacktrace=1

no_reports()
{
	! cat "$sanitizer"/report.* 2> /dev/null
}

# built_with_sanitizers: daemon and command have them.
built_with_sanitizers()
{
	nm "$programs/smc-policyd" | grep __asan_init && nm "$ebpf" | grep __asan_init
}

finish()
{
	if [ -n "${SMC_TEST_PROGRAMS:-}" ]; then
		daemon_end TERM
		claim "daemon and command are built with sanitizers" built_with_sanitizers
		claim "and they have nothing to report" no_reports
	fi
	[ ! -e "$VM_STATE/failed" ]
	exit
}

listening_here()
{
	[ -n "$(ss -Hltn "sport = :$1")" ]
}

# serve PORT...: something listens there, on all addresses, until stop_serving.
serve()
{
	local port

	for port; do
		socat -u "TCP4-LISTEN:$port,reuseaddr,fork,backlog=128" /dev/null &
		echo $! >> "$VM_STATE/listeners"
		wait_until 30 listening_here "$port"
	done
}

stop_serving()
{
	xargs kill < "$VM_STATE/listeners"
	rm "$VM_STATE/listeners"
}

# touch_port PORT ADDRESS...: a connection to each that carries nothing.
touch_port()
{
	local port=$1 address

	shift
	for address; do
		: < "/dev/tcp/$address/$port" || return
	done
}

trap cleanup EXIT
