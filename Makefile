# pve-native: see README.md. `make` needs no root and leaves everything in build/.

CARGO ?= cargo
PERL ?= perl
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
PERL_LIBDIR ?= $(shell $(PERL) -MConfig -e 'print $$Config{sitelib}')
PERL_ARCHDIR ?= $(shell $(PERL) -MConfig -e 'print $$Config{sitearch}')
INSTALL ?= install
CARGO_TARGET_DIR ?= target

BUILD := build
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
RELEASE := $(CARGO_TARGET_DIR)/release
PERL_MODULES := $(shell find perl/lib -name '*.pm')
PERL_FILES := $(PERL_MODULES) $(wildcard perl/t/*.t perl/t/lib/*.pm examples/perl/*.pl benches/*.pl)
SHELL_FILES := scripts/bootstrap.sh .ci/run $(wildcard demo/*.sh scripts/*.sh tests/*/*.sh)

export CARGO_TARGET_DIR

.PHONY: all
all: capi command perl examples

.PHONY: rust
rust:
	$(CARGO) build --release --locked

include capi/capi.mk

.PHONY: command
command: rust
	$(INSTALL) -D -m 755 $(RELEASE)/pve-native $(BUILD)/bin/pve-native

.PHONY: perl
perl: rust
	$(INSTALL) -D -m 644 $(RELEASE)/libpve_native_perl.so $(BUILD)/perl/auto/PVE/Native/Native.so
	cd perl/lib && for file in $(PERL_MODULES:perl/lib/%=%); do \
	    $(INSTALL) -D -m 644 $$file ../../$(BUILD)/perl/$$file || exit 1; done

.PHONY: bootstrap
bootstrap:
	@scripts/bootstrap.sh
