# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# One run of the tests at a time: those on the host's kernel count its maps, programs and connections,
# whatever checkout they belong to.  take_tests_lock takes a lock that is free again when the process has
# ended, and all that it has started, which runs under the same lock.

# take_tests_lock: returns when no other run is under way; says whose it waits for.
take_tests_lock()
{
	local dir=/run/lock file

	[ -z "${SMC_TESTS_LOCKED:-}" ] || return 0
	[ -w $dir ] || dir=${TMPDIR:-/tmp}
	file=$dir/smc-policy-tests
	exec {tests_lock}>> "$file"
	if ! flock --nonblock "$tests_lock"; then
		echo "# waiting for another run of the tests on this machine: $(< "$file")" >&2
		flock "$tests_lock"
	fi
	echo "process $$ in $PWD" > "$file"
	export SMC_TESTS_LOCKED=$$
}
