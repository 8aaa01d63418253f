# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that only the tests use.  Included by the top-level Makefile, whose directory all paths
# are relative to.  Linked statically: they run in guests that have no libraries of ours.

TEST_TOOLS_SOURCES := $(wildcard tests/tools/*.c)
TEST_TOOLS_OBJECTS := $(TEST_TOOLS_SOURCES:tests/tools/%.c=build/tests/tools/%.o)
TEST_TOOLS_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wformat=2 -Wshadow \
	-I/usr/include/libnl3

.PHONY: test-tools
test-tools: build/tests/smc-tool

# What the linker would warn of are name look-ups in libnl that smc-tool never calls.
build/tests/smc-tool: $(TEST_TOOLS_OBJECTS)
	$(CC) -static -Wl,--no-warnings -o $@ $^ -lnl-genl-3 -lnl-3 -lpthread

build/tests/tools/%.o: tests/tools/%.c tests/tools/smc-tool.h
	@mkdir -p $(@D)
	$(CC) $(TEST_TOOLS_CFLAGS) -c -o $@ $<
