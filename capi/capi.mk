# The C library: building, checking, installing. Included by the Makefile at the top of the tree,
# or used alone from there: make -f capi/capi.mk capi
#
# The shared library is linked here, from cargo's staticlib, because only GNU ld gives its symbols
# the version node of pven.map, and it refuses to do so to cargo's own cdylib.

BUILD ?= build
CARGO ?= cargo
CC ?= cc
LD ?= ld
OBJCOPY ?= objcopy
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
# dev while working on it: release links with LTO, which takes its time.
CAPI_PROFILE ?= release

CAPI_SONAME := libpve_native.so.0
CAPI_FILE := $(CAPI_SONAME).1.0
CAPI_VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
CAPI_TARGET := $(or $(CARGO_TARGET_DIR),target)/$(if $(filter dev,$(CAPI_PROFILE)),debug,$(CAPI_PROFILE))
CAPI_CARGO_LIB := $(CAPI_TARGET)/libpve_native.a
CAPI_HEADERS := $(BUILD)/include/pve_native.h $(BUILD)/include/pve_native.hpp
CAPI_PC := $(BUILD)/lib/pkgconfig/pve-native.pc
CAPI_SYMBOLS := tests/abi/symbols.golden
CAPI_LIBS := -lgcc_s -lc -lm
# For programs of this tree that are built with the library and run in place.
CAPI_FLAGS := -I$(BUILD)/include -L$(BUILD)/lib -Wl,-rpath,$(abspath $(BUILD)/lib) -lpve_native

capi_pc = sed -e 's|@PREFIX@|$(1)|' -e 's|@LIBDIR@|$(2)|' -e 's|@INCLUDEDIR@|$(3)|' \
	-e 's|@VERSION@|$(CAPI_VERSION)|' capi/pve-native.pc.in

.PHONY: capi capi-cargo header check-header check-abi check-c install-capi

capi: $(BUILD)/lib/libpve_native.so $(BUILD)/lib/libpve_native.a $(CAPI_HEADERS) $(CAPI_PC)

# Cargo knows whether there is something to do. All of the tree is built as `make rust` builds it:
# for this crate alone cargo would choose other features and link everything a second time.
capi-cargo:
	$(CARGO) build --locked --profile $(CAPI_PROFILE)

$(CAPI_CARGO_LIB): capi-cargo ;

$(BUILD)/lib/$(CAPI_FILE): $(CAPI_CARGO_LIB) capi/pven.map
	mkdir -p $(@D)
	$(CC) -shared -o $@ -Wl,-soname,$(CAPI_SONAME) -Wl,--version-script=capi/pven.map \
		-Wl,--whole-archive $(CAPI_CARGO_LIB) -Wl,--no-whole-archive -Wl,--gc-sections \
		-Wl,-z,relro,-z,now,-z,defs -Wl,--as-needed $(LDFLAGS) $(CAPI_LIBS)

$(BUILD)/lib/libpve_native.so: $(BUILD)/lib/$(CAPI_FILE)
	ln -sf $(CAPI_FILE) $(BUILD)/lib/$(CAPI_SONAME)
	ln -sf $(CAPI_SONAME) $@

# One object with what the interface needs, in which only the interface is global: it gets along
# with other Rust libraries in one program. The bitcode that Rust's own library carries goes: an
# ar with LLVM's plugin stumbles over it.
$(BUILD)/lib/libpve_native.a: $(CAPI_CARGO_LIB) $(CAPI_SYMBOLS)
	mkdir -p $(@D)
	$(LD) -r --gc-sections --force-group-allocation $(patsubst %,-u %,$(shell cat $(CAPI_SYMBOLS))) \
		-o $(@:.a=.o) $(CAPI_CARGO_LIB)
	$(OBJCOPY) --wildcard --keep-global-symbol='pven_*' -R .llvmbc -R .llvmcmd $(@:.a=.o)
	rm -f $@
	$(AR) rcsD $@ $(@:.a=.o)
	rm -f $(@:.a=.o)

$(BUILD)/include/%: include/%
	mkdir -p $(@D)
	cp $< $@

# Right wherever the build tree lies: it says where things are from where it is itself.
$(CAPI_PC): capi/pve-native.pc.in Cargo.toml capi/capi.mk
	mkdir -p $(@D)
	$(call capi_pc,$${pcfiledir}/../..,$${prefix}/lib,$${prefix}/include) > $@

# For those who change the interface; nobody else needs cbindgen.
header:
	$(CARGO) run -q -p pve-native-header-gen

check-header:
	$(CARGO) run -q -p pve-native-header-gen -- --check

check-abi: capi
	CC='$(CC)' tests/abi/check.sh $(BUILD)

check-c: capi
	CC='$(CC)' CXX='$(CXX)' tests/c/run.sh $(BUILD)

install-capi: capi
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)
	install -m 644 $(BUILD)/lib/$(CAPI_FILE) $(BUILD)/lib/libpve_native.a $(DESTDIR)$(LIBDIR)
	ln -sf $(CAPI_FILE) $(DESTDIR)$(LIBDIR)/$(CAPI_SONAME)
	ln -sf $(CAPI_SONAME) $(DESTDIR)$(LIBDIR)/libpve_native.so
	install -m 644 include/pve_native.h include/pve_native.hpp $(DESTDIR)$(INCLUDEDIR)
	$(call capi_pc,$(PREFIX),$(LIBDIR),$(INCLUDEDIR)) > $(DESTDIR)$(LIBDIR)/pkgconfig/pve-native.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/pve-native.pc
