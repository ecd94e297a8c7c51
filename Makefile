# SPDX-License-Identifier: Apache-2.0
# Everything that is done with this project is done through here; `make help` lists it.

# Strict in this file, and never in Package.swift, where a warning would break packages that depend on the library.
STRICT = -Xswiftc -warnings-as-errors -Xcc -Wall -Xcc -Wextra -Xcc -Werror
# One folder for all users of swift-syntax, so that swift-syntax is built once. SwiftPM 6.3 fails on -Xcc -Werror where a
# package has a dependency from another repository.
MACRO = --scratch-path .build-macro -Xswiftc -warnings-as-errors
SWIFT ?= swift
CC ?= cc
C_SOURCES = $(wildcard Sources/CExitShim/*/*.c)
IN_FRONT_SOURCES = $(wildcard Sources/CExitOrder/*.c Sources/CExitFirst/*.c Sources/CExit[OF]*/include/*.h)
C_HEADERS = $(wildcard Sources/CExitShim/*/*.h Sources/CExitShim/include/*.hpp)
MACRO_TOOLS = swift-6.3 git swift-syntax
TOOLS_PART = Scripts/part 'the command exitkit' git swift-argument-parser --
MACRO_PART = Scripts/part 'the example and the tests of @AtExit' $(MACRO_TOOLS) --
TEST_SETUP = test-setup
BESIDE = openssl libcurl sqlite3 glib ncurses jemalloc tcmalloc libomp valgrind musl-gcc python3 python3-dev
TEST_TOOLS = swift cc git g++ pkg-config cmake ninja meson spin sdt gdb $(BESIDE)
# The examples' package leaves out the programs that need a tool of this list.
WITHOUT = EXITKIT_WITHOUT="$$(Scripts/need --lacking sqlite3 pkg-config g++)"
EXAMPLES = env $(WITHOUT) $(SWIFT)
C_BENCH = $(wildcard Benchmarks/Sources/bench/*.[ch])

TOOL_C = $(wildcard Tools/Picture/*.c Tools/Tests/Fixtures/*.c)
PICTURE = Sources/ExitKit/ExitKit.docc/Resources/exit.svg

include Scripts/install.mk

.DEFAULT_GOAL := build

build: ## Build the library, debug
	@Scripts/need swift cc
	$(SWIFT) build $(STRICT)

setup: ## Install the tools of the other targets, where this may be done without a question; list missing tools
	@Scripts/need --setup

demo: ## Build and run the examples; show the point, the transcript and the status of each
	@Scripts/part --begin
	@Scripts/need --install swift cc git sqlite3
	@Scripts/need swift cc
	@Scripts/quietly 'Building the examples' $(EXAMPLES) build --package-path Examples $(STRICT)
	@[ -n "$$(Scripts/need --lacking $(MACRO_TOOLS))" ] || $(MAKE) --no-print-directory build-macro
	@Examples/demo Examples/scenarios.txt Examples/.build/debug .build-macro/debug
	@Scripts/part --end

build-macro:
	@Scripts/quietly 'Building the example of @AtExit; the first time swift-syntax, which takes minutes' \
	  $(SWIFT) build --package-path Examples/Decorator $(MACRO)

test: ## Run every test; a part that needs a missing tool is left out and counted, and an error with CI=true
	@Scripts/part --begin
	@Scripts/need --install $(TEST_TOOLS)
	@Scripts/need swift cc
	@$(MAKE) --no-print-directory test-c test-model test-builds test-macro test-library test-tools test-examples $(TEST_SETUP)
	@Scripts/part --end

test-setup: ## Check demo and test on a machine with Swift, gcc, libc6-dev and make, and nothing else
	@Scripts/check-setup

test-library:
	@for library in $(BESIDE); do Scripts/part "the tests beside $$library" $$library || exit; done
	@Scripts/part 'the tests with gdb' gdb
	@Scripts/part 'the tests in C++' g++
	$(SWIFT) test $(STRICT)

test-examples:
	@Scripts/part 'the example with SQLite' sqlite3
	@Scripts/part 'building with an installed copy, as the README says' pkg-config
	$(EXAMPLES) test --package-path Examples $(STRICT)

test-c: ## Compile the C target and its header alone, strictly, with gcc and clang; check its public names
	@Scripts/need cc
	@Scripts/check-c
	@Scripts/check-abi

test-model: ## Look at every state of the exit's model, in the quick configurations
	@Scripts/part 'the model of the exit' spin cc -- Models/check --quick

model: ## Look at every state of the exit's model, in all configurations; prints the numbers of states
	@Scripts/need --install spin cc
	@Scripts/need spin cc
	@Models/check

fuzz: ## Fuzz the C API against the model of the tests, under sanitizers; TIME=60 seconds
	@Scripts/need clang
	@Scripts/fuzz $(or $(TIME),60)

coverage: ## Lines and branches of the C core that the tests reach, C and Swift; each other line has a reason
	@Scripts/need swift clang python3
	@Scripts/coverage

matrix: ## Run the C fixtures on other libcs, machines and compilers; CELLS='glibc-2.41 musl-newest' and the like
	@Scripts/need swift cc
	$(SWIFT) build --build-tests $(STRICT)
	@Scripts/matrix $(CELLS)

port: ## Compile and link the core for FreeBSD, without the six files that a port writes; needs zig
	@Scripts/check-port

test-macro: ## Run the example and the tests of @AtExit; builds swift-syntax once, which takes minutes
	@$(MACRO_PART) $(MAKE) --no-print-directory test-macro-alone

test-macro-alone: build-macro
	@Examples/demo Examples/Decorator/scenarios.txt .build-macro/debug
	$(SWIFT) test --traits AtExitMacro $(MACRO) --filter DecoratorTests

test-builds: ## Install into an empty folder, and build Examples/Builds with that: make, CMake, Meson, pkg-config
	@Scripts/need swift cc
	@Scripts/check-builds

test-integration: ## Try the library beside ServiceLifecycle, ArgumentParser, Hummingbird and others; builds for minutes
	@Scripts/need swift cc git sqlite3
	$(SWIFT) test --package-path Examples/Integration -Xswiftc -warnings-as-errors

tools: ## Build the command exitkit; `make install` then installs it, too
	@Scripts/need swift git
	$(SWIFT) build --package-path Tools -c release --static-swift-stdlib -Xswiftc -warnings-as-errors --product exitkit
	@echo 'exitkit is Tools/.build/release/exitkit; make install PREFIX=... installs the command.'

test-tools: ## Test the command exitkit and the commands for gdb; the first time swift-argument-parser is built
	@$(TOOLS_PART) $(MAKE) --no-print-directory test-tools-alone

test-tools-alone:
	$(SWIFT) test --package-path Tools -Xswiftc -warnings-as-errors

# The program ends by its signal, and so does exitkit.
picture: tools ## Draw the picture of README.md from a real run of Tools/Picture/server.c
	@mkdir -p .build-install $(dir $(PICTURE))
	$(CC) -std=c11 -D_GNU_SOURCE -O1 -ISources/CExitShim/include -o .build-install/server Tools/Picture/server.c \
	  $(C_SOURCES) -lpthread -ldl
	-Tools/.build/release/exitkit run --plot $(PICTURE) -- .build-install/server
	@test -s $(PICTURE)

# gcc's thread sanitizer for C fixtures, since the sanitizer of Swift's clang does not link without Swift. Children of a
# process with threads, signal handlers that exit, threads without a join and objects that live until the end are the subject
# of these tests, and no mistakes; a test of its own looks for leaks.
sanitize: ## Run the C and the Swift tests under the thread, address and undefined-behaviour sanitizers; races longer
	@$(MAKE) --no-print-directory sanitize-c-thread sanitize-c-address sanitize-thread sanitize-address

SWIFT_TESTS = ExitKitTests|CExitShimTests.StackTests|CExitShimTests.NestedStackTests

sanitize-c-thread:
	@Scripts/need swift cc
	EXITKIT_FIXTURE_FLAGS='-fsanitize=thread' \
	  TSAN_OPTIONS='die_after_fork=0 report_signal_unsafe=0 report_thread_leaks=0' $(SWIFT) test $(STRICT) \
	  --filter CExitShimTests

sanitize-c-address:
	@Scripts/need swift cc
	EXITKIT_FIXTURE_FLAGS='-fsanitize=address,undefined -fno-sanitize-recover=undefined' ASAN_OPTIONS=detect_leaks=0 \
	  $(SWIFT) test $(STRICT) --filter CExitShimTests

sanitize-thread:
	@Scripts/need swift cc
	EXITKIT_STRESS_SECONDS=10 TSAN_OPTIONS=report_thread_leaks=0 $(SWIFT) test $(STRICT) \
	  --scratch-path .build-thread --sanitize=thread --filter '$(SWIFT_TESTS)'

sanitize-address:
	@Scripts/need swift cc
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test $(STRICT) --scratch-path .build-address --sanitize=address \
	  --filter '$(SWIFT_TESTS)'

bench: ## Print the table of Benchmarks, ratios in one run; BENCH='--only cancel' and the like
	@Scripts/need swift cc
	@Scripts/quietly 'Building the benchmarks' $(SWIFT) build --package-path Benchmarks -c release $(STRICT)
	@$(MAKE) -s -C Benchmarks size
	@cp Benchmarks/.build-c/core.so Benchmarks/.build/release # loaded by a measure
	@Benchmarks/table Benchmarks/.build/release $(BENCH)

lint: ## Check the format of Swift and C, and the rules that a search can check
	@Scripts/need --install clang-format python3
	@Scripts/need swift clang-format python3
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Examples Benchmarks \
	  Tools/Package.swift Tools/Sources Tools/Tests
	clang-format --dry-run --Werror $(C_SOURCES) $(C_HEADERS) $(C_BENCH) $(TOOL_C) $(IN_FRONT_SOURCES)
	@Scripts/check-rules
	@Scripts/check-names
	@Scripts/check-words
	@Scripts/check-documented
	@$(MAKE) -s SWIFTC= CC=gcc libraries
	@Scripts/check-layers .build-install/gcc platform core run exit watch,swift events copies

breakage: ## List the losses of the API since BASE (a tag or a branch); an error unless CHANGELOG.md tells of a loss
	@Scripts/need swift cc
	@Scripts/check-breakage $(BASE)

format: ## Format Swift and C in place
	@Scripts/need --install clang-format
	@Scripts/need swift clang-format
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Examples Benchmarks \
	  Tools/Package.swift Tools/Sources Tools/Tests
	clang-format -i $(C_SOURCES) $(C_HEADERS) $(C_BENCH) $(TOOL_C) $(IN_FRONT_SOURCES)

docs: ## Build the documentation archive into .build-docs/html, and say how to read it
	@Scripts/need swift docc
	@SWIFT='$(SWIFT)' Scripts/check-docs

clean: ## Remove everything that was built
	rm -rf .build .build-* Examples/.build Benchmarks/.build Tools/.build

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 13

.PHONY: build fuzz coverage model matrix port test-model bench sanitize sanitize-c-thread sanitize-c-address \
  sanitize-thread sanitize-address setup demo build-macro test test-setup test-library \
  test-examples test-integration test-macro test-macro-alone tools test-tools test-tools-alone picture \
  test-c test-builds lint breakage format docs clean help
