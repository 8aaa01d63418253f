# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Tests side by side, for tests/run, which sets $log_dir and gives report_test(), not_run(), and
# said_last():
#
#	add_job LANE LOAD NEED NAME COMMAND...
#	do_jobs
#
# A lane has room for so much LOAD at a time, and what waits in it goes in order, except that a job
# whose NEED, the name of another job or "-", has not ended lets others pass.  If it has failed the job
# is not run.

# Guests: as many as the CPUs take and half as many more, because they wait for each other and for timers
# much of the time.  Host: the tests on this kernel and of its programs one after the other, since they see each
# other's maps and connections.  Kernel: fetching and building.  Fuzz: what the others leave of the CPUs.
declare -A room=([guests]=3 [host]=1 [kernel]=1 [fuzz]=2)

# What waits: LANE LOAD NEED NAME COMMAND..., no blanks in any of them.
waiting=()

# What runs, by process id.
declare -A job_name=() job_start=() job_lane=() job_load=()

# What has ended, by name: yes or failed.
declare -A ended=()

# Of those: wall seconds.
declare -A job_seconds=()

steps=0

add_job()
{
	waiting+=("$*")
	steps=$((steps + 1))
}

# measure_cpus: sets $tenths_of_cpus to what this run gets of the machine's CPUs now, which may be less
# than there are: others use them, or a cgroup has a limit.
measure_cpus()
{
	local one count times

	count=$(nproc)
	times=$(for ((one = 0; one < count; one++)); do
		spin &
	done; wait; times)
	[[ ${times##*$'\n'} =~ ^([0-9]+)m([0-9]+)[.,]([0-9]+)s ]]
	# 1 s of each CPU.
	tenths_of_cpus=$((BASH_REMATCH[1] * 600 + BASH_REMATCH[2] * 10 + 10#${BASH_REMATCH[3]} / 100))
}

# spin: uses what it gets of a CPU for a second.
spin()
{
	local end=$((${EPOCHREALTIME/[.,]/} + 1000000))

	while [ "${EPOCHREALTIME/[.,]/}" -lt $end ]; do :; done
}

# make_room: two guests at least, for they come in pairs.
make_room()
{
	measure_cpus
	room[guests]=$((tenths_of_cpus * 3 / 20 > 2 ? tenths_of_cpus * 3 / 20 : 2))
	room[fuzz]=$((tenths_of_cpus / 10 > 1 ? tenths_of_cpus / 10 : 1))
}

# timed COMMAND...: and the seconds of CPU on standard error.
timed()
{
	local TIMEFORMAT='%0U + %0S'

	time "$@" 2>&1
}

# start_job LANE LOAD NEED NAME COMMAND...
start_job()
{
	local lane=$1 load=$2 name=$4

	shift 4
	CMOCKA_MESSAGE_OUTPUT=TAP timed "$@" > "$log_dir/$name.log" 2> "$log_dir/$name.log.cpu" < /dev/null &
	job_name[$!]=$name job_start[$!]=$SECONDS job_lane[$!]=$lane job_load[$!]=$load
	room[$lane]=$((room[$lane] - load))
}

# start_jobs: all that there is room for.
start_jobs()
{
	local lane load need name job left=()
	declare -A full=()

	for job in "${waiting[@]}"; do
		read -r lane load need name _ <<< "$job"
		if [ "${ended[$need]:-no}" = failed ]; then
			not_run "$name" "$need"
			ended[$name]=failed
		elif [ "$need" != - ] && [ -z "${ended[$need]:-}" ]; then
			left+=("$job")
		elif [ -n "${full[$lane]:-}" ] || [ "$load" -gt "${room[$lane]}" ]; then
			full[$lane]=yes
			left+=("$job")
		else
			# shellcheck disable=SC2086 # words
			start_job $job
		fi
	done
	waiting=("${left[@]}")
}

# end_job PID STATUS
end_job()
{
	local pid=$1 name=${job_name[$1]} lane=${job_lane[$1]}

	job_seconds[$name]=$((SECONDS - job_start[$pid]))
	ended[$name]=yes
	report_test "$name" "$2" "${job_seconds[$name]}" || ended[$name]=failed
	room[$lane]=$((room[$lane] + job_load[$pid]))
	unset "job_name[$pid]" "job_lane[$pid]"
}

# print_progress: how far it is.
print_progress()
{
	local pid name running=()

	for pid in "${!job_name[@]}"; do
		name=${job_name[$pid]}
		running+=("$name for $((SECONDS - job_start[$pid])) s$(said_last "$name")")
	done
	echo "# $((SECONDS / 60)) min: $((steps - ${#waiting[@]} - ${#job_name[@]})) of $steps steps" \
		"are done; running: $(IFS=,; echo "${running[*]}" | sed 's/,/, /g')"
}

# do_jobs: all that were added.  A line a minute says how far it is.
do_jobs()
{
	local pid status minute

	sleep 60 &
	minute=$!
	start_jobs
	while [ "${#job_name[@]}" != 0 ]; do
		status=0
		wait -n -p pid "${!job_name[@]}" $minute || status=$?
		if [ "$pid" = $minute ]; then
			print_progress
			sleep 60 &
			minute=$!
		else
			end_job "$pid" $status
			start_jobs
		fi
	done
	kill $minute
	wait $minute 2> /dev/null
}

# print_slowest N: of the steps, and what all took.
print_slowest()
{
	local name

	[ $steps = 0 ] || for name in "${!job_seconds[@]}"; do
		echo "${job_seconds[$name]} $name"
	done | sort -n -r | head -n "$1" | awk '{ printf "%s%s %d s", (NR > 1 ? ", " : "# the slowest: "), $2, $1 }
		END { if (NR) print "" }'
	times > "$log_dir/times"
	echo "# all: $SECONDS s, of CPU $(awk '{ gsub("s", ""); s = 0
		for (i = 1; i <= 2; i++) { split($i, t, "m"); s += 60 * t[1] + t[2] } }
		END { printf "%d", s }' "$log_dir/times") s"
}
