# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For host tests, after lib.sh: connections that are lessons, and records as the programs in the kernel would
# leave them, since this host's kernel need not have SMC.

# talk PORT BYTES N: N connections to this host that carry BYTES.
talk()
{
	local i

	for ((i = 0; i < $3; i++)); do
		head -c "$2" /dev/zero | socat -u - "TCP4:127.0.0.1:$1" || return
	done
}

# bytes WIDTH NUMBER...: little-endian, for bpftool.
bytes()
{
	local width=$1 number i

	shift
	for number; do
		for ((i = 0; i < width; i++)); do
			printf '%d ' $((number >> 8 * i & 255))
		done
	done
}

# put_map MAP KEY VALUE: both as bytes.
put_map()
{
	# shellcheck disable=SC2086 # lists of bytes
	bpftool map update pinned "$VM_STATE/pins/current/$1" key $2 value $3
}

# peer_record UNTIL CODE TIMES RTT: the value of a peer in auto_peers of which nothing else is known.
peer_record()
{
	bytes 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "$1"
	bytes 4 "$2" "$3" "$4" 0
}

# put_host AT BYTES: BYTES into the host's state, from its byte AT on, or so many before its end.  The
# daemon stands still meanwhile: all of the state is written, also what it would change in between.
put_host()
{
	local daemon value

	daemon=$(< "$VM_STATE/pid")
	kill -STOP "$daemon"
	value=$(bpftool -j map lookup pinned "$VM_STATE/pins/current/host_state" key 0 0 0 0 |
		jq -r --argjson at "$1" --arg bytes "${2% }" '.value | length as $length |
			(if $at < 0 then $at + $length else $at end) as $at | ($bytes / " ") as $bytes |
			.[:$at] + $bytes + .[$at + ($bytes | length):] | join(" ")')
	put_map host_state "0 0 0 0" "$value"
	kill -CONT "$daemon"
}

# What was put is to be looked up, as who puts it otherwise says too.
note_known()
{
	put_host 120 "$(bytes 4 1 1)"
}

# CLOCK_MONOTONIC in ns, $1 seconds from now.
monotonic()
{
	echo $(($(uptime_cs) * 10000000 + $1 * 1000000000))
}
