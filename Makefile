# pve-native: see README.md. `make` needs no root and leaves everything in build/.

CARGO ?= cargo
PERL ?= perl
INSTALL ?= install
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib$(if $(filter /usr,$(PREFIX)),$(MULTIARCH:%=/%))
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
PERL_LIBDIR ?= $(call perl_dir,lib)
PERL_ARCHDIR ?= $(call perl_dir,arch)
# Debian's rules: a folder per architecture under /usr; Perl's site folders under /usr/local, and
# its vendor folders under /usr and wherever else.
MULTIARCH = $(shell $(CC) -print-multiarch 2>/dev/null)
perl_dir = $(shell $(PERL) -MConfig -e '\
	my ($$what, $$prefix) = @ARGV; \
	if ($$prefix eq $$Config{siteprefix}) { print $$Config{"site$$what"} } \
	else { print $$Config{"vendor$$what"} =~ s/^\Q$$Config{vendorprefix}/$$prefix/r }' $(1) $(PREFIX))
CARGO_TARGET_DIR ?= target
# Absolute, for tools that are called from other folders.
override CARGO_TARGET_DIR := $(abspath $(CARGO_TARGET_DIR))
export CARGO_TARGET_DIR

BUILD := build
RELEASE := $(CARGO_TARGET_DIR)/release
PERL_MODULES := $(patsubst perl/lib/%,%,$(shell find perl/lib -name '*.pm' -o -name '*.pod'))
PERL_FILES := $(addprefix perl/lib/,$(PERL_MODULES)) $(wildcard perl/t/*.t perl/t/door/*.t perl/t/lib/*.pm \
	perl/perlmod-compat/tests/*.t perl/perlmod-compat/tests/*.pl perl/perlmod-compat/tests/*.pm \
	examples/perl/*.pl benches/*.pl tests/vm/*/*.pl tests/vm/*/*.pm)
SHELL_FILES := .ci/run $(wildcard */*.sh */*/*.sh */*/*/*.sh) tests/vm/guest/init
PROVE := prove -I$(BUILD)/perl

.PHONY: all
all: capi command perl examples

# --- Building -----------------------------------------------------------------------------------

.PHONY: rust
rust:
	$(CARGO) build --release --locked

include capi/capi.mk

.PHONY: command
command: rust
	$(INSTALL) -D -m 755 $(RELEASE)/pve-native $(BUILD)/bin/pve-native
	$(CARGO) run --quiet --release --locked -p pve-native-cli --example generate -- $(BUILD)/share

.PHONY: perl
perl: rust
	$(INSTALL) -D -m 644 $(RELEASE)/libpve_native_perl.so $(BUILD)/perl/auto/PVE/Native/Native.so
	for file in $(PERL_MODULES); do \
	    $(INSTALL) -D -m 644 perl/lib/$$file $(BUILD)/perl/$$file || exit 1; done

.PHONY: examples
examples: capi
	mkdir -p $(BUILD)/examples
	for name in chain audit map; do \
	    $(CC) $(CFLAGS) -o $(BUILD)/examples/$$name examples/c/$$name.c $(CAPI_FLAGS) || exit 1; done

.PHONY: doc
doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

# --- Installing ---------------------------------------------------------------------------------

.PHONY: install
install: all install-capi install-perl install-command

.PHONY: install-command
install-command: command
	$(INSTALL) -D -m 755 $(BUILD)/bin/pve-native $(DESTDIR)$(BINDIR)/pve-native
	$(INSTALL) -d $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 $(BUILD)/share/man/man1/*.1 $(DESTDIR)$(MANDIR)/man1
	for file in bash-completion/completions/pve-native fish/vendor_completions.d/pve-native.fish \
	    zsh/vendor-completions/_pve-native; do \
	    $(INSTALL) -D -m 644 $(BUILD)/share/$$file $(DESTDIR)$(DATADIR)/$$file || exit 1; done

.PHONY: install-perl
install-perl: perl
	$(INSTALL) -D -m 644 $(BUILD)/perl/auto/PVE/Native/Native.so \
	    $(DESTDIR)$(PERL_ARCHDIR)/auto/PVE/Native/Native.so
	for file in $(PERL_MODULES); do \
	    $(INSTALL) -D -m 644 perl/lib/$$file $(DESTDIR)$(PERL_LIBDIR)/$$file || exit 1; done

.PHONY: deb
deb:
	scripts/build-deb.sh $(BUILD)/deb

# --- Checking -----------------------------------------------------------------------------------

.PHONY: bootstrap
bootstrap:
	@scripts/bootstrap.sh

.PHONY: check
check: bootstrap
	$(MAKE) all
	MAKE='$(MAKE)' scripts/check.sh

.PHONY: check-rust
check-rust:
	$(CARGO) test --locked --workspace --no-fail-fast

# The long form of tests/mutants: 20,000 malformed images of each format.
.PHONY: check-mutants
check-mutants:
	PVE_NATIVE_MUTANTS=20000 $(CARGO) test --locked --test mutants

# The long form of tests/maps_formats: the tables of each image changed so many times.
TABLE_ROUNDS ?= 300
.PHONY: check-tables
check-tables:
	PVE_NATIVE_TABLES=$(TABLE_ROUNDS) $(CARGO) test --locked --test maps_formats changed

# The long forms of tests/measure*, tests/headroom and tests/merge_cost: in this many rounds.
SIZE_ROUNDS ?= 1000
.PHONY: check-sizes
check-sizes:
	PVE_NATIVE_MEASURES=$(SIZE_ROUNDS) PVE_NATIVE_HEADROOMS=$(SIZE_ROUNDS) PVE_NATIVE_MERGES=$(SIZE_ROUNDS) \
	    $(CARGO) test --locked --test measure --test measure_image --test headroom --test merge_cost

# Placements beside those of CP-SAT, and on clusters made at random: a short form, and a long one.
PLACEMENTS ?= 1000
QUESTIONS ?= 600
.PHONY: check-placement check-placement-short
check-placement:
	PVE_NATIVE_RECOVERIES=100 $(CARGO) test --locked --release --test placement -- --nocapture
	$(CARGO) build --locked --release --example place
	tests/placement/check.sh $(CARGO_TARGET_DIR)/release/examples/place $(PLACEMENTS)
	tests/placement/judge.sh $(BUILD) $(QUESTIONS)
check-placement-short:
	$(CARGO) build --locked --example place
	tests/placement/check.sh $(CARGO_TARGET_DIR)/debug/examples/place 150
	tests/placement/judge.sh $(BUILD) 60

# The long form of perl/t/cluster_compat.t; PVE_NATIVE_SEED names a file with the proposal's mail.
COMPAT_CASES ?= 100000
.PHONY: check-compat
check-compat: perl
	PVE_NATIVE_COMPAT=$(COMPAT_CASES) $(PROVE) perl/t/cluster_compat.t

# The long form of tests/placement/balance: so many clusters of each shape. CP-SAT comes from PyPI.
BALANCE_ROUNDS ?= 20
.PHONY: check-balance
check-balance:
	PVE_NATIVE_BALANCES=$(BALANCE_ROUNDS) \
	    $(CARGO) test --locked --test placement balance -- --nocapture

.PHONY: check-perl
check-perl: perl
	$(PROVE) perl/t
	$(PROVE) -T perl/t
	perl/perlmod-compat/run-tests.sh
	perl/t/door/run.sh $(BUILD)

# Real storage that dies, in a virtual machine; see tests/vm/check.sh.
.PHONY: check-vm check-vm-short check-multipath-vm capture-multipathd
check-vm: all
	tests/vm/check.sh $(BUILD)
check-vm-short: all
	tests/vm/check.sh --short $(BUILD) online lvm plugin deadline

# LUNs as two versions of multipathd tell of them; what they say becomes test data with the second.
check-multipath-vm: all
	tests/vm/check.sh $(BUILD) multipath
capture-multipathd: check-multipath-vm
	tests/vm/multipath/capture.sh $(BUILD)

# Pins while files are exchanged, in as many rounds as wanted; `make check` has a few of them.
PIN_ROUNDS ?= 2000
.PHONY: check-pin-races
check-pin-races:
	PVE_NATIVE_PIN_ROUNDS=$(PIN_ROUNDS) $(CARGO) test --locked --test pin -- --nocapture races

.PHONY: check-msrv
check-msrv:
	scripts/check-msrv.sh

.PHONY: lint
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	scripts/lint-perl.sh $(PERL_FILES)
	for file in $(SHELL_FILES); do bash -n $$file || exit 1; done

# The table of docs/security.md, from runs; needs the network and python3-venv.
.PHONY: compare-security
compare-security:
	@tests/attacks/compare.sh $(BUILD)

.PHONY: fuzz
fuzz:
	scripts/fuzz.sh

# --- Showing ------------------------------------------------------------------------------------

.PHONY: demo
demo: bootstrap
	$(MAKE) all
	$(MAKE) show

# What the demo shows, without building; it fails if two answers differ.
.PHONY: show
show:
	PVE_NATIVE_BUILD=$(BUILD) demo/demo.sh

.PHONY: bench
bench: all
	mkdir -p $(BUILD)/benches
	for name in chain cluster_engine deadline headers map_image maps scheduler; do \
	    $(CC) -O2 -o $(BUILD)/benches/$$name benches/$$name.c $(CAPI_FLAGS) || exit 1; done
	cd benches/peers && $(CARGO) build --release --locked --target-dir ../../$(BUILD)/peers-target
	cp $(BUILD)/peers-target/release/pve-native-bench-peers $(BUILD)/benches/peers
	benches/run.sh $(BUILD)
	benches/maps.sh $(BUILD)
	benches/snapshot_graph.sh $(BUILD)
	benches/cluster_status.sh $(BUILD)
	benches/cluster_engine.sh $(BUILD)
	benches/scheduler.sh $(BUILD)
	$(CARGO) bench --locked --bench snapshot_graph
	$(CARGO) bench --locked --bench recovery
	$(CARGO) bench --locked --bench what_if
	$(CARGO) bench --locked --bench balance

# Published instances of vector bin packing; benches/packing.rs says what the variables name.
.PHONY: bench-packing
bench-packing:
	$(CARGO) bench --locked --bench packing

.PHONY: clean
clean:
	$(CARGO) clean
	rm -rf $(BUILD)
