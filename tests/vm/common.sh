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

# Sets temp_dir to a new directory that goes away with the script.  $1: where.
# A script calls this once.
use_temp_dir()
{
	temp_dir=$(mktemp -d "$1/smc-policy.XXXXXXXX")
	trap 'rm -rf -- "$temp_dir"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

cache_root()
{
	printf '%s/smc-policy\n' "${XDG_CACHE_HOME:-$HOME/.cache}"
}

# cache_lock NAME [MINUTES]: at most one process past this line per NAME, until it exits.  Gives up
# after that time, default 20 minutes.
cache_lock()
{
	local root minutes=${2:-20}

	root=$(cache_root)
	mkdir -p "$root/lock"
	exec {cache_lock_fd}> "$root/lock/$1"
	flock --wait $((minutes * 60)) "$cache_lock_fd" ||
		die "another run has held $root/lock/$1 for $minutes minutes"
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

# cache_remember NAME ENTRY: ENTRY is the newest answer to the question NAME.
cache_remember()
{
	local pointer

	pointer=$(dirname "$2")/newest-$1
	basename "$2" > "$temp_dir/pointer"
	mv "$temp_dir/pointer" "$pointer"
}

# cache_remembered DIR NAME MINUTES: prints the entry in DIR that was the last answer to NAME, if it
# is still there and was given in the last MINUTES.
cache_remembered()
{
	local pointer=$1/newest-$2 entry

	[ -n "$(find "$pointer" -mmin "-$3" 2> /dev/null)" ] || return 1
	entry=$1/$(< "$pointer")
	[ -e "$entry/release" ] && echo "$entry"
}

# hash_of FILE...: one short name for the content of all of them.
hash_of()
{
	cat -- "$@" | sha256sum | cut -c 1-16
}

# tree_skeleton TREE: an empty file tree with merged /usr, as Debian's, so that an overlay may use
# either path.
tree_skeleton()
{
	local dir

	for dir in bin sbin lib lib64; do
		mkdir -p "$1/usr/$dir"
		ln -s "usr/$dir" "$1/$dir"
	done
}

# tree_add_program TREE PROGRAM [PATH]: copies PROGRAM to PATH (default: its own path) in TREE, with
# the shared libraries that it needs.
tree_add_program()
{
	local tree=$1 program=$2 path=${3:-$2} library

	install -D -m 755 "$program" "$tree/$path"
	# For static programs ldd fails.
	{ ldd "$program" 2> /dev/null || true; } | sed -n -E 's,^[^/]*(/[^ ]+).*,\1,p' |
		while read -r library; do
			[ -e "$tree/$library" ] || install -D -m 755 "$library" "$tree/$library"
		done
}

# tree_pack PREFIX TREE...: merges the trees, in this order, into one cpio archive on stdout, below
# the directory PREFIX if that is not empty.
tree_pack()
{
	local archive_root merged tree

	archive_root=$(mktemp -d "$temp_dir/pack.XXXXXXXX")
	chmod 755 "$archive_root"
	merged=$archive_root/$1
	shift
	mkdir -p "$merged"
	tree_skeleton "$merged"
	for tree; do
		# Unlike cp, tar can leave the links of the skeleton in place.
		tar -C "$tree" -cf - . |
			tar -C "$merged" --keep-directory-symlink --no-overwrite-dir -xf -
	done
	(cd "$archive_root" && find . -mindepth 1 | LC_ALL=C sort |
		cpio -o -H newc -R 0:0 --quiet)
	rm -rf "$archive_root"
}
