# Every chore of the repository; CI calls the same. `make` alone lists them.
#
# What is built is kept: a target that is up to date costs a second. One cargo profile (release) serves the extension,
# the wheel, the tests and clippy, so that nothing is compiled twice.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup packages run test test-rust test-python check lint-rust lint-python generated bench drills h2spec figures \
	docs wheel fmt fuzz clean

VENV ?= $(CURDIR)/.venv
BIN := $(VENV)/bin
PORT ?= 9080
UPSTREAM_PORT ?= 8000
FUZZ_SECONDS ?= 600
DIST ?= dist

# rustup's place, for the shell that has just installed it.
export PATH := $(HOME)/.cargo/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# What maturin tells pyo3's build script. Told alike everywhere, no command makes the other compile again.
export VIRTUAL_ENV := $(VENV)
export PYO3_PYTHON := $(BIN)/python
export PIP_QUIET := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

CRATES := --workspace --exclude gateway-py
RUST := Cargo.toml Cargo.lock $(shell find rust -path rust/fuzz -prune -o -type f \
	\( -name '*.rs' -o -name '*.json' -o -name Cargo.toml \) -print)

## help: list the chores
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | sed 's/: /\t/' | while IFS=$$'\t' read -r name text; do \
		printf '  make %-9s %s\n' "$$name" "$$text"; done

## setup: install what is missing and build; leaves .venv/bin/gatewright
setup: $(VENV)/.extension

# --- A fresh machine -------------------------------------------------------------------------------------------------

# $(call debian,command,package): installs a package if its command is missing and this user may.
define debian
	@command -v $(1) >/dev/null || { \
		if [[ $$(id -u) = 0 ]]; then as=; else as='sudo -n'; fi; \
		if command -v apt-get >/dev/null && { [[ -z $$as ]] || $$as true 2>/dev/null; }; then \
			echo "installing $(2) for $(1)"; \
			$$as apt-get -qq update; \
			DEBIAN_FRONTEND=noninteractive $$as apt-get -qq install --yes --no-install-recommends $(2) >/dev/null; \
		else echo "$(1) is missing: install it (Debian: apt install $(2)), then run make again" >&2; exit 1; fi; }
endef

# The newest Python is not always the one named python3, as on macOS.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)

# Debian has ensurepip in a package of its own, which no command stands for.
MISSING_PYTHON = $(if $(wildcard $(BIN)/pip),,$(if $(and $(PYTHON),$(shell $(PYTHON) -m ensurepip --version 2>/dev/null)),,python3-venv))

$(VENV)/.tools: pyproject.toml | $(MISSING_PYTHON)
	$(call debian,cc,build-essential)
	$(call debian,curl,curl ca-certificates)
	$(call debian,haproxy,haproxy)
	@command -v cargo >/dev/null || { echo 'installing Rust through rustup'; \
		curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | \
		sh -s -- -y --quiet --no-modify-path --profile minimal --component clippy,rustfmt; }
	@[[ -n '$(PYTHON)' ]] || { echo 'Python 3.11 or later is needed' >&2; exit 1; }
	@[[ -x $(BIN)/pip ]] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --upgrade 'pip>=25.1'
	@$(BIN)/pip install --group dev
	@touch $@

.PHONY: python3-venv
python3-venv:
	$(call debian,python3-ensurepip,python3 python3-venv)

$(VENV)/.extension: $(VENV)/.tools $(RUST)
	@$(BIN)/maturin develop --release --quiet
	@touch $@

# What the tests play against, and measure with.
packages:
	$(call debian,nginx,nginx-light)
	$(call debian,wrk,wrk)
	$(call debian,h2load,nghttp2-client)
	$(call debian,openssl,openssl)
	$(call debian,curl,curl ca-certificates)
	$(call debian,haproxy,haproxy)
	$(call debian,zsh,zsh)
	$(call debian,fish,fish)

# --- Use -------------------------------------------------------------------------------------------------------------

## run: start a gateway on 9080 with a service behind it, and say what to try
run: setup
	@$(BIN)/python examples/quickstart --port $(PORT) --upstream-port $(UPSTREAM_PORT)

# --- Tests -----------------------------------------------------------------------------------------------------------

## test: run every test of both languages
test: test-rust test-python

test-rust: setup
	cargo test $(CRATES) --release --quiet

test-python: setup packages
	$(BIN)/python -m pytest --quiet

## check: formatting, lints, types, layers, spelling, generated pages
check: lint-rust lint-python generated

lint-rust: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --release --quiet -- --deny warnings

lint-python: setup
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --quiet --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest gateway._gateway
	$(BIN)/lint-imports --no-cache
	$(BIN)/typos

generated: setup
	$(BIN)/python -m gateway.settings --markdown | diff docs/settings.md -
	cargo test $(CRATES) --release --quiet --lib manual_page

## docs: write the generated pages anew
docs: setup
	$(BIN)/python -m gateway.settings --markdown >docs/settings.md
	UPDATE_DOCS=1 cargo test $(CRATES) --release --quiet --lib manual_page

## fmt: format everything
fmt: setup
	cargo fmt --all
	$(BIN)/ruff check --quiet --fix-only
	$(BIN)/ruff format --quiet

# --- Measurements ----------------------------------------------------------------------------------------------------

## bench: measure against nginx, HAProxy and Envoy (40 minutes; ARGS='--quick' for a smoke run)
bench: setup packages
	$(call debian,haproxy,haproxy)
	$(call debian,valgrind,valgrind)
	$(call debian,strace,strace)
	@$(BIN)/python -m bench $(ARGS)

## drills: break upstreams, disks and clients, and see what becomes of requests (30 minutes)
drills: setup packages
	@$(BIN)/python -m bench.drills $(ARGS)

## h2spec: h2spec's cases of HTTP/2, over TLS and without (a minute; needs Go)
h2spec: setup packages
	$(call debian,go,golang-go)
	@GOBIN=$(BIN) go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
	@$(BIN)/python -m bench.conformance $(BIN)/h2spec

## figures: instructions and calls a request, the start, routing alone (ARGS='--check' fails where they grew)
figures: setup packages
	$(call debian,valgrind,valgrind)
	$(call debian,strace,strace)
	@$(BIN)/python -m bench.counts $(ARGS)
	@$(BIN)/python -m bench.startup
	cargo bench --quiet -p gateway-engine --bench routes
	cargo bench --quiet -p gateway-kit --bench radix
	cargo bench --quiet -p gateway-net --bench h1

## fuzz: ten minutes for every parser of strangers' bytes (needs nightly Rust and cargo-fuzz)
fuzz:
	cd rust/fuzz && for target in fuzz_targets/*.rs; do \
		cargo +nightly fuzz run --fuzz-dir . "$$(basename "$$target" .rs)" -- -max_total_time=$(FUZZ_SECONDS); done

# --- Release ---------------------------------------------------------------------------------------------------------

## wheel: build the manylinux wheel into dist/
wheel: setup
	@$(BIN)/maturin build --release --quiet --compatibility pypi --out $(DIST)

## clean: remove everything that was built
clean:
	rm -rf $(VENV) target dist python/gateway/*.so
