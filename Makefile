# SPDX-License-Identifier: MIT
# A door to Meson and to the scripts in tools/: `make help` lists what is behind it.
BUILD ?= build
PREFIX ?= /usr/local
SECONDS ?= 60

.PHONY: all demo test check extra static wheel asan tsan arm lint format coverage fuzz bench \
	install uninstall clean help

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)
	ln -sfn cli/fletch $(BUILD)/fletch

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || \
		{ echo "meson is missing; tools/install-deps.sh build installs what is needed" >&2; exit 1; }
	meson setup $(BUILD)

demo:
	tools/install-deps.sh build
	$(MAKE) all
	tools/demo.sh $(BUILD)/fletch

test:
	tools/install-deps.sh test
	$(MAKE) all
	tools/test.sh $(BUILD)

# As test, but nothing is installed: suites whose tools are missing say so and are left out.
check: all
	tools/test.sh --as-is $(BUILD)

# What needs gigabytes: torch, transformers, Spark.
extra:
	tools/install-deps.sh extra
	$(MAKE) all
	tools/extra.sh $(BUILD)

# One file that needs nothing of the system it runs on: build-static/fletch.
static:
	tools/install-deps.sh static
	tools/static.sh build-static

# The Python package, of HEAD, to be installed anywhere: into dist/.
wheel:
	tools/install-deps.sh test
	tools/wheel.sh dist

asan:
	tools/sanitize.sh address build-asan

tsan:
	tools/sanitize.sh thread build-tsan

arm:
	tools/cross.sh build-aarch64

lint:
	tools/install-deps.sh ci
	$(MAKE) all
	tools/lint.sh $(BUILD)

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

coverage:
	tools/install-deps.sh ci
	tools/coverage.sh build-coverage

fuzz:
	tools/install-deps.sh ci
	tests/fuzz/run.sh $(SECONDS)

bench: all
	bench/run $(BUILD)/fletch

install: all
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	meson install -C $(BUILD)
	@tools/installed.sh "$$(PKG_CONFIG_PATH=$(BUILD)/meson-private \
		pkg-config --variable=libdir fletch)"

uninstall: $(BUILD)/build.ninja
	tools/uninstall.sh $(BUILD)

clean:
	rm -rf build build-* demo dist

help:
	@echo "make            build into build/; the command is build/fletch"
	@echo "make demo       install what is needed, build, convert a small model of each family"
	@echo "make test       install what is needed, build, run all tests"
	@echo "make check      the tests on what is installed already; installs nothing"
	@echo "make extra      tests against torch, transformers, Spark; installs gigabytes"
	@echo "make static     build-static/fletch: one static binary, with musl"
	@echo "make wheel      the Python package as an sdist and a wheel, into dist/"
	@echo "make asan       the tests under AddressSanitizer and UBSan"
	@echo "make tsan       the threaded tests under ThreadSanitizer"
	@echo "make arm        the unit tests and golden models on 64-bit ARM, by QEMU"
	@echo "make lint       clang-format, clang-tidy, layers, symbols, style"
	@echo "make format     clang-format in place"
	@echo "make coverage   which lines the tests reach; fails below 90 %"
	@echo "make fuzz       each fuzz target for SECONDS=$(SECONDS)"
	@echo "make bench      speed and memory against plain Python"
	@echo "make install    PREFIX=$(PREFIX), DESTDIR respected"
	@echo "make uninstall  removes what make install put there; DESTDIR respected"
	@echo "make clean      remove what was built"
