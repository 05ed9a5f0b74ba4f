# make run       set up what is missing and start the demo
# make test      set up what is missing (Redis and Chromium too) and run the tests
# make test-all  the long ones as well
# make lint      ruff, mypy --strict, import-linter, hadolint, the screens' type check
# make bench     what is measured, against whom: a table and bench/results/latest.json

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
DIST   := roles/console/dist/index.html
SCREEN_SOURCES := $(shell find roles/console/src roles/console/public roles/console/index.html roles/console/package-lock.json roles/console/vite.config.ts 2>/dev/null)
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup screens run test test-all lint bench docs lock clean test-tools

help:
	@sed -n 's/^# //p' Makefile

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Dropcue needs Python 3.11 or later: set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

screens: $(DIST)

$(DIST): $(STAMP) $(SCREEN_SOURCES)
	sh roles/console/build.sh $(BIN)/python

run: $(STAMP) $(DIST)
	$(BIN)/dropcue demo

test-tools:
	@sh tests/tools.sh

test: $(STAMP) $(DIST) test-tools
	$(BIN)/python -m pytest -n $(WORKERS) -m "not long"

test-all: $(STAMP) $(DIST) test-tools
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	cd roles/console && npm run --silent lint

bench: $(STAMP)
	$(BIN)/python -m bench

docs: $(STAMP)
	$(BIN)/python -m docs.generate

lock: $(STAMP)
	$(BIN)/python -m uv pip compile --quiet --extra test --extra lint --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) roles/console/dist roles/console/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
