# SPDX-License-Identifier: GPL-2.0-or-later
# ---- for bash and zsh: what follows in words that have been typed ----

# _smc_ebpf_names SOURCE: from the daemon; nothing if it does not answer.
_smc_ebpf_names()
{
	case $1 in
	@rules) smc-ebpf --socket "$smc_ebpf_socket" -j policy list 2> /dev/null |
		awk -F '"' '/^ +"name": / { print $4 }' ;;
	@added) smc-ebpf --socket "$smc_ebpf_socket" -j policy list 2> /dev/null |
		awk -F '"' '/^ +"name": / { name = $4 } /^ +"origin": "(command|runtime)"/ { print name }' ;;
	@generations) smc-ebpf --socket "$smc_ebpf_socket" -j policy history 2> /dev/null |
		awk -F '[ ,]+' '/^      "generation": / { print $3 }' | sort -n -u ;;
	esac
}

# _smc_ebpf_walk WORD...: those before the one that is completed.  Sets $smc_ebpf_command, the words of the
# command as far as they are there, and $smc_ebpf_option, which wants a value, or "".
_smc_ebpf_walk()
{
	smc_ebpf_command='' smc_ebpf_option=''
	smc_ebpf_socket=${SMC_POLICY_SOCKET:-/run/smc-policy/control.sock}
	while [ $# != 0 ]; do
		if [ "$smc_ebpf_option" = --socket ]; then
			smc_ebpf_socket=$1
			smc_ebpf_option=''
		elif [ -n "$smc_ebpf_option" ]; then
			smc_ebpf_option=''
		else
			_smc_ebpf_word "$1"
		fi
		shift
	done
}

_smc_ebpf_word()
{
	case $1 in
	--socket=*) smc_ebpf_socket=${1#--socket=} ;;
	--*=*) ;;
	-*) ! _smc_ebpf_values "$smc_ebpf_command" "$1" || smc_ebpf_option=$1 ;;
	*)
		smc_ebpf_found=''
		[ -n "$smc_ebpf_command" ] || { smc_ebpf_command=$1; return; }
		case $smc_ebpf_command in
		*' '*) return ;;
		esac
		# The second of two words, if the first one has commands behind it.
		_smc_ebpf_options "$smc_ebpf_command $1"
		[ -z "$smc_ebpf_found" ] || smc_ebpf_command="$smc_ebpf_command $1"
		;;
	esac
}

# _smc_ebpf_complete CURRENT: into $smc_ebpf_found the words that can stand there, or "@files".
_smc_ebpf_complete()
{
	smc_ebpf_found=''
	if [ -n "$smc_ebpf_option" ]; then
		_smc_ebpf_values "$smc_ebpf_command" "$smc_ebpf_option"
	else
		[ "${1#-}" != "$1" ] || _smc_ebpf_values "$smc_ebpf_command" @ || :
		[ -n "$smc_ebpf_found" ] || _smc_ebpf_options "$smc_ebpf_command"
	fi
	case $smc_ebpf_found in
	@files) ;;
	@*) smc_ebpf_found=$(_smc_ebpf_names "$smc_ebpf_found") ;;
	esac
}
