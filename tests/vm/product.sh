# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For host-side tests of the product itself; included after lib.sh, which sets these:
# shellcheck disable=SC2154 # vm_dir, temp_dir

build_dir=$(cd "$vm_dir/../.." && pwd)/build

# build_module SERIES: compiles smc_policy.ko for a stock kernel; sets $module.
build_module()
{
	local kernel release

	kernel=$("$vm_dir/fetch-kernel" "$1")
	release=$(cat "$kernel/release")
	module=$build_dir/kmod/$release/smc_policy.ko
	make -s -C "$vm_dir/../../kmod" KDIR="$kernel/build" BUILD="$build_dir/kmod/$release" \
		> "$temp_dir/module.log" 2>&1 || {
		cat "$temp_dir/module.log" >&2
		die "the module does not build for $1"
	}
}

# tree_add_product TREE [SERIES]: daemon, command and module, for guests without systemd.
tree_add_product()
{
	build_module "${2:-6.12}"
	tree_add_program "$1" "$build_dir/smc-policyd" /usr/sbin/smc-policyd
	tree_add_program "$1" "$build_dir/smc-ebpf" /usr/sbin/smc-ebpf
	install -D -m 644 "$module" "$1/vm/smc_policy.ko"
	install -D -m 644 -t "$1/vm" "$vm_dir/guest/product.sh"
}
