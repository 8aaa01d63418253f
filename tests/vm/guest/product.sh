# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# For tests that run daemon and module inside guests without systemd; included after lib.sh.

CONFIG=/etc/smc-policy.conf
DAEMON_PID=/run/smc-policyd.pid
DAEMON_LOG=/run/smc-policyd.log
DAEMON_SECONDS=150 # how long it may take to come and to go

# Sections for tests of what the policy says, under load: a guest that is too slow for it harms
# connections as a path does.
# shellcheck disable=SC2034 # for the tests
NOTHING_LEARNED='[breaker]
votes = off
[budget]
cooldown = off
[auto]
peer-memory = off'

# configure: standard input becomes the configuration.
configure()
{
	mkdir -p /etc /var/lib
	cat > $CONFIG
}

# daemon_start: returns when the policy is in force.  Its output is appended to $DAEMON_LOG.
daemon_start()
{
	smc-policyd >> $DAEMON_LOG 2>&1 &
	echo $! > $DAEMON_PID # a file: claims run in subshells
	wait_until "$DAEMON_SECONDS" smc-ebpf status > /dev/null || {
		cat $DAEMON_LOG >&2
		return 1
	}
}

# daemon_end SIGNAL: ends the daemon and waits for it.
daemon_end()
{
	pid=$(cat $DAEMON_PID)
	kill "-$1" "$pid" && wait_until "$DAEMON_SECONDS" gone "$pid"
}

# A zombie has closed its files; before that it may still hold locks and mounts.
gone()
{
	state=''
	while read -r key value _; do
		[ "$key" != State: ] || state=$value
	done 2> /dev/null < "/proc/$1/status"
	case $state in
	'' | Z | X) ;;
	*) return 1 ;;
	esac
}

# What enforces in this kernel.
BACKEND=native
[ ! -e /vm/smc_policy.ko ] || BACKEND=kmod

# What shows that connections open and end: up to 5.11 tracepoints get no cookie.
LEARNS_BY=inet_sock_set_state
[ "$SERIES" != 5.10 ] || LEARNS_BY='cgroup v2 sockops, inet_sock_set_state'

# product_up: daemon, and module if the kernel needs it, with the configuration there is.
product_up()
{
	[ $BACKEND = native ] || insmod /vm/smc_policy.ko || return
	daemon_start
}

# generation: of the policy in force.
generation()
{
	smc-ebpf -j status | sed -n 's/^  "generation": \([0-9]*\),$/\1/p'
}

# module_count NAME: a counter of the module.
module_count()
{
	cat "/sys/module/smc_policy/parameters/$1"
}
