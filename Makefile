# Yutang. `make help` lists what there is to call.

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
DOCDIR     ?= $(PREFIX)/share/doc/yutang
SYSCONFDIR ?= /etc
UNITDIR    ?= /lib/systemd/system
DESTDIR    ?=

ifeq ($(origin CC),default)
CC = gcc
endif
PKG_CONFIG ?= pkg-config
INSTALL    ?= install

# A sanitizer build lives beside the plain one, so that changing between them rebuilds nothing.
comma := ,
ifdef SAN
BUILD    ?= build/san-$(subst $(comma),-,$(SAN))
CFLAGS   ?= -O1 -g -fno-omit-frame-pointer
CPPFLAGS ?=
LDFLAGS  ?=
LTO      ?=
sanitize := $(if $(findstring address,$(SAN)),-DYT_ASAN) -fsanitize=$(SAN)$(if $(FUZZ),$(comma)fuzzer-no-link) -fno-sanitize-recover=all
else
BUILD    ?= build
CFLAGS   ?= -O3 -g -fstack-protector-strong
CPPFLAGS ?= -D_FORTIFY_SOURCE=2
LDFLAGS  ?= -Wl,-z,relro,-z,now
# The program is optimised across files, which saves about 7 % of its CPU. The tests, of which there are many, link the same objects as they are.
LTO      ?= $(if $(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)
sanitize :=
endif

# One entry a library: pkg-config name, a header that shows it is there, Debian package.
libraries := \
    rdkafka:librdkafka/rdkafka.h:librdkafka-dev \
    hiredis:hiredis/hiredis.h:libhiredis-dev \
    libcjson:cjson/cJSON.h:libcjson-dev \
    libevent:event2/event.h:libevent-dev \
    libevent_pthreads:event2/thread.h:libevent-dev \
    libcrypto:openssl/evp.h:libssl-dev \
    expat:expat.h:libexpat1-dev
modules := $(foreach l,$(libraries),$(word 1,$(subst :, ,$(l))))

# Asked one by one: a library that is missing must not hide the flags of the others.
lib_cflags := $(foreach m,$(modules),$(shell $(PKG_CONFIG) --cflags $(m) 2>/dev/null))
lib_libs   := $(foreach m,$(modules),$(shell $(PKG_CONFIG) --libs $(m) 2>/dev/null))

warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
    -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wvla $(if $(filter 1,$(WERROR)),-Werror)

# Foreign headers are system headers: their warnings are not ours.
cppflags := -D_GNU_SOURCE -Iinclude $(patsubst -I%,-isystem %,$(lib_cflags)) $(CPPFLAGS)
cflags   := -std=c11 -pthread $(warnings) $(sanitize) $(CFLAGS)
ldflags  := -pthread $(sanitize) -Wl,--as-needed $(LDFLAGS)
libs     := $(lib_libs) $(LDLIBS) -lm

# ROOMS="base event" builds and tests against these rooms alone.
ROOMS ?= $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard src/*/*.c)))))

main    := $(BUILD)/obj/app/main.o
objects := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(filter-out src/app/main.c,$(sort $(foreach r,$(ROOMS),$(wildcard src/$(r)/*.c)))))
lib     := $(BUILD)/libyutang.a
# What every program is linked with.
common  := $(if $(findstring thread,$(SAN)),$(BUILD)/obj/tsan.o) $(lib)
tests   := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
tools   := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(sort $(wildcard tests/tools/*.c)))
preload := $(patsubst tests/preload/%.c,$(BUILD)/preload/%.so,$(sort $(wildcard tests/preload/*.c)))
fuzzers := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/*.c)))
benches := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(sort $(wildcard tests/bench/*.c)))

# Targets that prepare the machine first call make again: what this one knows of the libraries is then out of date.
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
rebuild = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

CYCLES ?= 12
FUZZ_SECONDS ?= 60
MINUTES ?= 30
RATE ?= 20000

# V=1 shows the whole commands.
quiet = $(if $(filter 1,$(V)),,@echo '  $(1) $@';)

# The scripts below the tests find what was built by this.
export YUTANG_BUILD := $(abspath $(BUILD))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: documents fuzz fuzzers help all tests tools benches setup run test unit check-kill bench bench-restore bench-intake soak install clean FORCE

help:
	@echo 'make               build $(BUILD)/yutang'
	@echo 'make run           set up, build, and show the example shop on a real Kafka and Redis (Ctrl-C ends it)'
	@echo 'make run ONCE=1    the same, ends by itself and compares what left with what is expected'
	@echo 'make test          set up, build, and run all tests'
	@echo 'make unit          unit tests alone, no servers'
	@echo 'make check-kill    kill and audit, CYCLES=$(CYCLES)'
	@echo 'make bench         benchmarks'
	@echo 'make bench-restore   benchmark of recovery, MEMBERS=1000000: restore, view, workers that come and go'
	@echo 'make bench-intake    benchmark of the intake: signed orders a second, latency of the answer'
	@echo 'make soak          a steady load on one worker, whose memory must stay where it is, MINUTES=$(MINUTES) RATE=$(RATE)'
	@echo 'make fuzz          fuzzers with libFuzzer of clang, FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make documents     docs/schemas and docs/asyncapi.json, from the tables of types and fields'
	@echo 'make setup         install what is missing (scripts/setup --check only lists it)'
	@echo 'make tests tools benches   build the programs of the tests'
	@echo 'make install       into DESTDIR, PREFIX=$(PREFIX)'
	@echo 'make clean         remove $(BUILD)'
	@echo
	@echo 'Settings: SETUP=no (install nothing), V=1 (whole commands), WERROR=1, SAN=address,undefined or SAN=thread, BUILD=DIR, CC, CFLAGS, CPPFLAGS, LDFLAGS'

all: $(BUILD)/yutang

tests: $(tests)

tools: $(tools) $(preload)

benches: $(benches)

# In a build of its own: libFuzzer watches all of the library.
fuzz:
	@scripts/setup --fuzz
	@$(rebuild) fuzzers CC=clang SAN=address,undefined BUILD=build/san-fuzz FUZZ=1
	@YUTANG_BUILD=$(CURDIR)/build/san-fuzz tests/fuzz/run $(FUZZ_SECONDS)

fuzzers: $(fuzzers)

# The test tests/cli/documents fails where these are not what the tables say.
documents: $(BUILD)/tools/documents
	@rm -f docs/schemas/*.json
	@$(BUILD)/tools/documents docs

setup:
	@scripts/setup

run:
	@scripts/setup
	@$(rebuild) all $(BUILD)/tools/kread
	@scripts/run-example

test:
	@scripts/setup
	@$(rebuild) all tests tools benches
	@tests/run

unit:
	@$(rebuild) all tests
	@tests/run -u

check-kill:
	@scripts/setup
	@$(rebuild) all tools
	@tests/kill/run --cycles $(CYCLES)

bench:
	@scripts/setup
	@$(rebuild) all tools benches
	@tests/bench/run

soak:
	@scripts/setup
	@$(rebuild) all tools benches
	@tests/bench/soak MINUTES=$(MINUTES) RATE=$(RATE)

bench-restore:
	@scripts/setup
	@$(rebuild) all benches
	@tests/bench/restore

bench-intake:
	@scripts/setup
	@$(rebuild) all benches
	@tests/bench/intake

clean:
	rm -rf $(BUILD)

$(BUILD)/yutang: $(main) $(common) $(BUILD)/flags
	$(call quiet,LD)$(CC) $(cflags) $(LTO) $(ldflags) -o $@ $(main) $(common) $(libs)

# Made anew each time: ar would keep the objects of sources that are gone.
$(lib): $(objects) $(BUILD)/objects
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $(objects)

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flags | $(BUILD)/libraries
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(cppflags) $(cflags) $(LTO) -MMD -MP -c -o $@ $<

$(BUILD)/obj/tsan.o: tests/tsan.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(cppflags) $(cflags) -c -o $@ $<

link_test = $(call quiet,LD)mkdir -p $(@D) && \
    $(CC) $(cppflags) -Isrc -Itests $(cflags) -MMD -MP -MF $@.d $(if $(LTO),-O2 -fno-lto) $(ldflags) -o $@ $< $(common) $(libs)

$(tests): $(BUILD)/tests/%: tests/unit/%.c $(common) $(BUILD)/flags | $(BUILD)/libraries
	$(link_test)

$(tools): $(BUILD)/tools/%: tests/tools/%.c $(common) $(BUILD)/flags | $(BUILD)/libraries
	$(link_test)

# For LD_PRELOAD: without the sanitizers, whose runtime is the program's.
$(preload): $(BUILD)/preload/%.so: tests/preload/%.c tests/preload/before.h $(BUILD)/flags | $(BUILD)/libraries
	$(call quiet,LD)mkdir -p $(@D) && $(CC) $(cppflags) -std=c11 $(warnings) $(CFLAGS) -fPIC -shared -o $@ $<

$(fuzzers): $(BUILD)/fuzz/%: tests/fuzz/%.c $(common) $(BUILD)/flags | $(BUILD)/libraries
	$(link_test) -fsanitize=fuzzer

$(benches): $(BUILD)/bench/%: tests/bench/%.c $(common) $(BUILD)/flags | $(BUILD)/libraries
	$(link_test)

# Two stamps that change only when their text does: other flags rebuild, and so does a source that came or went.
changed = @mkdir -p $(@D); printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@

$(BUILD)/flags: FORCE
	$(call changed,$(CC) $(cppflags) $(cflags) $(LTO) $(ldflags) $(libs))

$(BUILD)/objects: FORCE
	$(call changed,$(objects))

# Says which packages are missing, all in one line, before the compiler says it in many.
$(BUILD)/libraries:
	@missing=; have() { command -v $$1 >/dev/null 2>&1; }; \
	have $(firstword $(CC)) || missing="$$missing $(firstword $(CC))"; \
	have $(PKG_CONFIG) || missing="$$missing pkg-config"; \
	for l in $(libraries); do \
	    header=$${l#*:}; header=$${header%:*}; \
	    if have $(firstword $(CC)); then \
	        echo "#include <$$header>" | $(CC) $(cppflags) -fsyntax-only -x c - 2>/dev/null && continue; \
	    fi; \
	    test -e /usr/include/$$header || test -e /usr/include/$$(uname -m)-linux-gnu/$$header || \
	        case "$$missing" in *"$${l##*:}"*) ;; *) missing="$$missing $${l##*:}";; esac; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "yutang: cannot build without these Debian packages: apt-get install$$missing  (or: make setup)" >&2; exit 1; \
	fi; \
	mkdir -p $(@D); touch $@

FORCE:

# The units name the default place of the program; the installed ones name the real one.
install: $(BUILD)/yutang
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SYSCONFDIR)/yutang/example $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DOCDIR)/schemas
	$(INSTALL) -m 755 $(BUILD)/yutang $(DESTDIR)$(BINDIR)/yutang
	for f in $(wildcard conf/*.conf); do $(INSTALL) -m 644 $$f $(DESTDIR)$(SYSCONFDIR)/yutang/$$(basename $$f).example || exit; done
	for f in $(wildcard conf/example/*); do $(INSTALL) -m 644 $$f $(DESTDIR)$(SYSCONFDIR)/yutang/example/ || exit; done
	for f in $(wildcard systemd/*.service systemd/*.socket); do \
	    sed 's|/usr\(/local\)\{0,1\}/bin/yutang|$(BINDIR)/yutang|g' $$f >$(BUILD)/$$(basename $$f) && \
	    $(INSTALL) -m 644 $(BUILD)/$$(basename $$f) $(DESTDIR)$(UNITDIR)/ || exit; done
	for f in $(wildcard README.md CHANGELOG.md LICENSE docs/*.md docs/*.json); do $(INSTALL) -m 644 $$f $(DESTDIR)$(DOCDIR)/ || exit; done
	for f in $(wildcard docs/schemas/*.json); do $(INSTALL) -m 644 $$f $(DESTDIR)$(DOCDIR)/schemas/ || exit; done

-include $(objects:.o=.d) $(main:.o=.d) $(tests:=.d) $(tools:=.d) $(benches:=.d) $(fuzzers:=.d)
