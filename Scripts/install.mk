# SPDX-License-Identifier: Apache-2.0
# make install PREFIX=/usr/local DESTDIR= and make uninstall. The C part needs a C compiler and nothing else; the Swift
# part comes with it where there is a Swift compiler (SWIFTC= leaves it out).

VERSION = 0.1.0
MAJOR = $(word 1,$(subst ., ,$(VERSION)))
MINOR = $(word 2,$(subst ., ,$(VERSION)))
# What is promised to fit: versions of one major number, and before 1.0 versions of one minor number. The soname says so.
SOVERSION = $(if $(filter 0,$(MAJOR)),0.$(MINOR),$(MAJOR))

PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
SWIFTC ?= $(shell command -v swiftc)
AR ?= ar
# The calling convention of Swift, which finalizers that run promptly need, is known to clang; gcc's library sweeps.
ifeq ($(origin CC)$(if $(SWIFTC),,-),default)
CC = $(or $(wildcard $(dir $(SWIFTC))clang),cc)
endif
BUILD = .build-install/$(notdir $(firstword $(CC)))
DOCDIR ?= $(PREFIX)/share/doc/exitkit
MANDIR ?= $(PREFIX)/share/man
BINDIR ?= $(PREFIX)/bin
# gdb reads the script of a library from its own data folder, such as /usr/share/gdb, and from no other. An install does not
# write there without being asked, by GDBDATA; the script is also in share/exitkit, for `source`.
GDBDATA ?= $(PREFIX)/share/gdb
GDBDIR = $(GDBDATA)/auto-load$(LIBDIR)
GDBS_OWN = $(shell gdb -nx -batch -ex 'show data-directory' 2>/dev/null | sed -n 's/.*"\(.*\)".*/\1/p')
# Made by `make tools`: building the command fetches a package, so `make install` does not.
COMMAND = $(wildcard Tools/.build/release/exitkit)
PKGCONFIGDIR = $(LIBDIR)/pkgconfig
CMAKEDIR = $(LIBDIR)/cmake/ExitKit
# Modules are tied to a compiler, so they keep out of the include folder that every compiler searches.
MODULEDIR = $(LIBDIR)/exitkit

# Small, because every program that exits pays for reading it in; fast only where registering goes through.
# -Oz (gcc 12, clang) makes the core 1 to 7 % smaller than -Os, and costs 1 to 2 % of the instructions.
SMALL := $(shell $(CC) -Oz -E -x c /dev/null >/dev/null 2>&1 && echo -Oz || echo -Os)
CFLAGS ?= $(SMALL) -g
FAST = core/stack.o exit/register.o run/frame.o
DENSE := $(shell $(CC) -Werror -fno-align-jumps -c -o /dev/null -x c /dev/null >/dev/null 2>&1 && \
  echo -fno-align-functions -fno-align-jumps -fno-align-loops -fno-align-labels -fno-inline-small-functions)
# No code of a user's is called by these, so nothing unwinds through them.
NOT_UNWOUND = copies/forward.o copies/election.o core/process.o core/storage.o
$(foreach folder,$(BUILD) $(BUILD)/whole,$(addprefix $(folder)/,$(FAST))): CFLAGS := $(patsubst -Os,-O2,$(patsubst -Oz,-O2,$(CFLAGS))) $(DENSE)
$(foreach folder,$(BUILD) $(BUILD)/whole,$(addprefix $(folder)/,$(NOT_UNWOUND))): CFLAGS += -fno-asynchronous-unwind-tables
# gcc compiles the shared library as a whole, which leaves out what is called from one place, and functions that are there
# twice: 3 % of the text. Where the compiler does not, and in the archive, the objects are plain.
WHOLE = $(eval WHOLE := $(shell echo 'int main(void) { return 0; }' | \
  $(CC) -flto -flto-partition=one -xc - -o /dev/null 2>/dev/null && echo -flto -flto-partition=one))$(WHOLE)
