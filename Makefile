# One virtual environment, made once. Everything below runs inside it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv reads neither pip's configuration nor PIP_FIND_LINKS, so the one variable that matters is handed on.
INSTALL = UV_FIND_LINKS="$${PIP_FIND_LINKS-}" VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode -c constraints.txt
# Tests and small models run faster on one thread than on two that wait for each other.
ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
WORKSPACE ?= demo-workspace

.PHONY: help demo test lint types layers docs check torture fuzz bench bench-compare clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(VENV)/bin/uv:
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv==$$(sed -n 's/^uv==//p' constraints.txt)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/uv
	@echo "installing the core"
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/uv
	@echo "installing the core, the extras and the test tools"
	@$(INSTALL) -e ".[dev]"
	@touch $@ $(VENV)/.core

$(VENV)/.bench: $(VENV)/.dev
	@echo "installing the rivals for benchmarks"
	@$(INSTALL) -e ".[dev,bench]"
	@touch $@

demo: $(VENV)/.core ## real daily data to an honest report, in one go
	@$(BIN)/gnomon demo --workspace $(WORKSPACE)

test: $(VENV)/.dev ## the whole suite, with coverage
	@$(ONE_THREAD) $(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered

lint: $(VENV)/.dev ## ruff and the 650-line limit
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/python tools/file_length.py

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

layers: $(VENV)/.dev ## the floors of the house
	@$(BIN)/lint-imports

docs: $(VENV)/.dev ## the documentation, warnings are errors
	@$(BIN)/python tools/diagrams.py --check
	@$(BIN)/sphinx-build -W -q -b html docs docs/_build

check: lint types layers docs ## everything but the tests

torture: $(VENV)/.dev ## kill, corrupt and starve it: full counts (long)
	@$(ONE_THREAD) $(BIN)/pytest -m torture --timeout=7200

fuzz: $(VENV)/.dev ## mutated configs and files (long)
	@$(ONE_THREAD) $(BIN)/pytest -m fuzz --timeout=7200

bench: $(VENV)/.bench ## ratios against rivals and limits, as JSON
	@$(ONE_THREAD) $(BIN)/python -m benchmarks --out bench-results/latest.json

bench-compare: $(VENV)/.bench ## this machine's ratios against the committed baseline
	@$(ONE_THREAD) $(BIN)/python -m benchmarks --out bench-results/latest.json --compare benchmarks/baseline.json

clean: ## everything made, but not the workspace
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis docs/_build
