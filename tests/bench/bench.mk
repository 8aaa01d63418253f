# SPDX-License-Identifier: GPL-2.0-or-later
# Benchmarks; included by the top-level Makefile.

build/tests/bench/decide.bpf.o: tests/bench/decide.bpf.c tests/bench/decide.h $(wildcard bpf/*.h include/*.h) $(LIBBPF)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -Ibpf -c -o $@ $<

build/tests/bench/lookup: tests/bench/lookup.c tests/bench/policies.c tests/bench/policies.h tests/bench/decide.h \
		$(POLICY) build/tests/bench/decide.bpf.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) $(POLICY) -linih $(LIBBPF_LIBS)

# The decision in user space: clang reports each load and store.
# DWARF 5 of clang is more than valgrind 3.19 reads.
TOUCHED_CFLAGS := -std=gnu11 -O2 -gdwarf-4 $(WARNINGS) -Wno-unused -Wno-shadow \
	-fsanitize-coverage=func,trace-loads,trace-stores $(LIBBPF_CFLAGS) -Iinclude -Idaemon -Ibpf
build/tests/bench/touched.o: tests/bench/touched.c tests/bench/touched.h tests/bench/decide.h \
		$(wildcard bpf/*.h include/*.h) $(LIBBPF)
	@mkdir -p $(@D)
	$(CLANG) $(TOUCHED_CFLAGS) -c -o $@ $<

build/tests/bench/lines: tests/bench/lines.c tests/bench/policies.c tests/bench/policies.h \
		build/tests/bench/touched.o $(POLICY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c %.o,$^) -linih

build/tests/bench/connect: tests/bench/connect.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< -lpthread

build/tests/bench/auto: tests/bench/auto.c tests/bench/traces.c $(POLICY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ -linih -lm

build/tests/bench/change: tests/bench/change.c $(WIRE) $(POLICY) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ -ljansson -linih
