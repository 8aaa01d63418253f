# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For host-side tests that bring daemon, command and module; included after lib.sh, which sets these:
# shellcheck disable=SC2154 # vm_dir, temp_dir

build_dir=$(cd "$vm_dir/../.." && pwd)/build

# is_newest FILE OTHER...: it is there, and none of the other files and directories is newer.
is_newest()
{
	[ -e "$1" ] && [ -z "$(find "${@:2}" -newer "$1" -print -quit)" ]
}

# build_module SERIES: compiles smc_policy.ko for a stock kernel; sets $module.  To see by make that there is
# nothing to do takes a second.
build_module()
{
	local kernel release top=$vm_dir/../..

	kernel=$("$vm_dir/fetch-kernel" "$1")
	release=$(cat "$kernel/release")
	module=$build_dir/kmod/$release/smc_policy.ko
	mkdir -p "$build_dir/kmod"
	# Tests that run side by side build the same one.
	{
		flock 9
		is_newest "$module" "$top/kmod" "$top/include" "$kernel/release" ||
			make -s -C "$top/kmod" KDIR="$kernel/build" BUILD="$build_dir/kmod/$release"
	} 9< "$build_dir/kmod" > "$temp_dir/module.log" 2>&1 || {
		cat "$temp_dir/module.log" >&2
		die "the module does not build for $1"
	}
}

# tree_add_product TREE SERIES: daemon, command and, where the kernel needs it, the module, for
# guests without systemd.
tree_add_product()
{
	tree_add_program "$1" "$build_dir/smc-policyd" /usr/sbin/smc-policyd
	tree_add_program "$1" "$build_dir/smc-ebpf" /usr/sbin/smc-ebpf
	case $2 in
	native-*) ;;
	*)
		build_module "$2"
		install -D -m 644 "$module" "$1/vm/smc_policy.ko"
		;;
	esac
	install -D -m 644 -t "$1/vm" "$vm_dir/guest/product.sh"
}

# tree_add_leftovers TREE: what leftovers.sh needs.
tree_add_leftovers()
{
	tree_add_program "$1" /usr/sbin/bpftool
	install -D -m 644 -t "$1/vm" "$vm_dir/guest/leftovers.sh"
}
