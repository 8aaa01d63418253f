# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Claims and waiting, for test scripts on the host and in guests.  The including script sets
#	REPORT     a file that also gets every line of the report; /dev/null for none
#	VM_STATE   a directory; the file "failed" appears there once a claim does not hold

# ---- claims ----

# What the last claim's command printed.
claim_output=''

# report LINE: no process is started for it, since there are thousands of lines.
report()
{
	printf '%s\n' "$1"
	printf '%s\n' "$1" > "$REPORT"
}

# ok TEXT, not_ok TEXT [DETAIL], skip TEXT WHY: one line of the report each.
ok()
{
	report "ok - $1"
}

not_ok()
{
	: > "$VM_STATE/failed"
	report "not ok - $1${2:+: $(one_line "$2")}"
}

skip()
{
	report "skip - $1: $2"
}

one_line()
{
	printf '%s' "$1" | tr '\n' '|' | cut -c 1-1000
}

# claim TEXT COMMAND...: TEXT holds if COMMAND succeeds.  Otherwise the output of COMMAND is shown.
# Returns the status of COMMAND.
claim()
{
	claim_text=$1
	shift
	claim_status=0
	claim_output=$("$@" 2>&1) || claim_status=$?
	if [ "$claim_status" = 0 ]; then
		ok "$claim_text"
	else
		not_ok "$claim_text" "$* returned $claim_status: $claim_output"
	fi
	return "$claim_status"
}

# claim_not TEXT COMMAND...: TEXT holds if COMMAND fails.
claim_not()
{
	claim_text=$1
	shift
	if claim_output=$("$@" 2>&1); then
		not_ok "$claim_text" "$* succeeded: $claim_output"
		return 1
	fi
	ok "$claim_text"
}

# has_line PATTERN COMMAND...: COMMAND succeeds and prints a line that matches (grep -E).
has_line()
{
	line_pattern=$1
	shift
	line_output=$("$@") || return
	printf '%s\n' "$line_output"
	# Not by a pipe: whoever wrote to it would fail when grep has seen enough.
	grep -q -E -e "$line_pattern" << EOF
$line_output
EOF
}

# claim_equal TEXT WANTED GOT
claim_equal()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "wanted '$2', got '$3'"
		return 1
	fi
}

# progress TEXT: a line of the report that claims nothing.  Whoever watches for hangs sees it.
progress()
{
	report "# $1"
}

# ---- waiting ----

# Limits of time are there for what hangs.  They are written as what is long on a machine of usual
# speed, and a machine may be so many times slower.
: "${PATIENCE:=10}"

# Whole hundredths of a second since boot.
uptime_cs()
{
	read -r up _ < /proc/uptime
	# The 1 keeps "08" from being taken for octal.
	echo $((${up%.*} * 100 + 1${up#*.} - 100))
}

# wait_until SECONDS COMMAND...: repeats COMMAND until it succeeds.  Gives up after PATIENCE * SECONDS
# and as many attempts: a machine that stood still for a while has done nothing meanwhile.  COMMAND's
# last output is in $wait_output.  What takes long is asked less often: in an emulated guest a look costs
# as much as what is waited for.
wait_until()
{
	wait_tries=$(($1 * PATIENCE)) wait_looks=0
	wait_end=$(($(uptime_cs) + wait_tries * 100))
	shift
	until wait_output=$("$@" 2>&1); do
		wait_tries=$((wait_tries - 1))
		if [ "$wait_tries" -le 0 ] && [ "$(uptime_cs)" -ge "$wait_end" ]; then
			echo "still not: $*: $wait_output" >&2
			return 1
		fi
		wait_looks=$((wait_looks + 1))
		if [ $wait_looks -le 10 ]; then
			sleep 0.05
		else
			sleep 0.2
		fi
	done
}

# unless_hung SECONDS COMMAND...: COMMAND, which is ended after PATIENCE * SECONDS; the status is 124
# then.
unless_hung()
{
	hung_limit=$(($1 * PATIENCE))
	shift
	timeout "$hung_limit" "$@"
}
