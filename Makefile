# SPDX-License-Identifier: GPL-2.0-or-later
# smc-policy: which connection may speak SMC.  `make help` lists what can be made.

BUILD := build
INCLUDE := include
ARCH := $(shell uname -m)

PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/vendor-completions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
SYSCONFDIR ?= /etc
DATADIR ?= $(PREFIX)/share/smc-policy
UNITDIR ?= /usr/lib/systemd/system
SRCDIR ?= /usr/src
DESTDIR ?=

CLANG ?= clang
BPFTOOL ?= bpftool
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wformat=2 -Wshadow $(if $(CI),-Werror)

# libbpf 1.7 or later: the system's, else one that is built here and linked statically.  Whoever
# sets LIBBPF_CFLAGS or LIBBPF_LIBS has his own.
ifneq ($(origin LIBBPF_CFLAGS)$(origin LIBBPF_LIBS),undefinedundefined)
LIBBPF :=
LIBBPF_LIBS ?= -lbpf
else ifeq ($(shell pkg-config --atleast-version=1.7 libbpf 2> /dev/null && echo yes),yes)
LIBBPF :=
LIBBPF_CFLAGS := $(shell pkg-config --cflags libbpf)
LIBBPF_LIBS := $(shell pkg-config --libs libbpf)
else
LIBBPF := $(BUILD)/libbpf/libbpf.a
LIBBPF_CFLAGS := -I$(BUILD)/libbpf/include
LIBBPF_LIBS := $(LIBBPF) -lelf -lz
endif

# Of libnl, which reads netlink.
NL_CFLAGS := $(shell pkg-config --cflags libnl-genl-3.0 2> /dev/null)
NL_LIBS := $(or $(shell pkg-config --libs libnl-genl-3.0 2> /dev/null),-lnl-genl-3 -lnl-3)

ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) \
	$(LIBBPF_CFLAGS) $(NL_CFLAGS:-I%=-isystem %) -I$(INCLUDE) -Idaemon -Ibpf -I$(BUILD)/bpf
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v2 -Wall $(if $(CI),-Werror) \
	$(LIBBPF_CFLAGS) -I$(INCLUDE) -I/usr/include/$(ARCH)-linux-gnu

