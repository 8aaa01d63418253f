# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of the policy core and of the BPF decision.  Included by the top-level Makefile, whose
# directory all paths are relative to and in which the tests run; output below build/tests/unit/ and,
# with sanitizers, build/tests/unit-asan/.
#
# SMC_TEST_SEED=N repeats a random test, SMC_TEST_SHARE=N runs one of N rounds, SMC_TEST_UPDATE=1 writes the expectations in config/ anew.

UNIT_NAMES := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(patsubst tests/unit/%.c,%,$(filter-out tests/unit/test_% %.bpf.c,$(wildcard tests/unit/*.c)))
UNIT_POLICY := $(patsubst %.c,%,$(wildcard daemon/policy/*.c))
UNIT_TESTS := $(UNIT_NAMES:%=build/tests/unit/%)
UNIT_ASAN_TESTS := $(UNIT_NAMES:%=build/tests/unit-asan/%)

UNIT_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wformat=2 -Wshadow \
	$(LIBBPF_CFLAGS) -I/usr/include/libnl3 -Iinclude -Idaemon -Ibpf
UNIT_ASAN := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_LIBS := -linih -lcmocka
build/tests/unit/test_bpf build/tests/unit-asan/test_bpf: UNIT_LIBS += $(LIBBPF_LIBS) -lpthread
build/tests/unit/test_bpf.o build/tests/unit-asan/test_bpf.o: $(LIBBPF)
# They put images in force as the daemon does.
UNIT_PUBLISH := $(patsubst %,daemon/%.o,kernel/image kernel/error common/log)
build/tests/unit/test_bpf: $(UNIT_PUBLISH:%=build/tests/unit/%)
build/tests/unit-asan/test_bpf: $(UNIT_PUBLISH:%=build/tests/unit-asan/%)
# test_events runs what watches connections on events of its own.
build/tests/unit/test_events build/tests/unit-asan/test_events: UNIT_LIBS += $(LIBBPF_LIBS) -lpthread
build/tests/unit/test_events.o build/tests/unit-asan/test_events.o: $(LIBBPF)
build/tests/unit/test_events: $(UNIT_PUBLISH:%=build/tests/unit/%)
build/tests/unit-asan/test_events: $(UNIT_PUBLISH:%=build/tests/unit-asan/%)
build/tests/unit/events.bpf.o: tests/unit/events.bpf.c tests/unit/events.h $(wildcard bpf/*.h include/*.h) $(LIBBPF)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -Ibpf -c -o $@ $<
build/tests/unit/daemon/kernel/image.o build/tests/unit-asan/daemon/kernel/image.o: $(LIBBPF)
# test_commands is of what daemon and command share.
UNIT_WIRE := daemon/wire/commands.o
build/tests/unit/test_commands: $(UNIT_WIRE:%=build/tests/unit/%)
build/tests/unit-asan/test_commands: $(UNIT_WIRE:%=build/tests/unit-asan/%)
build/tests/unit/test_commands build/tests/unit-asan/test_commands: UNIT_LIBS += -ljansson
# test_top is of the parts of top that know neither daemon nor terminal.
UNIT_TOP := $(patsubst %,daemon/cli/%.o,top_rows top_select top_layout top_text top_keys table)
build/tests/unit/test_top: $(UNIT_TOP:%=build/tests/unit/%)
build/tests/unit-asan/test_top: $(UNIT_TOP:%=build/tests/unit-asan/%)
build/tests/unit/test_top build/tests/unit-asan/test_top: UNIT_LIBS += -ljansson
build/tests/unit/test_openmetrics: build/tests/unit/daemon/common/openmetrics.o
build/tests/unit-asan/test_openmetrics: build/tests/unit-asan/daemon/common/openmetrics.o
# test_probe and test_basic are of what the check commands find.
UNIT_CHECK := $(patsubst %.c,%.o,$(wildcard daemon/check/*.c daemon/smc/*.c))
$(addprefix build/tests/unit/,test_probe test_basic): $(UNIT_CHECK:%=build/tests/unit/%)
$(addprefix build/tests/unit-asan/,test_probe test_basic): $(UNIT_CHECK:%=build/tests/unit-asan/%)
$(foreach dir,unit unit-asan,$(addprefix build/tests/$(dir)/,test_probe test_basic)): UNIT_LIBS += \
	$(NL_LIBS) -ljansson -lpthread
# test_auto's traces are the benchmark's.
build/tests/unit/test_auto: build/tests/unit/traces.o
build/tests/unit-asan/test_auto: build/tests/unit-asan/traces.o
build/tests/unit/test_auto build/tests/unit-asan/test_auto: UNIT_LIBS += -lm
# test_touched counts what the benchmark prints.
build/tests/unit/test_touched: build/tests/unit/policies.o build/tests/bench/touched.o
build/tests/unit-asan/test_touched: build/tests/unit-asan/policies.o build/tests/bench/touched.o
# test_memory lets any allocation of the core fail.
build/tests/unit/test_memory build/tests/unit-asan/test_memory: UNIT_LIBS += \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=reallocarray,--wrap=strdup,--wrap=vasprintf

.PHONY: unit-tests test-unit test-unit-asan
UNIT_BPF := build/bpf/test.bpf.o build/tests/unit/events.bpf.o
unit-tests: $(UNIT_TESTS) $(UNIT_ASAN_TESTS) $(UNIT_BPF)
test-unit: packages-build packages-unit ## unit tests; the one of the BPF program needs root
	+@$(MAKE) --no-print-directory -s $(UNIT_TESTS:%=%.run)
test-unit-asan: packages-build packages-unit ## the same with address and UB sanitizer
	+@$(MAKE) --no-print-directory -s $(UNIT_ASAN_TESTS:%=%.run)

UNIT_RUNS := $(UNIT_TESTS:%=%.run) $(UNIT_ASAN_TESTS:%=%.run)
.PHONY: $(UNIT_RUNS)
$(UNIT_RUNS): %.run: % $(UNIT_BPF)
	CMOCKA_MESSAGE_OUTPUT=TAP $<

# $(1): folder below build/tests, $(2): flags
define UNIT_RULES
build/tests/$(1)/%.o: tests/unit/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(UNIT_CFLAGS) $(2) -MMD -MP -c -o $$@ $$<

build/tests/$(1)/traces.o build/tests/$(1)/policies.o: build/tests/$(1)/%.o: tests/bench/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(UNIT_CFLAGS) $(2) -MMD -MP -c -o $$@ $$<

build/tests/$(1)/daemon/%.o: daemon/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(UNIT_CFLAGS) $(2) -MMD -MP -c -o $$@ $$<

$(UNIT_NAMES:%=build/tests/$(1)/%): %: %.o $(UNIT_SHARED:%=build/tests/$(1)/%.o) \
		$(UNIT_POLICY:%=build/tests/$(1)/%.o)
	$$(CC) $(2) $$(LDFLAGS) -o $$@ $$^ $$(UNIT_LIBS)

-include $$(wildcard build/tests/$(1)/*.d build/tests/$(1)/daemon/*/*.d)
endef
$(eval $(call UNIT_RULES,unit,))
$(eval $(call UNIT_RULES,unit-asan,$(UNIT_ASAN)))
