# SPDX-License-Identifier: GPL-2.0-or-later
# Benchmarks; included by the top-level Makefile.

build/tests/bench/lookup: tests/bench/lookup.c $(POLICY) build/bpf/test.bpf.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(POLICY) -linih -lbpf -lelf -lz