VERSION := $(shell sed -n 's/.*SMC_POLICY_VERSION "\(.*\)".*/\1/p' include/smc_policy_version.h)

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))
POLICY := $(call objects,daemon/policy/*.c)
COMMON := $(call objects,daemon/common/*.c)
FILES := $(call objects,daemon/files/*.c)
WIRE := $(call objects,daemon/wire/*.c)
SMC := $(call objects,daemon/smc/*.c)
KERNEL := $(call objects,daemon/kernel/*.c)
LISTENER := $(call objects,daemon/listener/*.c)
SERVER := $(call objects,daemon/server/*.c)
CLI := $(call objects,daemon/cli/*.c)
CHECK := $(call objects,daemon/check/*.c)
BPF_NAMES := $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c))
SKELETONS := $(BPF_NAMES:%=$(BUILD)/bpf/%.skel.h)
MANUALS := $(patsubst man/%.scd,$(BUILD)/man/%,$(wildcard man/*.scd))
COMPLETIONS := $(BUILD)/completion/smc-ebpf $(BUILD)/completion/_smc-ebpf $(BUILD)/completion/smc-ebpf.fish

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort -u | \
		awk -F ':.*## ' '{ printf "  make %-16s %s\n", $$1, $$2 }'

# ---- what is installed ----

.PHONY: all
all: packages-build ## daemon, command, manual pages and completions, in build/
	+$(MAKE) --no-print-directory programs

.PHONY: programs
programs: $(BUILD)/smc-policyd $(BUILD)/smc-policy-listener $(BUILD)/smc-ebpf $(MANUALS) $(COMPLETIONS)

$(BUILD)/smc-policyd: $(SERVER) $(KERNEL) $(SMC) $(WIRE) $(FILES) $(POLICY) $(COMMON) $(LIBBPF)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -lsystemd -ludev -ljansson -linih $(NL_LIBS) $(LIBBPF_LIBS)

$(BUILD)/smc-policy-listener: $(LISTENER) $(WIRE) $(POLICY) $(COMMON)
	$(CC) $(LDFLAGS) -o $@ $^ -ljansson -linih -lmicrohttpd

$(BUILD)/smc-ebpf: $(CLI) $(CHECK) $(SMC) $(WIRE) $(FILES) $(POLICY) $(COMMON)
	$(CC) $(LDFLAGS) -o $@ $^ -ljansson -linih -lncursesw -ltinfo $(NL_LIBS) -lpthread

$(BUILD)/daemon/%.o: daemon/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(KERNEL): $(LIBBPF) | $(SKELETONS)

$(BUILD)/libbpf/libbpf.a: bpf/libbpf/build bpf/libbpf/sources
	bpf/libbpf/build $(@D)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(LIBBPF)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c -o $@ $<

# Else make deletes them once the skeletons are there, and makes both again the next time.
.SECONDARY: $(BPF_NAMES:%=$(BUILD)/bpf/%.bpf.o)

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@.new
	mv $@.new $@

# The page of the command gets its headings from the table of commands.
$(BUILD)/man/manual: man/manual.c $(WIRE) $(POLICY) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -ljansson -linih

$(BUILD)/man/smc-ebpf.8: man/smc-ebpf.8.scd $(BUILD)/man/manual
	$(BUILD)/man/manual < $< > $@.scd
	scdoc < $@.scd > $@.new
	mv $@.new $@

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@.new
	mv $@.new $@

# So does the completion of shells: bash, zsh, fish.
$(BUILD)/completion/completion: completion/completion.c $(WIRE) $(POLICY) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -ljansson -linih

$(BUILD)/completion/smc-ebpf: $(BUILD)/completion/completion completion/engine.sh completion/engine.bash
	{ $< bash && cat completion/engine.sh completion/engine.bash; } > $@.new
	mv $@.new $@

$(BUILD)/completion/_smc-ebpf: $(BUILD)/completion/completion completion/engine.sh completion/engine.zsh
	{ echo '#compdef smc-ebpf' && $< zsh && cat completion/engine.sh completion/engine.zsh; } > $@.new
	mv $@.new $@

$(BUILD)/completion/smc-ebpf.fish: $(BUILD)/completion/completion completion/engine.fish
	{ cat completion/engine.fish && $< fish; } > $@.new
	mv $@.new $@

-include $(patsubst %.o,%.d,$(SERVER) $(LISTENER) $(CLI) $(CHECK) $(KERNEL) $(SMC) $(WIRE) $(FILES) $(POLICY) $(COMMON))
-include $(BPF_NAMES:%=$(BUILD)/bpf/%.bpf.d)

.PHONY: kmod
kmod: packages-kmod ## the kernel module for KDIR (default: the running kernel), in build/kmod/
	+$(MAKE) -C kmod

# Targets that people name install packages first, and then build by a make of their own: which libbpf
# there is is found out when it begins.
.PHONY: install
install: packages-build ## programs, unit, configuration, manual pages, completions, DKMS source, below DESTDIR
	+@$(MAKE) --no-print-directory -s programs
	install -D -m 755 -t $(DESTDIR)$(SBINDIR) $(BUILD)/smc-policyd $(BUILD)/smc-policy-listener \
		$(BUILD)/smc-ebpf
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) systemd/smc-policyd.service
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/smc-policy.d
	test -e $(DESTDIR)$(SYSCONFDIR)/smc-policy.conf || \
		install -D -m 644 -t $(DESTDIR)$(SYSCONFDIR) conf/smc-policy.conf
	for page in $(MANUALS); do \
		install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page || exit 1; done
	install -D -m 644 -t $(DESTDIR)$(BASHCOMPDIR) $(BUILD)/completion/smc-ebpf
	install -D -m 644 -t $(DESTDIR)$(ZSHCOMPDIR) $(BUILD)/completion/_smc-ebpf
	install -D -m 644 -t $(DESTDIR)$(FISHCOMPDIR) $(BUILD)/completion/smc-ebpf.fish
	install -D -m 644 -t $(DESTDIR)$(DATADIR) conf/grafana-dashboard.json conf/prometheus-alerts.yml
	install -d -m 755 $(DESTDIR)$(SRCDIR)/smc-policy-$(VERSION)/include
	install -m 644 kmod/*.[ch] kmod/Kbuild kmod/dkms.conf $(DESTDIR)$(SRCDIR)/smc-policy-$(VERSION)
	install -m 644 include/smc_policy_hook.h include/smc_policy_verdict.h \
		$(DESTDIR)$(SRCDIR)/smc-policy-$(VERSION)/include

.PHONY: uninstall
uninstall: ## remove what install put below DESTDIR; configuration and state stay
	rm -f $(DESTDIR)$(SBINDIR)/smc-policyd $(DESTDIR)$(SBINDIR)/smc-policy-listener \
		$(DESTDIR)$(SBINDIR)/smc-ebpf \
		$(DESTDIR)$(UNITDIR)/smc-policyd.service
	for page in $(notdir $(MANUALS)); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page || exit 1; done
	rm -f $(DESTDIR)$(BASHCOMPDIR)/smc-ebpf $(DESTDIR)$(ZSHCOMPDIR)/_smc-ebpf \
		$(DESTDIR)$(FISHCOMPDIR)/smc-ebpf.fish
	rm -rf $(DESTDIR)$(SRCDIR)/smc-policy-$(VERSION) $(DESTDIR)$(DATADIR)

# ---- what is only used here ----

include tests/tools/tools.mk
include tests/bench/bench.mk
-include tests/unit/unit.mk
include tests/fuzz/fuzz.mk

.PHONY: test
test: ## all tests: unit, fuzzing, BPF on this kernel, guests with real SMC; installs what it needs
	@tests/run

.PHONY: test-kmod-debug
test-kmod-debug: packages-build ## the module in a kernel with KASAN, lockdep and kmemleak, which it builds
	@tests/vm/host-packages
	+@$(MAKE) --no-print-directory -s programs test-tools
	@tests/vm/test-kmod-debug

.PHONY: demo
demo: ## two SMC hosts in QEMU, the policy at work on real SMC-R connections
	@tests/demo

.PHONY: lint
lint: ## format and static analysis of everything
	@tests/lint

.PHONY: bench
bench: packages-build ## performance figures, as ratios of one run
	@tests/vm/host-packages
	+@$(MAKE) --no-print-directory -s programs test-tools
	@tests/bench/run

.PHONY: test-kills soak
test-kills: packages-build packages-unit ## SIGKILL at 1,000 random moments of changes
	+@$(MAKE) --no-print-directory -s programs
	@KILLS=$(or $(KILLS),1000) tests/host/test-kills

soak: packages-build packages-unit ## an hour of everything at once: memory, descriptors, maps stay flat
	+@$(MAKE) --no-print-directory -s programs test-tools
	@tests/soak

.PHONY: packages-build packages-kmod packages-unit packages-fuzz
packages-build packages-kmod packages-unit packages-fuzz: packages-%:
	@tests/install-packages $*

.PHONY: clean
clean: ## remove build/
	rm -rf $(BUILD)

.DELETE_ON_ERROR:
