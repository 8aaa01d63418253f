# SPDX-License-Identifier: GPL-2.0-or-later
_smc_ebpf()
{
	local smc_ebpf_command smc_ebpf_option smc_ebpf_socket smc_ebpf_found
	local current=${COMP_WORDS[COMP_CWORD]}

	_smc_ebpf_walk "${COMP_WORDS[@]:1:COMP_CWORD-1}"
	_smc_ebpf_complete "$current"
	if [ "$smc_ebpf_found" = @files ]; then
		compopt -o filenames 2> /dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -W "$smc_ebpf_found" -- "$current")
	fi
}

complete -F _smc_ebpf smc-ebpf
