# Two commands do everything: `make demo` and `make test`. Both make the environment first.
#
#   make demo ARGS="--port 8000"    options of `python -m demo`
#   make test ARGS=tests/core       only these tests, without coverage
#   make PYTHON=python3.12 ...      another Python than the newest that is here
#   make TORCH=cpu ...              the CPU build of PyTorch, or `default`; `auto` looks for a driver
#   make check                      lint, format, types, JavaScript
#   make lock                       requirements.txt -> requirements.lock, with hashes; versions that
#                                   still fit stay (ARGS=--upgrade takes the newest)

SUPPORTED := python3.13 python3.12 python3.11 python3
IS_SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
VERSION := import sys; print(".".join(map(str, sys.version_info[:3])))
NEEDED := Python 3.11, 3.12 or 3.13 with its venv module is needed
# The first that runs, has a supported version and can make environments (Debian packs venv apart).
PYTHON ?= $(shell for name in $(SUPPORTED); do \
	$$name -c 'import ensurepip, venv; $(IS_SUPPORTED)' 2>/dev/null && { echo $$name; break; }; done)
# A Python that nobody named is no reason to replace an environment made with another one.
ANY_PYTHON := $(if $(filter file,$(origin PYTHON)),--any-python)
TORCH ?= auto
BIN := .venv/bin
# Node is for the checks of the JavaScript alone; where there is none, they are left out.
NODE := $(shell npm --version >/dev/null 2>&1 && \
	node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' && echo yes)
# Python 3.12 and newer tell coverage which lines run at almost no cost.
CORE := import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")
# Tests wait for browsers, servers and databases: several processes share the files among them, one for
# each core up to four (each takes 1.5 GB).
SHARED := --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: demo test check python-checks javascript environment lock clean

demo: environment
	$(BIN)/python -m demo $(ARGS)

test: check
	COVERAGE_CORE=$$($(BIN)/python -c '$(CORE)') $(BIN)/python -m pytest $(or $(ARGS),--cov $(SHARED))

check: python-checks javascript

python-checks: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tools

ifeq ($(NODE),yes)
javascript: node_modules/.package-lock.json
	node_modules/.bin/eslint .
	node --test --test-reporter=spec tests/javascript/*.test.js

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	touch $@
else
javascript:
	@echo "The JavaScript is not checked: there is no Node 18 or newer here."
endif

environment:
	@[ -n "$(PYTHON)" ] || { echo "$(NEEDED), and none is here; install one, or name it: make PYTHON=..."; exit 1; }
	@version=$$($(PYTHON) -c '$(VERSION)' 2>/dev/null) || { echo "$(NEEDED), and '$(PYTHON)' does not run here."; exit 1; }; \
	$(PYTHON) -c '$(IS_SUPPORTED)' || { echo "$(NEEDED), and '$(PYTHON)' is Python $$version."; exit 1; }
	@$(PYTHON) tools/environment.py --torch $(TORCH) $(ANY_PYTHON)

# uv resolves for all three versions of Python at once; it is no part of the environment.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.13,<0.14"
	.venv-lock/bin/uv pip compile requirements.txt --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command "make lock" --quiet --output-file requirements.lock $(ARGS)
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-lock node_modules build *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
