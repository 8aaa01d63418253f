# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Shared by the host-side scripts of tests/vm: messages and the cache.
#
# The cache is ${XDG_CACHE_HOME:-$HOME/.cache}/smc-policy.  An entry is a directory that is built
# under another name and renamed into place, so whoever sees it sees all of it.  It carries the hash
# of everything it was made from in its name and is never changed afterwards.  Entries may be
# deleted at any time; the next user makes them again.

# shellcheck disable=SC2034 # for the scripts that include this
vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm_program=$(basename "$0")

say()
{
	printf '%s: %s\n' "$vm_program" "$*" >&2
}

die()
{
	say "$@"
	exit 1
}

# A script that ends because of set -e says where.
set -E
trap 'say "line $LINENO of ${BASH_SOURCE[0]##*/} failed: $BASH_COMMAND"' ERR

# Sets temp_dir to a new directory that goes away with the script.  $1: where, default TMPDIR.
# A script calls this once.
use_temp_dir()
{
	temp_dir=$(mktemp -d "${1:-${TMPDIR:-/tmp}}/smc-policy.XXXXXXXX")
	trap 'rm -rf -- "$temp_dir"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

cache_root()
{
	printf '%s/smc-policy\n' "${XDG_CACHE_HOME:-$HOME/.cache}"
}

# cache_lock NAME: at most one process past this line per NAME, until it exits.
cache_lock()
{
	local root

	root=$(cache_root)
	mkdir -p "$root/lock"
	exec {cache_lock_fd}> "$root/lock/$1"
	flock --wait 1200 "$cache_lock_fd" || die "another run has held $root/lock/$1 for 20 minutes"
}

# cache_unlock: what was locked last is free again.
cache_unlock()
{
	exec {cache_lock_fd}>&-
}

# cache_publish BUILT ENTRY: renames the finished BUILT to ENTRY.  If another process was faster,
# its ENTRY stays: both were made from the same input.
cache_publish()
{
	mkdir -p "$(dirname "$2")"
	mv -T -- "$1" "$2" 2> /dev/null || [ -d "$2" ] || die "cannot create $2"
}

# hash_of FILE...: one short name for the content of all of them.
hash_of()
{
	cat -- "$@" | sha256sum | cut -c 1-16
}
