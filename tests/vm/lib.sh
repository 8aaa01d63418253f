# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests on the host side, bash scripts that start with
#
#	#!/bin/bash
#	. "$(dirname "$0")/lib.sh"
#
# It makes a temporary directory $temp_dir that goes away with the script, and gives:
#
#	new_tree               sets $tree to a new empty file tree for guests
#	guest_script TREE      standard input becomes /test/run there
#	tree_add_program TREE PROGRAM [PATH]      with its shared libraries; see common.sh
#	run_guests [OPTION]... TREE...            see `guests --help`
#	copy_root_disk SERIES                     $temp_dir/disk for run_guests --root

set -euo pipefail
shopt -s inherit_errexit

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# A test that fails has said what.
trap - ERR
use_temp_dir "${TMPDIR:-/tmp}"

# shellcheck disable=SC2034 # for the test
new_tree()
{
	tree=$(mktemp -d "$temp_dir/tree.XXXXXXXX")
}

guest_script()
{
	mkdir -p "$1/test"
	cat > "$1/test/run"
	chmod 755 "$1/test/run"
}

run_guests()
{
	"$vm_dir/guests" --name "$vm_program" "$@"
}

# copy_root_disk SERIES: $temp_dir/disk becomes a fresh disk for `run_guests --root`.
copy_root_disk()
{
	local made

	made=$("$vm_dir/mksystemd" "$1")
	cp --sparse=always "$made/disk" "$temp_dir/disk"
}
