# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# For test scripts inside guests: settings from the host, claims, waiting, network, SMC.
#
#	. /vm/lib.sh
#
# Settings: ROLE (srv, cli, or one for a guest alone), SERIES (kernel: 6.12, 6.1, 5.10), and every
# NAME=VALUE that the test gave to `guests --set`.

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
	printf '%s' "${2:-}" > "$VM_STATE/signal.$$"
	mv "$VM_STATE/signal.$$" "$VM_STATE/signals/$1"
}

# await NAME [SECONDS]: waits for the other guest's signal.
await()
{
	smc-tool await "$1" --from "$PEER4" --timeout "${2:-30}"
}

# barrier NAME [SECONDS]: returns when both guests have come here.
barrier()
{
	signal "$1"
	await "$1" "${2:-30}" > /dev/null
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

# smc_up: SMC-R over RoCE on eth0, for IPv4.  rxe has nothing but RoCEv2 addresses, so SMC needs
# version 2, which needs the same UEID on both sides.  Returns 1 if this kernel cannot do it; then
# SMC sockets carry the option and fall back with reason 0x03030000 (no device).
smc_up()
{
	# Its SMC knows version 1 only.
	[ "$SERIES" != 5.10 ] || return
	rdma link add rxe0 type rxe netdev eth0 || return
	# Later ones find the RDMA device by its net device.
	if [ "$SERIES" = 6.1 ]; then
		smc-tool pnetid add TEST --eth eth0 --ib rxe0 --port 1 || return
	fi
	smc-tool ueid add "$UEID"
}

# capture_start: from now on every SYN and SYN-ACK on eth0 is logged.
capture_start()
{
	smc-tool capture --interface eth0 --out "$VM_STATE/capture" &
	capture_pid=$!
	wait_until 10 test -e "$VM_STATE/capture.ready"
}

# captured PATTERN...: prints the logged packets that match all patterns (grep -E each, words as in
# `smc-tool capture --help`); fails if there is none.
captured()
{
	captured_lines=$(cat "$VM_STATE/capture")
	for pattern; do
		captured_lines=$(printf '%s\n' "$captured_lines" | grep -E -e "$pattern") || return
	done
	printf '%s\n' "$captured_lines"
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
	printf '%s\n' "$2" | tr ' ' '\n' | sed -n "s/^$1=//p" | head -n 1
}
