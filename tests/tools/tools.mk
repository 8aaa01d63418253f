# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that only the tests use.  Included by the top-level Makefile, whose directory all paths
# are relative to.  Linked statically: they run in guests that have no libraries of ours.

TEST_TOOLS_SOURCES := $(filter-out %.bpf.c,$(wildcard tests/tools/*.c))
TEST_TOOLS_OBJECTS := $(TEST_TOOLS_SOURCES:tests/tools/%.c=build/tests/tools/%.o)
TEST_TOOLS_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wformat=2 -Wshadow \
	-I/usr/include/libnl3 -I$(INCLUDE)

.PHONY: test-tools newer-daemons sanitized
TEST_BPF := $(patsubst tests/tools/%.bpf.c,build/tests/%.bpf.o,$(wildcard tests/tools/*.bpf.c))
test-tools: build/tests/smc-tool $(TEST_BPF)

# What the linker would warn of are name look-ups in libnl that smc-tool never calls.
build/tests/smc-tool: $(TEST_TOOLS_OBJECTS)
	$(CC) -static -Wl,--no-warnings -o $@ $^ -lnl-genl-3 -lnl-3 -lpthread

build/tests/tools/%.o: tests/tools/%.c tests/tools/smc-tool.h
	@mkdir -p $(@D)
	$(CC) $(TEST_TOOLS_CFLAGS) -c -o $@ $<

build/tests/%.bpf.o: tests/tools/%.bpf.c $(LIBBPF)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

# The daemon as a later release would be: newer-image has another layout of the image, newer-pins of
# the other pinned maps too.
NEWER_newer-image := s/^(.define SMC_POLICY_IMAGE_LAYOUT) .*/\1 1001u/
NEWER_newer-pins := $(NEWER_newer-image);s/^(.define SMC_POLICY_PIN_ABI) .*/\1 1001/

newer-daemons: build/tests/newer-image/smc-policyd build/tests/newer-pins/smc-policyd

build/tests/newer-%/smc-policyd: $(SERVER) $(KERNEL) $(WIRE) $(FILES) $(POLICY) $(COMMON)
	@mkdir -p $(@D)/include
	for file in include/*.h; do \
		sed -E '$(NEWER_newer-$*)' $$file > $(@D)/$$file || exit; done
	+$(MAKE) --no-print-directory $@ BUILD=$(@D) INCLUDE=$(@D)/include \
		LIBBPF_CFLAGS='$(LIBBPF_CFLAGS)' LIBBPF_LIBS='$(LIBBPF_LIBS)'

# Daemon and command with address, leak and UB sanitizer.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

sanitized: $(LIBBPF)
	+$(MAKE) --no-print-directory build/asan/smc-policyd build/asan/smc-policy-listener build/asan/smc-ebpf BUILD=build/asan \
		CFLAGS='-O1 -g -fno-omit-frame-pointer $(SANITIZE)' LDFLAGS='$(SANITIZE)' \
		LIBBPF_CFLAGS='$(LIBBPF_CFLAGS)' LIBBPF_LIBS='$(LIBBPF_LIBS)'
