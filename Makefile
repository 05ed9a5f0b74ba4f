# make run       set up what is missing and start the demo
# make test      set up what is missing (Redis and Chromium too) and run the tests
# make test-all  the long ones as well
# make lint      ruff, mypy --strict, import-linter, hadolint, the compose file, the screens' type check
# make bench     what is measured, against whom: a table and bench/results/latest.json
# make docs      write the generated pages: events.md, OpenAPI, AsyncAPI, the README's figures

PYTHON  ?= python3
WORKERS ?= 2
VENV    := .venv
BIN     := $(VENV)/bin
RUNS    := $(VENV)/.runs
TESTS   := $(VENV)/.tests
DIST    := roles/console/dist/index.html
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/python -m uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml
# Node may have been installed for the screens only, beside them.
export PATH := $(CURDIR)/roles/console/.node:$(PATH)
SCREENS := $(shell find roles/console -path '*/node_modules' -prune -o -path '*/dist' -prune -o -path '*/.node' -prune -o -type f -print)

.DEFAULT_GOAL := help
.PHONY: help setup screens run test test-all lint bench docs lock clean test-tools

help:
	@sed -n 's/^# make/make/p' Makefile

setup: $(RUNS)

$(RUNS): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Dropcue needs Python 3.11 or later: set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(TESTS): $(RUNS) requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

screens: $(DIST)

$(DIST): $(RUNS) $(SCREENS)
	sh roles/console/build.sh $(BIN)/python

run: $(RUNS) $(DIST)
	$(BIN)/dropcue demo

test-tools:
	@sh tests/tools.sh

test: $(TESTS) $(DIST) test-tools
	$(BIN)/python -m pytest -n $(WORKERS) -m "not long"

test-all: $(TESTS) $(DIST) test-tools
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(TESTS) $(DIST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docs/compose.yaml
	cd roles/console && npm run --silent lint && npm test --silent

bench: $(TESTS) $(DIST) test-tools
	$(BIN)/python -m bench

docs: $(TESTS)
	$(BIN)/python -m docs.generate
	$(BIN)/python -m docs.figures

lock: $(RUNS)
	$(INSTALL) uv
	$(COMPILE) --extra build -o requirements.lock
	$(COMPILE) --extra build --extra test --extra lint -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) roles/console/dist roles/console/node_modules roles/console/.node .mypy_cache .ruff_cache .pytest_cache .hypothesis
