# SPDX-License-Identifier: GPL-2.0-or-later
# smc-policy: which connection may speak SMC.  `make help` lists what can be made.

BUILD := build
ARCH := $(shell uname -m)

PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= /usr/lib/systemd/system
MODULESLOADDIR ?= /usr/lib/modules-load.d
SRCDIR ?= /usr/src
DESTDIR ?=

CLANG ?= clang
BPFTOOL ?= bpftool
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wformat=2 -Wshadow $(if $(CI),-Werror)
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) \
	-Iinclude -Idaemon -Ibpf -I$(BUILD)/bpf
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v2 -Wall $(if $(CI),-Werror) \
	-Iinclude -I/usr/include/$(ARCH)-linux-gnu

VERSION := $(shell sed -n 's/.*SMC_POLICY_VERSION "\(.*\)".*/\1/p' include/smc_policy_version.h)

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))
POLICY := $(call objects,daemon/policy/*.c)
COMMON := $(call objects,daemon/common/*.c)
KERNEL := $(call objects,daemon/kernel/*.c)
SERVER := $(call objects,daemon/server/*.c)
CLI := $(call objects,daemon/cli/*.c)
BPF_NAMES := $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c))
SKELETONS := $(BPF_NAMES:%=$(BUILD)/bpf/%.skel.h)
MANUALS := $(patsubst man/%.scd,$(BUILD)/man/%,$(wildcard man/*.scd))

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort -u | \
		awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

# ---- what is installed ----

.PHONY: all
all: packages-build ## daemon, command and manual pages, in build/
	+$(MAKE) --no-print-directory programs

.PHONY: programs
programs: $(BUILD)/smc-policyd $(BUILD)/smc-ebpf $(MANUALS)

$(BUILD)/smc-policyd: $(SERVER) $(KERNEL) $(POLICY) $(COMMON)
	$(CC) $(LDFLAGS) -o $@ $^ -lsystemd -ljansson -linih -lbpf -lelf -lz

$(BUILD)/smc-ebpf: $(CLI) $(POLICY) $(COMMON)
	$(CC) $(LDFLAGS) -o $@ $^ -ljansson -linih

$(BUILD)/daemon/%.o: daemon/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(KERNEL): | $(SKELETONS)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c -o $@ $<

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@.new
	mv $@.new $@

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@.new
	mv $@.new $@

-include $(patsubst %.o,%.d,$(SERVER) $(KERNEL) $(POLICY) $(COMMON) $(CLI))
-include $(BPF_NAMES:%=$(BUILD)/bpf/%.bpf.d)

.PHONY: kmod
kmod: packages-kmod ## the kernel module for KDIR (default: the running kernel), in build/kmod/
	+$(MAKE) -C kmod

.PHONY: install
install: programs ## programs, unit, configuration, manual pages and DKMS source, below DESTDIR
	install -D -m 755 -t $(DESTDIR)$(SBINDIR) $(BUILD)/smc-policyd $(BUILD)/smc-ebpf
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) systemd/smc-policyd.service
	install -D -m 644 systemd/modules-load.conf $(DESTDIR)$(MODULESLOADDIR)/smc-policy.conf
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/smc-policy.d
	test -e $(DESTDIR)$(SYSCONFDIR)/smc-policy.conf || \
		install -D -m 644 -t $(DESTDIR)$(SYSCONFDIR) conf/smc-policy.conf
	for page in $(MANUALS); do \
		install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page || exit 1; done
	install -d -m 755 $(DESTDIR)$(SRCDIR)/smc-policy-$(VERSION)/include
	install -m 644 kmod/*.[ch] kmod/Kbuild kmod/dkms.conf $(DESTDIR)$(SRCDIR)/smc-policy-$(VERSION)
	install -m 644 include/smc_policy_hook.h include/smc_policy_verdict.h \
		$(DESTDIR)$(SRCDIR)/smc-policy-$(VERSION)/include

# ---- what is only used here ----

include tests/tools/tools.mk
include tests/bench/bench.mk
-include tests/unit/unit.mk

.PHONY: test
test: ## all tests: unit, BPF on this kernel, guests with real SMC; installs what it needs
	@tests/run

.PHONY: demo
demo: ## two SMC hosts in QEMU, the policy at work on real SMC-R connections
	@tests/demo

.PHONY: lint
lint: ## format and static analysis of everything
	@tests/lint

.PHONY: bench
bench: packages-build ## performance figures, as ratios of one run
	@tests/bench/run

.PHONY: packages-build packages-kmod
packages-build packages-kmod: packages-%:
	@tests/install-packages $*

.PHONY: clean
clean: ## remove build/
	rm -rf $(BUILD)

.DELETE_ON_ERROR:
