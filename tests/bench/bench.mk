# SPDX-License-Identifier: GPL-2.0-or-later
# Benchmarks; included by the top-level Makefile.

build/tests/bench/decide.bpf.o: tests/bench/decide.bpf.c tests/bench/decide.h $(wildcard bpf/*.h include/*.h) $(LIBBPF)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -Ibpf -c -o $@ $<

build/tests/bench/lookup: tests/bench/lookup.c tests/bench/decide.h $(POLICY) build/tests/bench/decide.bpf.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(POLICY) -linih $(LIBBPF_LIBS)

build/tests/bench/connect: tests/bench/connect.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< -lpthread

build/tests/bench/auto: tests/bench/auto.c tests/bench/traces.c $(POLICY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ -linih -lm

build/tests/bench/change: tests/bench/change.c $(WIRE) $(POLICY) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ -ljansson -linih