SHIM_CFLAGS = -std=c11 -fPIC -fvisibility=hidden -ISources/CExitShim/include
OBJECTS = $(C_SOURCES:Sources/CExitShim/%.c=$(BUILD)/%.o)
SHARED_OBJECTS = $(OBJECTS:$(BUILD)/%=$(BUILD)/whole/%)
PUBLIC_HEADERS = $(wildcard Sources/CExit*/include/*.h Sources/CExit*/include/*.hpp)
SWIFT_SOURCES = $(shell find Sources/ExitKit -name '*.swift')
IN_FRONT = $(BUILD)/libCExitOrder $(BUILD)/libCExitFirst
SHIM_MAP = Scripts/install/CExitShim.map
MODULES = Sources/CExitShim/include/module.modulemap

LIBRARIES = $(BUILD)/libCExitShim.a $(BUILD)/libCExitShim.so.$(VERSION) $(IN_FRONT:=.a) $(IN_FRONT:=.so.$(VERSION))
SWIFT_LIBRARIES = $(if $(SWIFTC),$(BUILD)/libExitKit.a)

libraries: $(LIBRARIES) $(SWIFT_LIBRARIES) ## Build what `make install` installs

install: libraries ## Install below PREFIX (/usr/local), with DESTDIR in front; no root needed for a PREFIX of your own
	@$(if $(SWIFTC),,echo 'no swiftc: installing the C part only')
	install -d $(addprefix $(DESTDIR),$(INCLUDEDIR) $(LIBDIR) $(PKGCONFIGDIR) $(CMAKEDIR) $(DOCDIR) $(MANDIR)/man3)
	install -m 644 README.md CHANGELOG.md LICENSE $(DESTDIR)$(DOCDIR)
	install -m 644 $(PUBLIC_HEADERS) $(DESTDIR)$(INCLUDEDIR)
	install -m 644 $(filter %.a,$(LIBRARIES)) $(DESTDIR)$(LIBDIR)
	install -m 755 $(filter-out %.a,$(LIBRARIES)) $(DESTDIR)$(LIBDIR)
	for name in CExitShim CExitOrder CExitFirst; do \
	  ln -sf lib$$name.so.$(VERSION) $(DESTDIR)$(LIBDIR)/lib$$name.so.$(SOVERSION) && \
	  ln -sf lib$$name.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/lib$$name.so && \
	  $(FILL) Scripts/install/$$name.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/$$name.pc || exit; \
	done
	$(FILL) Scripts/install/ExitKitConfig.cmake.in >$(DESTDIR)$(CMAKEDIR)/ExitKitConfig.cmake
	$(FILL) Scripts/install/ExitKitConfigVersion.cmake.in >$(DESTDIR)$(CMAKEDIR)/ExitKitConfigVersion.cmake
	for page in cexit cexit_register; do \
	  $(call manual,$$page) >$(DESTDIR)$(MANDIR)/man3/$$page.3 || exit; \
	done
	$(call manual,names) | while read -r name page; do \
	  [ $$name = $$page ] || echo ".so man3/$$page.3" >$(DESTDIR)$(MANDIR)/man3/$$name.3; \
	done
	install -d $(DESTDIR)$(GDBDIR) $(DESTDIR)$(PREFIX)/share/exitkit
	install -m 644 Tools/gdb/exitkit-gdb.py $(DESTDIR)$(PREFIX)/share/exitkit
	install -m 644 Tools/gdb/exitkit-gdb.py $(DESTDIR)$(GDBDIR)/libCExitShim.so.$(VERSION)-gdb.py
	$(if $(COMMAND),install -d $(DESTDIR)$(BINDIR) && install -m 755 $(COMMAND) $(DESTDIR)$(BINDIR)/exitkit,@echo 'no exitkit: make tools builds the command')
	@[ -n '$(DESTDIR)' ] || case '$(GDBS_OWN)' in '' | '$(GDBDATA)') ;; *) \
	  echo 'gdb reads scripts below $(GDBS_OWN) alone: for the commands exit-stack and exit-run install with' \
	    'GDBDATA=$(GDBS_OWN), or write into ~/.gdbinit: source $(PREFIX)/share/exitkit/exitkit-gdb.py' ;; esac
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || ldconfig 2>/dev/null || true # for programs that ask no pkg-config
ifneq ($(SWIFTC),)
	install -d $(DESTDIR)$(MODULEDIR)
	install -m 644 $(BUILD)/libExitKit.a $(DESTDIR)$(LIBDIR)
	install -m 644 $(BUILD)/ExitKit.swiftmodule $(BUILD)/ExitKit.swiftdoc $(DESTDIR)$(MODULEDIR)
	sed "s|header \"|&$(call from,$(MODULEDIR),$(INCLUDEDIR))/|" $(MODULES) >$(DESTDIR)$(MODULEDIR)/module.modulemap
	$(FILL) Scripts/install/ExitKit.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/ExitKit.pc
endif

uninstall: ## Remove what `make install` with the same PREFIX and DESTDIR installed
	rm -f $(addprefix $(DESTDIR),$(addprefix $(INCLUDEDIR)/,$(notdir $(PUBLIC_HEADERS))) \
	  $(addprefix $(LIBDIR)/,$(foreach name,CExitShim CExitOrder CExitFirst,$(addprefix lib$(name).,a so so.$(SOVERSION) so.$(VERSION))) \
	    libExitKit.a) \
	  $(addprefix $(PKGCONFIGDIR)/,CExitShim.pc CExitOrder.pc CExitFirst.pc ExitKit.pc))
	$(call manual,names) | while read -r name page; do \
	  rm -f $(DESTDIR)$(MANDIR)/man3/$$name.3 $(DESTDIR)$(MANDIR)/man3/$$page.3; \
	done
	rm -f $(DESTDIR)$(BINDIR)/exitkit $(DESTDIR)$(GDBDIR)/libCExitShim.so.$(VERSION)-gdb.py
	rm -rf $(addprefix $(DESTDIR),$(PREFIX)/share/exitkit $(CMAKEDIR) $(MODULEDIR) $(DOCDIR))

manual = awk -v page=$(1) -v version=$(VERSION) -f Scripts/install/man.awk Sources/CExitShim/include/CExitShim.h

# Each file finds the rest from its own folder, so an installed tree can be moved.
from = $$(realpath -ms --relative-to=$(1) $(2))
# The loader finds libraries below /usr/lib by itself; a program that uses another folder says so, or it does not start.
RPATH = $(if $(filter /usr/lib% /lib%,$(LIBDIR)),,-Wl,-rpath,$${libdir})
FILL = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@RPATH@|$(RPATH)|g' -e 's| *$$||' \
  -e "s|@PREFIX_FROM_PKGCONFIG@|$(call from,$(PKGCONFIGDIR),$(PREFIX))|g" \
  -e 's|@URL@|$(or $(HOMEPAGE),file://$(DOCDIR)/README.md)|g' \
  -e "s|@INCLUDE_FROM_PKGCONFIG@|$(call from,$(PKGCONFIGDIR),$(INCLUDEDIR))|g" \
  -e "s|@LIB_FROM_PKGCONFIG@|$(call from,$(PKGCONFIGDIR),$(LIBDIR))|g" \
  -e "s|@MODULE_FROM_PKGCONFIG@|$(call from,$(PKGCONFIGDIR),$(MODULEDIR))|g" \
  -e "s|@INCLUDE_FROM_CMAKE@|$(call from,$(CMAKEDIR),$(INCLUDEDIR))|g" \
  -e "s|@LIB_FROM_CMAKE@|$(call from,$(CMAKEDIR),$(LIBDIR))|g" \
  -e "s|@MODULE_FROM_CMAKE@|$(call from,$(CMAKEDIR),$(MODULEDIR))|g"

$(BUILD)/%.o: Sources/CExitShim/%.c $(C_HEADERS) Scripts/install.mk
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) -c -o $@ $<

$(BUILD)/whole/%.o: Sources/CExitShim/%.c $(BUILD)/%.o
	@mkdir -p $(@D)
	$(if $(WHOLE),$(CC) $(CPPFLAGS) $(CFLAGS) $(WHOLE) $(SHIM_CFLAGS) -c -o $@ $<,ln -f $(BUILD)/$*.o $@)

$(BUILD)/libCExitShim.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/libCExitShim.so.$(VERSION): $(SHARED_OBJECTS) $(SHIM_MAP)
	$(CC) $(CFLAGS) $(WHOLE) $(LDFLAGS) -shared -Wl,-soname,libCExitShim.so.$(SOVERSION) -Wl,--version-script,$(SHIM_MAP) -Wl,-z,defs \
	  -o $@ $(SHARED_OBJECTS) -pthread -ldl

$(BUILD)/libCExitOrder.o: Sources/CExitOrder/order.c
$(BUILD)/libCExitFirst.o: Sources/CExitFirst/first.c
$(IN_FRONT:=.o): $(BUILD)/lib%.o: $(PUBLIC_HEADERS) Scripts/install.mk
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) -ISources/$*/include -c -o $@ $(filter %.c,$^)

$(IN_FRONT:=.a): %.a: %.o
	rm -f $@
	$(AR) rcs $@ $^

$(IN_FRONT:=.so.$(VERSION)): %.so.$(VERSION): %.o $(BUILD)/libCExitShim.so.$(VERSION)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(notdir $*).so.$(SOVERSION) -Wl,-rpath,'$$ORIGIN' -o $@ $^ -ldl

# One object: a Swift library is linked whole or not at all. Static only: Swift's ABI is not stable on Linux, so a
# shared one would fit programs of this very compiler and of no other.
$(BUILD)/libExitKit.a: $(SWIFT_SOURCES) $(PUBLIC_HEADERS) $(MODULES) Scripts/install.mk
	@mkdir -p $(BUILD)/modules
	sed 's|header "|&$(CURDIR)/$(dir $(MODULES))|' $(MODULES) >$(BUILD)/modules/module.modulemap
	$(SWIFTC) -O -g -wmo -swift-version 6 -parse-as-library -static -module-name ExitKit \
	  -module-link-name ExitKit -I $(BUILD)/modules -emit-object -o $(BUILD)/ExitKit.o \
	  -emit-module -emit-module-path $(BUILD)/ExitKit.swiftmodule $(SWIFT_SOURCES)
	rm -f $@
	$(AR) rcs $@ $(BUILD)/ExitKit.o

.PHONY: libraries install uninstall
