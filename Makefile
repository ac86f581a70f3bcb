# Each target installs what it needs first; after the first time that costs nothing.
#
#   make quickstart   set up .venv and run a small suite on llama.cpp inside the process
#   make test         set up .venv and run the tests
#   make check        what CI runs: format, lint, types, floors, tests
#   make bench        the benchmarks
#   make install      only set up .venv, with .venv/bin/evalbudget

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install quickstart test check lint bench

help:
	@sed -n 's/^#   //p' Makefile

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "evalbudget needs Python 3.11 or newer; name one: make PYTHON=python3.13"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@# Of BFCL's own package only the simulated tools and the v4 data are used; its dependencies are not.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps bfcl-eval
	@touch $@

quickstart: install
	$(BIN)/evalbudget run suites/quickstart.yaml

test: install
	$(BIN)/pytest

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases embedded
	$(BIN)/lint-imports

check: lint test

bench: install
	$(BIN)/python -m bench.endpoint
	$(BIN)/python -m bench.schedule
