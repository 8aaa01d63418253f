# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of the ways in which `guests` fails; included after lib.sh, which sets these:
# shellcheck disable=SC2154 # tree, temp_dir, vm_program

# Whether a claim of expect did not hold, for the test.
# shellcheck disable=SC2034
failed=0

# expect STATUS LINE TEXT [OPTION]... [TREE]...: runs the test on standard input, over the trees; TEXT
# holds if `guests` ends with STATUS and prints a line that matches LINE.
expect()
{
	local status=$1 line=$2 text=$3 got=0

	shift 3
	new_tree
	guest_script "$tree"
	run_guests --name inner "$@" "$tree" > "$temp_dir/output" 2> "$temp_dir/consoles" || got=$?
	if [ "$got" = "$status" ] && grep -q -E -e "$line" "$temp_dir/output"; then
		echo "ok - $vm_program: $text"
	else
		echo "not ok - $vm_program: $text: status $got"
		sed 's/^/    /' "$temp_dir/output" "$temp_dir/consoles" >&2
		failed=1
	fi
}
