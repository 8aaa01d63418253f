# SPDX-License-Identifier: GPL-2.0-or-later
_smc_ebpf()
{
	emulate -L zsh
	local smc_ebpf_command smc_ebpf_option smc_ebpf_socket smc_ebpf_found

	_smc_ebpf_walk "${(@)words[2,CURRENT-1]}"
	_smc_ebpf_complete "${words[CURRENT]}"
	if [[ $smc_ebpf_found == @files ]]; then
		_files
	else
		compadd -- ${=smc_ebpf_found}
	fi
}

if [ "$funcstack[1]" = _smc-ebpf ]; then
	_smc_ebpf "$@"
else
	compdef _smc_ebpf smc-ebpf
fi
