# SPDX-License-Identifier: GPL-2.0-or-later
# The words of the command that have been typed are $argv, no more and no less.
function __smc_ebpf_is
    set -l words
    set -l skip 0
    for token in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if test "$token" = --socket
            set skip 1
        else if not string match -q -- '-*' $token
            set -a words $token
            if not contains -- $words[1] $__smc_ebpf_families; or test (count $words) = 2
                break
            end
        end
    end
    test "$words" = "$argv"
end

# Options for the daemon that has been named.
function __smc_ebpf_ask
    set -l socket
    set -l tokens (commandline -opc)
    if set -l at (contains -i -- --socket $tokens)
        set socket --socket $tokens[(math $at + 1)]
    end
    smc-ebpf $socket -j $argv 2>/dev/null
end

function __smc_ebpf_rules
    __smc_ebpf_ask policy list | awk -F '"' '/^ +"name": / { print $4 }'
end

function __smc_ebpf_added
    __smc_ebpf_ask policy list | awk -F '"' '/^ +"name": / { name = $4 }
        /^ +"origin": "(command|runtime)"/ { print name }'
end

function __smc_ebpf_generations
    __smc_ebpf_ask policy history | awk -F '[ ,]+' '/^      "generation": / { print $3 }' | sort -n -u
end

