# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# For test scripts inside guests: settings from the host, claims, waiting, network, SMC.
#
#	. /vm/lib.sh
#
# Settings: ROLE (srv, cli, or one for a guest alone), SERIES (kernel: 6.12, 6.1, 5.10, native-y,
# native-m, debug), and every NAME=VALUE that the test gave to `guests --set`.

REPORT=/dev/ttyS1
VM_STATE=/run/vm
UEID=SMC-POLICY-TEST
PATH=/usr/sbin:/usr/bin
export PATH

# guest.NAME=VALUE of the kernel command line becomes the variable NAME.
# shellcheck disable=SC2013 # words, not lines
for setting in $(cat /proc/cmdline); do
	case $setting in
	guest.[A-Z]*=*) export "${setting#guest.}" ;;
	esac
done

case ${ROLE:=one} in
cli)
	MY4=10.0.0.2 PEER4=10.0.0.1
	MY6=fd00::2 PEER6=fd00::1
	;;
*)
	MY4=10.0.0.1 PEER4=10.0.0.2
	MY6=fd00::1 PEER6=fd00::2
	;;
esac
export MY4 PEER4 MY6 PEER6

mkdir -p "$VM_STATE/signals"

# end_by reboot: systemd shuts down in order after the test (systemd guests only).
# end_by power-cut: the guest ends at once, unwritten data is lost.
# Otherwise file systems are synced, and that is all.
end_by()
{
	echo "$1" > "$VM_STATE/end"
}

# shellcheck source-path=SCRIPTDIR source=../../claims.sh
. /vm/claims.sh

# listening PORT: someone listens on it, by TCP or SMC.
listening()
{
	[ -n "$(ss -Hltn "sport = :$1")" ]
}

# ---- the other guest ----

# signal NAME [VALUE]: from now on the other guest's `await NAME` succeeds and prints VALUE.
signal()
{
	printf '%s' "${2:-}" > "$VM_STATE/new.$1"
	mv "$VM_STATE/new.$1" "$VM_STATE/signals/$1"
}

# await NAME [SECONDS]: waits for the other guest's signal.  The limit is as in wait_until, default 60.
await()
{
	smc-tool await "$1" --from "$PEER4" --timeout $((${2:-60} * PATIENCE))
}

# barrier NAME [SECONDS]: returns when both guests have come here.
barrier()
{
	signal "$1"
	await "$1" "${2:-60}" > /dev/null
}

# ---- network and SMC ----

# network_up: eth0 with $MY4 and $MY6, joined to the other guest.
network_up()
{
	# Duplicate address detection would keep IPv6 addresses unusable for a second.
	for interface in all default eth0; do
		echo 0 > "/proc/sys/net/ipv6/conf/$interface/accept_dad"
	done
	ip addr add "$MY4/24" dev eth0
	ip addr add "$MY6/64" dev eth0 nodad
	ip link set eth0 up
	smc-tool signal-server --dir "$VM_STATE/signals" &
}

# What the kernels give differently, whatever the policy says:
#   SMC_R   rxe carries SMC-R over IPv4.  It has nothing but RoCEv2 addresses, which need SMC version 2.
#   PNETID  SMC must be told which RDMA device belongs to eth0; later ones look at its net device.
#   COUNTS  the kernel counts fallbacks by reason.
# and why a connection falls back that has exchanged the option where nothing can carry SMC, as over
# IPv6: the client's reason, the server's, and what the server has heard of its peer's.
# 0x03030000 is SMC_CLC_DECL_NOSMCDEV: the client has no device, and says so; so the server reports
# 0x05000000, SMC_CLC_DECL_PEERDECL.  Later clients have a loopback device for SMC-D and offer that;
# it is none of the server's, 0x03030007, SMC_CLC_DECL_NOSMCD2DEV, and so the peer declines.
KERNELS='
5.10      SMC_R=no  PNETID=no  COUNTS=no  client=0x03030000 server=0x05000000 heard=0x03030000
6.1       SMC_R=yes PNETID=yes COUNTS=yes client=0x03030000 server=0x05000000 heard=0x03030000
6.12      SMC_R=yes PNETID=no  COUNTS=yes client=0x03030000 server=0x05000000 heard=0x03030000
debug     SMC_R=yes PNETID=no  COUNTS=yes client=0x03030000 server=0x05000000 heard=0x03030000
native-y  SMC_R=yes PNETID=no  COUNTS=yes client=0x05000000 server=0x03030007 heard=0x00000000
native-m  SMC_R=yes PNETID=no  COUNTS=yes client=0x05000000 server=0x03030007 heard=0x00000000
'

# given NAME: what this kernel has there.
given()
{
	printf '%s\n' "$KERNELS" | sed -n "s/^$SERIES .*$1=\\([^ ]*\\).*/\\1/p"
}

# shellcheck disable=SC2034 # for the tests
SMC_R=$(given SMC_R) COUNTS=$(given COUNTS)
# shellcheck disable=SC2034 # for the tests
NO_DEVICE_CLIENT=$(given client)
# shellcheck disable=SC2034 # for the tests
NO_DEVICE_SERVER="reason=$(given server) peer_reason=$(given heard)"

# smc_up: SMC-R over RoCE on eth0, for IPv4, where SMC_R=yes.  Version 2 needs the same UEID on both
# sides.
smc_up()
{
	rdma link add rxe0 type rxe netdev eth0 || return
	if [ "$(given PNETID)" = yes ]; then
		smc-tool pnetid add TEST --eth eth0 --ib rxe0 --port 1 || return
	fi
	smc-tool ueid add "$UEID"
}

# option_inside NAME: whether both ends of a connection inside that network namespace send the option:
# yes, no, or what else became of it.
option_inside()
{
	ip -n "$1" link set lo up
	ip netns exec "$1" smc-tool server --bind ::1 --port 7000 --count 1 --quiet > "/run/$1" &
	wait_until 20 grep -q ready "/run/$1"
	inside=$(ip netns exec "$1" smc-tool client --to ::1 --port 7000 2>&1)
	case $inside in
	*' reason=0x03010000 '*data=ok*) echo no ;; # the peer has no SMC
	*data=ok*) echo yes ;;
	*) echo "no connection: $inside" ;;
	esac
}

# capture_start: from now on every SYN and SYN-ACK on eth0 is logged.  capture_on INTERFACE: on that.
capture_start()
{
	capture_on eth0
}

capture_on()
{
	smc-tool capture --interface "$1" --out "$VM_STATE/capture" &
	capture_pid=$!
	wait_until 30 test -e "$VM_STATE/capture.ready"
}

# captured PATTERN...: prints the logged packets that match all patterns (of awk, words as in
# `smc-tool capture --help`); fails if there is none.
captured()
{
	awk 'BEGIN { for (i = 2; i < ARGC; i++) { pattern[i] = ARGV[i]; ARGV[i] = "" } }
		{ for (i = 2; i < ARGC; i++) if ($0 !~ pattern[i]) next; print; found = 1 }
		END { exit !found }' "$VM_STATE/capture" "$@"
}

# capture_stop: all that has arrived is in the log now.
capture_stop()
{
	kill "$capture_pid"
	wait "$capture_pid"
	rm -f "$VM_STATE/capture.ready"
}

# field NAME LINE: the value of NAME in a line of NAME=VALUE words.
field()
{
	for word in $2; do
		case $word in
		"$1="*)
			printf '%s\n' "${word#*=}"
			return
			;;
		esac
	done
}
