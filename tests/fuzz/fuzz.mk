# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzing of everything that reads what others wrote: one target a file, libFuzzer with address and UB
# sanitizer.  Included by the top-level Makefile, whose directory all paths are relative to; output
# below build/fuzz/.
#
# Of each target NAME: NAME.c, corpus/NAME/ (small inputs to begin with), NAME.dict (where it helps),
# regressions/NAME/ (what once crashed).  New inputs are kept in the cache, ~/.cache/smc-policy/fuzz/NAME/.

# CPU seconds of each target, and how many of them without new code end it.
FUZZ_SECONDS ?= 600
FUZZ_IDLE ?= $(FUZZ_SECONDS)
FUZZ_NAMES := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_TARGETS := $(FUZZ_NAMES:%=build/fuzz/%)

# Inputs that are there already, for other tests.
FUZZ_SEEDS_config := tests/unit/config/good tests/unit/config/bad conf
FUZZ_SEEDS_peers := tests/unit/lists/good tests/unit/lists/bad

FUZZ_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -Wall -Wextra \
	$(LIBBPF_CFLAGS) $(NL_CFLAGS:-I%=-isystem %) -I$(INCLUDE) -Idaemon -Ibpf -I$(BUILD)/bpf
FUZZ_SANITIZE := address,undefined
FUZZ_FLAGS := -fno-sanitize-recover=all
FUZZ_LIBS := -lsystemd -ludev -ljansson -linih -lncursesw -ltinfo $(NL_LIBS) $(LIBBPF_LIBS)

# All of daemon and command but the daemon's main(); that of the command has another name.  An archive:
# a target that includes a file to reach into it leaves the file's object out.
FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(filter-out daemon/server/main.c daemon/listener/%,\
	$(wildcard daemon/*/*.c)))
build/fuzz/daemon/cli/main.o: FUZZ_FLAGS += -Dmain=cli_main

.PHONY: fuzz fuzz-targets $(FUZZ_NAMES:%=fuzz-%)
fuzz: packages-build packages-fuzz ## fuzz all targets, each FUZZ_SECONDS (600); -j2: two at a time
	+@$(MAKE) --no-print-directory $(FUZZ_NAMES:%=fuzz-%)
fuzz-targets: $(FUZZ_TARGETS)

$(FUZZ_NAMES:%=fuzz-%): fuzz-%: build/fuzz/%
	tests/fuzz/run $* $(FUZZ_SECONDS) $(FUZZ_IDLE) $(FUZZ_SEEDS_$*)

build/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) $(FUZZ_FLAGS) -MMD -MP \
		-c -o $@ $<

$(FUZZ_OBJECTS) $(FUZZ_NAMES:%=build/fuzz/tests/fuzz/%.o): $(LIBBPF) | $(SKELETONS)

build/fuzz/daemon.a: $(FUZZ_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(FUZZ_TARGETS): build/fuzz/%: build/fuzz/tests/fuzz/%.o build/fuzz/daemon.a
	$(CLANG) -fsanitize=fuzzer,$(FUZZ_SANITIZE) $(FUZZ_FLAGS) $(LDFLAGS) -o $@ $^ $(FUZZ_LIBS)

-include $(FUZZ_OBJECTS:%.o=%.d) $(FUZZ_NAMES:%=build/fuzz/tests/fuzz/%.d)
